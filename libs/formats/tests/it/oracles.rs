//! Undamaged files agree with what other readers say of them.

use jiff::Timestamp;
use serde_json::Value;
use stadion_formats::{Activity, Reading, Total, read};

use crate::samples::{oracles, sample};

fn reading_of(file: &str) -> Option<Reading> {
    Some(read(&sample(file)?).unwrap_or_else(|problem| panic!("{file}: {problem}")))
}

fn assert_near(what: &str, got: Option<Total>, expected: &Value, tolerance: f64) {
    let Some(expected) = expected.as_f64() else { return };
    let got = got.unwrap_or_else(|| panic!("{what} is missing")).value;
    assert!((got - expected).abs() <= tolerance, "{what}: {got}, not {expected}");
}

fn assert_starts(file: &str, activity: &Activity, expected: &Value) {
    let Some(expected) = expected.as_str() else { return };
    let expected: Timestamp = expected.parse().expect("a time");
    let apart_s = activity.start.duration_since(expected).as_secs_f64().abs();
    assert!(apart_s <= 1.0, "{file} starts at {}, not {expected}", activity.start);
}

/// FIT's words in ours.
fn sport_of(session: &Value) -> &str {
    match (session["sport"].as_str(), session["sub_sport"].as_str()) {
        (Some("fitness_equipment"), Some("indoor_rowing")) => "rowing",
        (Some("training"), Some("yoga")) => "yoga",
        (Some("generic" | "transition"), _) => "other",
        (Some(sport), _) => sport,
        (None, _) => "other",
    }
}

fn assert_agrees(file: &str, activity: &Activity, session: &Value) {
    assert_eq!(activity.sport.as_str(), sport_of(session), "{file}");
    if let Some(sub_sport) = session["sub_sport"].as_str().filter(|name| *name != "generic") {
        assert_eq!(activity.sub_sport.as_deref(), Some(sub_sport), "{file}");
    }
    let totals = &activity.totals;
    let distance_m = session["total_distance"].as_f64().unwrap_or(0.0);
    // Only the app on the rower's watch knew the distance; the other reader does not put it in place of the device's 0.
    if !file.contains("indoor-rowing") {
        assert_near(file, totals.distance_m, &session["total_distance"], distance_m / 1000.0);
    }
    assert_near(file, totals.elapsed_time_s, &session["total_elapsed_time"], 1.0);
    assert_near(file, totals.timer_time_s, &session["total_timer_time"], 1.0);
    assert_near(file, totals.ascent_m, &session["total_ascent"], 0.0);
    assert_near(file, totals.descent_m, &session["total_descent"], 0.0);
    if session["avg_heart_rate"].as_f64() == Some(0.0) {
        assert_eq!(totals.heart_rate_avg_bpm, None, "{file}: a heart rate of zero is missing");
    } else {
        assert_near(file, totals.heart_rate_avg_bpm, &session["avg_heart_rate"], 1.0);
        assert_near(file, totals.heart_rate_max_bpm, &session["max_heart_rate"], 1.0);
    }
    assert_near(file, totals.power_avg_w, &session["avg_power"], 1.0);
    assert_near(file, totals.power_max_w, &session["max_power"], 1.0);
}

/// The SDK gives up on compressed timestamps; the other reader's count stands in.
fn records(oracle: &Value) -> Option<u64> {
    let counted = oracle["fitdecode"].as_str().and_then(|words| words.split("rec=").nth(1)?.parse().ok());
    counted.or(oracle["records"].as_u64())
}

#[test]
fn fit_files_of_one_session_are_read_as_the_device_meant_them() {
    let mut seen = 0;
    for (file, oracle) in oracles("fit/") {
        let sessions = oracle["sessions"].as_array().map_or(&[][..], Vec::as_slice);
        if file.contains("derived") || file.contains("corrupt") || sessions.len() > 1 {
            continue;
        }
        let Some(reading) = reading_of(&file) else { return };
        assert_eq!(reading.salvage, None, "{file}");
        let [activity] = reading.activities.as_slice() else { panic!("{file}: not one activity") };
        assert_eq!(Some(activity.streams.len() as u64), records(&oracle), "{file}: records");
        assert_eq!(Some(activity.laps.len() as u64), oracle["laps"].as_u64(), "{file}: laps");
        let first_ts = if sessions.is_empty() { &oracle["first_ts"] } else { &sessions[0]["start_time"] };
        assert_starts(&file, activity, first_ts);
        for session in sessions {
            assert_agrees(&file, activity, session);
        }
        if sessions.first().is_some_and(|session| session["avg_heart_rate"].is_null()) {
            assert_near(&file, activity.totals.heart_rate_avg_bpm, &oracle["rec_hr_avg"], 1.0);
        }
        assert_positions(&file, activity, &oracle);
        seen += 1;
    }
    println!("{seen} FIT files agree");
}

