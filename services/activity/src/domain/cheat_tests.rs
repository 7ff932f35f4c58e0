use formats::Sample;

use super::*;
use crate::domain::facts::Start;

fn facts(sport: Sport, elapsed_time_s: f64, distance_m: f64) -> Facts {
    let start = Start { start_us: 0, utc_offset_s: 0, time_zone: None };
    Facts { distance_m: Some(distance_m), ..Facts::new(sport, start, elapsed_time_s) }
}

/// Northward, a row a second, at a speed that may change; with a pulse.
fn track(seconds: u32, mps: impl Fn(u32) -> f64, bpm: impl Fn(u32) -> f64) -> Streams {
    let mut streams = Streams::default();
    let mut way_m = 0.0;
    for second in 0..=seconds {
        let latlng = Some((43.2 + way_m / 111_195.0, 76.9));
        streams.push(Sample {
            time_s: second.into(),
            latlng,
            heart_rate_bpm: Some(bpm(second)),
            ..Sample::default()
        });
        way_m += mps(second);
    }
    streams
}

fn broken(sport: Sport, streams: &Streams) -> Vec<String> {
    let elapsed_s = *streams.time_s.last().unwrap();
    let distance_m = way(streams).last().unwrap().1;
    rules(&reasons(&facts(sport, elapsed_s, distance_m), Some(streams)))
}

fn rules(reasons: &[Reason]) -> Vec<String> {
    reasons.iter().map(|reason| reason.rule.clone()).collect()
}

fn alive(second: u32) -> f64 {
    140.0 + f64::from(second % 7)
}

#[test]
fn a_fast_run_with_a_sprint_and_a_lost_receiver_is_clear() {
    let run = track(3_600, |second| if second % 600 < 20 { 9.5 } else { 5.4 }, alive);
    assert_eq!(broken(Sport::Running, &run), Vec::<String>::new());
    let mut lost = run.clone();
    lost.latlng[100] = Some((43.9, 76.9));
    assert_eq!(rules(&reasons(&facts(Sport::Running, 3_600.0, 19_500.0), Some(&lost))), ["jumps"]);
    lost.latlng[100] = Some((43.21, 76.9));
    assert_eq!(rules(&reasons(&facts(Sport::Running, 3_600.0, 19_500.0), Some(&lost))), Vec::<String>::new());
}

#[test]
fn a_minute_on_a_bicycle_is_no_run_and_the_reason_says_where() {
    let run = track(1_800, |second| if (600..700).contains(&second) { 12.0 } else { 3.0 }, alive);
    let found = reasons(&facts(Sport::Running, 1_800.0, 6_300.0), Some(&run));
    assert_eq!(rules(&found), ["speed"]);
    let (from_s, to_s) = found[0].part_s.unwrap();
    assert!((600.0..700.0).contains(&from_s) && to_s <= 701.0 && to_s - from_s >= 60.0);
    assert!(found[0].detail.contains("12.0 m/s over 60 s"), "{}", found[0].detail);
    assert_eq!(broken(Sport::Cycling, &run), Vec::<String>::new());
}

#[test]
fn an_entry_by_hand_is_held_to_its_totals() {
    assert_eq!(rules(&reasons(&facts(Sport::Running, 600.0, 10_000.0), None)), ["average_speed"]);
    assert_eq!(rules(&reasons(&facts(Sport::Running, 1_600.0, 10_000.0), None)), Vec::<String>::new());
    // What counts is what is stated, where no track says otherwise.
    let swift = Facts { moving_time_s: Some(1.0), ..facts(Sport::Running, 1_800.0, 5_000.0) };
    assert_eq!(rules(&reasons(&swift, None)), ["average_speed"]);
    let up = Facts { ascent_m: Some(1_000.0), ..facts(Sport::Running, 600.0, 2_000.0) };
    assert_eq!(rules(&reasons(&up, None)), ["climb"]);
    assert_eq!(rules(&reasons(&facts(Sport::Other, 1.0, 1e6), None)), Vec::<String>::new());
}

#[test]
fn a_ride_in_a_car_is_told_by_the_pulse() {
    let car = track(1_800, |_| 15.0, |second| 68.0 + f64::from(second % 3));
    assert_eq!(broken(Sport::Cycling, &car), ["vehicle"]);
    let race = track(1_800, |_| 15.0, alive);
    assert_eq!(broken(Sport::Cycling, &race), Vec::<String>::new());
}

#[test]
fn a_heart_that_stands_still_is_no_heart() {
    let painted = track(1_800, |_| 3.0, |_| 150.0);
    assert_eq!(broken(Sport::Running, &painted), ["still_heart"]);
}

#[test]
fn a_total_beyond_the_files_own_track_was_written_in() {
    let run = track(1_800, |_| 3.0, alive);
    assert_eq!(rules(&reasons(&facts(Sport::Running, 1_800.0, 12_500.0), Some(&run))), ["edited"]);
}

#[test]
fn what_shakes_all_the_way_is_no_movement_of_a_body() {
    let shaken = track(600, |second| if second % 2 == 0 { 0.0 } else { 30.0 }, alive);
    assert!(broken(Sport::Cycling, &shaken).contains(&"acceleration".to_owned()));
}
