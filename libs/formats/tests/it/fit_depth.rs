//! What lies deeper in FIT: fields of apps, stored heart rates, pools, floats, sixteen layouts at once.

use proptest::prelude::*;
use stadion_formats::fit::{Base, Writer};
use stadion_formats::{Activity, Sport, read, synth, totals};

use crate::samples::{oracles, sample};

const NOON: i64 = 1_000_000_000;
const RECORD: u16 = 20;
const SESSION: u16 = 18;
const LENGTH: u16 = 101;
const HR: u16 = 132;

fn activity_file() -> Writer {
    let mut writer = Writer::new();
    writer.message(0, 0, &[(0, Base::Enum, Some(4))]);
    writer
}

fn only(writer: Writer) -> Activity {
    let mut reading = read(&writer.finish()).expect("an activity");
    assert_eq!(reading.salvage, None);
    assert_eq!(reading.activities.len(), 1);
    reading.activities.remove(0)
}

/// A `field_description` of developer 0.
fn describe(
    writer: &mut Writer,
    number: u8,
    type_byte: u8,
    name: &str,
    units: &str,
    native: Option<(u16, u8)>,
) {
    writer.raw(&[0x4f, 0, 0, 206, 0, 7, 0, 1, 2, 1, 1, 2, 2, 1, 2]);
    writer.raw(&[3, name.len() as u8 + 1, 7, 8, units.len() as u8 + 1, 7, 14, 2, 0x84, 15, 1, 2]);
    writer.raw(&[15, 0, number, type_byte]);
    for text in [name, units] {
        writer.raw(text.as_bytes());
        writer.raw(&[0]);
    }
    let (message, field) = native.unwrap_or((0xffff, 0xff));
    writer.raw(&message.to_le_bytes());
    writer.raw(&[field]);
}

/// Local 1: records of a time and these developer fields, `(number, size)`.
fn define_with(writer: &mut Writer, global: u16, developer: &[(u8, u8)]) {
    let [low, high] = global.to_le_bytes();
    writer.raw(&[0x61, 0, 0, low, high, 1, 253, 4, 0x86, developer.len() as u8]);
    for (number, size) in developer {
        writer.raw(&[*number, *size, 0]);
    }
}

fn data(writer: &mut Writer, second: i64, developer: &[&[u8]]) {
    writer.raw(&[1]);
    writer.raw(&((NOON + second) as u32).to_le_bytes());
    developer.iter().for_each(|bytes| writer.raw(bytes));
}

#[test]
fn a_developer_field_stands_in_place_of_the_field_it_names() {
    let mut writer = activity_file();
    describe(&mut writer, 0, 0x88, "Distance", "m", Some((RECORD, 5)));
    describe(&mut writer, 1, 0x84, "Power", "Watts", Some((RECORD, 7)));
    describe(&mut writer, 2, 0x88, "Speed", "km/h", Some((RECORD, 6)));
    describe(&mut writer, 3, 0x86, "Distance", "m", Some((SESSION, 9)));
    define_with(&mut writer, RECORD, &[(0, 4), (1, 2), (2, 4)]);
    for second in 0..3_u8 {
        let way_m = f32::from(second) * 2.5;
        data(&mut writer, second.into(), &[&way_m.to_le_bytes(), &[200, 0], &36.0_f32.to_le_bytes()]);
    }
    define_with(&mut writer, SESSION, &[(3, 4)]);
    data(&mut writer, 2, &[&1_234_u32.to_le_bytes()]);
    let row = only(writer);
    assert_eq!(row.streams.distance_m, [Some(0.0), Some(2.5), Some(5.0)]);
    assert_eq!((row.streams.power_w[0], row.streams.speed_mps[0]), (Some(200.0), Some(10.0)));
    assert_eq!(row.totals.distance_m.expect("the app's").value, 1_234.0);
    assert_eq!(row.extra, [], "they are no columns of their own");
}

#[test]
fn other_developer_fields_are_columns_under_their_own_names() {
    let mut writer = activity_file();
    // The layout comes before the descriptions: nothing forbids it.
    define_with(&mut writer, RECORD, &[(0, 4), (1, 3), (2, 2), (9, 1)]);
    describe(&mut writer, 0, 0x88, "Leg Spring Stiffness", "kN/m", None);
    describe(&mut writer, 1, 0x02, "Zones", "", None);
    describe(&mut writer, 2, 0x07, "Mood", "", None);
    data(&mut writer, 0, &[&9.5_f32.to_le_bytes(), &[1, 2, 255], b"ok", &[7]]);
    data(&mut writer, 1, &[&f32::NAN.to_le_bytes(), &[3, 255, 255], b"ok", &[7]]);
    let activity = only(writer);
    let told: Vec<_> =
        activity.extra.iter().map(|extra| (extra.name.as_str(), extra.units.as_deref())).collect();
    assert_eq!(told, [("Leg Spring Stiffness", Some("kN/m")), ("Zones[0]", None), ("Zones[1]", None)]);
    assert_eq!(activity.extra[0].values, [Some(9.5), None]);
    assert_eq!(activity.extra[1].values, [Some(1.0), Some(3.0)]);
}

