//! The server killed with SIGKILL in the middle, and started again on the same folder: how long until everything that was
//! acknowledged stands on the board again.

use std::{
    path::Path,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::time::{sleep, sleep_until};

use super::{field::Field, meter::Meter};
use crate::{
    generator::{tally::Outcome, wire::Lines},
    process::Server,
};

/// Athletes whose reports were acknowledged last before the kill: all others' are older.
const ASKED: usize = 50;
const LOOK_EACH: Duration = Duration::from_millis(50);
const WITHIN: Duration = Duration::from_secs(120);
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// Reports that were due so long before the kill may not have come round yet.
const BEFORE: Duration = Duration::from_secs(2);

/// A time without a server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outage {
    pub(super) killed: Instant,
    /// The process said that it is ready.
    pub(super) ready: Instant,
    /// Everything that had been acknowledged was on the board again; never, within a long while.
    pub(super) caught_up: Option<Instant>,
    /// Every stream was open again, or never.
    pub(super) streaming: Option<Instant>,
    /// From then on nothing fails any more for this reason.
    over: Instant,
}

impl Outage {
    /// When calls may fail, and what was due is not measured.
    pub(super) fn range(&self) -> std::ops::Range<Instant> {
        self.killed.checked_sub(BEFORE).unwrap_or(self.killed)..self.over
    }
}

/// Kills the server at this moment; returns the one that serves from then on.
///
/// # Errors
/// It does not come back.
pub(super) async fn kill(
    field: &Arc<Field>,
    (server, binary, data): (Server, &Path, &Path),
    meter: &Meter,
    at: Instant,
) -> anyhow::Result<(Server, Outage)> {
    sleep_until(at.into()).await;
    let killed = Instant::now();
    meter.serves(0);
    let latest = field.ledger.latest(ASKED);
    let server = server.kill_and_start(binary, data).await?;
    meter.serves(server.id()?);
    let ready = Instant::now();
    let caught_up = caught_up(field, latest).await?;
    let wanted = field.plan.athletes as u64;
    let all_open = || field.counted.open.load(Relaxed) >= wanted;
    while !all_open() && killed.elapsed() < WITHIN {
        sleep(LOOK_EACH).await;
    }
    let over = Instant::now();
    let streaming = all_open().then_some(over);
    Ok((server, Outage { killed, ready, caught_up, streaming, over }))
}

/// When each of these had at least that score on the board; `None` when some never had.
async fn caught_up(field: &Field, mut missing: Vec<(usize, i64)>) -> anyhow::Result<Option<Instant>> {
    let (begun, lines) = (Instant::now(), Lines::open(&field.address, 1).await?);
    loop {
        let mut left = Vec::new();
        for (who, score) in missing {
            let ask = field.get(who, field.board("around?span=1"));
            let (outcome, body) = lines.call(&ask, ANSWER_WITHIN).await;
            let shown = matches!(outcome, Outcome::Answered(200)).then(|| own(&body, field, who)).flatten();
            if shown.is_none_or(|shown| shown < score) {
                left.push((who, score));
            }
        }
        if left.is_empty() {
            return Ok(Some(Instant::now()));
        }
        if begun.elapsed() > WITHIN {
            return Ok(None);
        }
        missing = left;
        sleep(LOOK_EACH).await;
    }
}

/// The caller's own score among the places around it, in thousandths.
fn own(body: &[u8], field: &Field, who: usize) -> Option<i64> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let account = field.ledger.account(who).to_string();
    let own = answer["entries"].as_array()?.iter().find(|entry| entry["account_id"] == account.as_str())?;
    Some((own["score"].as_f64()? * 1_000.0).round() as i64)
}
