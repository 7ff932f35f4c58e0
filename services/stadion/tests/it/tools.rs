//! The command line, as it is typed.

use std::process::Output;

use crate::embedded::{Process, binary};

fn said(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_folder_has_one_owner_and_the_second_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let first = Process::start(folder.path());
    let second =
        binary("up", folder.path()).args(["--http", "127.0.0.1:0", "--admin", "127.0.0.1:0"]).output();
    let second = second.unwrap();
    assert!(!second.status.success());
    let (out, err) = said(&second);
    assert!(out.is_empty() && err.contains("is in use by another stadion"), "{out} {err}");
    drop(first);
}

#[test]
fn an_operator_is_added_with_and_without_a_running_owner() {
    let folder = tempfile::tempdir().unwrap();
    let add = || binary("operator add op@example.org", folder.path()).output().unwrap();
    let offline = add();
    let (code, err) = said(&offline);
    assert!(offline.status.success(), "{err}");
    assert!(!code.trim().is_empty() && code.lines().count() == 1, "the code stands alone: {code}");
    let owner = Process::start(folder.path());
    let (again, err) = said(&add());
    assert!(again.lines().count() == 1 && again != code, "{again} {err}");
    drop(owner);
}

#[test]
fn the_doctor_prints_every_setting_with_its_origin() {
    let folder = tempfile::tempdir().unwrap();
    let output =
        binary("doctor --print-config", folder.path()).env("STADION_LIMITS__READS_PER_S", "7").output();
    let (out, err) = said(&output.unwrap());
    assert!(out.contains("limits.reads_per_s = 7  (environment STADION_LIMITS__READS_PER_S)"), "{out}{err}");
    assert!(out.contains("limits.sign_ups_per_hour = 20  (default)"), "{out}");
    assert!(out.contains("(flag --data)"), "{out}");
}

#[test]
fn a_setting_that_is_wrong_is_told_before_anything_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("never");
    let output = binary("up", &data).env("STADION_HTTP__CONNECTIONS_MAX", "0").output().unwrap();
    let (_, err) = said(&output);
    assert!(!output.status.success() && err.contains("http.connections_max: must be at least 1"), "{err}");
    assert!(err.contains("environment STADION_HTTP__CONNECTIONS_MAX"), "{err}");
    assert!(!data.exists());
}

#[test]
fn migrate_twice_finds_nothing_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let migrate = || said(&binary("migrate", folder.path()).output().unwrap()).0;
    assert!(migrate().contains("auth: applied"));
    assert!(migrate().lines().all(|line| line.ends_with("up to date")));
}

#[test]
fn inspect_says_what_a_file_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.fit");
    let start = "2026-05-01T06:00:00Z".parse().unwrap();
    std::fs::write(&path, formats::write(&formats::synth::run(7, start, 5_000.0, 330.0))).unwrap();
    let inspect = |json: bool| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_stadion"));
        command.arg("inspect").arg(&path).args(json.then_some("--json"));
        said(&command.output().unwrap()).0
    };
    let report: serde_json::Value = serde_json::from_str(&inspect(true)).unwrap();
    assert_eq!(report["activities"][0]["sport"], "running");
    assert_eq!(report["activities"][0]["start_at"], "2026-05-01T06:00:00Z");
    assert!(inspect(false).contains("distance_m"));
}

#[test]
fn without_mail_mail_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let output = binary("mail nobody@example.org", folder.path()).output().unwrap();
    assert!(!output.status.success());
    assert!(said(&output).1.contains("no mail to nobody@example.org"));
}
