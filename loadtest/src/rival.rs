//! Our journal beside others' event stores on the same PostgreSQL, in one run: rounds take turns, medians count.
//!
//! The others are a program of their own (`loadtest/rivals`, outside the workspace), built and run from here.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, ensure};
use serde::Deserialize;
use tokio::process::Command;

use crate::{
    Options,
    append::{PAYLOAD_BYTES, Run, WRITERS, fresh, run},
    report::Report,
};

const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/rivals/Cargo.toml");
const ROUNDS: usize = 3;
/// At how many writers the plan asks for how much.
const BOUND: (usize, f64) = (64, 5.0);

/// A line of the rivals' program.
#[derive(Clone, Debug, Deserialize)]
struct Rivals {
    postgres_es: Theirs,
    naive_reader: Naive,
}

#[derive(Clone, Debug, Deserialize)]
struct Theirs {
    events_per_s: f64,
    p50_ms: f64,
    p99_ms: f64,
}

#[derive(Clone, Debug, Deserialize)]
struct Naive {
    written: u64,
    skipped: u64,
}

pub(crate) async fn measure(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let Some(server) = &options.postgres else {
        report.skip("event append beside `postgres-es`", "no --postgres and no STADION_TEST_POSTGRES");
        return Ok(());
    };
    let durability = durability(server).await?;
    let rivals = build().await?;
    for writers in WRITERS {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            // Whoever goes first pays for what the other left to be written out: they take turns in that too.
            if round % 2 == 0 {
                ours.push(run(fresh(server).await?, writers, options.seconds()).await?);
            }
            theirs.push(ask(&rivals, server, writers, options.seconds()).await?);
            if round % 2 == 1 {
                ours.push(run(fresh(server).await?, writers, options.seconds()).await?);
            }
        }
        tell(report, writers, (&mut ours, &mut theirs), (&durability, options.seconds()));
    }
    Ok(())
}

fn tell(
    report: &mut Report,
    writers: usize,
    (ours, theirs): (&mut Vec<Run>, &mut Vec<Rivals>),
    (durability, seconds): (&str, u64),
) {
    ours.sort_by(|one, other| one.events_per_s.total_cmp(&other.events_per_s));
    theirs.sort_by(|one, other| one.postgres_es.events_per_s.total_cmp(&other.postgres_es.events_per_s));
    let (mine, other) = (&ours[ROUNDS / 2], &theirs[ROUNDS / 2].postgres_es);
    let seen: u64 = ours.iter().map(|run| run.events).sum();
    let conditions = |p50_ms: f64, p99_ms: f64, more: String| {
        format!(
            "p50 {p50_ms:.1} ms, p99 {p99_ms:.1} ms; {PAYLOAD_BYTES} B, median of {ROUNDS} rounds of {seconds} s, {durability}{more}"
        )
    };
    report.figure(
        format!("append, {writers} writers, Stadion"),
        (mine.events_per_s, "events/s"),
        "0 skipped",
        conditions(
            mine.p50_ms,
            mine.p99_ms,
            format!("; a following reader saw {seen} of {seen} events, 0 skipped"),
        ),
    );
    report.figure(
        format!("append, {writers} writers, postgres-es"),
        (other.events_per_s, "events/s"),
        "",
        conditions(other.p50_ms, other.p99_ms, String::new()),
    );
    let ratio = mine.events_per_s / other.events_per_s;
    let bound = if writers == BOUND.0 {
        let verdict = if ratio >= BOUND.1 { "met" } else { "missed" };
        format!("≥ {} × ({verdict})", BOUND.1)
    } else {
        String::new()
    };
    report.judged(format!("append, {writers} writers, ratio"), (ratio, "×"), bound, "");
    let (written, skipped) = theirs.iter().fold((0, 0), |(written, skipped), round| {
        (written + round.naive_reader.written, skipped + round.naive_reader.skipped)
    });
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    report.figure(
        format!("append, {writers} writers, skipped by a naive `bigserial` reader"),
        (skipped as f64, "events"),
        "",
        format!("of {written}, all rounds together"),
    );
}

/// How safe the server says that its commits are: a server that does not wait for the disk measures something else.
async fn durability(server: &str) -> anyhow::Result<String> {
    let db = fresh(server).await?;
    let mut said = Vec::new();
    for setting in ["fsync", "synchronous_commit"] {
        let row = db.fetch_one(&format!("SELECT current_setting('{setting}')"), Vec::new()).await?;
        let value: String = row.context("no such setting")?.get(0)?;
        said.push(format!("{setting}={value}"));
    }
    db.close().await;
    Ok(said.join(", "))
}

/// Built as we are; the program's path.
async fn build() -> anyhow::Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let (profile, flag) =
        if cfg!(debug_assertions) { ("debug", None) } else { ("release", Some("--release")) };
    let built = Command::new(cargo)
        .args(["build", "--locked", "--quiet", "--manifest-path", MANIFEST])
        .args(flag)
        .status()
        .await
        .context("cargo did not start")?;
    ensure!(built.success(), "the rivals were not built: {MANIFEST}");
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let target = target.unwrap_or_else(|| Path::new(MANIFEST).with_file_name("target"));
    let program = target.join(profile).join("stadion-rivals");
    ensure!(program.is_file(), "{} is missing", program.display());
    Ok(program)
}

async fn ask(program: &Path, server: &str, writers: usize, seconds: u64) -> anyhow::Result<Rivals> {
    let said = Command::new(program)
        .args([server, &seconds.to_string(), &writers.to_string()])
        .stderr(Stdio::inherit())
        .output()
        .await
        .with_context(|| program.display().to_string())?;
    ensure!(said.status.success(), "the rivals ended with {}", said.status);
    serde_json::from_slice(&said.stdout).context("the rivals said something else")
}
