//! `stadion replay`: what readers could not take. A record that fails parks its key: later records of the key wait behind
//! it, others go on. And read models that are made anew.

use std::time::Duration;

use anyhow::bail;
use serde_json::Value;

use super::say::say;
use crate::{
    begin,
    cli::{Rebuild, ReplayCommand, Tool},
    settings::Settings,
    tools::{Request, Session, ask, parked::Wish, rebuild},
};

/// How often it is said how far a rebuild is.
const SAID_EACH: Duration = Duration::from_secs(1);
/// A rebuild that is done at once is not waited for longer.
const FIRST_LOOK: Duration = Duration::from_millis(200);

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

/// # Errors
/// No such read model, or one that cannot be made anew; what it reads fails; a way back where nothing is kept; `--flip`
/// without `--yes` when both differ. A difference alone is no error.
pub async fn rebuild(settings: Settings, wanted: Rebuild) -> anyhow::Result<()> {
    let session = Session::open(&settings).await?;
    let done = rebuild_in(&session, wanted).await;
    session.close().await?;
    done
}

async fn rebuild_in(session: &Session, wanted: Rebuild) -> anyhow::Result<()> {
    let Rebuild { rebuild, flip, yes, back, forget } = wanted;
    let model = rebuild.unwrap_or_default();
    let ask = |wish| session.ask(Request::Rebuild(wish));
    if model == "list" {
        say_models(&ask(rebuild::Wish::List).await?);
    } else if back {
        let answer = ask(rebuild::Wish::Back { model }).await?;
        say(format_args!(
            "{}: the one that was kept is served again, and catches up; the other is kept: --back, --forget",
            text(&answer, "model")
        ));
    } else if forget {
        let answer = ask(rebuild::Wish::Forget { model }).await?;
        let what = if answer["forgotten"] == true { "is gone" } else { "was not there" };
        say(format_args!("{}: what was kept or begun {what}", text(&answer, "model")));
    } else {
        let begun = ask(rebuild::Wish::Begin { model: model.clone(), flip, differing: yes }).await?;
        if begun["running"] == true {
            say(format_args!(
                "{}: it is being made already, as it was asked for then",
                text(&begun, "model")
            ));
        }
        let ended = watched(session, model).await?;
        say_outcome(text(&ended, "model"), &ended["outcome"], flip)?;
    }
    Ok(())
}

/// Says once a second how far it is, until it has ended.
async fn watched(session: &Session, model: String) -> anyhow::Result<Value> {
    let mut before: Option<u64> = None;
    let mut is_begun = false;
    let mut pause = FIRST_LOOK;
    loop {
        tokio::time::sleep(pause).await;
        let now = session.ask(Request::Rebuild(rebuild::Wish::Look { model: model.clone() })).await?;
        if let (false, Some(begun)) = (is_begun, now["begun"].as_str()) {
            say(format_args!("{}: {begun}", text(&now, "model")));
            is_begun = true;
        }
        if let Some(error) = now["error"].as_str() {
            bail!("{error}");
        }
        if now["outcome"].is_object() {
            return Ok(now);
        }
        let (done, of) = (now["done"].as_u64().unwrap_or_default(), now["of"].as_u64().unwrap_or_default());
        let rate = before.filter(|_| pause == SAID_EACH).map_or(0, |before| done.saturating_sub(before));
        let part = done.saturating_mul(1_000).checked_div(of).unwrap_or_default();
        let left = of.saturating_sub(done).checked_div(rate);
        say(format_args!(
            "{}  {}  {done} of {of} events  {}.{} %  {rate} events/s  {}",
            text(&now, "model"),
            text(&now, "doing"),
            part / 10,
            part % 10,
            left.map_or("–".to_owned(), |seconds| format!("{seconds} s left")),
        ));
        before = Some(done);
        pause = SAID_EACH;
    }
}

fn say_models(answer: &Value) {
    for model in answer.as_array().map(Vec::as_slice).unwrap_or_default() {
        let list = |name: &str| {
            let all = model[name].as_array().map(Vec::as_slice).unwrap_or_default();
            all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
        };
        say(list("readers"));
        match model["never"].as_str() {
            Some(why) => say(format_args!("    cannot be made anew: {why}")),
            None => say(format_args!("    tables {}", list("tables"))),
        }
        let since = model["since"].as_str().unwrap_or_default();
        for (name, word) in [("served", "is at"), ("made", "new one at"), ("kept", "old one kept at")] {
            if model[name].as_array().is_some_and(|places| !places.is_empty()) {
                let since = if name == "served" { String::new() } else { format!("  since {since}") };
                say(format_args!("    {word} {}{since}", list(name)));
            }
        }
    }
}

/// Whether the new one is served follows from `flip`, `--yes`, and both being equal.
fn say_outcome(model: &str, outcome: &Value, flip: bool) -> anyhow::Result<()> {
    for table in outcome["tables"].as_array().map(Vec::as_slice).unwrap_or_default() {
        let side = |name: &str| format!("{} rows {}", table[name]["rows"], text(&table[name], "checksum"));
        let word = if table["equal"] == true { "equal" } else { "differs" };
        say(format_args!("{}  old {}  new {}  {word}", text(table, "table"), side("old"), side("new")));
        if table["equal"] == true {
            continue;
        }
        say(format_args!(
            "    only in the old one {}, only in the new one {}",
            table["only_old"], table["only_new"]
        ));
        for (column, rows) in table["columns"].as_object().into_iter().flatten() {
            say(format_args!("    {column} differs in {rows} rows"));
        }
        for row in table["named"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            say(format_args!("    {row}"));
        }
    }
    if outcome["parked_old"] != outcome["parked_new"] {
        let (old, new) = (&outcome["parked_old"], &outcome["parked_new"]);
        say(format_args!("parked records  old {old}  new {new}  differs"));
    }
    let places = outcome["places"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let places = places.collect::<Vec<_>>().join(", ");
    let equal = outcome["equal"] == true;
    say(format_args!("{model}: both {} at {places}", if equal { "are equal" } else { "differ" }));
    if outcome["flipped"] == true {
        say(format_args!(
            "{model}: the new one is served; the old one is kept: --back goes back, --forget drops it"
        ));
    } else if flip {
        bail!("nothing was flipped: --flip --yes says that they may differ");
    } else {
        say(format_args!("{model}: nothing was flipped; --flip serves the new one, --forget drops it"));
    }
    Ok(())
}
