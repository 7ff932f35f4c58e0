//! A scenario from beginning to end: a folder is seeded, the binary serves it, calls are made, the ledger is checked.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use kernel::{Clock, SystemClock};
use tokio::process::Command;

use crate::{
    Options,
    generator::{
        drive::Drive, page::page, result::Measured, scenario::Scenario, tally::Tally, verdict::Verdict,
        wire::Lines,
    },
    process::{Server, binary, command},
    report::{Report, machine},
    world::World,
};

pub(crate) const STEADY: &str = include_str!("../scenarios/steady.toml");
pub(crate) const SMOKE: &str = include_str!("../scenarios/smoke.toml");
pub(crate) const SPIKE: &str = include_str!("../scenarios/spike.toml");
pub(crate) const SOAK: &str = include_str!("../scenarios/soak.toml");
pub(crate) const CHAOS: &str = include_str!("../scenarios/chaos.toml");
/// Athletes whose activities are counted afterwards.
const VERIFIED: usize = 100;

/// Runs the scenario of this text.
///
/// # Errors
/// It cannot be run, or the ledger does not agree. A missed objective is told to the report.
pub(crate) async fn measure(text: &str, options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let mut scenario = Scenario::parse(text)?.at(options.rate)?;
    // `--seconds` shortens and lengthens scenarios that have a shape; the plain ones keep the length of their figures.
    if !scenario.stages.is_empty() || !scenario.kill_at_s.is_empty() || scenario.gained_mb_max.is_some() {
        scenario = scenario.lasting(options.seconds)?;
    }
    run(&scenario, options, report).await
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

    let drive = Drive { scenario: Arc::new(scenario.clone()), lines: lines.clone(), asking: world.clone() };
    let (tally, watched) = tokio::join!(drive.run(), watch(server, (&binary, &data), scenario));
    let (tally, watched) = (tally?, watched?);

    let checked = world.verify(&lines, VERIFIED).await.context("the ledger")?;
    let mut notes = watched.notes(scenario);
    notes.push(format!(
        "ledger: {checked} athletes found every activity that was acknowledged to them, and no other"
    ));
    notes.push(seeded.said.replace('\n', "; "));
    let mut measured = Measured::of(scenario, &tally, about, notes);
    measured.verdicts.extend(watched.verdicts(scenario));
    write(&measured.scenario.name, &serde_json::to_string_pretty(&measured)?, &page(&measured)?, options)?;
    tell(&measured, &tally, report);
    watched.server.stop().await
}

/// The server through the run: what it needed, and how soon it was back when it was killed.
struct Watched {
    server: Server,
    cpu_s: f64,
    warm_mb: f64,
    resident_mb: f64,
    back: Vec<Duration>,
}

/// Kills it when the scenario says so, until the last call was to begin.
async fn watch(
    mut server: Server,
    (binary, data): (&Path, &Path),
    scenario: &Scenario,
) -> anyhow::Result<Watched> {
    let begun = Instant::now();
    let warm_up = Duration::from_secs(scenario.warm_up_s);
    let (mut cpu_s, mut back) = (-server.cpu_seconds()?, Vec::new());
    tokio::time::sleep(warm_up).await;
    let warm_mb = server.resident_mb()?;
    for at_s in &scenario.kill_at_s {
        tokio::time::sleep_until((begun + warm_up + Duration::from_secs(*at_s)).into()).await;
        cpu_s += server.cpu_seconds()?;
        let killed = Instant::now();
        server = server.kill_and_start(binary, data).await?;
        back.push(killed.elapsed());
    }
    tokio::time::sleep_until((begun + scenario.lasts()).into()).await;
    cpu_s += server.cpu_seconds()?;
    let resident_mb = server.resident_mb()?;
    Ok(Watched { server, cpu_s, warm_mb, resident_mb, back })
}

impl Watched {
    fn notes(&self, scenario: &Scenario) -> Vec<String> {
        let lasted = scenario.lasts().as_secs_f64();
        let used = self.cpu_s;
        let mut notes = vec![
            format!("the server used {used:.1} CPU-seconds in {lasted:.0} s ({:.2} cores)", used / lasted),
            format!(
                "{:.0} MB were resident at the end, {:.0} MB after warming up",
                self.resident_mb, self.warm_mb
            ),
        ];
        notes.extend(
            self.back.iter().map(|back| format!("killed, ready again {:.2} s later", back.as_secs_f64())),
        );
        notes
    }

    fn verdicts(&self, scenario: &Scenario) -> Vec<Verdict> {
        let longest_s = self.back.iter().max().map(Duration::as_secs_f64);
        let judged = [
            ("killed → ready again", "s", scenario.back_within_s, longest_s),
            ("resident memory", "MB", scenario.resident_mb_max, Some(self.resident_mb)),
            ("memory gained", "MB", scenario.gained_mb_max, Some(self.resident_mb - self.warm_mb)),
        ];
        let verdict = |(what, unit, bound, seen): (_, _, Option<f64>, Option<f64>)| {
            Some(Verdict::at_most(("the server", what, unit), bound?, seen))
        };
        judged.into_iter().filter_map(verdict).collect()
    }
}

/// What `stadion seed` left for us.
pub(crate) struct Seeded {
    pub(crate) sessions: PathBuf,
    pub(crate) challenge_id: String,
    pub(crate) said: String,
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

/// `NAME.json` and `NAME.html` of a run.
pub(crate) fn write(name: &str, json: &str, html: &str, options: &Options) -> anyhow::Result<()> {
    let folder = &options.report;
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    for (ending, text) in [("json", json), ("html", html)] {
        let path = folder.join(format!("{name}.{ending}"));
        fs::write(&path, text).with_context(|| path.display().to_string())?;
        println!("written to {}", path.display());
    }
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
    if !measured.passed() {
        report.fail(format!("`{name}` did not pass"));
    }
}
