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
    assert_eq!(
        (fused.record.marks.fused_from, fused.gives),
        (vec![strap().id], vec![(strap().id, "heart_rate")])
    );
    let told = fused.record.explained.iter().find(|known| known.field == "heart_rate_avg_bpm").unwrap();
    assert_eq!(told.algorithm, FILLED);
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
