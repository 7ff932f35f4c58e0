use formats::Sample;
use kernel::Id;
use proptest::prelude::*;

use super::*;
use crate::domain::facts::{Facts, Start};

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
    Candidate { id: ActivityId::derived(&[name.as_bytes()]), record, track: None }
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
