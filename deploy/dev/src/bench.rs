//! `cargo dev bench`: the committed benchmarks and the load scenarios.

use anyhow::Result;

use crate::{
    engines::{POSTGRES, throwaway::Throwaway},
    report::{self, Counts},
    stage::{self, Stage},
};

pub(crate) fn run(package: Option<&str>) -> Result<bool> {
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

fn criterion(package: Option<&str>) -> Stage {
    let mut command = stage::cargo();
    command.args(["bench", "--locked", "--benches"]);
    match package {
        Some(package) => command.args(["-p", package]),
        None => command.arg("--workspace"),
    };
    stage::run("benchmarks", &mut command)
}
