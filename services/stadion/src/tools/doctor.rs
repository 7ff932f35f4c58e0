//! `stadion doctor`: what is not as it should be, and what to do about it.

use std::{fs, net::TcpListener, path::Path};

use anyhow::bail;
use kernel::{Clock, SystemClock};
use platform::config::Sources;

use super::say::say;
use crate::{
    settings::{self, Settings},
    socket,
    tools::Request,
};

/// Open files that a busy door needs.
const FILES_WANTED: u64 = 16_384;
/// The clock is surely wrong before this day.
const BUILT_AFTER: &str = "2026-01-01T00:00:00Z";

/// Counts what is wrong while it tells.
#[derive(Default)]
struct Rounds {
    wrong: usize,
}

impl Rounds {
    fn fine(&self, what: &str, how: impl std::fmt::Display) {
        say(format_args!("ok    {what}: {how}"));
    }

    fn note(&self, what: &str, how: impl std::fmt::Display) {
        say(format_args!("note  {what}: {how}"));
    }

    fn mend(&mut self, what: &str, how: impl std::fmt::Display) {
        self.wrong += 1;
        say(format_args!("mend  {what}: {how}"));
    }
}

/// # Errors
/// When something must be mended.
pub async fn run(sources: &Sources, print_config: bool) -> anyhow::Result<()> {
    let settings = settings::load(sources)?;
    if print_config {
        for one in settings.config.effective() {
            say(format_args!("{} = {}  ({})", one.setting, one.value, one.origin));
        }
        return Ok(());
    }
    let mut rounds = Rounds::default();
    rounds.fine("settings", "valid");
    let data = &settings.platform.data;
    match socket::ask(data, &Request::Readiness).await {
        Ok(Some(readiness)) => owner(&mut rounds, &readiness),
        Ok(None) => idle(&mut rounds, &settings),
        Err(error) => rounds.mend("owner", format!("{error:#}")),
    }
    limits(&mut rounds);
    clock(&mut rounds);
    if rounds.wrong > 0 {
        bail!("{} to mend", rounds.wrong);
    }
    Ok(())
}

fn owner(rounds: &mut Rounds, readiness: &serde_json::Value) {
    rounds.fine("owner", "a stadion runs on this folder");
    if readiness.get("ready").and_then(serde_json::Value::as_bool) == Some(true) {
        rounds.fine("ready", "yes");
    } else {
        rounds.mend(
            "ready",
            format!("not ready: {}", readiness.get("reasons").unwrap_or(&serde_json::Value::Null)),
        );
    }
}

/// Nobody runs: would somebody be able to?
fn idle(rounds: &mut Rounds, settings: &Settings) {
    rounds.note("owner", "no stadion runs on this folder");
    folder(rounds, &settings.platform.data);
    let doors = [("http.addr", settings.platform.http.addr), ("admin.addr", settings.platform.admin.addr)];
    for (setting, address) in doors {
        match TcpListener::bind(address) {
            Ok(_) => rounds.fine(setting, format!("{address} is free")),
            Err(error) => rounds.mend(setting, format!("{address}: {error}; free it or set another")),
        }
    }
}

fn folder(rounds: &mut Rounds, data: &Path) {
    if !data.exists() {
        return rounds.note("data", format!("{} will be made at the first start", data.display()));
    }
    let probe = data.join(".doctor");
    match fs::write(&probe, b"?").and_then(|()| fs::remove_file(&probe)) {
        Ok(()) => rounds.fine("data", format!("{} can be written", data.display())),
        Err(error) => rounds.mend("data", format!("{}: {error}", data.display())),
    }
}

fn limits(rounds: &mut Rounds) {
    let table = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let files = table.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = files.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    match soft {
        Some(soft) if soft < FILES_WANTED => {
            rounds.note("open files", format!("{soft}; a busy door wants {FILES_WANTED} (ulimit -n)"));
        }
        Some(soft) => rounds.fine("open files", soft),
        None => rounds.note("open files", "the limit is not known"),
    }
}

fn clock(rounds: &mut Rounds) {
    let now = SystemClock.now();
    if BUILT_AFTER.parse().is_ok_and(|built: jiff::Timestamp| now < built) {
        rounds.mend("clock", format!("it says {now}; set it"));
    } else {
        rounds.fine("clock", now);
    }
}
