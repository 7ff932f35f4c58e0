use formats::Sample;
use kernel::Sport;

use super::*;
use crate::domain::facts::{HeartRate, Origin, Start};

fn telling(name: &str, start_s: i64, rows: u32, sample: impl Fn(f64) -> Sample) -> Source {
    let mut streams = Streams::default();
    for row in 0..rows {
        streams.push(sample(f64::from(row)));
    }
    let start = Start { start_us: start_s * 1_000_000, utc_offset_s: 0, time_zone: None };
    let record = Record {
        origin: Origin::Manual,
        streams_blob: None,
        visibility: None,
        facts: Some(Facts::new(Sport::Running, start, f64::from(rows))),
        health: None,
        name: None,
        devices: Vec::new(),
        explained: Vec::new(),
        marks: Default::default(),
        judgement: None,
        trace: None,
    };
    Source { id: ActivityId::derived(&[name.as_bytes()]), record, streams }
}

fn phone() -> Source {
    telling("phone", 1_000, 60, |time_s| Sample { time_s, latlng: Some((43.2, 76.9)), ..Sample::default() })
}

/// Started ten seconds later; its pulse is 100 and the second of its own.
fn strap() -> Source {
    let beat = |time_s| Sample { time_s, heart_rate_bpm: Some(100.0 + time_s), ..Sample::default() };
    telling("strap", 1_010, 50, beat)
}

#[test]
fn the_track_of_the_one_gets_the_pulse_of_the_other_moment_by_moment() {
    let fused = fuse(&phone(), &[strap()]);
    let streams = fused.streams.unwrap();
    assert_eq!(
        (streams.heart_rate_bpm[4], streams.heart_rate_bpm[10], streams.heart_rate_bpm[59]),
        (None, Some(100.0), Some(149.0))
    );
    assert_eq!(streams.latlng, phone().streams.latlng);
    let heart = fused.record.health.unwrap();
    assert!(heart.has_heart_rate_stream && heart.heart_rate.max_bpm == Some(149.0));
    let gift = Gift { activity_id: strap().id, part: "heart_rate".to_owned(), source: "manual".to_owned() };
    assert_eq!((fused.record.marks.fused_from, fused.gives), (vec![gift], vec![(strap().id, "heart_rate")]));
    let told = fused.record.explained.iter().find(|known| known.field == "heart_rate_avg_bpm").unwrap();
    assert_eq!((told.algorithm.as_str(), told.version), (FILLED, 2));
}

/// A pulse of this height in so many of each ten rows.
fn beating(name: &str, bpm: f64, of_ten: f64) -> Source {
    telling(name, 1_000, 60, |time_s| Sample {
        time_s,
        heart_rate_bpm: (time_s % 10.0 < of_ten).then_some(bpm),
        ..Sample::default()
    })
}

fn named(source: Source, name: &str) -> Source {
    let devices = vec![Device { name: Some(name.to_owned()), ..Device::default() }];
    Source { record: Record { devices, ..source.record }, ..source }
}

fn pulse(fused: &Fused) -> Vec<f64> {
    fused.streams.iter().flat_map(|streams| &streams.heart_rate_bpm).flatten().copied().collect()
}

#[test]
fn whoever_has_clearly_more_of_the_pulse_gives_it_and_a_near_tie_stays() {
    let wrist = beating("wrist", 100.0, 6.0);
    let fused = fuse(&wrist, &[beating("tie", 130.0, 6.0), beating("whole", 140.0, 10.0)]);
    assert_eq!(pulse(&fused), vec![140.0; 60]);
    assert_eq!(fused.record.health.as_ref().unwrap().heart_rate.avg_bpm, Some(140.0));
    assert_eq!(fused.gives, [(ActivityId::derived(&[b"whole"]), "heart_rate")]);
    // A tenth more, and no more than that: what is 95 % there is as good as whole.
    let nearly = telling("nearly", 1_000, 60, |time_s| Sample {
        time_s,
        heart_rate_bpm: (time_s > 3.0).then_some(100.0),
        ..Sample::default()
    });
    assert!(fuse(&nearly, &[beating("whole", 140.0, 10.0)]).gives.is_empty());
    assert!(fuse(&beating("wrist", 100.0, 6.0), &[beating("tie", 140.0, 6.0)]).gives.is_empty());
}

#[test]
fn a_strap_is_believed_before_a_wrist_and_named() {
    let wrist = named(beating("wrist", 100.0, 10.0), "Forerunner 255");
    let strap = named(beating("strap", 140.0, 10.0), "Polar H10");
    let fused = fuse(&wrist, std::slice::from_ref(&strap));
    assert_eq!(pulse(&fused), vec![140.0; 60]);
    assert_eq!(fused.record.devices, [wrist.record.devices.clone(), strap.record.devices.clone()].concat());
    assert!(fuse(&strap, std::slice::from_ref(&wrist)).gives.is_empty(), "and after it");
    let loose = named(beating("strap", 140.0, 3.0), "HRM-Pro");
    assert!(fuse(&wrist, &[loose]).gives.is_empty(), "but one that lost contact is not");
}

#[test]
fn outside_the_time_of_both_the_primarys_own_stays() {
    let wrist = beating("wrist", 100.0, 6.0);
    let late = telling("late", 1_030, 30, |time_s| Sample {
        time_s,
        heart_rate_bpm: Some(150.0),
        ..Sample::default()
    });
    let fused = fuse(&wrist, &[late]);
    let streams = fused.streams.unwrap();
    assert_eq!(
        (streams.heart_rate_bpm[2], streams.heart_rate_bpm[8], streams.heart_rate_bpm[40]),
        (Some(100.0), None, Some(150.0))
    );
}

#[test]
fn the_meters_power_takes_the_place_of_what_was_estimated_and_the_altitude_stays() {
    let riding = |name, watts, of_ten: f64| {
        telling(name, 1_000, 60, move |time_s| Sample {
            time_s,
            power_w: (time_s % 10.0 < of_ten).then_some(watts),
            altitude_m: Some(watts),
            ..Sample::default()
        })
    };
    let phone = riding("phone", 180.0, 10.0);
    let fused = fuse(&phone, &[named(riding("bike", 210.0, 10.0), "Assioma DUO")]);
    assert_eq!(fused.record.facts.as_ref().unwrap().power_avg_w, Some(210.0));
    assert_eq!(fused.gives.iter().map(|given| given.1).collect::<Vec<_>>(), ["power"]);
    assert_eq!(fused.streams.unwrap().altitude_m, phone.streams.altitude_m);
}

#[test]
fn what_the_primary_has_stays_as_it_is() {
    let fused = fuse(&strap(), &[phone()]);
    assert!(fused.streams.is_none() && fused.gives.is_empty());
    assert_eq!(fused.record, strap().record);
}

#[test]
fn a_total_that_nobody_else_has_is_taken_as_it_was_stated() {
    let mut bare = strap();
    bare.streams = Streams::default();
    bare.record.facts.as_mut().unwrap().energy_kj = Some(900.0);
    bare.record.health =
        Some(Health { heart_rate: HeartRate { avg_bpm: Some(120.0), max_bpm: None }, ..Health::default() });
    let fused = fuse(&phone(), &[bare]);
    assert_eq!(fused.record.facts.unwrap().energy_kj, Some(900.0));
    assert_eq!(fused.record.health.unwrap().heart_rate.avg_bpm, Some(120.0));
    assert!(fused.record.explained.iter().all(|known| known.algorithm == TAKEN));
    assert_eq!(fused.gives.len(), 2);
}
