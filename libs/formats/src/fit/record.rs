//! The hot path: a `record` message into a compact row, by a plan made once per definition.

use super::definition::{Definition, Field};
use super::profile::record as number;
use super::profile::{TIMESTAMP, global};
use super::units;
use crate::activity::Sample;
use crate::geo;

/// One record in FIT's raw values, 32 bytes; `NONE_*` where the device gave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) time: u32,
    latitude: i32,
    longitude: i32,
    altitude: u32,
    distance_cm: u32,
    speed_mmps: u32,
    power_w: u16,
    heart_rate: u8,
    cadence: u8,
    cadence_fraction: u8,
    temperature: i8,
}

const NONE_U32: u32 = u32::MAX;
const NONE_I32: i32 = i32::MAX;
const NONE_U16: u16 = u16::MAX;
const NONE_U8: u8 = u8::MAX;
const NONE_I8: i8 = i8::MAX;

impl Row {
    pub(crate) const EMPTY: Self = Self {
        time: NONE_U32,
        latitude: NONE_I32,
        longitude: NONE_I32,
        altitude: NONE_U32,
        distance_cm: NONE_U32,
        speed_mmps: NONE_U32,
        power_w: NONE_U16,
        heart_rate: NONE_U8,
        cadence: NONE_U8,
        cadence_fraction: NONE_U8,
        temperature: NONE_I8,
    };

    /// The row in units, `start` being the zero of its time.
    pub(crate) fn sample(&self, start: u32) -> Sample {
        let some_u32 = |raw: u32| (raw != NONE_U32).then_some(raw);
        let some_u8 = |raw: u8| (raw != NONE_U8).then_some(raw);
        let (lat, lng) = (units::degrees(self.latitude), units::degrees(self.longitude));
        let placed = self.latitude != NONE_I32 && self.longitude != NONE_I32 && geo::on_earth(lat, lng);
        let fraction = some_u8(self.cadence_fraction).map_or(0.0, |raw| f64::from(raw) / 128.0);
        Sample {
            time_s: f64::from(self.time.saturating_sub(start)),
            latlng: placed.then_some((lat, lng)),
            altitude_m: some_u32(self.altitude).map(units::altitude_m),
            heart_rate_bpm: some_u8(self.heart_rate).map(f64::from),
            power_w: (self.power_w != NONE_U16).then(|| f64::from(self.power_w)),
            cadence_rpm: some_u8(self.cadence).map(|raw| f64::from(raw) + fraction),
            speed_mps: some_u32(self.speed_mmps).map(|raw| units::scaled(raw, 1000.0)),
            temperature_c: (self.temperature != NONE_I8).then(|| f64::from(self.temperature)),
            distance_m: some_u32(self.distance_cm).map(|raw| units::scaled(raw, 100.0)),
        }
        .plausible()
    }

    /// False for what bytes in the wrong place look like: a value that cannot be.
    pub(crate) fn is_possible(&self) -> bool {
        let sample = self.sample(self.time);
        (self.altitude == NONE_U32) == sample.altitude_m.is_none()
            && (self.speed_mmps == NONE_U32) == sample.speed_mps.is_none()
            && (self.power_w == NONE_U16) == sample.power_w.is_none()
            && (self.latitude == NONE_I32 || self.longitude == NONE_I32) == sample.latlng.is_none()
    }

    /// Some devices spread one moment over several records. Takes the other in if it is of the same second and
    /// holds nothing that this one has.
    pub(crate) fn absorb(&mut self, other: &Self) -> bool {
        if self.time != other.time {
            return false;
        }
        let mut both = *self;
        let apart = take(&mut both.latitude, other.latitude, NONE_I32)
            && take(&mut both.longitude, other.longitude, NONE_I32)
            && take(&mut both.altitude, other.altitude, NONE_U32)
            && take(&mut both.distance_cm, other.distance_cm, NONE_U32)
            && take(&mut both.speed_mmps, other.speed_mmps, NONE_U32)
            && take(&mut both.power_w, other.power_w, NONE_U16)
            && take(&mut both.heart_rate, other.heart_rate, NONE_U8)
            && take(&mut both.cadence, other.cadence, NONE_U8)
            && take(&mut both.cadence_fraction, other.cadence_fraction, NONE_U8)
            && take(&mut both.temperature, other.temperature, NONE_I8);
        if apart {
            *self = both;
        }
        apart
    }
}

