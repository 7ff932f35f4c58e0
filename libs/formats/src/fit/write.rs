//! An activity as a FIT activity file: `file_id`, events and records in time order, laps, sessions, `activity`.

use jiff::SignedDuration;

use super::crc::crc16;
use super::profile::{self, FILE_ACTIVITY, MESSAGE_INDEX, Summary, TIMESTAMP, global, record};
use super::{names, units};
use crate::activity::{Activity, Device, Lap, Length, Sample, Streams, Total};

/// FIT's base types, by the type byte of a definition. The values of `F32` are the bits of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Base {
    Enum = 0x00,
    I8 = 0x01,
    U8 = 0x02,
    Text = 0x07,
    U16 = 0x84,
    I32 = 0x85,
    U32 = 0x86,
    F32 = 0x88,
    U32z = 0x8c,
    Bytes = 0x0d,
}

impl Base {
    pub(super) const fn size(self) -> u8 {
        match self {
            Self::Enum | Self::I8 | Self::U8 | Self::Text | Self::Bytes => 1,
            Self::U16 => 2,
            Self::I32 | Self::U32 | Self::F32 | Self::U32z => 4,
        }
    }

    /// The value that says "no value".
    const fn none(self) -> i64 {
        match self {
            Self::Enum | Self::U8 | Self::Bytes => 0xff,
            Self::I8 => 0x7f,
            Self::U16 => 0xffff,
            Self::I32 => 0x7fff_ffff,
            // As the bits of a float: not a number.
            Self::U32 | Self::F32 => 0xffff_ffff,
            Self::Text | Self::U32z => 0,
        }
    }
}

/// Writes FIT message by message, little-endian. It keeps no account of definitions: tests make odd files with it.
#[derive(Debug)]
pub struct Writer {
    bytes: Vec<u8>,
}

const HEADER_BYTES: usize = 14;
const PROTOCOL_2_0: u8 = 0x20;
const PROFILE_VERSION: u16 = 2132;
/// Without the zero at its end.
const TEXT_BYTES_MAX: usize = 254;

impl Default for Writer {
    fn default() -> Self {
        Self::new()
    }
}

impl Writer {
    pub fn new() -> Self {
        Self { bytes: vec![0; HEADER_BYTES] }
    }

    /// A definition message of `(field number, type)`.
    pub fn define(&mut self, local: u8, global: u16, fields: &[(u8, Base)]) {
        self.bytes.extend([0x40 | local & 0x0f, 0, 0]);
        self.bytes.extend(global.to_le_bytes());
        self.bytes.push(fields.len().min(usize::from(u8::MAX)) as u8);
        for (number, base) in fields.iter().take(usize::from(u8::MAX)) {
            self.bytes.extend([*number, base.size(), *base as u8]);
        }
    }

    /// A data message; a value that is `None` or does not fit becomes the type's "no value".
    pub fn data(&mut self, local: u8, values: impl IntoIterator<Item = (Base, Option<i64>)>) {
        self.bytes.push(local & 0x0f);
        for (base, value) in values {
            self.value(base, value);
        }
    }

    fn value(&mut self, base: Base, value: Option<i64>) {
        let value = value.filter(|value| base.holds(*value)).unwrap_or(base.none());
        self.bytes.extend(value.to_le_bytes().iter().take(usize::from(base.size())));
    }

    /// A definition and its one message.
    pub fn message(&mut self, local: u8, global: u16, fields: &[(u8, Base, Option<i64>)]) {
        let layout: Vec<_> = fields.iter().map(|(number, base, _)| (*number, *base)).collect();
        self.define(local, global, &layout);
        self.data(local, fields.iter().map(|(_, base, value)| (*base, *value)));
    }