fn assert_positions(file: &str, activity: &Activity, oracle: &Value) {
    let placed = activity.streams.latlng.iter().flatten().count() as u64;
    if oracle["records"].as_u64() != Some(0) {
        assert_eq!(Some(placed), oracle["with_gps"].as_u64(), "{file}: positions");
    }
}

#[test]
fn multisport_files_are_one_parent_with_a_leg_for_each_session() {
    for file in ["fit/multisport-fenix2-7sessions-large.fit", "fit/triathlon-chained-headers.fit"] {
        let Some(reading) = reading_of(file) else { return };
        let oracle = oracles(file).remove(0).1;
        let sessions = oracle["sessions"].as_array().expect("sessions");
        let [parent] = reading.activities.as_slice() else { panic!("{file}: not one activity") };
        assert_eq!(parent.sport.as_str(), "multisport");
        assert_eq!(Some(parent.streams.len() as u64), oracle["records"].as_u64(), "{file}");
        assert_eq!(parent.legs.len(), sessions.len());
        for (leg, session) in parent.legs.iter().zip(sessions) {
            assert_agrees(file, leg, session);
        }
        for (leg, session) in parent.legs.iter().zip(sessions).skip(1) {
            assert_starts(file, leg, &session["start_time"]);
        }
        let in_legs: usize = parent.legs.iter().map(|leg| leg.streams.len()).sum();
        assert_eq!(in_legs, parent.streams.len(), "{file}: every record is in one leg");
        let numbers: Vec<_> = parent.legs.iter().map(|leg| leg.session_index).collect();
        assert_eq!(numbers, (1..=sessions.len() as u32).collect::<Vec<_>>());
    }
}

#[test]
fn gpx_files_are_as_long_in_space_and_time_as_others_say() {
    let mut seen = 0;
    for (file, oracle) in oracles("gpx/") {
        // Points without a time or a place have tests of their own.
        if oracle["duration"].as_f64().is_none_or(|duration| duration == 0.0) || file.contains("no-elevation")
        {
            continue;
        }
        let Some(reading) = reading_of(&file) else { return };
        let [activity] = reading.activities.as_slice() else { panic!("{file}: not one activity") };
        let distance_m = oracle["len2d"].as_f64().unwrap_or(0.0);
        assert_eq!(Some(activity.streams.len() as u64), oracle["points"].as_u64(), "{file}: points");
        assert_starts(&file, activity, &oracle["start"]);
        // Oracles are rounded to a tenth of a metre.
        assert_near(&file, activity.totals.distance_m, &oracle["len2d"], distance_m / 1000.0 + 0.05);
        assert_near(&file, activity.totals.timer_time_s, &oracle["duration"], 1.0);
        assert_near(&file, activity.totals.heart_rate_avg_bpm, &oracle["hr_avg"], 1.0);
        assert_near(&file, activity.totals.heart_rate_max_bpm, &oracle["hr_max"], 1.0);
        assert_eq!(reading.salvage, None, "{file}");
        seen += 1;
    }
    println!("{seen} GPX files agree");
}

