//! One stage of a run: a command with a name, timed, its outcome kept for the report.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

/// What became of a stage.
pub(crate) enum Outcome {
    Passed,
    Failed(String),
    Skipped(String),
}

pub(crate) struct Stage {
    pub(crate) name: String,
    pub(crate) outcome: Outcome,
    pub(crate) took: Duration,
}

/// Says that a stage begins.
pub(crate) fn announce(name: &str) {
    println!("\n── {name} ──");
}

/// Runs a command to its end, its output shown as it comes.
pub(crate) fn run(name: &str, command: &mut Command) -> Stage {
    announce(name);
    let began = Instant::now();
    let outcome = match command.stdin(Stdio::null()).status() {
        Ok(status) if status.success() => Outcome::Passed,
        Ok(status) => Outcome::Failed(format!("`{}` ended with {status}", told(command))),
        Err(error) => Outcome::Failed(format!("`{}` did not start: {error}", told(command))),
    };
    Stage { name: name.to_owned(), outcome, took: began.elapsed() }
}

/// As [`run`], for a command whose success must also be said: exiting quietly is a failure.
pub(crate) fn run_saying(name: &str, command: &mut Command, words: &str) -> Stage {
    announce(name);
    let began = Instant::now();
    let outcome = match said(command, words) {
        Ok((status, _)) if !status.success() => {
            Outcome::Failed(format!("`{}` ended with {status}", told(command)))
        }
        Ok((_, false)) => Outcome::Failed(format!("`{}` never said {words:?}", told(command))),
        Ok(_) => Outcome::Passed,
        Err(error) => Outcome::Failed(format!("`{}`: {error}", told(command))),
    };
    Stage { name: name.to_owned(), outcome, took: began.elapsed() }
}

/// Runs it, shows what it says, and listens for the words.
fn said(command: &mut Command, words: &str) -> std::io::Result<(ExitStatus, bool)> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let mut heard = false;
    for line in
        child.stdout.take().map(BufReader::new).into_iter().flat_map(BufReader::lines).map_while(Result::ok)
    {
        println!("{line}");
        heard |= line.contains(words);
    }
    Ok((child.wait()?, heard))
}

/// A stage that did not run.
pub(crate) fn skipped(name: &str, why: impl Into<String>) -> Stage {
    announce(name);
    let why = why.into();
    println!("skipped: {why}");
    Stage { name: name.to_owned(), outcome: Outcome::Skipped(why), took: Duration::ZERO }
}

pub(crate) fn failed(name: &str, why: impl Into<String>, took: Duration) -> Stage {
    let why = why.into();
    println!("failed: {why}");
    Stage { name: name.to_owned(), outcome: Outcome::Failed(why), took }
}

/// A command as one would type it.
pub(crate) fn told(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// Runs a command that must succeed; answers what it printed.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("`{}` did not start", told(command)))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        anyhow::bail!("`{}` ended with {}: {}", told(command), output.status, said.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The cargo that started us, so that a pinned toolchain stays the same.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    // `cargo run` has told us about ourselves; the cargo below is to see what a shell would show it, or build scripts
    // that watch these run again and again.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") || text == "CARGO_CRATE_NAME"
        {
            command.env_remove(&name);
        }
    }
    command
}

/// The top of the repository.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// Where cargo builds, and where `cargo dev` keeps its own things.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |folder| root().join(folder))
}

/// In CI a missing engine or tool is a failure; by hand it is a skip.
pub(crate) fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false")
}
