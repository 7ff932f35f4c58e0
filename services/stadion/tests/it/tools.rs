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
    let run = &report["activities"][0];
    assert_eq!((run["laps"].as_array().unwrap().len(), run["splits_km"].as_array().unwrap().len()), (5, 5));
    assert_eq!(run["explanation"]["moving_time_s"], "speed-3s v1");
    assert!(run["efforts"].as_array().unwrap().iter().any(|effort| effort["name"] == "5km"));
    assert!(inspect(false).contains("distance_m"));
}

#[test]
fn inspect_tells_a_fault_in_json_where_json_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.fit");
    std::fs::write(&path, b"no workout at all").unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_stadion"));
    let output = command.args(["inspect", "--json"]).arg(&path).output().unwrap();
    assert!(!output.status.success());
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["problem"]["code"], "file_not_activity");
}

#[test]
fn inspect_counts_what_an_apple_export_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("export.xml");
    let record = r#"<Record type="HKQuantityTypeIdentifierStepCount" unit="count" value="7"
        startDate="2024-01-01 01:01:36 +0200" endDate="2024-01-01 01:02:36 +0200"/>"#;
    std::fs::write(&path, format!("<?xml version=\"1.0\"?><HealthData>{record}{record}</HealthData>"))
        .unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_stadion"));
    let output = command.args(["inspect", "--json"]).arg(&path).output().unwrap();
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&said["format"], &said["records"]["steps"]), (&"apple_health_export".into(), &2.into()));
}

#[test]
fn inspect_joins_the_workouts_of_a_health_archive_with_their_routes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("export.zip");
    let document = r#"<HealthData><Workout workoutActivityType="HKWorkoutActivityTypeRunning" duration="10" durationUnit="min"
        startDate="2026-05-02 06:00:00 +0000" endDate="2026-05-02 06:10:00 +0000"><WorkoutRoute>
        <FileReference path="/workout-routes/route_1.gpx"/></WorkoutRoute></Workout></HealthData>"#;
    let run = formats::synth::run(1, "2026-05-02T06:00:00Z".parse().unwrap(), 1_500.0, 360.0);
    let archive = testkit::zip::stored(&[
        ("apple_health_export/Export.xml", document.into()),
        ("apple_health_export/workout-routes/route_1.gpx", formats::gpx::write(&run).into_bytes()),
    ]);
    std::fs::write(&path, archive).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_stadion"));
    let output = command.args(["inspect", "--json"]).arg(&path).output().unwrap();
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&said["format"], &said["workouts"]), (&"apple_health_export".into(), &1.into()));
    assert!(said["activities"][0]["distance_m"].as_f64().unwrap() > 1_400.0, "{said:#}");
}

#[test]
fn without_mail_mail_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let output = binary("mail nobody@example.org", folder.path()).output().unwrap();
    assert!(!output.status.success());
    assert!(said(&output).1.contains("no mail to nobody@example.org"));
}