#[test]
fn tcx_files_are_read_as_the_device_summed_them_up() {
    let mut seen = 0;
    for (file, oracle) in oracles("tcx/") {
        let Some(reading) = reading_of(&file) else { return };
        assert_eq!(reading.salvage, None, "{file}");
        let [activity] = reading.activities.as_slice() else { panic!("{file}: not one activity") };
        let sport = match oracle["sport"][0].as_str() {
            Some("Biking") => "cycling",
            Some("Running") => "running",
            _ => "other",
        };
        assert_eq!(activity.sport.as_str(), sport, "{file}");
        assert_eq!(Some(activity.laps.len() as u64), oracle["laps"].as_u64(), "{file}: laps");
        // Laps of one maker repeat the point at which the one before ended.
        let repeated = if file.contains("PAIR") { activity.laps.len() as u64 - 1 } else { 0 };
        let points = activity.streams.len() as u64 + repeated;
        assert_eq!(Some(points), oracle["trackpoints"].as_u64(), "{file}: points");
        let placed = activity.streams.latlng.iter().flatten().count() as u64 + repeated;
        assert_eq!(Some(placed), oracle["gps"].as_u64(), "{file}: positions");
        let with_zone = oracle["start"].as_str().map(|start| format!("{}Z", start.trim_end_matches('Z')));
        assert_starts(&file, activity, &with_zone.map_or(Value::Null, Value::String));
        let totals = &activity.totals;
        assert_near(&file, totals.timer_time_s, &oracle["lap_time_sum"], 0.01);
        assert_near(&file, totals.distance_m, &oracle["lap_dist_sum"], 0.01);
        let energy_kcal = totals.energy_kj.map(|energy| Total { value: energy.value / 4.184, ..energy });
        // One file says nothing of energy, which the other reader takes for zero.
        if energy_kcal.is_some() || oracle["kcal"] != 0 {
            assert_near(&file, energy_kcal, &oracle["kcal"], 0.01);
        }
        assert_near(&file, totals.heart_rate_avg_bpm, &oracle["hr_avg"], 1.0);
        assert_near(&file, totals.heart_rate_max_bpm, &oracle["hr_max"], 0.0);
        // The other reader counts repeated points twice, in a ride of two minutes.
        assert_near(&file, totals.power_avg_w, &oracle["watts_avg"], 1.5);
        assert_near(&file, totals.power_max_w, &oracle["watts_max"], 0.0);
        seen += 1;
    }
    println!("{seen} TCX files agree");
    assert!(seen == 0 || seen == 7, "{seen} of 7");
}

#[test]
fn a_pause_in_a_lap_is_one() {
    let Some(reading) = reading_of("tcx/run-endomondo-2laps.tcx") else { return };
    let run = &reading.activities[0];
    let [pause] = run.pauses.as_slice() else { panic!("{:?}", run.pauses) };
    assert!((300.0..420.0).contains(&pause.duration_s()), "{pause:?}");
}

#[test]
fn the_same_ride_is_the_same_in_all_formats() {
    let files = [
        "fit/PAIR-A-ride.fit",
        "gpx/PAIR-A-garmin-connect.gpx",
        "gpx/PAIR-A-strava.gpx",
        "tcx/PAIR-A-garmin-connect.tcx",
    ];
    let rides: Vec<_> = files.iter().filter_map(|file| reading_of(file)).collect();
    for pair in rides.windows(2) {
        let (one, other) = (&pair[0].activities[0], &pair[1].activities[0]);
        assert_eq!((one.sport, one.start), (other.sport, other.start));
        assert_eq!(one.streams.time_s, other.streams.time_s);
        assert_eq!(one.streams.heart_rate_bpm, other.streams.heart_rate_bpm);
        let moving_s = |ride: &Activity| ride.totals.moving_time_s.expect("moving time").value;
        assert!((moving_s(one) - moving_s(other)).abs() < 30.0, "{} {}", moving_s(one), moving_s(other));
    }
}

#[test]
fn ascent_by_hysteresis_lies_between_the_flattest_and_the_roughest_method() {
    let by_method = [
        ("fit/PAIR-A-ride.fit", 40.0, 125.0),
        ("fit/mtb-downhill-4h.fit", 1550.0, 1711.0),
        ("fit/ride-edge500-large.fit", 380.0, 542.0),
        ("fit/run-fenix2-gps.fit", 50.0, 257.0),
    ];
    for (file, least_m, most_m) in by_method {
        let Some(reading) = reading_of(file) else { return };
        let altitude_m = &reading.activities[0].streams.altitude_m;
        let (up_m, _) = stadion_formats::totals::climb_m(altitude_m).expect("altitudes");
        assert!((least_m..=most_m).contains(&up_m), "{file}: {up_m}");
    }
}
