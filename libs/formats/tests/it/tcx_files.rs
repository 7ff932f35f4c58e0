//! Odd but common TCX, made here; and what we write is read back the same.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use proptest::prelude::*;
use stadion_formats::{
    Activity, Device, Lap, Pause, Reading, Sample, Sport, Total, read, synth, tcx, totals,
};

fn start() -> Timestamp {
    "2026-03-01T07:30:00Z".parse().expect("a time")
}

fn reading(document: &str) -> Reading {
    read(document.as_bytes()).unwrap_or_else(|problem| panic!("{problem}: {document}"))
}

fn only(document: &str) -> Activity {
    let mut reading = reading(document);
    assert_eq!(reading.salvage, None, "{document}");
    assert_eq!((reading.activities.len(), reading.format.as_str()), (1, "tcx"));
    reading.activities.remove(0)
}

/// A point so many seconds after nine.
fn point(second: u32, inner: &str) -> String {
    let time = format!("2024-05-04T09:{:02}:{:02}Z", second / 60, second % 60);
    format!("<Trackpoint><Time>{time}</Time>{inner}</Trackpoint>")
}

fn track(seconds: &[u32]) -> String {
    let points: String = seconds.iter().map(|second| point(*second, "")).collect();
    format!("<Track>{points}</Track>")
}

fn lap(second: u32, timer_s: f64, inner: &str) -> String {
    format!(
        "<Lap StartTime='2024-05-04T09:{:02}:{:02}Z'><TotalTimeSeconds>{timer_s}</TotalTimeSeconds>\
         <DistanceMeters>100</DistanceMeters><Calories>7</Calories>{inner}</Lap>",
        second / 60,
        second % 60
    )
}

fn activity(inner: &str) -> String {
    format!("<Activity Sport='Biking'><Id>2024-05-04T09:00:00Z</Id>{inner}</Activity>")
}

fn tcx(activities: &str) -> String {
    format!(
        "<?xml version='1.0'?><TrainingCenterDatabase xmlns='x'><Activities>{activities}</Activities></TrainingCenterDatabase>"
    )
}

fn value(total: Option<Total>) -> f64 {
    total.expect("a figure").value
}

#[test]
fn extensions_are_read_with_any_prefix_and_without() {
    for prefix in ["", "ns3:", "x:"] {
        let inner = format!(
            "<Position><LatitudeDegrees>47</LatitudeDegrees><LongitudeDegrees>8</LongitudeDegrees></Position>\
             <AltitudeMeters>400.5</AltitudeMeters><DistanceMeters>12.5</DistanceMeters>\
             <HeartRateBpm xsi:type='HeartRateInBeatsPerMinute_t'><Value>151</Value></HeartRateBpm><Extensions>\
             <{prefix}TPX CadenceSensor='Footpod'><{prefix}Speed>3.25</{prefix}Speed>\
             <{prefix}RunCadence>88</{prefix}RunCadence><{prefix}Watts>210</{prefix}Watts></{prefix}TPX></Extensions>"
        );
        let sums = format!(
            "<Track>{}</Track><Extensions><{prefix}LX><{prefix}AvgWatts>201</{prefix}AvgWatts>\
             <{prefix}MaxWatts>250</{prefix}MaxWatts><{prefix}AvgRunCadence>85</{prefix}AvgRunCadence></{prefix}LX>\
             </Extensions>",
            point(0, &inner)
        );
        let run = only(&tcx(&activity(&lap(0, 10.0, &sums))));
        let expected = Sample {
            time_s: 0.0,
            latlng: Some((47.0, 8.0)),
            altitude_m: Some(400.5),
            heart_rate_bpm: Some(151.0),
            power_w: Some(210.0),
            cadence_rpm: Some(88.0),
            speed_mps: Some(3.25),
            temperature_c: None,
            distance_m: Some(12.5),
        };
        assert_eq!(run.streams.sample(0), Some(expected));
        let lap = run.laps[0];
        assert_eq!(
            (lap.power_avg_w, lap.power_max_w, lap.cadence_avg_rpm),
            (Some(201.0), Some(250.0), Some(85.0))
        );
        assert_eq!((value(run.totals.power_avg_w), value(run.totals.power_max_w)), (201.0, 250.0));
    }
}

