use formats::Sample;
use kernel::Id;
use proptest::prelude::*;

use super::*;
use crate::{
    domain::facts::{Facts, Start},
    reading,
};

fn upload(name: &str) -> Origin {
    Origin::Upload {
        upload_id: Id::derived(&[name.as_bytes()]),
        session_number: 0,
        source: "upload".to_owned(),
        original_blob: String::new(),
    }
}

fn sync(source: &str) -> Origin {
    Origin::Sync { source: source.to_owned(), client_version: 1 }
}

fn told(name: &str, origin: Origin, start_s: i64, elapsed_s: f64, distance_m: f64) -> Candidate {
    let start = Start { start_us: (1_000_000 + start_s) * 1_000_000, utc_offset_s: 0, time_zone: None };
    let facts = Facts { distance_m: Some(distance_m), ..Facts::new(Sport::Running, start, elapsed_s) };
    let record = Record {
        origin,
        streams_blob: None,
        visibility: None,
        facts: Some(facts),
        health: None,
        name: None,
        devices: Vec::new(),
        explained: Vec::new(),
        marks: Default::default(),
        judgement: None,
        trace: None,
    };
    Candidate { id: ActivityId::derived(&[name.as_bytes()]), record, track: None, cropped: false }
}

/// Northward at 3 m/s, a row each so many seconds, so many metres to the east of home.
fn track(rows: u32, every_s: f64, east_m: f64) -> Option<Track> {
    let mut streams = Streams::default();
    for row in 0..rows {
        let time_s = f64::from(row) * every_s;
        let latlng = Some((43.2 + time_s * 3.0 / 111_195.0, 76.9 + east_m / 81_000.0));
        streams.push(Sample { time_s, latlng, ..Sample::default() });
    }
    Track::of(&streams)
}

fn watch() -> Candidate {
    Candidate { track: track(1_800, 1.0, 0.0), ..told("watch", upload("watch"), 0, 1_800.0, 5_400.0) }
}

fn phone() -> Candidate {
    Candidate { track: track(170, 10.0, 12.0), ..told("phone", sync("healthkit"), 40, 1_700.0, 5_150.0) }
}

fn export() -> Candidate {
    told("export", sync("export"), -60, 1_850.0, 5_390.0)
}

#[test]
fn phone_watch_and_export_are_one_and_the_densest_track_is_shown() {
    let all = [phone(), export(), watch()];
    assert_eq!(groups(&all), [Group { primary: 2, members: vec![0, 1] }]);
    let evidence = same(&all[0], &all[2]).unwrap();
    assert!((evidence.track_m.unwrap() - 12.0).abs() < 2.0, "{evidence:?}");
    assert!(evidence.told().iter().any(|said| said == "they start 40 s apart"));
}

/// A run with a track, as it was told with this length.
fn recorded(name: &str, streams: &Streams, start_us: i64, distance_m: f64) -> Candidate {
    let start = Start { start_us, utc_offset_s: 0, time_zone: None };
    let mut activity = formats::Activity::new(Sport::Running, kernel::time::from_micros(start_us));
    activity.streams = streams.clone();
    formats::totals::complete(&mut activity);
    let mut record = reading::record(&activity, Measured::Computed, upload(name), start);
    record.facts.as_mut().unwrap().distance_m = Some(distance_m);
    let id = ActivityId::derived(&[name.as_bytes()]);
    Candidate { id, record, track: Track::of(streams), cropped: false }
}

fn of_run(seed: u64, from: usize, to: usize) -> Streams {
    let start = "2026-05-01T06:00:00Z".parse().unwrap();
    let run = formats::synth::run(seed, start, 8_000.0, 330.0);
    let mut left = Streams::default();
    for row in from..to.min(run.streams.time_s.len()) {
        let (time_s, latlng) = (run.streams.time_s[row], run.streams.latlng[row]);
        left.push(Sample { time_s: time_s - run.streams.time_s[from], latlng, ..Sample::default() });
    }
    left
}