    /// A definition and its one message, with a text before the other fields.
    pub fn named(
        &mut self,
        local: u8,
        global: u16,
        (number, text): (u8, &str),
        fields: &[(u8, Base, Option<i64>)],
    ) {
        let text = text.get(..text.floor_char_boundary(TEXT_BYTES_MAX)).unwrap_or_default().as_bytes();
        self.raw(&[0x40 | local & 0x0f, 0, 0]);
        self.raw(&global.to_le_bytes());
        self.raw(&[fields.len().min(254) as u8 + 1, number, text.len() as u8 + 1, Base::Text as u8]);
        for (number, base, _) in fields.iter().take(254) {
            self.raw(&[*number, base.size(), *base as u8]);
        }
        self.raw(&[local & 0x0f]);
        self.raw(text);
        self.raw(&[0]);
        for (_, base, value) in fields.iter().take(254) {
            self.value(*base, *value);
        }
    }

    /// Bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The file: the header with its checksum, the messages, the checksum of all.
    pub fn finish(mut self) -> Vec<u8> {
        let data_size = u32::try_from(self.bytes.len() - HEADER_BYTES).unwrap_or(u32::MAX);
        let mut header = vec![HEADER_BYTES as u8, PROTOCOL_2_0];
        header.extend(PROFILE_VERSION.to_le_bytes());
        header.extend(data_size.to_le_bytes());
        header.extend(b".FIT");
        header.extend(crc16(&header).to_le_bytes());
        for (place, byte) in self.bytes.iter_mut().zip(header) {
            *place = byte;
        }
        let crc = crc16(&self.bytes);
        self.bytes.extend(crc.to_le_bytes());
        self.bytes
    }
}

impl Base {
    const fn holds(self, value: i64) -> bool {
        match self {
            Self::I8 => value >= -0x80 && value <= 0x7f,
            Self::I32 => value >= -0x8000_0000 && value <= 0x7fff_ffff,
            Self::Enum | Self::U8 | Self::Bytes | Self::Text => value >= 0 && value <= 0xff,
            Self::U16 => value >= 0 && value <= 0xffff,
            Self::U32 | Self::F32 | Self::U32z => value >= 0 && value <= 0xffff_ffff,
        }
    }
}

/// Local message numbers; records keep theirs through the file.
const RECORD: u8 = 0;
const OTHER: u8 = 1;
const EVENT: u8 = 2;

/// Writes the activity, its legs as sessions. Times are whole seconds in FIT, totals are the device's when read
/// back; the moving time is not written, as it is always worked out anew.
pub fn write(activity: &Activity) -> Vec<u8> {
    let mut writer = Writer::new();
    write_devices(&mut writer, activity);
    // FIT has no title; that of the workout is what is read as one.
    if let Some(name) = &activity.name {
        writer.named(OTHER, global::WORKOUT, (profile::workout::NAME, name), &[]);
    }
    write_timeline(&mut writer, activity);
    for (index, length) in activity.lengths.iter().enumerate() {
        write_length(&mut writer, index, length, activity);
    }
    for (index, lap) in activity.laps.iter().enumerate() {
        write_lap(&mut writer, index, lap, activity);
    }
    if activity.legs.is_empty() {
        write_session(&mut writer, 0, activity);
    }
    for (index, leg) in activity.legs.iter().enumerate() {
        write_session(&mut writer, index, leg);
    }
    write_activity(&mut writer, activity);
    writer.finish()
}

fn write_devices(writer: &mut Writer, activity: &Activity) {
    let unknown = Device::default();
    let maker = activity.devices.iter().find(|device| device.creator).unwrap_or(&unknown);
    writer.message(
        OTHER,
        global::FILE_ID,
        &[
            (profile::file_id::KIND, Base::Enum, Some(i64::from(FILE_ACTIVITY))),
            (profile::file_id::MANUFACTURER, Base::U16, maker.manufacturer_id.map(i64::from)),
            (profile::file_id::PRODUCT, Base::U16, maker.product_id.map(i64::from)),
            (profile::file_id::SERIAL, Base::U32z, maker.serial.map(i64::from)),
            (profile::file_id::TIME_CREATED, Base::U32, Some(start(activity))),
        ],
    );
    for (index, device) in activity.devices.iter().enumerate() {
        write_device(writer, if device.creator { 0 } else { index.max(1) }, device);
    }
}