#[test]
fn stored_heart_rates_are_put_into_the_records() {
    let mut writer = activity_file();
    writer.define(1, RECORD, &[(253, Base::U32), (9, Base::U8)]);
    for second in 0..10 {
        writer.data(1, [(Base::U32, Some(NOON + second)), (Base::U8, Some(0))]);
    }
    // The strap's clock stood at 1 000 when it was NOON; its twelve bits run over every four seconds.
    let anchor = [(253, Base::U32, Some(NOON)), (6, Base::U8, Some(100)), (9, Base::U32, Some(1_000))];
    writer.message(2, HR, &anchor);
    writer.raw(&[0x43, 0, 0, HR as u8, 0, 2, 6, 8, 2, 10, 12, 13]);
    let low = |second: u32| (1_000 + second * 1_024) & 0xfff;
    writer.raw(&[3, 101, 102, 103, 104, 105, 106, 107, 108]);
    for pair in [[1, 2], [3, 4], [5, 6], [7, 8]] {
        let [one, other] = pair.map(low);
        writer.raw(&[one as u8, (one >> 8 | (other & 0xf) << 4) as u8, (other >> 4) as u8]);
    }
    let pulses: Vec<_> = only(writer).streams.heart_rate_bpm.into_iter().flatten().collect();
    assert_eq!(pulses, [100., 101., 102., 103., 104., 105., 106., 107., 108., 108.]);
}

#[test]
fn a_swim_in_a_pool_has_its_lengths_and_their_distance() {
    let mut writer = activity_file();
    for number in 0..4_i64 {
        let (begin, resting) = (NOON + number * 30, number == 2);
        let fields = [
            (253, Base::U32, Some(begin + 30)),
            (2, Base::U32, Some(begin)),
            (3, Base::U32, Some(30_000)),
            (5, Base::U16, (!resting).then_some(18)),
            (7, Base::Enum, (!resting).then_some(2)),
            (12, Base::Enum, Some(i64::from(!resting))),
        ];
        writer.message(1, LENGTH, &fields);
    }
    let session = [(2, Base::U32, Some(NOON)), (5, Base::Enum, Some(5)), (44, Base::U16, Some(2_500))];
    writer.message(2, SESSION, &session);
    let swim = only(writer);
    assert_eq!((swim.sport, swim.pool_length_m), (Sport::Swimming, Some(25.0)));
    assert_eq!(swim.lengths.iter().filter(|length| length.active).count(), 3);
    assert_eq!((swim.lengths[0].stroke, swim.lengths[0].strokes), (Some("breaststroke"), Some(18)));
    assert_eq!(swim.totals.distance_m.expect("three lengths").value, 75.0);
    let split = totals::splits(swim.sport, &swim.streams, 50.0)[0];
    assert_eq!(
        (split.elapsed_time_s, totals::splits(swim.sport, &swim.streams, 50.0)[1].start_s),
        (60.0, 60.0)
    );
    assert_eq!(
        read(&stadion_formats::write(&swim)).expect("our own file").activities[0].lengths,
        swim.lengths
    );
}

#[test]
fn floats_are_numbers_and_no_number_is_missing() {
    let mut writer = activity_file();
    writer.define(1, RECORD, &[(253, Base::U32), (7, Base::F32), (3, Base::F32)]);
    let bits = |value: f32| Some(i64::from(value.to_bits()));
    for (power_w, bpm) in [(bits(250.4), bits(140.0)), (None, bits(f32::INFINITY))] {
        writer.data(1, [(Base::U32, Some(NOON)), (Base::F32, power_w), (Base::F32, bpm)]);
    }
    let streams = only(writer).streams;
    assert_eq!((streams.power_w[0], streams.heart_rate_bpm[0]), (Some(250.0), Some(140.0)));
    assert_eq!(streams.len(), 1, "the second said nothing");
}

#[test]
fn every_type_has_its_word_for_nothing() {
    let nothing: [(u8, &[u8]); 13] = [
        (0x00, &[0xff]),
        (0x01, &[0x7f]),
        (0x02, &[0xff]),
        (0x83, &[0xff, 0x7f]),
        (0x84, &[0xff; 2]),
        (0x85, &[0xff, 0xff, 0xff, 0x7f]),
        (0x86, &[0xff; 4]),
        (0x88, &[0xff; 4]),
        (0x89, &[0xff; 8]),
        (0x0a, &[0]),
        (0x8b, &[0; 2]),
        (0x8c, &[0; 4]),
        (0x8f, &[0xff; 8]),
    ];
    for (type_byte, bytes) in nothing {
        let mut writer = activity_file();
        writer.raw(&[0x41, 0, 0, 20, 0, 2, 253, 4, 0x86, 7, bytes.len() as u8, type_byte]);
        for value in [bytes, &[1, 0, 0, 0, 0, 0, 0, 0][..bytes.len()]] {
            data(&mut writer, 0, &[value]);
        }
        let floats = [0x88, 0x89].contains(&type_byte);
        let first = only(writer).streams.power_w[0];
        assert_eq!(first, Some(if floats { 0.0 } else { 1.0 }), "{type_byte:#x}: the other record's value");
    }
}

