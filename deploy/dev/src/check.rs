//! `cargo dev check`: what a reviewer would check, in the order in which it is cheap to know.

use std::process::Command;

use anyhow::Result;

use crate::{
    install,
    report::{self, Counts},
    stage::{self, Stage, announce, failed, skipped},
};

pub(crate) fn run() -> Result<bool> {
    let stages = vec![
        stage::run("format", stage::cargo().args(["fmt", "--all", "--check"])),
        deny(),
        skipped(
            "advisories",
            "their database is cloned from the network; run `cargo deny check advisories` where it can be had",
        ),
        stage::run(
            "lints",
            stage::cargo().args([
                "clippy",
                "--workspace",
                "--all-targets",
                "--locked",
                "--",
                "-D",
                "warnings",
            ]),
        ),
        stage::run(
            "house rules: dependencies, sizes, names, migrations, proto breaking, links of the documents",
            stage::cargo().args(["test", "--quiet", "--locked", "-p", "stadion-testkit", "--test", "it"]),
        ),
    ];
    Ok(report::close(&stages, &Counts::default()))
}

/// Bans (engine drivers outside their room), licences, sources.
fn deny() -> Stage {
    let name = "dependencies: bans, licences, sources";
    let tools = match install::python_tools() {
        Ok(tools) => tools,
        Err(error) if stage::in_ci() => {
            announce(name);
            return failed(name, format!("{error:#}"), Default::default());
        }
        Err(error) => return skipped(name, format!("{error:#}")),
    };
    let mut deny = Command::new(tools.join("cargo-deny"));
    deny.current_dir(stage::root());
    deny.args([
        "--locked",
        "check",
        "--hide-inclusion-graph",
        "-A",
        "unused-wrapper",
        "bans",
        "licenses",
        "sources",
    ]);
    stage::run(name, &mut deny)
}