fn write_device(writer: &mut Writer, index: usize, device: &Device) {
    let numbers = [
        (profile::device_info::INDEX, Base::U8, i64::try_from(index).ok()),
        (profile::device_info::MANUFACTURER, Base::U16, device.manufacturer_id.map(i64::from)),
        (profile::device_info::PRODUCT, Base::U16, device.product_id.map(i64::from)),
        (profile::device_info::SERIAL, Base::U32z, device.serial.map(i64::from)),
        (profile::device_info::SOFTWARE_VERSION, Base::U16, scaled(device.software_version, 100.0)),
    ];
    let name = device.product_name.as_deref().unwrap_or_default();
    let name = name.get(..name.floor_char_boundary(64)).unwrap_or_default();
    writer.named(OTHER, global::DEVICE_INFO, (profile::device_info::PRODUCT_NAME, name), &numbers);
}

/// Timer events and records, in the order they happened.
fn write_timeline(writer: &mut Writer, activity: &Activity) {
    let zero = start(activity);
    let mut events = vec![(0.0, profile::event::START)];
    for pause in &activity.pauses {
        events.push((pause.start_s, profile::event::STOP_ALL));
        events.push((pause.end_s, profile::event::START));
    }
    let columns = Columns::of(&activity.streams);
    let layout: Vec<_> = columns.0.iter().map(|column| (column.number, column.base)).collect();
    let layout_events =
        [(TIMESTAMP, Base::U32), (profile::event::EVENT, Base::Enum), (profile::event::KIND, Base::Enum)];
    writer.define(EVENT, global::EVENT, &layout_events);
    writer.define(RECORD, global::RECORD, &layout);
    let event = |writer: &mut Writer, (at_s, kind): (f64, u8)| {
        let time = zero + at_s.round() as i64;
        let values = [time, i64::from(profile::event::TIMER), i64::from(kind)];
        writer.data(EVENT, layout_events.iter().zip(values).map(|((_, base), value)| (*base, Some(value))));
    };
    let mut coming = events.into_iter().peekable();
    for sample in activity.streams.samples() {
        while let Some(due) = coming.next_if(|(at_s, _)| *at_s <= sample.time_s) {
            event(writer, due);
        }
        writer.data(RECORD, columns.0.iter().map(|column| (column.base, (column.raw)(&sample, zero))));
    }
    let end_s = activity.totals.elapsed_time_s.map_or(0.0, |total| total.value);
    for due in coming.chain([(end_s, profile::event::STOP_ALL)]) {
        event(writer, due);
    }
}

/// The columns that hold anything, and how a sample goes into them.
struct Columns(Vec<Column>);

struct Column {
    number: u8,
    base: Base,
    raw: fn(&Sample, i64) -> Option<i64>,
}

