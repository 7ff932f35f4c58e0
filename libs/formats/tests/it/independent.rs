//! What we write, other people's readers read: gpxpy, fitdecode and python-tcxparser from PyPI, where there is a Python
//! that has them (`STADION_TEST_PYTHON`, else `python3`).

use std::process::Command;

use serde_json::Value;
use stadion_formats::{Activity, fit, gpx, synth, tcx};

/// What each reader says of its file, as one JSON object.
const ASK: &str = r#"
import json, sys, fitdecode, gpxpy, tcxparser
folder = sys.argv[1]
with open(folder + "/run.gpx") as file:
    points = [point for track in gpxpy.parse(file).tracks for part in track.segments for point in part.points]
with fitdecode.FitReader(folder + "/run.fit") as reader:
    frames = [frame for frame in reader if frame.frame_type == fitdecode.FIT_FRAME_DATA]
records = [frame for frame in frames if frame.name == "record"]
session = next(frame for frame in frames if frame.name == "session")
run = tcxparser.TCXParser(folder + "/run.tcx")
print(json.dumps({
    "gpx": {"points": len(points), "start": points[0].time.timestamp(), "latitude": points[0].latitude,
            "altitude": points[0].elevation},
    "fit": {"records": len(records), "start": session.get_value("start_time").timestamp(),
            "distance": session.get_value("total_distance"), "pulse": records[-1].get_value("heart_rate"),
            "laps": len([frame for frame in frames if frame.name == "lap"])},
    "tcx": {"sport": str(run.activity_type), "distance": float(run.distance), "duration": float(run.duration),
            "latitude": float(run.latitude), "pulse_max": int(run.hr_max), "laps": len(run.activity.findall("{*}Lap"))},
}))
"#;

/// None where there is no such Python.
fn ask(run: &Activity) -> Option<Value> {
    let python = std::env::var("STADION_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has = Command::new(&python).args(["-c", "import fitdecode, gpxpy, tcxparser"]).output();
    if !has.is_ok_and(|has| has.status.success()) {
        println!("skipped: {python} has not fitdecode, gpxpy and python-tcxparser");
        return None;
    }
    let folder = std::env::temp_dir().join(format!("stadion-formats-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("run.fit"), fit::write(run)).expect("written");
    std::fs::write(folder.join("run.gpx"), gpx::write(run)).expect("written");
    std::fs::write(folder.join("run.tcx"), tcx::write(run)).expect("written");
    let said = Command::new(&python).args(["-c", ASK]).arg(&folder).output().expect("it runs");
    std::fs::remove_dir_all(&folder).expect("removed");
    let complaint = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success(), "{complaint}");
    Some(serde_json::from_slice(&said.stdout).expect("JSON"))
}

#[test]
fn other_readers_find_in_our_files_what_we_wrote() {
    let run = synth::run(3, "2026-03-01T07:30:00Z".parse().expect("a time"), 3_456.0, 300.0);
    let Some(said) = ask(&run) else { return };
    let near = |pointer: &str, expected: f64, tolerance: f64| {
        let found = said.pointer(pointer).and_then(Value::as_f64);
        let found = found.unwrap_or_else(|| panic!("no {pointer} in {said}"));
        assert!((found - expected).abs() <= tolerance, "{pointer}: {found}, not {expected}");
    };
    let (start, first) = (run.start.as_second() as f64, run.streams.sample(0).expect("a sample"));
    let (records, laps) = (run.streams.len() as f64, run.laps.len() as f64);
    let latitude = first.latlng.expect("a place").0;
    near("/gpx/points", records, 0.0);
    near("/gpx/start", start, 0.0);
    near("/gpx/latitude", latitude, 1e-9);
    near("/gpx/altitude", first.altitude_m.expect("an altitude"), 1e-6);
    near("/fit/records", records, 0.0);
    near("/fit/start", start, 0.0);
    near("/fit/distance", 3_456.0, 0.01);
    near("/fit/laps", laps, 0.0);
    let last = run.streams.samples().last().and_then(|sample| sample.heart_rate_bpm);
    near("/fit/pulse", last.expect("a pulse"), 0.0);
    assert_eq!(said["tcx"]["sport"], "running");
    near("/tcx/distance", 3_456.0, 1.0);
    near("/tcx/duration", run.totals.elapsed_time_s.expect("a time").value, 1.0);
    near("/tcx/laps", laps, 0.0);
    near("/tcx/pulse_max", run.totals.heart_rate_max_bpm.expect("a pulse").value, 0.0);
}