#[test]
fn sixteen_layouts_serve_side_by_side() {
    let mut writer = activity_file();
    for local in 0..16 {
        writer.define(local, RECORD, &[(253, Base::U32), (if local % 2 == 0 { 3 } else { 7 }, Base::U16)]);
    }
    for second in 0..160_u8 {
        let values = [(Base::U32, Some(NOON + i64::from(second))), (Base::U16, Some(100))];
        writer.data(second % 16, values);
    }
    let streams = only(writer).streams;
    assert_eq!(streams.len(), 160);
    assert_eq!(streams.heart_rate_bpm.iter().flatten().count(), 80);
}

#[test]
fn a_distance_of_zero_is_no_truth_where_the_track_leads_away() {
    let run = synth::run(3, "2026-03-01T07:30:00Z".parse().expect("a time"), 2_000.0, 300.0);
    let mut denied = run.clone();
    denied.totals.distance_m = Some(stadion_formats::Total::device(0.0));
    denied.streams.distance_m.iter_mut().for_each(|metres| *metres = Some(0.0));
    totals::complete(&mut denied);
    let distance = denied.totals.distance_m.expect("worked out");
    assert_eq!(distance.algorithm, "haversine");
    assert!((distance.value - 2_000.0).abs() < 200.0, "{}", distance.value);
    // On a trainer nothing speaks against it.
    let mut trainer = denied.clone();
    trainer.totals.distance_m = Some(stadion_formats::Total::device(0.0));
    trainer.streams.latlng.iter_mut().for_each(|place| *place = None);
    trainer.streams.distance_m.iter_mut().for_each(|metres| *metres = Some(0.0));
    totals::complete(&mut trainer);
    assert_eq!(trainer.totals.distance_m, Some(stadion_formats::Total::device(0.0)));
}

#[test]
fn a_rower_whose_distance_only_an_app_knew_has_gone_as_far_as_it_says() {
    let Some(bytes) = sample("fit/indoor-rowing-33devfields.fit") else { return };
    let row = read(&bytes).expect("an activity").activities.remove(0);
    let (total, counted) =
        (row.totals.distance_m.expect("the app's"), row.streams.distance_m.last().copied().flatten());
    assert!(total.value > 5_000.0, "{}", total.value);
    assert!((counted.expect("a column") - total.value).abs() < 50.0, "{counted:?} {}", total.value);
    assert!(row.streams.power_w.iter().flatten().any(|watts| *watts > 100.0));
}

#[test]
fn heart_rates_of_straps_agree_with_the_other_reader() {
    for file in ["fit/swim-fr935-89laps.fit", "fit/triathlon-chained-headers.fit"] {
        let Some(bytes) = sample(file) else { return };
        let expected = oracles(file)[0].1["rec_hr_avg"].as_f64().expect("a mean");
        let streams = read(&bytes).expect("an activity").activities.remove(0).streams;
        let pulses: Vec<_> = streams.heart_rate_bpm.iter().flatten().collect();
        let mean = pulses.iter().copied().sum::<f64>() / pulses.len() as f64;
        assert!((mean - expected).abs() < 1.0, "{file}: {mean}, not {expected} of {}", pulses.len());
    }
}

proptest! {
    #[test]
    fn whatever_apps_describe_columns_are_as_long_as_the_records(
        descriptions in prop::collection::vec((0..4_u8, any::<u8>(), "[a-z]{0,3}", prop::option::of((18..21_u16, 0..80_u8))), 0..12),
        fields in prop::collection::vec((0..4_u8, 0..20_u8), 0..6),
        noise in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let mut writer = activity_file();
        for (number, type_byte, name, native) in &descriptions {
            describe(&mut writer, *number, *type_byte, name, "m", *native);
        }
        define_with(&mut writer, RECORD, &fields);
        let size: usize = fields.iter().map(|(_, size)| usize::from(*size)).sum();
        for (second, bytes) in noise.chunks_exact(size.max(1)).enumerate() {
            data(&mut writer, second as i64, if size == 0 { &[] } else { std::slice::from_ref(&bytes) });
        }
        if let Ok(reading) = read(&writer.finish()) {
            for activity in reading.activities {
                prop_assert!(activity.extra.iter().all(|extra| extra.values.len() == activity.streams.len()));
            }
        }
    }
}
