//! `stadion doctor`: what is wrong with an engine, a peer, a clock or a limit, and what to do about it.
//!
//! Every check looks only: it changes nothing, works whether processes run or not, and has a time of its own. They run at
//! once. Exit codes: 0, nothing is wrong (there may be warnings); 1, something is, the settings included; 2, the command
//! line is not understood.
//!
//! | file | what |
//! |---|---|
//! | [`finding`] | what is said of one thing |
//! | [`stores`], [`log`], [`keyspace`], [`files`] | the engines |
//! | [`peers`], [`processes`] | who else runs, here and elsewhere |
//! | [`clock`] | how far two clocks are apart |
//! | [`machine`] | limits of this machine and of the data folder |

mod clock;
mod files;
mod finding;
mod keyspace;
mod log;
mod machine;
mod peers;
mod processes;
mod stores;

use std::{future::Future, pin::Pin, time::Duration};

use anyhow::bail;
use finding::{Area, Finding, Verdict};
use futures::future::join_all;
use platform::{config::Sources, installation::InstallationKey};
use serde_json::json;

use super::say::say;
use crate::{
    installation::key_file,
    settings::{self, Settings},
};

/// One check; all run at once.
const WITHIN: Duration = Duration::from_secs(7);

type Check<'s> = Pin<Box<dyn Future<Output = Vec<Finding>> + 's>>;

/// Every setting with its value and where it came from.
///
/// # Errors
/// Settings that are not valid.
pub fn print_config(sources: &Sources) -> anyhow::Result<()> {
    for one in settings::load(sources)?.config.effective() {
        say(format_args!("{} = {}  ({})", one.setting, one.value, one.origin));
    }
    Ok(())
}

/// Tells how everything stands, a line a thing, or as one JSON document.
///
/// # Errors
/// Something is wrong.
pub async fn run(sources: &Sources, json: bool) -> anyhow::Result<()> {
    let findings = match settings::load(sources) {
        Ok(settings) => look(&settings).await,
        Err(error) => error.0.iter().map(Finding::of_fault).collect(),
    };
    let worst = findings.iter().map(|one| one.verdict).max().unwrap_or(Verdict::Ok);
    if json {
        say(json!({ "verdict": worst, "checks": findings }));
    } else {
        findings.iter().for_each(say);
    }
    if worst == Verdict::Wrong {
        let wrong = findings.iter().filter(|one| one.verdict == Verdict::Wrong).count();
        bail!("{wrong} wrong");
    }
    Ok(())
}

async fn look(settings: &Settings) -> Vec<Finding> {
    let mut findings = vec![Finding::ok(Area::Settings, "settings", "valid")];
    let marks = match InstallationKey::load(&key_file(settings)) {
        Ok(Some(key)) => {
            let marks = key.marks();
            findings.push(Finding::ok(
                Area::Settings,
                "installation.key_file",
                format!("the installation {}", marks.first().map_or("", String::as_str)),
            ));
            marks
        }
        Ok(None) => {
            findings.push(Finding::warning(
                Area::Settings,
                "installation.key_file",
                format!("{} is not there; the first start makes it", key_file(settings).display()),
                "nothing before a first start; else bring the file: processes without it are another installation",
            ));
            Vec::new()
        }
        Err(error) => {
            let mend = "bring the file of the other processes, or make it readable";
            findings.push(Finding::wrong(Area::Settings, "installation.key_file", error, mend));
            Vec::new()
        }
    };
    let mut checks: Vec<Check<'_>> = Vec::new();
    checks.push(limited(Area::Process, "processes", processes::look(settings)));
    checks.extend(stores::checks(settings, &marks));
    checks.push(limited(Area::Engine, "log", log::look(settings, &marks)));
    checks.push(limited(Area::Engine, "keyspace", keyspace::look(settings, &marks)));
    checks.push(limited(Area::Engine, "files", files::look(settings, &marks)));
    checks.extend(peers::checks(settings, &marks));
    checks.push(limited(Area::Limit, "machine", machine::look(settings)));
    findings.extend(join_all(checks).await.into_iter().flatten());
    findings.push(clock::own());
    findings
}

/// A check that does not end is a finding too.
fn limited<'s>(
    area: Area,
    what: impl Into<String>,
    check: impl Future<Output = Vec<Finding>> + 's,
) -> Check<'s> {
    let what = what.into();
    Box::pin(async move {
        match tokio::time::timeout(WITHIN, check).await {
            Ok(findings) => findings,
            Err(_) => vec![Finding::wrong(
                area,
                what,
                format!("no answer within {} s", WITHIN.as_secs()),
                "look whether it runs, is reachable from this machine and not overloaded",
            )],
        }
    })
}
