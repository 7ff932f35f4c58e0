//! The scenarios as they are run by hand, much smaller: on a binary that was built without optimisation no time means
//! anything, but every score and every rank does.
#![allow(clippy::unwrap_used, reason = "what a test is set up with is there, or the test fails")]

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

/// The server's binary beside this program; cargo makes it when only these tests were asked for.
fn stadion() -> PathBuf {
    let loadtest = Path::new(env!("CARGO_BIN_EXE_stadion-loadtest"));
    let binary = loadtest.with_file_name("stadion");
    if !binary.is_file() {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built =
            Command::new(cargo).args(["build", "--locked", "--quiet", "-p", "stadion-stadion"]).status();
        assert!(built.unwrap().success() && binary.is_file(), "{} is missing", binary.display());
    }
    binary
}

/// Runs it; what it said, and what it wrote down.
fn competed(arguments: &[&str], report: &Path) -> (Output, Value) {
    let run = Command::new(env!("CARGO_BIN_EXE_stadion-loadtest"))
        .arg("competition-50k")
        .args(arguments)
        .arg("--binary")
        .arg(stadion())
        .arg("--report")
        .arg(report)
        .output()
        .unwrap();
    let said =
        || format!("{}\n{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    let written =
        std::fs::read_to_string(report.join("competition-50k.json")).unwrap_or_else(|_| panic!("{}", said()));
    (run, serde_json::from_str(&written).unwrap())
}

/// What was seen of an objective.
fn seen(outcome: &Value, of: &str, what: &str) -> f64 {
    let verdicts = outcome["verdicts"].as_array().unwrap();
    let verdict = verdicts.iter().find(|verdict| verdict["of"] == of && verdict["what"] == what);
    verdict.and_then(|verdict| verdict["seen"].as_f64()).unwrap_or_else(|| panic!("{of}: {what}: {outcome}"))
}

fn nothing_was_lost(outcome: &Value) {
    for (of, what) in [
        ("all calls and streams", "errors"),
        ("the board", "lost updates"),
        ("the board", "wrong ranks"),
        ("the streams", "missed final states"),
    ] {
        assert!(seen(outcome, of, what).abs() < f64::EPSILON, "{of}: {what}: {}", outcome["words"]);
    }
}

#[test]
fn fifty_compete_and_every_score_and_rank_is_right() {
    let folder = tempfile::tempdir().unwrap();
    let (run, outcome) = competed(&["--athletes", "50", "--seconds", "10"], folder.path());
    nothing_was_lost(&outcome);
    assert_eq!(outcome["took"]["join"]["count"], 50);
    assert_eq!(
        outcome["took"]["sync"]["count"], 50,
        "one report each while it is measured: {}",
        outcome["notes"]
    );
    assert_eq!(outcome["took"]["own frame"]["count"], 50);
    let page = std::fs::read_to_string(folder.path().join("competition-50k.html")).unwrap();
    assert!(page.contains("lost updates") && page.matches("<svg").count() == 7 && !page.contains("NaN"));
    let met = |verdict: &Value| verdict["met"] == true;
    let passed =
        outcome["verdicts"].as_array().unwrap().iter().all(met) && outcome["faults"] == serde_json::json!([]);
    assert_eq!(run.status.success(), passed, "the exit code says whether every objective was met");
}

#[test]
fn a_server_killed_in_the_middle_keeps_what_it_acknowledged_for_slow_and_restless_readers_too() {
    let folder = tempfile::tempdir().unwrap();
    let hard = [
        "--athletes",
        "40",
        "--seconds",
        "20",
        "--kill",
        "--slow-percent",
        "10",
        "--reconnect-percent",
        "100",
    ];
    let (_, outcome) = competed(&hard, folder.path());
    nothing_was_lost(&outcome);
    assert!(
        outcome["outage"]["caught_up_s"].as_f64().unwrap() >= outcome["outage"]["ready_s"].as_f64().unwrap()
    );
}
