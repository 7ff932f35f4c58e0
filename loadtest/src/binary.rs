//! The release binary itself: how soon it serves, what it weighs, how long its demo takes.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use crate::{
    Options,
    process::{Server, binary, command},
    report::Report,
};

const STARTS: usize = 7;
/// What idle means: nobody has called for so long.
const IDLE: Duration = Duration::from_secs(10);

pub(crate) async fn measure(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let binary = binary(options).await?;
    let mut empty = Vec::new();
    let mut again = Vec::new();
    for _ in 0..STARTS {
        let folder = options.fresh_folder()?;
        for kind in [&mut empty, &mut again] {
            let server = Server::start(&binary, folder.path()).await?;
            kind.push(server.ready_after.as_secs_f64() * 1_000.0);
            server.stop().await?;
        }
    }
    for (what, bound, mut took) in
        [("an empty folder", "< 2 s", empty), ("the same folder after kill -9", "", again)]
    {
        took.sort_by(f64::total_cmp);
        let conditions = format!("median of {STARTS}, slowest {:.0} ms", took[took.len() - 1]);
        report.figure(format!("`up` on {what} → `ready`"), (took[took.len() / 2], "ms"), bound, conditions);
    }

    let folder = options.fresh_folder()?;
    let server = Server::start(&binary, folder.path()).await?;
    tokio::time::sleep(IDLE).await;
    let conditions = format!("VmRSS {} s after `ready`", IDLE.as_secs());
    report.figure("resident memory when idle", (server.resident_mb()?, "MB"), "< 150 MB", conditions);
    server.stop().await?;

    let folder = options.fresh_folder()?;
    let begun = Instant::now();
    let demo = command(&binary, &folder.path().join("data"), &["demo", "--http", "127.0.0.1:0", "--exit"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .await?;
    if demo.success() {
        report.figure("`demo --exit`", (begun.elapsed().as_secs_f64(), "s"), "< 60 s", "without building");
    } else {
        report.skip("`demo --exit`", &format!("it ended with {demo}"));
    }
    Ok(())
}
