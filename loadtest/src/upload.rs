//! A device file until it is listed: `POST /uploads`, then `GET /activities` until it is there.

use std::time::{Duration, Instant};

use anyhow::bail;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::{
    Options,
    door::{Door, Person},
    process::{Server, binary},
    report::{Report, durations, record},
};

const FILE_BYTES: usize = 100_000;
const LOOK_EVERY: Duration = Duration::from_millis(2);
const LOOK_FOR: Duration = Duration::from_secs(10);
const WARM_UP: u32 = 5;

pub(crate) async fn measure(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let binary = binary(options).await?;
    let folder = options.fresh_folder()?;
    let server = Server::start(&binary, folder.path()).await?;
    let door = Door::of(&server, binary, folder.path().to_owned())?;
    let athlete = door.sign_up("upload@example.org").await?;
    let mut accepted = durations()?;
    let mut listed = durations()?;
    let mut bytes = 0;
    for nth in 0..options.samples + WARM_UP {
        let file = run_file(nth)?;
        bytes = file.len();
        let begun = Instant::now();
        door.upload(&athlete, file).await?;
        let taken = begun.elapsed();
        let count = nth + 1;
        until_listed(&door, &athlete, count).await?;
        if nth >= WARM_UP {
            record(&mut accepted, taken);
            record(&mut listed, begun.elapsed());
        }
    }
    let conditions =
        format!("FIT of {bytes} B, one after the other, looked for each {} ms", LOOK_EVERY.as_millis());
    report.latencies("upload → 202", &accepted, "", &conditions);
    report.latencies("upload → visible in `GET /activities`", &listed, "< 500 ms", &conditions);
    server.stop().await
}

/// The newest activity is the one just uploaded: each run starts later than the one before.
async fn until_listed(door: &Door, athlete: &Person, nth: u32) -> anyhow::Result<()> {
    let wanted = start_of(nth - 1)?.to_string();
    let begun = Instant::now();
    while begun.elapsed() < LOOK_FOR {
        let list = door.get("/activities?limit=1", athlete).await?;
        if started_at(&list["items"][0]).is_some_and(|at| at.to_string() == wanted) {
            return Ok(());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    bail!("run {nth} was never listed")
}

fn started_at(activity: &Value) -> Option<Timestamp> {
    activity["start_at"].as_str()?.parse().ok()
}

fn start_of(nth: u32) -> anyhow::Result<Timestamp> {
    let first: Timestamp = "2025-01-01T06:00:00Z".parse()?;
    Ok(first.checked_add(SignedDuration::from_hours(i64::from(nth) * 6))?)
}

/// A made-up run whose file has about [`FILE_BYTES`].
fn run_file(nth: u32) -> anyhow::Result<Vec<u8>> {
    let start = start_of(nth)?;
    let probe = formats::write(&formats::synth::run(u64::from(nth), start, 5_000.0, 330.0));
    #[expect(clippy::cast_precision_loss, reason = "sizes of files")]
    let distance_m = 5_000.0 * FILE_BYTES as f64 / probe.len() as f64;
    Ok(formats::write(&formats::synth::run(u64::from(nth), start, distance_m, 330.0)))
}