#[test]
fn laps_add_up_and_repeat_the_point_they_part_at() {
    let laps = lap(0, 60.0, &track(&[0, 30, 60])) + &lap(60, 40.0, &track(&[60, 80, 100]));
    let ride = only(&tcx(&activity(&laps)));
    assert_eq!(ride.streams.time_s, [0.0, 30.0, 60.0, 80.0, 100.0]);
    assert_eq!((value(ride.totals.timer_time_s), value(ride.totals.distance_m)), (100.0, 200.0));
    assert!((value(ride.totals.energy_kj) - 14.0 * 4.184).abs() < 1e-9);
    let starts: Vec<_> = ride.laps.iter().map(|lap| (lap.start_s, lap.elapsed_time_s)).collect();
    assert_eq!(starts, [(0.0, Some(60.0)), (60.0, Some(40.0))]);
    assert_eq!(ride.pauses, []);
    assert_eq!(ride.sport, Sport::Cycling);
}

#[test]
fn tracks_of_a_lap_are_parted_by_pauses() {
    let ride = only(&tcx(&activity(&lap(0, 50.0, &(track(&[0, 30]) + &track(&[130, 150]))))));
    assert_eq!(ride.pauses, [Pause { start_s: 30.0, end_s: 130.0 }]);
    assert_eq!((value(ride.totals.elapsed_time_s), value(ride.totals.timer_time_s)), (150.0, 50.0));
}

#[test]
fn a_lap_that_ends_in_a_pause_is_known_by_its_timer() {
    let paused = lap(0, 30.0, &track(&[0, 30])) + &lap(90, 10.0, &track(&[90, 100]));
    assert_eq!(only(&tcx(&activity(&paused))).pauses, [Pause { start_s: 30.0, end_s: 90.0 }]);
    let sparse = lap(0, 90.0, &track(&[0, 80])) + &lap(90, 10.0, &track(&[91, 100]));
    assert_eq!(only(&tcx(&activity(&sparse))).pauses, []);
}

#[test]
fn a_session_of_several_sports_is_one_activity_with_legs() {
    let transition = lap(100, 20.0, "").replace("Lap", "Transition");
    let document = tcx(&format!(
        "<MultiSportSession><Id>2024-05-04T09:00:00Z</Id><FirstSport>{}</FirstSport><NextSport>{transition}{}</NextSport>\
         </MultiSportSession>{}",
        activity(&lap(0, 100.0, &track(&[0, 100]))),
        activity(&lap(120, 60.0, &track(&[120, 180]))).replace("Biking", "Running"),
        activity(&lap(3000, 60.0, &track(&[3000, 3060]))),
    ));
    let reading = reading(&document);
    let [parent, alone] = reading.activities.as_slice() else {
        panic!("{} activities", reading.activities.len())
    };
    assert_eq!((parent.sport, parent.session_index), (Sport::Multisport, 0));
    let legs: Vec<_> = parent.legs.iter().map(|leg| (leg.sport.as_str(), leg.session_index)).collect();
    assert_eq!(legs, [("cycling", 1), ("other", 2), ("running", 3)]);
    assert_eq!(parent.legs[1].sub_sport.as_deref(), Some("transition"));
    assert_eq!((value(parent.totals.elapsed_time_s), value(parent.totals.timer_time_s)), (180.0, 180.0));
    assert_eq!((alone.sport, alone.session_index, alone.legs.len()), (Sport::Cycling, 4, 0));
}