impl Columns {
    fn of(streams: &Streams) -> Self {
        let holds = |column: &[Option<f64>]| column.iter().any(Option::is_some);
        let mut columns = Vec::new();
        let mut add = |wanted: bool, number, base, raw| {
            if wanted {
                columns.push(Column { number, base, raw });
            }
        };
        let placed = streams.latlng.iter().any(Option::is_some);
        add(true, TIMESTAMP, Base::U32, |sample, zero| Some(zero + sample.time_s.round() as i64));
        add(placed, record::LATITUDE, Base::I32, |sample, _| {
            Some(units::semicircles(sample.latlng?.0).into())
        });
        add(placed, record::LONGITUDE, Base::I32, |sample, _| {
            Some(units::semicircles(sample.latlng?.1).into())
        });
        add(holds(&streams.altitude_m), record::ENHANCED_ALTITUDE, Base::U32, |sample, _| {
            Some(units::altitude_raw(sample.altitude_m?).into())
        });
        add(holds(&streams.heart_rate_bpm), record::HEART_RATE, Base::U8, |sample, _| {
            scaled(sample.heart_rate_bpm, 1.0)
        });
        add(holds(&streams.cadence_rpm), record::CADENCE, Base::U8, |sample, _| {
            sample.cadence_rpm.map(|rpm| cadence(rpm).0)
        });
        add(holds(&streams.cadence_rpm), record::FRACTIONAL_CADENCE, Base::U8, |sample, _| {
            sample.cadence_rpm.map(|rpm| cadence(rpm).1)
        });
        add(holds(&streams.distance_m), record::DISTANCE, Base::U32, |sample, _| {
            scaled(sample.distance_m, 100.0)
        });
        add(holds(&streams.speed_mps), record::ENHANCED_SPEED, Base::U32, |sample, _| {
            scaled(sample.speed_mps, 1000.0)
        });
        add(holds(&streams.power_w), record::POWER, Base::U16, |sample, _| scaled(sample.power_w, 1.0));
        add(holds(&streams.temperature_c), record::TEMPERATURE, Base::I8, |sample, _| {
            scaled(sample.temperature_c, 1.0)
        });
        Self(columns)
    }
}

fn write_lap(writer: &mut Writer, index: usize, lap: &Lap, activity: &Activity) {
    let zero = start(activity) + lap.start_s.round() as i64;
    let mut fields = summary_fields(&profile::LAP, lap, zero);
    let word = |word: Option<&str>, names| word.and_then(|word| names::number_of(word, names)).map(i64::from);
    fields.push((profile::TRIGGER, Base::Enum, word(lap.trigger, names::trigger)));
    fields.push((profile::INTENSITY, Base::Enum, word(lap.intensity, names::intensity)));
    fields.push((MESSAGE_INDEX, Base::U16, i64::try_from(index).ok()));
    writer.message(OTHER, global::LAP, &fields);
}

fn write_length(writer: &mut Writer, index: usize, length: &Length, activity: &Activity) {
    let begin = start(activity) + length.start_s.round() as i64;
    let end = begin + length.elapsed_time_s.unwrap_or(0.0).round() as i64;
    let stroke = length.stroke.and_then(|word| names::number_of(word, names::stroke));
    let fields = [
        (TIMESTAMP, Base::U32, Some(end)),
        (profile::length::START_TIME, Base::U32, Some(begin)),
        (profile::length::ELAPSED, Base::U32, scaled(length.elapsed_time_s, 1000.0)),
        (profile::length::TIMER, Base::U32, scaled(length.timer_time_s, 1000.0)),
        (profile::length::STROKES, Base::U16, length.strokes.map(i64::from)),
        (profile::length::STROKE, Base::Enum, stroke.map(i64::from)),
        (profile::length::CADENCE, Base::U8, scaled(length.cadence_rpm, 1.0)),
        (profile::length::KIND, Base::Enum, Some(i64::from(length.active))),
        (MESSAGE_INDEX, Base::U16, i64::try_from(index).ok()),
    ];
    writer.message(OTHER, global::LENGTH, &fields);
}

fn write_session(writer: &mut Writer, index: usize, activity: &Activity) {
    let (sport, sub_sport) = names::numbers(activity.sport, activity.sub_sport.as_deref());
    let mut fields = summary_fields(&profile::SESSION, &sums(activity), start(activity));
    fields.push((profile::SESSION.sport, Base::Enum, Some(sport.into())));
    fields.push((profile::SESSION.sub_sport, Base::Enum, Some(sub_sport.into())));
    if !activity.lengths.is_empty() {
        fields.push((profile::POOL_LENGTH, Base::U16, scaled(activity.pool_length_m, 100.0)));
    }
    fields.push((MESSAGE_INDEX, Base::U16, i64::try_from(index).ok()));
    writer.message(OTHER, global::SESSION, &fields);
}