const SIX: i64 = 1_777_615_200_000_000;

#[test]
fn one_recording_is_one_workout_whatever_its_length_and_the_whole_is_shown() {
    let whole = recorded("whole", &of_run(3, 0, 9_999), SIX, 8_000.0);
    let measured_otherwise = recorded("other", &of_run(3, 0, 9_999), SIX, 5_900.0);
    let broken_off = recorded("head", &of_run(3, 0, 1_300), SIX, 3_900.0);
    // It begins twenty minutes later, and is called something else.
    let mut tail = recorded("tail", &of_run(3, 1_200, 9_999), SIX + 1_200_000_000, 4_000.0);
    tail.record.facts.as_mut().unwrap().sport = Sport::Cycling;
    for part in [&measured_otherwise, &broken_off, &tail] {
        let evidence = same(&whole, part).expect("one recording");
        assert!(evidence.recording.unwrap() > 0.9, "{evidence:?}");
        assert!(evidence.told().iter().any(|said| said.starts_with("they are one recording: ")));
    }
    for all in [[&whole, &broken_off, &tail], [&tail, &broken_off, &whole]].map(|all| all.map(Clone::clone)) {
        let [group] = &groups(&all)[..] else { panic!("one workout") };
        assert_eq!(all[group.primary].id, whole.id);
    }
    // With more columns than the whole, a part is still a part; what its owner cut is not.
    let mut rich = broken_off.clone();
    rich.record.facts.as_mut().unwrap().stream_types.extend(["power", "cadence"].map(str::to_owned));
    let all = [whole.clone(), rich.clone()];
    assert_eq!(all[groups(&all)[0].primary].id, whole.id);
    let all = [whole, Candidate { cropped: true, ..rich }];
    assert_eq!(all[groups(&all)[0].primary].id, all[1].id);
}

#[test]
fn other_moments_or_other_places_are_another_recording() {
    let whole = recorded("whole", &of_run(3, 0, 9_999), SIX, 8_000.0);
    let again = recorded("again", &of_run(3, 0, 1_300), SIX + 600_000_000, 3_900.0);
    let elsewhere = recorded("elsewhere", &of_run(4, 0, 1_300), SIX, 3_900.0);
    for other in [again, elsewhere] {
        assert_eq!(same(&whole, &other), None);
        assert_eq!(groups(&[whole.clone(), other]).len(), 2);
    }
    let mut split = recorded("head", &of_run(3, 0, 1_300), SIX, 3_900.0);
    split.record.marks.split_from([whole.id]);
    assert_eq!(groups(&[whole, split]).len(), 2, "its owner's word stands above that too");
}

#[test]
fn two_rides_of_one_day_are_two() {
    let morning = told("out", upload("out"), 0, 1_800.0, 5_400.0);
    for (start_s, elapsed_s, distance_m) in [
        (9 * 3600, 1_800.0, 5_400.0),
        (1_900, 1_800.0, 5_400.0),
        (200, 1_800.0, 5_400.0),
        (0, 1_800.0, 6_600.0),
        (0, 800.0, 5_400.0),
    ] {
        let other = told("back", upload("back"), start_s, elapsed_s, distance_m);
        assert_eq!(groups(&[morning.clone(), other]).len(), 2, "{start_s} {elapsed_s} {distance_m}");
    }
    // The way back, quarter hours after the way out to the second, and as long, takes another street.
    let tracked = |name, start_s, east_m| Candidate {
        track: track(1_800, 1.0, east_m),
        ..told(name, upload(name), start_s, 1_800.0, 5_400.0)
    };
    assert_eq!(groups(&[tracked("out", 0, 0.0), tracked("back", 9 * 3600, 400.0)]).len(), 2);
    assert_eq!(groups(&[tracked("one", 0, 0.0), tracked("two", 30, 400.0)]).len(), 2);
}

