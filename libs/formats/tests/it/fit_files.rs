//! Odd but legal FIT, made here message by message.

use stadion_formats::fit::{Base, Writer};
use stadion_formats::{Activity, Problem, Reading, read};

/// 2021-09-08T01:46:40Z in FIT's seconds, and in UTC.
const NOON: i64 = 1_000_000_000;
const NOON_UTC: &str = "2021-09-08T01:46:40Z";

const FILE_ID: u16 = 0;
const SESSION: u16 = 18;
const RECORD: u16 = 20;
const EVENT: u16 = 21;
const ACTIVITY: u16 = 34;

fn file_of_kind(kind: i64) -> Writer {
    let mut writer = Writer::new();
    writer.message(0, FILE_ID, &[(0, Base::Enum, Some(kind))]);
    writer
}

fn activity_file() -> Writer {
    file_of_kind(4)
}

fn pulse_at(writer: &mut Writer, seconds: i64, bpm: i64) {
    writer.message(1, RECORD, &[(253, Base::U32, Some(NOON + seconds)), (3, Base::U8, Some(bpm))]);
}

fn session_at(writer: &mut Writer, sport: i64, seconds: i64, elapsed_s: i64) {
    writer.message(
        2,
        SESSION,
        &[
            (253, Base::U32, Some(NOON + seconds + elapsed_s)),
            (2, Base::U32, Some(NOON + seconds)),
            (5, Base::Enum, Some(sport)),
            (7, Base::U32, Some(elapsed_s * 1000)),
            (8, Base::U32, Some(elapsed_s * 1000)),
            (9, Base::U32, Some(100_000)),
        ],
    );
}

fn timer(writer: &mut Writer, seconds: i64, kind: i64) {
    let fields =
        [(253, Base::U32, Some(NOON + seconds)), (0, Base::Enum, Some(0)), (1, Base::Enum, Some(kind))];
    writer.message(3, EVENT, &fields);
}

/// The plan that was followed.
fn workout(writer: &mut Writer, name: &str) {
    writer.named(4, 26, (8, name), &[]);
}

fn reading(writer: Writer) -> Reading {
    read(&writer.finish()).expect("an activity")
}

fn only(writer: Writer) -> Activity {
    let mut reading = reading(writer);
    assert_eq!(reading.salvage, None);
    assert_eq!(reading.activities.len(), 1);
    reading.activities.remove(0)
}

fn pulses(activity: &Activity) -> Vec<Option<f64>> {
    activity.streams.heart_rate_bpm.clone()
}

#[test]
fn without_a_session_the_totals_are_computed() {
    let mut writer = activity_file();
    for second in 0..=10 {
        pulse_at(&mut writer, second, 120 + second);
    }
    let activity = only(writer);
    assert_eq!(activity.start.to_string(), NOON_UTC);
    let elapsed = activity.totals.elapsed_time_s.expect("computed");
    assert_eq!((elapsed.value, elapsed.algorithm), (10.0, "first-to-last"));
    assert_eq!(activity.totals.heart_rate_avg_bpm.expect("computed").value, 125.0);
    assert_eq!(activity.totals.distance_m, None);
}

#[test]
fn a_heart_rate_of_zero_is_missing_and_other_zeros_are_values() {
    let mut writer = activity_file();
    let fields = [(253, Base::U32), (3, Base::U8), (4, Base::U8), (7, Base::U16), (13, Base::I8)];
    writer.define(1, RECORD, &fields);
    writer.data(1, fields.iter().zip([NOON, 0, 0, 0, 0]).map(|((_, base), value)| (*base, Some(value))));
    let streams = only(writer).streams;
    assert_eq!(streams.heart_rate_bpm, [None]);
    assert_eq!(streams.cadence_rpm, [Some(0.0)]);
    assert_eq!(streams.power_w, [Some(0.0)]);
    assert_eq!(streams.temperature_c, [Some(0.0)]);
}

#[test]
fn the_enhanced_fields_win_in_any_order() {
    let mut writer = activity_file();
    let time = (253, Base::U32, Some(NOON));
    writer.message(1, RECORD, &[time, (2, Base::U16, Some(2550)), (78, Base::U32, Some(2600))]);
    writer.message(
        1,
        RECORD,
        &[(73, Base::U32, Some(3000)), (6, Base::U16, Some(2000)), (253, Base::U32, Some(NOON + 1))],
    );
    let streams = only(writer).streams;
    assert_eq!(streams.altitude_m, [Some(20.0), None]);
    assert_eq!(streams.speed_mps, [None, Some(3.0)]);
}

