//! `cargo dev check`: what a reviewer would check, in the order in which it is cheap to know.

use std::process::Command;

use anyhow::Result;

use crate::{
    install, observability,
    report::{self, Counts},
    stage::{self, Stage, announce, failed, skipped},
};

/// The modules of libs/testkit's rules; the tests of other crates have other names.
const HOUSE_RULES: [&str; 8] = [
    "contract::",
    "dependencies::",
    "documents::",
    "golden_events::",
    "migrations::",
    "names::",
    "service_graph::",
    "sizes::",
];

pub(crate) fn run() -> Result<bool> {
    let stages = vec![
        stage::run("format", stage::cargo().args(["fmt", "--all", "--check"])),
        deny(),
        tool(
            "compose file",
            "check-jsonschema",
            &["--builtin-schema", "vendor.compose-spec", "deploy/compose.yaml"],
        ),
        tool("image", "hadolint", &["--failure-threshold", "info", "deploy/Containerfile"]),
        observability::alerts(),
        observability::dashboards(),
        skipped(
            "advisories",
            "their database is cloned from the network; run `cargo deny check advisories` where it can be had",
        ),
        lints(),
        stage::run(
            "house rules: dependencies, sizes, names, migrations, proto breaking, links of the documents",
            // Built as `cargo dev test` builds it: the same features, so nothing is compiled for this alone.
            stage::cargo()
                .args(["test", "--workspace", "--quiet", "--locked", "--test", "it", "--"])
                .args(HOUSE_RULES),
        ),
    ];
    Ok(report::close(&stages, &Counts::default()))
}

/// Clippy looks without building, which is quick by hand. Where its driver stands in for the compiler, as in `.ci/run`,
/// the build of all that is tested afterwards says the same, and nothing is compiled twice.
fn lints() -> Stage {
    let says = |name: &str, what: &str| std::env::var(name).is_ok_and(|value| value.contains(what));
    let mut cargo = stage::cargo();
    if says("RUSTC_WORKSPACE_WRAPPER", "clippy-driver") && says("CLIPPY_ARGS", "warnings") {
        cargo.args(["build", "--workspace", "--all-targets", "--locked"]);
    } else {
        cargo.args(["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]);
    }
    stage::run("lints", &mut cargo)
}

/// Bans (engine drivers outside their room), licences, sources.
fn deny() -> Stage {
    tool(
        "dependencies: bans, licences, sources",
        "cargo-deny",
        &[
            "--locked",
            "check",
            "--hide-inclusion-graph",
            "-A",
            "unused-wrapper",
            "bans",
            "licenses",
            "sources",
        ],
    )
}

/// A program that comes as a Python package. Where it cannot be had: a failure in CI, by hand a skip that is told.
fn tool(name: &str, program: &str, arguments: &[&str]) -> Stage {
    let tools = match install::python_tools() {
        Ok(tools) => tools,
        Err(error) if stage::in_ci() => {
            announce(name);
            return failed(name, format!("{error:#}"), Default::default());
        }
        Err(error) => return skipped(name, format!("{error:#}")),
    };
    stage::run(name, Command::new(tools.join(program)).current_dir(stage::root()).args(arguments))
}
