//! A scenario from beginning to end: a folder is seeded, the binary serves it, calls are made, the ledger is checked.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, bail};
use kernel::{Clock, SystemClock};
use tokio::process::Command;

use crate::{
    Options,
    generator::{drive::Drive, page::page, result::Measured, scenario::Scenario, tally::Tally, wire::Lines},
    process::{Server, binary, command},
    report::{Report, machine},
    world::World,
};

const STEADY: &str = include_str!("../scenarios/steady.toml");
const SMOKE: &str = include_str!("../scenarios/smoke.toml");
/// Athletes whose activities are counted afterwards.
const VERIFIED: usize = 100;

pub(crate) async fn steady(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    run(&Scenario::parse(STEADY)?.at(options.rate)?, options, report).await
}

pub(crate) async fn smoke(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    run(&Scenario::parse(SMOKE)?.at(options.rate)?, options, report).await
}

async fn run(scenario: &Scenario, options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let about = (SystemClock.now().to_string(), machine());
    let binary = binary(options).await?;
    let folder = options.fresh_folder()?;
    let data = folder.path().join("data");
    let seeded = seed(&binary, &data, (scenario.accounts, scenario.friends, scenario.seed)).await?;
    let server = Server::start(&binary, &data).await?;
    let lines = Arc::new(Lines::open(&server.address, scenario.connections).await?);
    let world = World::of_sessions(&seeded.sessions, &seeded.challenge_id)?;
    let world = Arc::new(world.prepare(&lines).await?);

    let cpu = server.cpu_seconds()?;
    let drive = Drive { scenario: Arc::new(scenario.clone()), lines: lines.clone(), asking: world.clone() };
    let tally = drive.run().await?;
    let used = server.cpu_seconds()? - cpu;
    let (resident_mb, lasted) = (server.resident_mb()?, scenario.lasts().as_secs_f64());

    let checked = world.verify(&lines, VERIFIED).await.context("the ledger")?;
    let notes = vec![
        format!("the server used {used:.1} CPU-seconds in {lasted:.0} s ({:.2} cores)", used / lasted),
        format!("{resident_mb:.0} MB were resident at the end"),
        format!(
            "ledger: {checked} athletes found every activity that was acknowledged to them, and no other"
        ),
        seeded.said.replace('\n', "; "),
    ];
    let measured = Measured::of(scenario, &tally, about, notes);
    write(&measured, &options.report)?;
    tell(&measured, &tally, report);
    server.stop().await?;
    let missed = measured.verdicts.iter().any(|verdict| !verdict.met);
    if scenario.name == "smoke" && missed {
        bail!("smoke: {:?}", measured.verdicts);
    }
    Ok(())
}

/// What `stadion seed` left for us.
pub(crate) struct Seeded {
    pub(crate) sessions: PathBuf,
    pub(crate) challenge_id: String,
    said: String,
}

pub(crate) async fn seed(binary: &Path, data: &Path, plan: (usize, f64, u64)) -> anyhow::Result<Seeded> {
    let seeding = command(binary, data, &["seed", "--challenge", "--hours", "12"]);
    seeded(seeding, data.with_extension("sessions"), plan).await
}

/// Runs a `stadion seed` that is told the rest already.
pub(crate) async fn seeded(
    mut seeding: Command,
    sessions: PathBuf,
    (accounts, friends, seed): (usize, f64, u64),
) -> anyhow::Result<Seeded> {
    let seeding = seeding
        .args(["--accounts", &accounts.to_string(), "--friends", &friends.to_string()])
        .args(["--seed", &seed.to_string(), "--sessions"])
        .arg(&sessions)
        .output()
        .await
        .context("stadion seed did not start")?;
    if !seeding.status.success() {
        bail!("stadion seed: {}", String::from_utf8_lossy(&seeding.stderr));
    }
    let said = String::from_utf8(seeding.stdout).context("the tool does not speak UTF-8")?;
    let challenge = said.lines().find_map(|line| line.strip_prefix("challenge "));
    let challenge_id = challenge.context("stadion seed named no challenge")?.to_owned();
    Ok(Seeded { sessions, challenge_id, said: said.trim().to_owned() })
}

fn write(measured: &Measured, folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let name = &measured.scenario.name;
    let (json, html) = (folder.join(format!("{name}.json")), folder.join(format!("{name}.html")));
    fs::write(&json, serde_json::to_string_pretty(measured)?).with_context(|| json.display().to_string())?;
    fs::write(&html, page(measured)?).with_context(|| html.display().to_string())?;
    println!("written to {} and {}", json.display(), html.display());
    Ok(())
}

fn tell(measured: &Measured, tally: &Tally, report: &mut Report) {
    let scenario = &measured.scenario;
    let name = &scenario.name;
    for fault in &measured.faults {
        report.skip(&format!("`{name}`"), fault);
    }
    let conditions = format!(
        "{} calls/s for {} s, open loop, {} accounts, generator on the same machine",
        scenario.rate_per_s, scenario.seconds, scenario.accounts
    );
    for one in &measured.verdicts {
        let (bound, met) = (format!("≤ {} {}", one.bound, one.unit), if one.met { "met" } else { "missed" });
        if let Some(seen) = one.seen {
            let what = format!("`{name}`: {} of {}", one.what, one.of);
            report.judged(what, (seen, one.unit), format!("{bound} ({met})"), &conditions);
        }
    }
    for (what, figures) in &measured.endpoints {
        let conditions = format!(
            "p50 {:.2} ms, p95 {:.2} ms, {} calls, {} errors",
            figures.took.p50_ms, figures.took.p95_ms, figures.calls, figures.errors
        );
        report.figure(format!("`{name}`: {what}, p99"), (figures.took.p99_ms, "ms"), "", conditions);
    }
    let lag = format!("at most {:.1} ms; {} starts", measured.lag.max_ms, tally.lag.len());
    report.figure(format!("`{name}`: own delay, p99"), (measured.lag.p99_ms, "ms"), "≤ 10 ms", lag);
    measured.notes.iter().for_each(|note| println!("{note}"));
    println!("`{name}` {}", if measured.passed() { "passed" } else { "did not pass" });
}