#[test]
fn big_endian_messages_developer_fields_and_arrays_are_honoured() {
    let mut writer = activity_file();
    // Local 1: big-endian record of time, pulse, an array of three and a developer field of four bytes.
    writer.raw(&[0x61, 0, 1, 0, 20, 3, 253, 4, 0x86, 3, 1, 2, 200, 3, 2, 1, 0, 4, 0]);
    for second in 0..2_u32 {
        writer.raw(&[1]);
        writer.raw(&(NOON as u32 + second).to_be_bytes());
        writer.raw(&[140, 9, 9, 9, 0xde, 0xad, 0xbe, 0xef]);
    }
    let activity = only(writer);
    assert_eq!(activity.start.to_string(), NOON_UTC);
    assert_eq!(pulses(&activity), [Some(140.0), Some(140.0)]);
}

#[test]
fn a_local_number_may_be_defined_anew() {
    let mut writer = activity_file();
    pulse_at(&mut writer, 0, 100);
    writer.message(1, RECORD, &[(3, Base::U8, Some(101)), (253, Base::U32, Some(NOON + 1))]);
    writer.message(1, 4242, &[(3, Base::U8, Some(200)), (253, Base::U32, Some(NOON + 2))]);
    pulse_at(&mut writer, 3, 103);
    assert_eq!(pulses(&only(writer)), [Some(100.0), Some(101.0), Some(103.0)]);
}

#[test]
fn compressed_timestamps_count_from_the_last_full_one_and_run_over() {
    let mut writer = activity_file();
    pulse_at(&mut writer, 0, 100);
    writer.define(2, RECORD, &[(3, Base::U8)]);
    for seconds in [1, 2, 31, 33, 64] {
        let offset = ((NOON + seconds) & 0x1f) as u8;
        writer.raw(&[0x80 | 2 << 5 | offset, 101]);
    }
    assert_eq!(only(writer).streams.time_s, [0.0, 1.0, 2.0, 31.0, 33.0, 64.0]);
}

#[test]
fn compressed_speed_and_distance_add_up() {
    let mut writer = activity_file();
    writer.define(1, RECORD, &[(253, Base::U32)]);
    writer.raw(&[0x41, 0, 0, 20, 0, 2, 253, 4, 0x86, 8, 3, 0x0d]);
    for (second, speed_cmps, distance_16ths) in [(0_i64, 300_u16, 48_u16), (1, 300, 4095), (2, 300, 47)] {
        let [speed_low, speed_high] = speed_cmps.to_le_bytes();
        let shifted = distance_16ths << 4;
        writer.raw(&[1]);
        writer.raw(&((NOON + second) as u32).to_le_bytes());
        writer.raw(&[speed_low, speed_high | shifted.to_le_bytes()[0], shifted.to_le_bytes()[1]]);
    }
    let streams = only(writer).streams;
    assert_eq!(streams.speed_mps, [Some(3.0); 3]);
    assert_eq!(streams.distance_m, [Some(3.0), Some(255.93), Some(258.93)]);
}

#[test]
fn records_out_of_order_are_sorted() {
    let mut writer = activity_file();
    for second in [3, 1, 2, 0] {
        pulse_at(&mut writer, second, 100 + second);
    }
    let activity = only(writer);
    assert_eq!(activity.streams.time_s, [0.0, 1.0, 2.0, 3.0]);
    assert_eq!(pulses(&activity), [Some(100.0), Some(101.0), Some(102.0), Some(103.0)]);
}

#[test]
fn a_record_from_another_age_is_left_out() {
    let mut writer = activity_file();
    for second in 0..20 {
        pulse_at(&mut writer, second, 100);
    }
    pulse_at(&mut writer, 2_000_000_000, 100);
    let reading = reading(writer);
    assert_eq!(reading.activities[0].streams.len(), 20);
    assert_eq!(reading.salvage.expect("a salvage").reasons, ["absurd_time"]);
}

#[test]
fn the_timer_stops_between_stop_and_start() {
    let mut writer = activity_file();
    timer(&mut writer, 0, 0);
    for second in (0..30).chain(90..120) {
        pulse_at(&mut writer, second, 100);
    }
    timer(&mut writer, 30, 4);
    timer(&mut writer, 90, 0);
    timer(&mut writer, 119, 4);
    let activity = only(writer);
    assert_eq!(activity.pauses.len(), 1);
    assert_eq!((activity.pauses[0].start_s, activity.pauses[0].end_s), (30.0, 90.0));
    assert_eq!(activity.totals.timer_time_s.expect("computed").value, 59.0);
}