fn sums(activity: &Activity) -> Lap {
    let value = |total: Option<Total>| total.map(|total| total.value);
    let totals = &activity.totals;
    Lap {
        start_s: 0.0,
        elapsed_time_s: value(totals.elapsed_time_s),
        timer_time_s: value(totals.timer_time_s),
        distance_m: value(totals.distance_m),
        ascent_m: value(totals.ascent_m),
        descent_m: value(totals.descent_m),
        energy_kj: value(totals.energy_kj),
        heart_rate_avg_bpm: value(totals.heart_rate_avg_bpm),
        heart_rate_max_bpm: value(totals.heart_rate_max_bpm),
        power_avg_w: value(totals.power_avg_w),
        power_max_w: value(totals.power_max_w),
        cadence_avg_rpm: value(totals.cadence_avg_rpm),
        ..Lap::default()
    }
}

fn summary_fields(at: &Summary, sums: &Lap, zero: i64) -> Vec<(u8, Base, Option<i64>)> {
    let end = zero + sums.elapsed_time_s.unwrap_or(0.0).round() as i64;
    let cadence = sums.cadence_avg_rpm.map(cadence);
    vec![
        (TIMESTAMP, Base::U32, Some(end)),
        (at.start_time, Base::U32, Some(zero)),
        (at.elapsed, Base::U32, scaled(sums.elapsed_time_s, 1000.0)),
        (at.timer, Base::U32, scaled(sums.timer_time_s, 1000.0)),
        (at.distance, Base::U32, scaled(sums.distance_m, 100.0)),
        (at.ascent, Base::U16, scaled(sums.ascent_m, 1.0)),
        (at.descent, Base::U16, scaled(sums.descent_m, 1.0)),
        (at.calories, Base::U16, scaled(sums.energy_kj.map(units::calories), 1.0)),
        (at.heart_rate_avg, Base::U8, scaled(sums.heart_rate_avg_bpm, 1.0)),
        (at.heart_rate_max, Base::U8, scaled(sums.heart_rate_max_bpm, 1.0)),
        (at.power_avg, Base::U16, scaled(sums.power_avg_w, 1.0)),
        (at.power_max, Base::U16, scaled(sums.power_max_w, 1.0)),
        (at.cadence_avg, Base::U8, cadence.map(|cadence| cadence.0)),
        (at.cadence_fraction, Base::U8, cadence.map(|cadence| cadence.1)),
    ]
}

fn write_activity(writer: &mut Writer, activity: &Activity) {
    let elapsed_s = activity.totals.elapsed_time_s.map_or(0.0, |total| total.value);
    let timer_s = activity.totals.timer_time_s.map(|total| total.value);
    let end = start(activity) + elapsed_s.round() as i64;
    let local = activity.utc_offset_s.map(|offset_s| end + i64::from(offset_s));
    let manual = 0;
    writer.message(
        OTHER,
        global::ACTIVITY,
        &[
            (TIMESTAMP, Base::U32, Some(end)),
            (profile::activity::LOCAL_TIMESTAMP, Base::U32, local),
            (profile::activity::TOTAL_TIMER_TIME, Base::U32, scaled(timer_s, 1000.0)),
            (profile::activity::NUM_SESSIONS, Base::U16, i64::try_from(activity.legs.len().max(1)).ok()),
            (profile::activity::KIND, Base::Enum, Some(manual)),
        ],
    );
}

/// FIT's seconds of the start, to the nearest.
fn start(activity: &Activity) -> i64 {
    let nearest = activity.start.checked_add(SignedDuration::from_millis(500)).unwrap_or(activity.start);
    i64::from(units::fit_seconds(nearest))
}

fn scaled(value: Option<f64>, scale: f64) -> Option<i64> {
    value.map(|value| (value * scale).round() as i64)
}

/// Whole turns and 128ths.
fn cadence(rpm: f64) -> (i64, i64) {
    let in_128ths = (rpm * 128.0).round() as i64;
    (in_128ths.div_euclid(128), in_128ths.rem_euclid(128))
}
