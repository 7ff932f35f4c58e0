//! `cargo dev test`: every test, on real engines, and an honest account of it.

use std::{
    fs,
    io::{BufReader, BufWriter, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use crate::{
    engines::{
        ALL, KAFKA, kafka,
        throwaway::{Background, Start},
    },
    install,
    report::{self, Counts, Reader},
    stage::{self, Outcome, Stage, announce, failed, skipped},
};

const POSTGRES: &str = "STADION_TEST_POSTGRES";
/// The services that keep a store: their suites run on each engine.
const WITH_STORES: [&str; 6] = ["activity", "auth", "gamification", "leaderboard", "promo", "social"];

pub(crate) fn run() -> Result<bool> {
    // They come up while cargo builds.
    let background = Background::start(&ALL);
    // All targets at once, so that tests and the binary are built with the same features and only once.
    let build = stage::run(
        "build",
        stage::cargo().args(["build", "--workspace", "--locked", "--tests", "--bins", "--examples"]),
    );
    if matches!(build.outcome, Outcome::Failed(_)) {
        return Ok(report::close(&[build], &Counts::default()));
    }
    let mut stages = vec![build];
    let mut found: Vec<_> =
        background.starts().into_iter().filter_map(|start| engine(start, &mut stages)).collect();
    if found.iter().any(|(variable, _)| *variable == KAFKA.variable()) {
        found.push(("STADION_TEST_KAFKA_LIB", kafka::jars().display().to_string()));
    }
    // Without them the tests that need them say so; the stage that cannot do without fails.
    if let Ok(tools) = install::python_tools() {
        found.push(("STADION_TEST_PYTHON", tools.join("python").display().to_string()));
    }
    let (tests, mut counts) = tests(&found)?;
    stages.push(tests);
    if found.iter().any(|(variable, _)| *variable == POSTGRES) {
        let (again, more) = services_on_postgres(&found)?;
        stages.push(again);
        counts.add(more);
    }
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
fn tests(engines: &[(&'static str, String)]) -> Result<(Stage, Counts)> {
    // `--tests`: what documentation shows is no program here, and each crate would be gone through once more to know it.
    // `--show-output` prints what passed tests said: among it, what they skipped.
    let mut command = stage::cargo();
    command.args(["test", "--workspace", "--tests", "--locked", "--no-fail-fast", "--", "--show-output"]);
    let mut log = log("dev-test.log")?;
    let name = "cargo test --workspace";
    announce(name);
    let began = Instant::now();
    let mut reader = Reader::default();
    let outcome = heard(&mut command, engines, &mut reader, &mut log)?;
    Ok((Stage { name: name.to_owned(), outcome, took: began.elapsed() }, reader.finish()))
}

/// The services' suites once more, in the same words, with their stores on PostgreSQL.
fn services_on_postgres(engines: &[(&'static str, String)]) -> Result<(Stage, Counts)> {
    let name = "the services' suites, on PostgreSQL";
    announce(name);
    let began = Instant::now();
    let mut log = log("dev-test-postgres.log")?;
    let mut engines = engines.to_vec();
    engines.push(("STADION_TEST_ENGINE", "postgres".to_owned()));
    let mut reader = Reader::default();
    let mut broken = Vec::new();
    for (package, program) in suites()? {
        println!("{package}");
        let mut command = Command::new(program);
        command.arg("--show-output");
        command.current_dir(stage::root().join("services").join(&package));
        if let Outcome::Failed(_) = heard(&mut command, &engines, &mut reader, &mut log)? {
            reader.name_package(&format!("on PostgreSQL, -p stadion-{package}"));
            broken.push(package);
        }
    }
    let outcome = match broken.is_empty() {
        true => Outcome::Passed,
        false => Outcome::Failed(format!("failed on PostgreSQL: {}", broken.join(", "))),
    };
    Ok((Stage { name: name.to_owned(), outcome, took: began.elapsed() }, reader.finish()))
}

/// The test programs of the services that keep stores, as they were built: by package alone cargo would build them
/// anew, with other features.
fn suites() -> Result<Vec<(String, PathBuf)>> {
    let mut list = stage::cargo();
    list.args(["test", "--workspace", "--tests", "--locked", "--no-run", "--message-format", "json"]);
    let mut found = Vec::new();
    for line in stage::output(&mut list)?.lines() {
        let said: serde_json::Value = serde_json::from_str(line).with_context(|| line.to_owned())?;
        let manifest = Path::new(said["manifest_path"].as_str().unwrap_or_default());
        let package = manifest.parent().and_then(Path::file_name).and_then(|name| name.to_str());
        let service = package.filter(|name| WITH_STORES.contains(name));
        if let (Some(service), Some("it"), Some(program)) =
            (service, said["target"]["name"].as_str(), said["executable"].as_str())
        {
            found.push((service.to_owned(), PathBuf::from(program)));
        }
    }
    anyhow::ensure!(found.len() == WITH_STORES.len(), "of {WITH_STORES:?} only {found:?} have tests");
    Ok(found)
}

fn log(name: &str) -> Result<BufWriter<fs::File>> {
    let path = stage::target().join(name);
    fs::create_dir_all(stage::target())?;
    println!("everything that is said: {}", path.display());
    Ok(BufWriter::new(fs::File::create(&path).with_context(|| path.display().to_string())?))
}

/// Runs tests to their end, and hears what they say.
fn heard(
    command: &mut Command,
    engines: &[(&'static str, String)],
    reader: &mut Reader,
    log: &mut impl Write,
) -> Result<Outcome> {
    command.envs(engines.iter().map(|(variable, address)| (variable, address)));
    let shown = stage::told(command);
    // Cargo names the binaries on its error stream, tests answer on the other: one pipe keeps them in order.
    let (answers, said) = std::io::pipe()?;
    command.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said);
    let mut child = command.spawn().with_context(|| format!("`{shown}` did not start"))?;
    // Our own copies of the pipe's end live in the command: without them the pipe ends with the child.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    reader.follow(BufReader::new(answers), &mut std::io::stdout(), log)?;
    let status = child.wait()?;
    Ok(if status.success() {
        Outcome::Passed
    } else {
        Outcome::Failed(format!("`{shown}` ended with {status}"))
    })
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