#[test]
fn sessions_before_or_after_their_records_make_the_same_legs() {
    let sessions = |writer: &mut Writer| {
        session_at(writer, 2, 100, 100);
        session_at(writer, 5, 0, 100);
    };
    let records = |writer: &mut Writer| (0..200).for_each(|second| pulse_at(writer, second, 100));
    let mut summary_first = activity_file();
    sessions(&mut summary_first);
    records(&mut summary_first);
    let mut summary_last = activity_file();
    records(&mut summary_last);
    sessions(&mut summary_last);
    let parent = only(summary_first);
    assert_eq!(parent, only(summary_last));
    let legs: Vec<_> = parent.legs.iter().map(|leg| (leg.sport.as_str(), leg.streams.len())).collect();
    assert_eq!(legs, [("swimming", 100), ("cycling", 100)]);
    assert_eq!(parent.totals.distance_m.expect("a sum").value, 2000.0);
    assert_eq!(parent.totals.elapsed_time_s.expect("first to last").value, 200.0);
}

#[test]
fn the_local_clock_gives_the_offset_unless_it_stands_at_zero() {
    let offset_of = |local: i64| {
        let mut writer = activity_file();
        pulse_at(&mut writer, 0, 100);
        writer.message(1, ACTIVITY, &[(253, Base::U32, Some(NOON)), (5, Base::U32, Some(local))]);
        only(writer).utc_offset_s
    };
    assert_eq!(offset_of(NOON + 20_701), Some(20_700), "Nepal, a second late");
    assert_eq!(offset_of(NOON - 25_200), Some(-25_200));
    assert_eq!(offset_of(0), None);
    assert_eq!(offset_of(NOON + 1300), None);
}

#[test]
fn settings_courses_and_workouts_are_no_activities() {
    for (kind, word) in [(2, "settings"), (5, "workout"), (6, "course")] {
        let mut writer = file_of_kind(kind);
        if kind == 6 {
            pulse_at(&mut writer, 0, 100);
        }
        let problem = read(&writer.finish()).expect_err("no activity");
        assert!(matches!(problem, Problem::NotActivity(_)));
        assert!(problem.detail().contains(word), "{problem}");
    }
    let problem = read(&activity_file().finish()).expect_err("an empty activity");
    assert_eq!(problem.code(), "file_not_activity");
}

#[test]
fn a_header_of_zero_size_is_a_recorder_that_died() {
    let mut writer = activity_file();
    for second in 0..50 {
        pulse_at(&mut writer, second, 100);
    }
    let mut bytes = writer.finish();
    bytes.truncate(bytes.len() - 2);
    bytes[4..8].fill(0);
    bytes[12..14].fill(0);
    let reading = read(&bytes).expect("records");
    assert_eq!(reading.activities[0].streams.len(), 50);
    assert_eq!(reading.salvage.expect("a salvage").reasons, ["truncated"]);
}

#[test]
fn a_second_file_after_garbage_is_found() {
    let chained = |second: i64| {
        let mut writer = activity_file();
        pulse_at(&mut writer, second, 100);
        writer.finish()
    };
    let bytes = [chained(0), vec![7; 100], chained(90_000)].concat();
    let reading = read(&bytes).expect("two activities");
    assert_eq!(reading.activities.len(), 2);
    let salvage = reading.salvage.expect("a salvage");
    assert_eq!((salvage.reasons, salvage.bytes_lost), (vec!["trailing_bytes".to_owned()], 100));
}

#[test]
fn what_the_workout_is_called_is_the_name_and_what_the_mode_is_called_is_none() {
    let mut writer = activity_file();
    // The device's word for what it does, as it is set in its menu.
    writer.named(5, 12, (3, "Laufen"), &[(0, Base::Enum, Some(1))]);
    pulse_at(&mut writer, 0, 120);
    session_at(&mut writer, 1, 0, 60);
    assert_eq!(only(writer).name, None);
    let mut writer = activity_file();
    workout(&mut writer, "");
    workout(&mut writer, " 6 × 800 m\tat the lake\n");
    pulse_at(&mut writer, 0, 120);
    session_at(&mut writer, 1, 0, 60);
    assert_eq!(only(writer).name.as_deref(), Some("6 × 800 m at the lake"));
}