#[test]
fn laps_without_points_are_a_workout_and_nothing_is_none() {
    let swim = only(&tcx(&activity(&lap(0, 600.0, ""))));
    assert_eq!((value(swim.totals.elapsed_time_s), swim.streams.len()), (600.0, 0));
    for nothing in ["", &activity(""), &activity(&lap(0, 0.0, ""))] {
        assert_eq!(read(tcx(nothing).as_bytes()).expect_err("nothing").code(), "file_not_activity");
    }
}

#[test]
fn courses_and_workout_plans_are_no_activities() {
    let course = tcx("").replace(
        "<Activities>",
        &format!("<Courses><Course><Name>Home</Name>{}</Course></Courses><Activities>", track(&[0, 10])),
    );
    let problem = read(course.as_bytes()).expect_err("a course");
    assert_eq!(problem.code(), "file_not_activity");
    assert!(problem.detail().contains("course"), "{problem}");
    let broken_off = &course[..course.find("</Track>").expect("a track")];
    assert!(read(broken_off.as_bytes()).is_err(), "a damaged course is none either");
    let plan =
        "<TrainingCenterDatabase><Workouts><Workout Sport='Running'/></Workouts></TrainingCenterDatabase>";
    assert!(read(plan.as_bytes()).expect_err("a plan").detail().contains("workout"));
}

#[test]
fn values_that_cannot_be_are_missing_and_places_off_the_earth_are_said() {
    let inner = "<Position><LatitudeDegrees>97</LatitudeDegrees><LongitudeDegrees>8</LongitudeDegrees></Position>\
                 <HeartRateBpm><Value>0</Value></HeartRateBpm><DistanceMeters>-5</DistanceMeters><Cadence>NaN</Cadence>";
    let reading = reading(&tcx(&activity(&lap(0, 10.0, &format!("<Track>{}</Track>", point(0, inner))))));
    assert_eq!(reading.salvage.expect("a salvage").reasons, ["bad_position"]);
    assert_eq!(reading.activities[0].streams.sample(0), Some(Sample::default()));
}

#[test]
fn damage_in_the_middle_costs_the_points_around_it() {
    let whole = tcx::write(&synth::run(3, start(), 600.0, 300.0));
    let points = whole.matches("<Trackpoint>").count();
    let middle = whole[..whole.len() / 2].rfind("<Trackpoint>").expect("a point") + 30;
    for damage in ["</nonsense>", "<", "<!-- ", "&"] {
        let broken = format!("{}{damage}{}", &whole[..middle], &whole[middle..]);
        let reading = reading(&broken);
        let kept = reading.activities[0].streams.len();
        assert!(kept + 2 >= points, "{damage}: {kept} of {points}");
    }
    let cut = reading(&whole[..middle]);
    assert!(cut.salvage.is_some() && cut.activities[0].streams.len() > points / 3);
}

#[test]
fn times_without_a_zone_are_utc_and_an_offset_is_kept() {
    let local = tcx(&activity(&lap(0, 10.0, &track(&[0])))).replace("00Z", "00+02:00");
    let ride = only(&local);
    assert_eq!((ride.start.to_string().as_str(), ride.utc_offset_s), ("2024-05-04T07:00:00Z", Some(7200)));
    let naive = only(&local.replace("+02:00", ""));
    assert_eq!((naive.start.to_string().as_str(), naive.utc_offset_s), ("2024-05-04T09:00:00Z", None));
}

#[test]
fn the_device_is_named() {
    let creator = "<Creator xsi:type='Device_t'><Name>Edge 530</Name><UnitId>3332601296</UnitId><ProductID>3121</ProductID>\
        <Version><VersionMajor>5</VersionMajor><VersionMinor>10</VersionMinor></Version></Creator>";
    let ride = only(&tcx(&activity(&(lap(0, 10.0, &track(&[0])) + creator))));
    let expected = Device {
        creator: true,
        manufacturer_id: None,
        product_id: Some(3121),
        serial: Some(3_332_601_296),
        product_name: Some("Edge 530".to_owned()),
        software_version: Some(5.1),
    };
    assert_eq!(ride.devices, [expected]);
}

