//! What we write is read back the same.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use stadion_formats::{
    Activity, Lap, Pause, Sample, Source, Sport, Total, fit, gpx, read, synth, tcx, totals,
};

fn start() -> Timestamp {
    "2026-03-01T07:30:00Z".parse().expect("a time")
}

fn back(activity: &Activity) -> Activity {
    let reading = read(&fit::write(activity)).expect("our own file");
    assert_eq!(reading.salvage, None);
    reading.activities.into_iter().next().expect("one activity")
}

#[test]
fn the_same_seed_makes_the_same_run_and_another_seed_another() {
    assert_eq!(synth::run(1, start(), 3000.0, 300.0), synth::run(1, start(), 3000.0, 300.0));
    assert_ne!(synth::run(1, start(), 3000.0, 300.0), synth::run(2, start(), 3000.0, 300.0));
}

#[test]
fn a_made_up_run_is_like_a_run() {
    let run = synth::run_at((47.37, 8.54), 11, start(), 10_000.0, 330.0);
    let value = |total: Option<Total>| total.expect("a figure").value;
    assert_eq!(run.totals.distance_m, Some(Total::device(10_000.0)));
    assert!((value(run.totals.elapsed_time_s) - 3300.0).abs() < 60.0);
    assert!((value(run.totals.moving_time_s) - value(run.totals.elapsed_time_s)).abs() < 5.0);
    assert!((110.0..180.0).contains(&value(run.totals.heart_rate_avg_bpm)));
    assert_eq!(run.laps.len(), 10);
    // The positions tell the distance too, and stay around the place.
    let by_position = read(gpx::write(&run).as_bytes()).expect("our own file").activities.remove(0);
    let walked_m = value(by_position.totals.distance_m);
    assert!((walked_m - 10_000.0).abs() < 800.0, "{walked_m}");
    let near = |(lat, lng): &(f64, f64)| (lat - 47.37).abs() < 0.02 && (lng - 8.54).abs() < 0.02;
    assert!(run.streams.latlng.iter().flatten().all(near));
}

#[test]
fn a_made_up_run_comes_back_from_fit_the_same() {
    for seed in 0..5 {
        let run = synth::run(seed, start(), 4321.0, 300.0);
        assert_eq!(back(&run), run);
    }
}

#[test]
fn a_made_up_run_comes_back_from_gpx_with_the_same_samples() {
    let run = synth::run(9, start(), 2000.0, 300.0);
    let from_gpx = read(gpx::write(&run).as_bytes()).expect("our own file").activities.remove(0);
    assert_eq!(from_gpx.sport, run.sport);
    assert_eq!(from_gpx.start, run.start);
    assert_eq!(from_gpx.streams.time_s, run.streams.time_s);
    assert_eq!(from_gpx.streams.latlng, run.streams.latlng);
    assert_eq!(from_gpx.streams.altitude_m, run.streams.altitude_m);
    assert_eq!(from_gpx.streams.heart_rate_bpm, run.streams.heart_rate_bpm);
    assert_eq!(from_gpx.streams.cadence_rpm, run.streams.cadence_rpm);
    assert_eq!(from_gpx.totals.distance_m.expect("computed").source, Source::Computed);
}

#[test]
fn a_name_comes_back_from_every_format() {
    let name = Some("Озеро <&> \"Кайынды\" – 10 км".to_owned());
    let run = Activity { name: name.clone(), ..synth::run(3, start(), 900.0, 300.0) };
    assert_eq!(back(&run).name, name);
    for document in [gpx::write(&run), tcx::write(&run)] {
        assert_eq!(read(document.as_bytes()).expect("our own file").activities[0].name, name);
    }
    let swim = Activity { sport: Sport::Swimming, ..run.clone() };
    let both = Activity { sport: Sport::Multisport, legs: vec![swim, run.clone()], ..run };
    for file in [fit::write(&both), tcx::write(&both).into_bytes()] {
        let read = read(&file).expect("our own file").activities.remove(0);
        assert_eq!((read.name, read.legs[0].name.as_ref()), (name.clone(), None));
    }
}

#[test]
fn legs_come_back_as_legs() {
    let swim = Activity { sport: Sport::Swimming, session_index: 1, ..synth::run(1, start(), 500.0, 900.0) };
    let later = start().checked_add(SignedDuration::from_secs(1000)).expect("in range");
    let ride = Activity { sport: Sport::Cycling, session_index: 2, ..synth::run(2, later, 9000.0, 120.0) };
    let mut parent = Activity::new(Sport::Multisport, start());
    parent.devices = swim.devices.clone();
    for (leg, after_s) in [(&swim, 0.0), (&ride, 1000.0)] {
        for sample in leg.streams.samples() {
            parent.streams.push(Sample { time_s: sample.time_s + after_s, ..sample });
        }
    }
    parent.legs = vec![swim, ride];
    let read = back(&parent);
    assert_eq!(read.sport, Sport::Multisport);
    assert_eq!(read.streams, parent.streams);
    for (read, written) in read.legs.iter().zip(&parent.legs) {
        assert_eq!((read.sport, read.start, &read.streams), (written.sport, written.start, &written.streams));
        assert_eq!(read.totals.distance_m, written.totals.distance_m);
        assert_eq!(read.session_index, written.session_index);
    }
}

