//! The order of a board beside Redis' sorted set. The measuring stands in `services/leaderboard/benches`, since nothing
//! but the binary may depend on a service; here it is run, and its figures are written down with the others.

use std::process::Stdio;

use anyhow::{Context, ensure};
use serde::Deserialize;
use tokio::process::Command;

use crate::report::Report;

/// One line of what the bench prints.
#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Figure { what: String, value: f64, unit: String, conditions: String },
    Skipped { skipped: String, why: String },
}

pub(crate) async fn measure(report: &mut Report) -> anyhow::Result<()> {
    let bench = Command::new("cargo")
        .args(["bench", "-q", "-p", "stadion-leaderboard", "--bench", "beside_redis"])
        .stderr(Stdio::inherit())
        .output()
        .await
        .context("cargo cannot be run")?;
    ensure!(bench.status.success(), "the bench ended with {}", bench.status);
    for line in String::from_utf8_lossy(&bench.stdout).lines().filter(|line| line.starts_with('{')) {
        match serde_json::from_str(line).with_context(|| line.to_owned())? {
            Line::Figure { what, value, unit, conditions } => {
                let bound = if unit == "×" && what.ends_with("50000") { "≥ 10 ×" } else { "" };
                report.figure(what, (value, known(&unit)), bound, conditions);
            }
            Line::Skipped { skipped, why } => report.skip(&skipped, &why),
        }
    }
    Ok(())
}

/// The units that the bench measures in.
fn known(unit: &str) -> &'static str {
    ["ns", "B", "×"].into_iter().find(|known| *known == unit).unwrap_or("?")
}