/// False if both hold a value.
fn take<T: PartialEq>(mine: &mut T, other: T, none: T) -> bool {
    if other == none {
        return true;
    }
    let free = *mine == none;
    if free {
        *mine = other;
    }
    free
}

/// Where a field of a record goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Time,
    Latitude,
    Longitude,
    Altitude,
    EnhancedAltitude,
    Distance,
    Speed,
    EnhancedSpeed,
    CompressedSpeedDistance,
    Power,
    HeartRate,
    Cadence,
    CadenceFraction,
    Temperature,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    slot: Slot,
    field: Field,
}

/// The fields of a `record` that we keep.
pub(crate) fn plan(definition: &Definition) -> Vec<Step> {
    if definition.global != global::RECORD {
        return Vec::new();
    }
    let step = |field: &Field| Some(Step { slot: slot(field.number)?, field: *field });
    definition.fields.iter().filter_map(step).collect()
}

const fn slot(field_number: u8) -> Option<Slot> {
    Some(match field_number {
        TIMESTAMP => Slot::Time,
        number::LATITUDE => Slot::Latitude,
        number::LONGITUDE => Slot::Longitude,
        number::ALTITUDE => Slot::Altitude,
        number::ENHANCED_ALTITUDE => Slot::EnhancedAltitude,
        number::DISTANCE => Slot::Distance,
        number::SPEED => Slot::Speed,
        number::ENHANCED_SPEED => Slot::EnhancedSpeed,
        number::COMPRESSED_SPEED_DISTANCE => Slot::CompressedSpeedDistance,
        number::POWER => Slot::Power,
        number::HEART_RATE => Slot::HeartRate,
        number::CADENCE => Slot::Cadence,
        number::FRACTIONAL_CADENCE => Slot::CadenceFraction,
        number::TEMPERATURE => Slot::Temperature,
        _ => return None,
    })
}

/// Whether a developer field may stand in place of this one.
pub(super) fn can_be_replaced(number: u8) -> bool {
    slot(number).is_some_and(|slot| {
        !matches!(slot, Slot::Time | Slot::Latitude | Slot::Longitude | Slot::CompressedSpeedDistance)
    })
}

/// Puts a developer's value, in plain units, in place of a field.
pub(super) fn replace(row: &mut Row, number: u8, value: f64) {
    let Some(slot) = slot(number) else { return };
    let (slot, raw) = match slot {
        // A plain field does not overwrite an enhanced one; this one is to.
        Slot::Altitude | Slot::EnhancedAltitude => {
            (Slot::EnhancedAltitude, i64::from(units::altitude_raw(value)))
        }
        Slot::Speed | Slot::EnhancedSpeed => (Slot::EnhancedSpeed, (value * 1000.0).round() as i64),
        Slot::Distance => (slot, (value * 100.0).round() as i64),
        Slot::CadenceFraction => (slot, (value * 128.0).round() as i64),
        Slot::Cadence => {
            row.cadence_fraction = NONE_U8;
            (slot, value.round() as i64)
        }
        _ => (slot, value.round() as i64),
    };
    row.set(slot, raw);
}

impl Row {
    pub(super) fn set_heart_rate(&mut self, bpm: u8) {
        self.heart_rate = bpm;
    }
}

/// Twelve-bit distances that run over, put end to end.
#[derive(Debug, Default)]
pub(crate) struct Odometer {
    last_16ths: Option<u16>,
    sum_16ths: u64,
}

