//! A health export of gigabytes: sent in parts, imported, with the process killed in the middle of both, and its memory
//! watched. Every workout and day must be there in the end.

mod export;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use clap::Args;
use serde_json::Value;

use crate::{
    Options,
    door::{Door, Person},
    process::{Server, binary, peak_mb_of},
    report::Report,
};
use export::Export;

const PART_BYTES: usize = 16 << 20;
const LOOK_EACH: Duration = Duration::from_millis(200);
/// Nothing moves for so long: it never will.
const STUCK_AFTER: Duration = Duration::from_secs(300);
/// After the line `ready`: what is made at a start is settled.
const SETTLE: Duration = Duration::from_secs(3);

#[derive(Clone, Copy, Debug, PartialEq, Args)]
pub(crate) struct Asked {
    /// Size of the export's document
    #[arg(long, default_value_t = 4.0)]
    gigabytes: f64,
    /// Workouts in it
    #[arg(long, default_value_t = 500)]
    workouts: u32,
    /// Without the kills
    #[arg(long)]
    gently: bool,
}

struct Running {
    server: Server,
    idle_mb: f64,
}

impl Running {
    async fn of(server: Server) -> anyhow::Result<Self> {
        tokio::time::sleep(SETTLE).await;
        Ok(Self { idle_mb: server.resident_mb()?, server })
    }

    /// The most it ever took beyond what it took idle.
    fn more_mb(&self) -> anyhow::Result<f64> {
        Ok(peak_mb_of(self.server.id()?)? - self.idle_mb)
    }

    async fn killed(self, binary: &Path, data: &Path) -> anyhow::Result<Self> {
        Self::of(self.server.kill_and_start(binary, data).await?).await
    }
}

pub(crate) async fn measure(options: &Options, report: &mut Report, asked: Asked) -> anyhow::Result<()> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size that somebody typed")]
    let bytes = (asked.gigabytes.max(0.001) * 1e9) as u64;
    let binary = binary(options).await?;
    let folder = options.fresh_folder()?;
    let data = folder.path();
    let mut running = Running::of(Server::start(&binary, data).await?).await?;
    let door = Door::of(&running.server, binary.clone(), data.to_owned())?;
    let athlete = door.sign_up("health@example.org").await?;
    let mut more_mb: f64 = 0.0;

    let begun = Instant::now();
    let id = door.begin_parts(&athlete, bytes).await?;
    let kill_at = if asked.gently { u64::MAX } else { bytes / 2 };
    let mut offset = send(&door, &athlete, &id, (0, kill_at), Export::of(bytes, asked.workouts)).await?;
    if !asked.gently {
        more_mb = more_mb.max(running.more_mb()?);
        running = running.killed(&binary, data).await?;
        let kept = door.parts_received(&athlete, &id).await?;
        ensure!(kept == offset, "{offset} bytes were acknowledged, {kept} are there");
        offset = send(&door, &athlete, &id, (kept, u64::MAX), Export::of(bytes, asked.workouts)).await?;
    }
    ensure!(offset == bytes, "{offset} of {bytes} bytes were sent");
    let sent = begun.elapsed();

    let begun = Instant::now();
    let path = format!("/imports/{id}");
    let looked = until(&door, &athlete, &path, |import| import["progress"]["done"] != 0).await?;
    let looked_through = begun.elapsed();
    if !asked.gently && looked["state"] == "running" {
        more_mb = more_mb.max(running.more_mb()?);
        running = running.killed(&binary, data).await?;
    }
    let finished = until(&door, &athlete, &path, |import| import["state"] == "finished").await?;
    let imported = begun.elapsed();
    let failed = finished["outcomes"]["failed"].as_u64().unwrap_or_default();
    ensure!(failed == 0 && finished["progress"]["done"] == finished["progress"]["total"], "{finished}");
    more_mb = more_mb.max(running.more_mb()?);
    let activities = count(&door, &athlete).await?;
    ensure!(activities == asked.workouts, "{activities} of {} workouts are there", asked.workouts);

    let how = if asked.gently { "not killed" } else { "killed once while it was sent and once while it ran" };
    let conditions = format!(
        "{:.1} GB of XML, {} workouts, ten years of days; one process on SQLite, idle {:.0} MB, {how}",
        asked.gigabytes, asked.workouts, running.idle_mb
    );
    report.figure(
        "health export: memory above idle, at most",
        (more_mb, "MB"),
        "< 64 MB",
        conditions.clone(),
    );
    report.figure(
        "health export: sent in parts of 16 MiB",
        (sent.as_secs_f64(), "s"),
        "",
        conditions.clone(),
    );
    let what = "health export: last byte → looked through";
    report.figure(what, (looked_through.as_secs_f64(), "s"), "", conditions.clone());
    report.figure("health export: last byte → imported", (imported.as_secs_f64(), "s"), "", conditions);
    running.server.stop().await
}

/// Sends the bytes from the one place to the other, part by part; where it ended.
async fn send(
    door: &Door,
    who: &Person,
    id: &str,
    (from, to): (u64, u64),
    export: Export,
) -> anyhow::Result<u64> {
    let (mut at, mut passed, mut part) = (from, 0, Vec::with_capacity(PART_BYTES * 2));
    for piece in export {
        let skipped = usize::try_from(from.saturating_sub(passed))?.min(piece.len());
        passed += piece.len() as u64;
        part.extend_from_slice(&piece[skipped..]);
        if part.len() >= PART_BYTES {
            at = door.send_part(who, id, at, std::mem::take(&mut part)).await?;
            if at >= to {
                return Ok(at);
            }
        }
    }
    if part.is_empty() { Ok(at) } else { door.send_part(who, id, at, part).await }
}

async fn until(
    door: &Door,
    who: &Person,
    path: &str,
    wanted: impl Fn(&Value) -> bool,
) -> anyhow::Result<Value> {
    let (mut last, mut moved) = (Value::Null, Instant::now());
    loop {
        let seen = door.get(path, who).await?;
        if wanted(&seen) {
            return Ok(seen);
        }
        if seen["state"] == "failed" {
            bail!("the import failed: {seen}");
        }
        if seen["progress"] != last {
            (last, moved) = (seen["progress"].clone(), Instant::now());
        }
        ensure!(moved.elapsed() < STUCK_AFTER, "it stands still: {seen}");
        tokio::time::sleep(LOOK_EACH).await;
    }
}

async fn count(door: &Door, who: &Person) -> anyhow::Result<u32> {
    let (mut count, mut path) = (0, "/activities?limit=200".to_owned());
    loop {
        let page = door.get(&path, who).await?;
        count += u32::try_from(page["items"].as_array().context("no list")?.len())?;
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/activities?limit=200&cursor={cursor}"),
            None => return Ok(count),
        }
    }
}
