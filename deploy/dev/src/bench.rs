//! `cargo dev bench`: the committed benchmarks and the load scenarios.

use anyhow::Result;

use crate::{
    engines::{Engine, KAFKA, POSTGRES, kafka, throwaway::Throwaway},
    report::{self, Counts},
    stage::{self, Stage},
};

/// How many courses `cargo dev bench simulate` plays, unless `STADION_SIMULATION_SEEDS` says another number.
const SEEDS: &str = "10000";

/// How long an engine is away in `cargo dev bench faults`; the suite is content with less.
const OUTAGE_S: &str = "30";
const FAULTS_OF_THE_SPINE: &[&str] = &[
    "auth_away",
    "disk_full",
    "faults",
    "fsync_fails",
    "kafka_outage",
    "postgres_faults",
    "scene",
    "slow_reader",
    "strangers",
];
const FAULTS_UNDER_THE_BINARY: &[&str] = &["faults_", "killed"];

pub(crate) fn run(package: Option<&str>) -> Result<bool> {
    if package == Some("simulate") {
        return Ok(report::close(&[simulate()], &Counts::default()));
    }
    if package == Some("faults") {
        return Ok(report::close(&faults(), &Counts::default()));
    }
    let mut stages = vec![criterion(package)];
    if package.is_none() {
        stages.push(scenarios());
    }
    Ok(report::close(&stages, &Counts::default()))
}

/// With a PostgreSQL of their own where there can be one; without, they say what was not measured.
fn scenarios() -> Stage {
    let mut command = stage::cargo();
    command.args(["run", "--release", "--locked", "-p", "stadion-loadtest"]);
    let postgres = Throwaway::start(POSTGRES).inspect_err(|error| println!("no PostgreSQL: {error:#}")).ok();
    if let Some(server) = &postgres {
        command.env(POSTGRES.variable(), server.address());
    }
    stage::run("load scenarios", &mut command)
}

/// The faults on real engines with outages of their full length, and what each test saw: for docs/faults.md.
fn faults() -> Vec<Stage> {
    let started = |engine: &'static dyn Engine| {
        let told = |error: &anyhow::Error| println!("no {}: {error:#}", engine.name());
        Some((engine.variable(), Throwaway::start(engine).inspect_err(told).ok()?))
    };
    let engines: Vec<_> = [POSTGRES, KAFKA].into_iter().filter_map(started).collect();
    let suites = [
        ("faults of the spine", "stadion-backends", FAULTS_OF_THE_SPINE),
        ("faults under the binary", "stadion-stadion", FAULTS_UNDER_THE_BINARY),
    ];
    let run = |(name, package, tests): (&str, &str, &[&str])| {
        let mut command = stage::cargo();
        command
            .args(["test", "--locked", "-p", package, "--test", "it", "--"])
            .args(tests)
            .arg("--nocapture");
        command.env("STADION_OUTAGE_S", OUTAGE_S).env("STADION_TEST_KAFKA_LIB", kafka::jars());
        command.envs(engines.iter().map(|(variable, engine)| (variable, engine.address())));
        stage::run(name, &mut command)
    };
    suites.into_iter().map(run).collect()
}

/// The seeded simulation of the spine; a seed that breaks a promise is named, and plays again by
/// `STADION_SIMULATION_SEED`.
fn simulate() -> Stage {
    let seeds = std::env::var("STADION_SIMULATION_SEEDS").unwrap_or_else(|_| SEEDS.to_owned());
    let mut command = stage::cargo();
    command.args(["test", "--release", "--locked", "-p", "stadion-backends", "--test", "it"]);
    command.args(["simulation::every_seed", "--", "--nocapture"]).env("STADION_SIMULATION_SEEDS", seeds);
    stage::run("simulation", &mut command)
}

fn criterion(package: Option<&str>) -> Stage {
    let mut command = stage::cargo();
    command.args(["bench", "--locked", "--benches"]);
    match package {
        Some(package) => command.args(["-p", package]),
        None => command.arg("--workspace"),
    };
    stage::run("benchmarks", &mut command)
}