#[test]
fn gzip_is_taken_off() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(tcx(&activity(&lap(0, 10.0, &track(&[0])))).as_bytes()).expect("in memory");
    let reading = read(&encoder.finish().expect("in memory")).expect("an activity");
    assert_eq!((reading.gzipped, reading.format.as_str()), (true, "tcx"));
}

#[test]
fn utf_16_is_read() {
    let document = tcx(&activity(&lap(0, 10.0, &track(&[0, 9]))));
    let bytes: Vec<u8> =
        "\u{feff}".encode_utf16().chain(document.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    assert_eq!(read(&bytes).expect("an activity").activities, reading(&document).activities);
}

// ── the way back ───────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn a_made_up_run_comes_back_with_all_that_tcx_can_hold() {
    for seed in 0..5 {
        let run = synth::run(seed, start(), 4321.0, 300.0);
        let read = only(&tcx::write(&run));
        assert_eq!((read.sport, read.start, &read.streams), (run.sport, run.start, &run.streams));
        // A lap without an energy has zero: the schema demands one.
        let laps: Vec<_> = run.laps.iter().map(|lap| Lap { energy_kj: Some(0.0), ..*lap }).collect();
        assert_eq!(read.laps, laps);
        let distance_m = value(read.totals.distance_m) - value(run.totals.distance_m);
        assert!(distance_m.abs() < 1e-6, "{distance_m}");
        assert_eq!(read.devices[0].product_name, run.devices[0].product_name);
        assert_eq!(tcx::write(&read), tcx::write(&Activity { utc_offset_s: None, ..read.clone() }));
    }
}

#[test]
fn what_a_name_holds_is_escaped() {
    let mut run = synth::run(1, start(), 200.0, 300.0);
    run.devices[0].product_name = Some("<&\"'>".to_owned());
    run.sub_sport = Some("a<b".to_owned());
    let document = tcx::write(&run);
    assert!(document.contains("&lt;&amp;"), "{document}");
    read(document.as_bytes()).expect("well-formed");
}

fn figure(range: std::ops::Range<u32>, parts: f64) -> impl Strategy<Value = Option<f64>> {
    prop::option::weighted(0.8, range.prop_map(move |raw| f64::from(raw) / parts))
}

fn sample() -> impl Strategy<Value = Sample> {
    let place = prop::option::weighted(0.8, (-90.0..=90.0_f64, -180.0..=180.0_f64));
    let body = (figure(1..255, 1.0), figure(0..2000, 1.0), figure(0..254, 1.0));
    let way = (figure(0..50_000, 1000.0), figure(0..100_000, 7.0), figure(0..1_000_000, 3.0));
    (place, body, way).prop_map(
        |(latlng, (heart_rate_bpm, power_w, cadence_rpm), (speed_mps, raised_m, distance_m))| Sample {
            time_s: 0.0,
            latlng,
            altitude_m: raised_m.map(|raised_m| raised_m - 500.0),
            heart_rate_bpm,
            power_w,
            cadence_rpm,
            speed_mps,
            temperature_c: None,
            distance_m,
        },
    )
}

prop_compose! {
    /// Laps begin at samples, pauses lie between two of them; times rise.
    fn an_activity()(
        sport in prop::sample::select(Sport::ALL.to_vec()),
        samples in prop::collection::vec((sample(), 1..30_000_u32), 1..60),
        lap_every in 1..40_usize,
        pause_every in 2..40_usize,
        sums in (figure(1..250, 1.0), figure(0..2000, 1.0), figure(0..250, 1.0), 0..9000_u32),
    ) -> Activity {
        let mut activity = Activity::new(sport, start());
        let mut now_ms = 0;
        for (index, (sample, step_ms)) in samples.into_iter().enumerate() {
            if index > 0 {
                let since_s = f64::from(now_ms) / 1000.0;
                now_ms += step_ms;
                if index % pause_every == 0 {
                    // Shorter than this is a matter of rounding.
                    now_ms += 2000;
                    activity.pauses.push(Pause { start_s: since_s, end_s: f64::from(now_ms) / 1000.0 });
                }
            }
            let time_s = f64::from(now_ms) / 1000.0;
            if index % lap_every == 0 {
                activity.laps.push(Lap {
                    start_s: time_s,
                    distance_m: Some(100.25),
                    energy_kj: Some(f64::from(sums.3) * 4.184),
                    heart_rate_avg_bpm: sums.0,
                    heart_rate_max_bpm: sums.0,
                    power_avg_w: sums.1,
                    power_max_w: sums.1,
                    cadence_avg_rpm: sums.2,
                    ..Lap::default()
                });
            }
            activity.streams.push(Sample { time_s, ..sample });
        }
        activity
    }
}

