//! `cargo dev bench`: the committed benchmarks and the load scenarios.

use anyhow::Result;

use crate::{
    report::{self, Counts},
    stage::{self, Stage},
};

pub(crate) fn run(package: Option<&str>) -> Result<bool> {
    let mut stages = vec![criterion(package)];
    if package.is_none() {
        stages.push(stage::run(
            "load scenarios",
            stage::cargo().args(["run", "--release", "--locked", "-p", "stadion-loadtest"]),
        ));
    }
    Ok(report::close(&stages, &Counts::default()))
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