/// A value that FIT can hold, as so many parts of a unit.
fn parts(range: std::ops::Range<u32>, scale: f64) -> impl Strategy<Value = Option<f64>> {
    prop::option::weighted(0.8, range.prop_map(move |raw| f64::from(raw) / scale))
}

fn place() -> impl Strategy<Value = Option<(f64, f64)>> {
    let degrees = |semicircles: i32| f64::from(semicircles) * (180.0 / 2_147_483_648.0);
    let place = (-1_073_741_824..=1_073_741_824_i32, -2_147_483_648..2_147_483_647_i32);
    prop::option::weighted(0.8, place.prop_map(move |(lat, lng)| (degrees(lat), degrees(lng))))
}

fn sample() -> impl Strategy<Value = (u32, Sample)> {
    let body = (place(), parts(1..255, 1.0), parts(0..2000, 1.0), parts(0..200 * 128, 128.0));
    let way = (parts(0..50_000, 1000.0), prop::option::of(-40..60_i32), parts(0..100_000, 5.0));
    (0..30_u32, body, way, any::<bool>()).prop_map(|(step_s, body, way, _)| {
        let (latlng, heart_rate_bpm, power_w, cadence_rpm) = body;
        let (speed_mps, temperature_c, raised_m) = way;
        let sample = Sample {
            time_s: 0.0,
            latlng,
            altitude_m: raised_m.map(|raised_m| raised_m - 500.0),
            heart_rate_bpm,
            power_w,
            cadence_rpm,
            speed_mps,
            temperature_c: temperature_c.map(f64::from),
            distance_m: None,
        };
        (step_s, sample)
    })
}

prop_compose! {
    /// Distances rise, times never fall, no two samples in one second could be one.
    fn an_activity()(
        sport in prop::sample::select(vec![Sport::Running, Sport::Cycling, Sport::Swimming, Sport::Other]),
        offset_quarters in prop::option::of(-48..=56_i32),
        samples in prop::collection::vec(sample(), 1..80),
        steps_cm in prop::collection::vec(0..2000_u32, 80),
        totals in (parts(1000..9_000_000, 1000.0), parts(0..9000, 1.0), parts(1..250, 1.0), parts(0..2000, 1.0)),
    ) -> Activity {
        let mut activity = Activity::new(sport, start());
        activity.utc_offset_s = offset_quarters.map(|quarters| quarters * 900);
        let (mut second, mut way_cm) = (0, 0);
        for ((step_s, sample), step_cm) in samples.into_iter().zip(steps_cm) {
            way_cm += step_cm;
            let distance_m = Some(f64::from(way_cm) / 100.0);
            activity.streams.push(Sample { time_s: f64::from(second), distance_m, ..sample });
            second += step_s + 1;
        }
        let (elapsed, ascent, pulse, power) = totals;
        activity.totals.elapsed_time_s = Some(Total::device(elapsed.unwrap_or(100.0)));
        activity.totals.timer_time_s = elapsed.map(Total::device);
        activity.totals.distance_m = Some(Total::device(f64::from(way_cm) / 100.0));
        activity.totals.ascent_m = ascent.map(Total::device);
        activity.totals.heart_rate_max_bpm = pulse.map(Total::device);
        activity.totals.power_avg_w = power.map(Total::device);
        if second > 20 {
            activity.pauses.push(Pause { start_s: 5.0, end_s: 12.0 });
        }
        activity.laps.push(Lap { start_s: 0.0, distance_m: Some(12.34), power_max_w: power, ..Lap::default() });
        activity
    }
}

/// What was computed before writing is the device's after; the streams decide whether it is the same.
fn values(activity: &Activity) -> Vec<Option<i64>> {
    let totals = &activity.totals;
    let all = [
        totals.elapsed_time_s,
        totals.timer_time_s,
        totals.moving_time_s,
        totals.distance_m,
        totals.ascent_m,
        totals.heart_rate_max_bpm,
        totals.power_avg_w,
    ];
    all.iter().map(|total| total.map(|total| (total.value * 1000.0).round() as i64)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_fit_can_hold_comes_back(activity in an_activity()) {
        let mut expected = activity.clone();
        totals::complete(&mut expected);
        let read = back(&activity);
        prop_assert_eq!(&read.streams, &activity.streams);
        prop_assert_eq!(&read.pauses, &activity.pauses);
        prop_assert_eq!(&read.laps, &activity.laps);
        prop_assert_eq!(read.utc_offset_s, activity.utc_offset_s);
        prop_assert_eq!((read.sport, read.start), (activity.sport, activity.start));
        prop_assert_eq!(values(&read), values(&expected));
        prop_assert_eq!(back(&read).streams, read.streams);
    }
}

#[test]
fn pauses_come_back_from_gpx_as_segments() {
    let mut run = synth::run(4, start(), 900.0, 300.0);
    for time_s in run.streams.time_s.iter_mut().skip(100) {
        *time_s += 60.0;
    }
    run.pauses.push(Pause { start_s: 99.0, end_s: 160.0 });
    let document = gpx::write(&run);
    assert_eq!(document.matches("<trkseg>").count(), 2);
    let from_gpx = read(document.as_bytes()).expect("our own file").activities.remove(0);
    assert_eq!(from_gpx.pauses, run.pauses);
}