const TWELVE_BITS: u16 = 0x0fff;

impl Odometer {
    fn centimetres(&mut self, now_16ths: u16) -> u32 {
        let last = self.last_16ths.replace(now_16ths).unwrap_or(0);
        self.sum_16ths += u64::from(now_16ths.wrapping_sub(last) & TWELVE_BITS);
        u32::try_from(self.sum_16ths * 100 / 16).unwrap_or(NONE_U32)
    }
}

/// Reads one record; its time is left unknown where the message has none.
#[inline]
pub(crate) fn read(definition: &Definition, message: &[u8], odometer: &mut Odometer) -> Row {
    let mut row = Row::EMPTY;
    for Step { slot, field } in &definition.steps {
        if *slot == Slot::CompressedSpeedDistance {
            read_compressed(field.bytes(message), odometer, &mut row);
        } else if let Some(raw) = field.integer(message, definition.big_endian) {
            row.set(*slot, raw);
        }
    }
    row
}

fn read_compressed(bytes: &[u8], odometer: &mut Odometer, row: &mut Row) {
    let Some(&[low, middle, high]) = bytes.first_chunk::<3>() else { return };
    if [low, middle, high] == [0xff; 3] {
        return;
    }
    let speed_cmps = u16::from(low) | u16::from(middle & 0x0f) << 8;
    let distance_16ths = u16::from(middle >> 4) | u16::from(high) << 4;
    row.speed_mmps = u32::from(speed_cmps) * 10;
    row.distance_cm = odometer.centimetres(distance_16ths);
}

impl Row {
    /// A value outside of what the field can mean is none.
    #[inline]
    fn set(&mut self, slot: Slot, raw: i64) {
        match slot {
            Slot::Time => self.time = raw.try_into().unwrap_or(NONE_U32),
            Slot::Latitude => self.latitude = raw.try_into().unwrap_or(NONE_I32),
            Slot::Longitude => self.longitude = raw.try_into().unwrap_or(NONE_I32),
            // The enhanced fields say the same with more bits, in whatever order they come.
            Slot::Altitude if self.altitude != NONE_U32 => {}
            Slot::Speed if self.speed_mmps != NONE_U32 => {}
            Slot::Altitude | Slot::EnhancedAltitude => self.altitude = raw.try_into().unwrap_or(NONE_U32),
            Slot::Speed | Slot::EnhancedSpeed => self.speed_mmps = raw.try_into().unwrap_or(NONE_U32),
            Slot::Distance => self.distance_cm = raw.try_into().unwrap_or(NONE_U32),
            Slot::Power => self.power_w = raw.try_into().unwrap_or(NONE_U16),
            Slot::HeartRate => self.heart_rate = raw.try_into().unwrap_or(NONE_U8),
            Slot::Cadence => self.cadence = raw.try_into().unwrap_or(NONE_U8),
            Slot::CadenceFraction => self.cadence_fraction = raw.try_into().unwrap_or(NONE_U8),
            Slot::Temperature => self.temperature = raw.try_into().unwrap_or(NONE_I8),
            Slot::CompressedSpeedDistance => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compressed_distance_runs_over_at_256_m() {
        let mut odometer = Odometer::default();
        assert_eq!(odometer.centimetres(4080), 25_500);
        assert_eq!(odometer.centimetres(16), 25_700);
    }

    #[test]
    fn halves_of_one_second_are_put_together() {
        let mut place = Row { time: 7, latitude: 1, longitude: 2, ..Row::EMPTY };
        let pulse = Row { time: 7, heart_rate: 140, ..Row::EMPTY };
        assert!(place.absorb(&pulse));
        assert_eq!(place.heart_rate, 140);
        assert!(!place.absorb(&Row { time: 7, heart_rate: 141, ..Row::EMPTY }));
        assert!(!place.absorb(&Row { time: 8, ..Row::EMPTY }));
    }
}
