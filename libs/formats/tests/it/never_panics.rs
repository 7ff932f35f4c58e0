//! No bytes make the reader panic, hang, or break its own promises.

use proptest::prelude::*;
use stadion_formats::{Activity, fit, gpx, read, synth, tcx};

fn a_run() -> Activity {
    synth::run(5, "2026-03-01T07:30:00Z".parse().expect("a time"), 600.0, 300.0)
}

fn assert_sound(bytes: &[u8]) {
    let Ok(reading) = read(bytes) else { return };
    assert!(!reading.activities.is_empty());
    for activity in reading.activities.iter().flat_map(|parent| [parent].into_iter().chain(&parent.legs)) {
        let streams = &activity.streams;
        let columns = [
            &streams.altitude_m,
            &streams.heart_rate_bpm,
            &streams.power_w,
            &streams.cadence_rpm,
            &streams.speed_mps,
            &streams.temperature_c,
            &streams.distance_m,
        ];
        assert!(columns.iter().all(|column| column.len() == streams.len()));
        assert_eq!(streams.latlng.len(), streams.len());
        assert!(streams.time_s.is_sorted() && streams.time_s.first().is_none_or(|first_s| *first_s >= 0.0));
        assert!(activity.pauses.windows(2).all(|pair| pair[0].end_s <= pair[1].start_s));
        assert!(activity.laps.iter().all(|lap| lap.start_s >= 0.0));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        assert_sound(&bytes);
    }

    #[test]
    fn arbitrary_messages_in_a_fit_frame(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let mut writer = fit::Writer::new();
        writer.raw(&bytes);
        assert_sound(&writer.finish());
    }

    #[test]
    fn a_fit_file_with_bytes_changed_lost_and_doubled(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..12),
    ) {
        assert_sound(&mutated(fit::write(&a_run()), &changes));
    }

    #[test]
    fn a_gpx_file_with_bytes_changed_lost_and_doubled(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..12),
    ) {
        assert_sound(&mutated(gpx::write(&a_run()).into_bytes(), &changes));
    }

    #[test]
    fn a_tcx_file_with_bytes_changed_lost_and_doubled(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..12),
    ) {
        assert_sound(&mutated(tcx::write(&a_run()).into_bytes(), &changes));
    }
}

fn mutated(mut bytes: Vec<u8>, changes: &[(prop::sample::Index, u8, u8)]) -> Vec<u8> {
    for (place, byte, how) in changes {
        let at = place.index(bytes.len());
        match how {
            0 => bytes[at] = *byte,
            1 => drop(bytes.remove(at)),
            2 => bytes.insert(at, *byte),
            _ => bytes.truncate(at.max(20)),
        }
    }
    bytes
}

#[test]
fn every_cut_of_a_fit_file_is_read_or_refused() {
    let whole = fit::write(&a_run());
    for length in 0..whole.len() {
        assert_sound(&whole[..length]);
    }
}

#[test]
fn every_lost_byte_of_a_fit_file_costs_few_records() {
    let run = a_run();
    let whole = fit::write(&run);
    let records = run.streams.len();
    for at in (400..whole.len() - 800).step_by(7) {
        let mut bytes = whole.clone();
        bytes.remove(at);
        let reading = read(&bytes).expect("most of it");
        let kept = reading.activities[0].streams.len();
        assert!(kept + 3 >= records, "byte {at}: {kept} of {records}");
        assert!(reading.salvage.is_some());
    }
}
