//! `cargo dev bench`: the committed benchmarks and the load scenarios.

use anyhow::Result;

use crate::{
    engines::{POSTGRES, throwaway::Throwaway},
    report::{self, Counts},
    stage::{self, Stage},
};

/// How many courses `cargo dev bench simulate` plays, unless `STADION_SIMULATION_SEEDS` says another number.
const SEEDS: &str = "10000";

pub(crate) fn run(package: Option<&str>) -> Result<bool> {
    if package == Some("simulate") {
        return Ok(report::close(&[simulate()], &Counts::default()));
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