#[test]
fn a_clock_in_another_zone_is_seen_through_when_all_else_agrees() {
    let mut shifted = Candidate {
        track: track(1_790, 1.0, 5.0),
        ..told("copy", upload("copy"), 5 * 3600 + 3, 1_790.0, 5_380.0)
    };
    assert_eq!(groups(&[watch(), shifted.clone()]).len(), 2, "the same loop again, five hours later");
    shifted.record.facts.as_mut().unwrap().utc_offset_s = 18_000;
    assert_eq!(groups(&[watch(), shifted.clone()]).len(), 1);
    let mut back = shifted.clone();
    back.track.as_mut().unwrap().points.reverse();
    assert_eq!(groups(&[watch(), back]).len(), 2, "the way back along the same street");
    assert_eq!(same(&watch(), &shifted).unwrap().shifted_s, 18_000.0);
    assert_eq!(groups(&[watch(), Candidate { track: None, ..shifted }]).len(), 2);
}

#[test]
fn what_one_source_keeps_apart_is_two_and_so_are_other_sports() {
    let [one, two] = ["one", "two"].map(|name| told(name, sync("healthkit"), 0, 1_800.0, 5_400.0));
    assert_eq!(groups(&[one.clone(), two]).len(), 2);
    let mut swim = told("swim", upload("swim"), 0, 1_800.0, 5_400.0);
    swim.record.facts.as_mut().unwrap().sport = Sport::Swimming;
    assert_eq!(groups(&[one.clone(), swim.clone()]).len(), 2);
    swim.record.facts.as_mut().unwrap().sport = Sport::Hiking;
    assert_eq!(groups(&[one, swim]).len(), 1);
}

#[test]
fn the_owners_word_stands_above_what_was_found() {
    let mut split = phone();
    split.record.marks.split_from([watch().id]);
    assert_eq!(
        groups(&[watch(), split.clone(), export()]).len(),
        2,
        "the export is with the watch, the phone alone"
    );
    let mut far = told("far", sync("other"), 4_000, 60.0, 10.0);
    far.record.marks.joined = Some(phone().id);
    assert_eq!(groups(&[watch(), phone(), far.clone()]), [Group { primary: 0, members: vec![1, 2] }]);
    let mut back = phone();
    back.record.marks.joined = Some(far.id);
    assert_eq!(groups(&[back, far]).len(), 1, "two that were joined to each other are one");
}

proptest! {
    /// Tellings of a few workouts, in any order: the same groups around the same primaries.
    #[test]
    fn the_order_of_arrival_changes_nothing(
        kinds in proptest::collection::vec((0..3_i64, -100..100_i64, 0..3_u32, 0.9..1.1_f64), 1..9),
        seed in any::<u64>(),
    ) {
        let candidate = |(at, (workout, late_s, kind, length)): (usize, &(i64, i64, u32, f64))| {
            let name = format!("{at}");
            let plain = told(&name, upload(&name), workout * 7_200 + late_s, 1_800.0, 5_400.0 * length);
            Candidate { track: (*kind > 0).then(|| track(100 * kind, 10.0, 0.0)).flatten(), ..plain }
        };
        let all: Vec<Candidate> = kinds.iter().enumerate().map(candidate).collect();
        let named = |all: &[Candidate]| {
            let mut named: Vec<(ActivityId, Vec<ActivityId>)> = groups(all).into_iter().map(|group| {
                let mut members: Vec<_> = group.members.iter().map(|at| all[*at].id).collect();
                members.sort_unstable();
                (all[group.primary].id, members)
            }).collect();
            named.sort_unstable();
            named
        };
        let mut other = all.clone();
        let mut dice = seed;
        for at in (1..other.len()).rev() {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            other.swap(at, (dice >> 33) as usize % (at + 1));
        }
        prop_assert_eq!(named(&all), named(&other));
        prop_assert_eq!(groups(&all).iter().map(|group| 1 + group.members.len()).sum::<usize>(), all.len());
    }
}