fn near(one: f64, other: f64) -> bool {
    (one - other).abs() < 1e-3
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_tcx_can_hold_comes_back(activity in an_activity()) {
        let mut expected = activity.clone();
        totals::complete(&mut expected);
        let read = only(&tcx::write(&activity));
        prop_assert_eq!((read.sport, read.start), (activity.sport, activity.start));
        if activity.streams.distance_m.iter().any(Option::is_some) {
            prop_assert_eq!(&read.streams, &activity.streams);
        } else {
            prop_assert_eq!(&read.streams, &expected.streams, "the way is worked out from the positions");
        }
        prop_assert_eq!(read.pauses.len(), activity.pauses.len());
        for (read, written) in read.pauses.iter().zip(&activity.pauses) {
            prop_assert!(near(read.start_s, written.start_s) && near(read.end_s, written.end_s), "{read:?} {written:?}");
        }
        prop_assert_eq!(read.laps.len(), activity.laps.len());
        for (read, written) in read.laps.iter().zip(&activity.laps) {
            let timed = Lap { timer_time_s: read.timer_time_s, elapsed_time_s: read.elapsed_time_s, ..*written };
            prop_assert_eq!(read, &timed);
        }
        let (timer, expected) = (value(read.totals.timer_time_s), value(expected.totals.timer_time_s));
        prop_assert!(near(timer, expected), "{timer}, not {expected}");
        let again = only(&tcx::write(&read));
        prop_assert_eq!(&again.streams, &read.streams);
        prop_assert_eq!(&again.laps, &read.laps);
    }
}

#[test]
fn the_name_is_the_first_line_of_the_notes_or_else_what_the_plan_is_called() {
    let notes = "<Notes>\n Hills &amp; wind\n2 gels, new shoes</Notes>";
    let plan = "<Training><Plan><Name>4 × 8 min</Name></Plan></Training>";
    let creator = "<Creator><Name>Edge 530</Name></Creator>";
    let of_lap = lap(0, 60.0, &format!("{}<Notes>Lap of honour</Notes>", track(&[0, 60])));
    let named = |inner: &str| only(&tcx(&activity(&format!("{of_lap}{inner}{creator}")))).name;
    assert_eq!(named(&format!("{notes}{plan}")).as_deref(), Some("Hills & wind"));
    assert_eq!(named(plan).as_deref(), Some("4 × 8 min"));
    assert_eq!(named(""), None);
    let leg = |second: u32| {
        let lap = lap(second, 60.0, &track(&[second, second + 60]));
        activity(&format!("{lap}<Notes>Part {second}</Notes>"))
    };
    let session = |notes: &str| {
        format!(
            "<MultiSportSession><FirstSport>{}</FirstSport><NextSport>{}</NextSport>{notes}</MultiSportSession>",
            leg(0),
            leg(120)
        )
    };
    let read = only(&tcx(&session("<Notes>Duathlon</Notes>")));
    assert_eq!((read.name.as_deref(), read.legs[0].name.as_deref()), (Some("Duathlon"), None));
    assert_eq!(only(&tcx(&session(""))).name.as_deref(), Some("Part 0"));
}
