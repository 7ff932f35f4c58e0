//! `stadion replay`: what readers could not take. A record that fails parks its key: later records of the key wait behind
//! it, others go on.

use anyhow::bail;
use serde_json::Value;

use super::say::say;
use crate::{
    begin,
    cli::{ReplayCommand, Tool},
    tools::{Request, ask, parked::Wish},
};

/// # Errors
/// A store that cannot be read; no such reader, no such key; a key to be given up without `--yes`. Records that are still
/// refused are no error: they are counted.
pub async fn run(tool: Tool, command: Option<ReplayCommand>) -> anyhow::Result<()> {
    let command = command.unwrap_or(ReplayCommand::List { reader: None, tool });
    let (wish, tool, print): (Wish, Tool, fn(&Value)) = match command {
        ReplayCommand::List { reader, tool } => (Wish::List { reader }, tool, say_keys),
        ReplayCommand::Show { id, tool } => (Wish::Show { id }, tool, say_records),
        ReplayCommand::Release { reader, key, tool } => (Wish::Release { reader, key }, tool, say_released),
        ReplayCommand::Drop { id, first, yes, tool } => (Wish::Drop { id, first, yes }, tool, say_lost),
    };
    let is_warning = matches!(wish, Wish::Drop { yes: false, .. });
    let answer = ask(&begin(&tool.sources())?, Request::Parked(wish)).await?;
    print(&answer);
    if is_warning {
        bail!("nothing was given up: --yes says that you mean it");
    }
    Ok(())
}

fn say_keys(answer: &Value) {
    let keys = answer.as_array().map(Vec::as_slice).unwrap_or_default();
    if keys.is_empty() {
        say("nothing is parked");
    }
    keys.iter().for_each(say_key);
}

fn say_key(key: &Value) {
    let since = key["since"].as_str().unwrap_or("(not known)");
    say(format_args!(
        "{}  {}  {}  key {}  records {}  since {since}  tries {}",
        text(key, "id"),
        text(key, "reader"),
        text(key, "source"),
        text(key, "key"),
        key["records"],
        key["attempts"],
    ));
    say(format_args!("            {}", text(key, "error")));
}

fn say_records(answer: &Value) {
    say_key(answer);
    let records = answer["details"].as_array().map(Vec::as_slice).unwrap_or_default();
    for record in records {
        match record["type"].as_str() {
            Some(kind) => say(format_args!(
                "  {} at {}  {kind}  {} v{}  event {}  {}  {} bytes  tries {}: {}",
                text(record, "source"),
                record["position"],
                text(record, "stream"),
                record["version"],
                text(record, "event_id"),
                text(record, "at"),
                record["bytes"],
                record["attempts"],
                text(record, "error"),
            )),
            None => say(format_args!(
                "  {} partition {} offset {}  no event  {} bytes {}  tries {}: {}",
                text(record, "source"),
                record["partition"],
                record["offset"],
                record["bytes"],
                text(record, "begins"),
                record["attempts"],
                text(record, "error"),
            )),
        }
    }
    let more = answer["records"].as_u64().unwrap_or_default().saturating_sub(records.len() as u64);
    if more > 0 {
        say(format_args!("  and {more} more behind them"));
    }
}

fn say_released(answer: &Value) {
    let reports = answer.as_array().map(Vec::as_slice).unwrap_or_default();
    if reports.is_empty() {
        say("nothing was parked");
    }
    for report in reports {
        say(format_args!(
            "{}: {} released, {} still parked",
            text(report, "reader"),
            report["released"],
            report["still_parked"]
        ));
    }
}

fn say_lost(answer: &Value) {
    say_records(answer);
    let (reader, source) = (text(answer, "reader"), text(answer, "source"));
    match answer["dropped"].as_u64().unwrap_or_default() {
        0 => say(format_args!(
            "{} of these would never have their effect in {reader}; in {source} they stay as they are",
            answer["records"]
        )),
        dropped => say(format_args!(
            "{dropped} given up: they never have their effect in {reader}; in {source} they stay as they are"
        )),
    }
}

fn text<'v>(of: &'v Value, name: &str) -> &'v str {
    of[name].as_str().unwrap_or_default()
}
