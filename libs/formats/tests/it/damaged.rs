//! Broken files give what is left of them, and say what is lost.

use stadion_formats::{Problem, Reading, Salvage, read};

use crate::samples::sample;

const WHOLE: usize = 2809;

fn reading_of(file: &str) -> Option<Reading> {
    Some(read(&sample(file)?).unwrap_or_else(|problem| panic!("{file}: {problem}")))
}

fn assert_lost(salvage: &Option<Salvage>, reasons: &[&str]) {
    assert_eq!(salvage.as_ref().expect("a salvage").reasons, reasons);
}

#[test]
fn a_wrong_checksum_loses_no_record() {
    for file in ["fit/derived/crc-zeroed.fit", "fit/derived/bitflip-crc-bad.fit"] {
        let Some(reading) = reading_of(file) else { return };
        assert_eq!(reading.activities[0].streams.len(), WHOLE, "{file}");
        assert_lost(&reading.salvage, &["crc"]);
    }
}

#[test]
fn a_cut_file_keeps_the_records_before_the_cut() {
    let Some(reading) = reading_of("fit/derived/truncated-60pct.fit") else { return };
    assert_eq!(reading.activities[0].streams.len(), 1696);
    assert_lost(&reading.salvage, &["truncated"]);
    let salvage = reading.salvage.expect("a salvage");
    assert_eq!(salvage.records_kept, 1696);
    assert!(salvage.bytes_lost > 48_000, "{}", salvage.bytes_lost);
}

#[test]
fn a_header_that_claims_four_gigabytes_is_not_believed() {
    let Some(reading) = reading_of("fit/derived/datasize-4GiB.fit") else { return };
    assert_eq!(reading.activities[0].streams.len(), WHOLE);
    assert_eq!(reading.activities[0].laps.len(), 4);
    assert_lost(&reading.salvage, &["header_crc", "truncated"]);
}

#[test]
fn zeros_after_the_file_and_a_header_without_checksum_are_no_damage() {
    for file in
        ["fit/derived/trailing-garbage.fit", "fit/derived/hdrcrc0-valid.fit", "fit/derived/run.fit.gz"]
    {
        let Some(reading) = reading_of(file) else { return };
        assert_eq!(reading.activities[0].streams.len(), WHOLE, "{file}");
        assert_eq!(reading.salvage, None, "{file}");
        assert_eq!(reading.gzipped, file.ends_with(".gz"));
    }
}

#[test]
fn chained_files_are_activities_of_their_own() {
    let Some(reading) = reading_of("fit/derived/chained-run-plus-ride.fit") else { return };
    let sports: Vec<_> = reading.activities.iter().map(|activity| activity.sport.as_str()).collect();
    let numbers: Vec<_> = reading.activities.iter().map(|activity| activity.session_index).collect();
    assert_eq!((sports, numbers), (vec!["running", "cycling"], vec![0, 1]));
}

#[test]
fn lost_bytes_in_the_middle_cost_the_records_around_them_only() {
    let Some(reading) = reading_of("fit/corrupt-strava-android-undefined-local.fit") else { return };
    let [activity] = reading.activities.as_slice() else { panic!("one activity") };
    assert_eq!(activity.sport.as_str(), "running");
    assert_eq!(activity.start.to_string(), "2021-09-27T14:13:10Z");
    assert!(activity.streams.len() > 2600, "{}", activity.streams.len());
    let streams = &activity.streams;
    assert!(streams.time_s.iter().all(|time_s| *time_s <= 3558.0), "nothing is left of 2085");
    let latitudes = streams.latlng.iter().flatten().map(|(lat, _)| *lat);
    assert!(latitudes.clone().all(|lat| (44.0..44.1).contains(&lat)), "nobody is flung around the world");
    let reasons = reading.salvage.expect("a salvage").reasons;
    assert!(reasons.contains(&"undefined_local".to_owned()), "{reasons:?}");
}

#[test]
fn what_is_no_activity_is_said_to_be_none() {
    for file in ["fit/derived/bad-magic.fit", "gpx/empty-trkseg.gpx", "gpx/bom.gpx", "gpx/iso8859-1.gpx"] {
        let Some(bytes) = sample(file) else { return };
        assert_eq!(read(&bytes).expect_err(file).code(), "file_not_activity", "{file}");
    }
}

#[test]
fn an_empty_file_is_unreadable() {
    let problem = read(b"").expect_err("nothing");
    assert!(matches!(problem, Problem::Unreadable(_)));
    assert_eq!((problem.code(), problem.detail()), ("file_unreadable", "the file is empty"));
}

#[test]
fn points_without_place_or_time_are_left_out_and_told() {
    for (file, points, reason) in [
        ("gpx/invalid-latlon-missing.gpx", 3, "bad_position"),
        ("gpx/no-elevation.gpx", 295, "untimed"),
        ("gpx/no-times.gpx", 5, "untimed"),
    ] {
        let Some(reading) = reading_of(file) else { return };
        assert_eq!(reading.activities[0].streams.len(), points, "{file}");
        assert_lost(&reading.salvage, &[reason]);
    }
}

#[test]
fn a_cut_gzip_gives_what_came_out_of_it() {
    let Some(bytes) = sample("fit/derived/run.fit.gz") else { return };
    let reading = read(&bytes[..bytes.len() / 2]).expect("some records");
    assert!(reading.activities[0].streams.len() > 1000);
    let reasons = reading.salvage.expect("a salvage").reasons;
    assert!(reasons.contains(&"gzip".to_owned()) && reasons.contains(&"truncated".to_owned()), "{reasons:?}");
}
