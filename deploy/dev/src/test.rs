//! `cargo dev test`: every test, on real engines, and an honest account of it.

use std::{
    fs,
    io::{BufReader, BufWriter},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use crate::{
    engines::{
        TESTED,
        throwaway::{Background, Start},
    },
    install,
    report::{self, Counts, Reader},
    stage::{self, Outcome, Stage, announce, failed, skipped},
};

pub(crate) fn run() -> Result<bool> {
    // They come up while cargo builds.
    let background = Background::start(&TESTED);
    // All targets at once, so that tests and the binary are built with the same features and only once.
    let build = stage::run(
        "build",
        stage::cargo().args(["build", "--workspace", "--locked", "--tests", "--bins", "--examples"]),
    );
    if matches!(build.outcome, Outcome::Failed(_)) {
        return Ok(report::close(&[build], &Counts::default()));
    }
    let mut stages = vec![build];
    let found: Vec<_> =
        background.starts().into_iter().filter_map(|start| engine(start, &mut stages)).collect();
    let (tests, counts) = tests(&found)?;
    stages.push(tests);
    drop(background);

    let binary = stage::target().join("debug").join("stadion");
    stages.push(demo(&binary));
    stages.push(schemathesis(&binary));
    stages.push(browser());
    Ok(report::close(&stages, &counts))
}

/// The variable by which tests find the engine. A missing one is a failure in CI, else a skip that is told.
fn engine(start: Start, stages: &mut Vec<Stage>) -> Option<(&'static str, String)> {
    let name = format!("{}, started for the tests", start.engine.name());
    match start.address {
        Ok(address) => {
            announce(&name);
            println!("{address}");
            stages.push(Stage { name, outcome: Outcome::Passed, took: start.took });
            Some((start.engine.variable(), address))
        }
        Err(error) if stage::in_ci() => {
            announce(&name);
            stages.push(failed(&name, format!("{error:#}"), start.took));
            None
        }
        Err(error) => {
            stages.push(skipped(&name, format!("{error:#}")));
            None
        }
    }
}

/// Unit, property, conformance, crash and end-to-end tests, house rules.
fn tests(engines: &[(&str, String)]) -> Result<(Stage, Counts)> {
    let name = "cargo test --workspace";
    announce(name);
    let began = Instant::now();
    let log_path = stage::target().join("dev-test.log");
    fs::create_dir_all(stage::target())?;
    let mut log =
        BufWriter::new(fs::File::create(&log_path).with_context(|| log_path.display().to_string())?);

    // `--show-output` prints what passed tests said: among it, what they skipped.
    let mut command = stage::cargo();
    command.args(["test", "--workspace", "--locked", "--no-fail-fast", "--", "--show-output"]);
    command.envs(engines.iter().map(|(variable, address)| (variable, address)));
    // Cargo names the binaries on its error stream, tests answer on the other: one pipe keeps them in order.
    let (answers, said) = std::io::pipe()?;
    command.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said);
    let mut child = command.spawn().context("cargo did not start")?;
    let shown = stage::told(&command);
    // Our own copies of the pipe's end live in the command: without them the pipe ends with the child.
    drop(command);
    let mut reader = Reader::default();
    reader.follow(BufReader::new(answers), &mut std::io::stdout(), &mut log)?;
    let status = child.wait()?;
    println!("everything that was said: {}", log_path.display());
    let outcome = if status.success() {
        Outcome::Passed
    } else {
        Outcome::Failed(format!("`{shown}` ended with {status}"))
    };
    Ok((Stage { name: name.to_owned(), outcome, took: began.elapsed() }, reader.finish()))
}

/// The whole journey as a new user starts it, on a fresh folder.
fn demo(binary: &Path) -> Stage {
    let name = "the journey by `stadion demo`";
    let Ok(folder) = tempfile::Builder::new().prefix("stadion-demo-").tempdir() else {
        return failed(name, "no temporary folder", Duration::ZERO);
    };
    let mut demo = Command::new(binary);
    demo.arg("demo").arg("--exit").arg("--data").arg(folder.path().join("data")).args([
        "--http",
        "127.0.0.1:0",
        "--admin",
        "127.0.0.1:0",
    ]);
    demo.current_dir(stage::root());
    stage::run_saying(name, &mut demo, "journey complete")
}

/// Schemathesis against the served OpenAPI: no 5xx, no answer outside the schema.
fn schemathesis(binary: &Path) -> Stage {
    let name = "schemathesis against the served OpenAPI";
    let script: PathBuf = stage::root().join("deploy/schemathesis/run.sh");
    let tools = match install::python_tools() {
        Ok(tools) => tools,
        Err(error) if stage::in_ci() => return failed(name, format!("{error:#}"), Duration::ZERO),
        Err(error) => return skipped(name, format!("{error:#}")),
    };
    let mut command = Command::new("bash");
    command.arg(script).current_dir(stage::root());
    command.env("STADION_BIN", binary).env("SCHEMATHESIS", tools.join("schemathesis"));
    stage::run(name, &mut command)
}

/// The pages in a real browser, on a stage that plays the public API.
fn browser() -> Stage {
    let name = "the live board in Chromium";
    let found = match install::browser() {
        Ok(found) => found,
        Err(error) if stage::in_ci() => return failed(name, format!("{error:#}"), Duration::ZERO),
        Err(error) => return skipped(name, format!("{error:#}")),
    };
    let mut command = Command::new("bash");
    command.arg(stage::root().join("deploy/browser/run.sh")).current_dir(stage::root());
    command.env("NODE", found.node).env("CHROMIUM", found.chromium);
    command.env("BROWSER_TOOLS", stage::target().join("browser"));
    command.env("STAGE", stage::target().join("debug/examples/stage"));
    stage::run(name, &mut command)
}
