//! The messages besides records: what a device says about the workout as a whole.

use super::definition::Definition;
use super::developer;
use super::names;
use super::profile::{self, Summary, TIMESTAMP, device_info, event, file_id, length, sport, workout};
use super::units;
use crate::activity::{self, Device, Lap, Length, Total, Totals};

/// A data message and its layout.
#[derive(Clone, Copy)]
pub(crate) struct Message<'a> {
    pub(crate) definition: &'a Definition,
    pub(crate) bytes: &'a [u8],
}

impl Message<'_> {
    /// The field as an integer of the wanted width; out of range is none.
    pub(crate) fn get<T: TryFrom<i64>>(&self, number: u8) -> Option<T> {
        let raw = self.definition.field(number)?.integer(self.bytes, self.definition.big_endian)?;
        T::try_from(raw).ok()
    }

    pub(crate) fn text(&self, number: u8) -> Option<String> {
        self.definition.field(number)?.text(self.bytes)
    }

    fn scaled(&self, number: u8, scale: f64) -> Option<f64> {
        self.get::<u32>(number).map(|raw| units::scaled(raw, scale))
    }

    /// A figure in its unit: the field itself, and where that says nothing or 0 the developer field that stands for it. Apps
    /// use the numbers of fields for what is akin: one that is there means itself.
    fn figure(&self, number: u8, scale: f64) -> Option<f64> {
        let own = || self.definition.field(number)?.number(self.bytes, self.definition.big_endian);
        let own = own().map(|raw| raw / scale).filter(|figure| *figure >= 0.0);
        let theirs = || developer::overriding(self, number).filter(|figure| *figure >= 0.0);
        own.filter(|figure| *figure > 0.0).or_else(theirs).or(own)
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct FileId {
    pub(crate) kind: Option<u8>,
    pub(crate) time_created: Option<u32>,
    pub(crate) device: Device,
}

/// A session, or a lap before it becomes a [`Lap`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Session {
    pub(crate) start: Option<u32>,
    pub(crate) end: Option<u32>,
    pub(crate) sport: Option<u8>,
    pub(crate) sub_sport: Option<u8>,
    pub(crate) pool_length_m: Option<f64>,
    pub(crate) sums: Lap,
}

/// One length of a pool.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PoolLength {
    pub(crate) start: u32,
    pub(crate) length: Length,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimerEvent {
    pub(crate) time: u32,
    pub(crate) running: bool,
}

/// Local time minus UTC is their difference.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clocks {
    pub(crate) utc: Option<u32>,
    pub(crate) local: Option<u32>,
}

pub(crate) fn file_id(message: Message<'_>) -> FileId {
    FileId {
        kind: message.get(file_id::KIND),
        time_created: message.get(file_id::TIME_CREATED),
        device: Device {
            creator: true,
            manufacturer_id: message.get(file_id::MANUFACTURER),
            product_id: message.get(file_id::PRODUCT),
            serial: message.get(file_id::SERIAL),
            product_name: message.text(file_id::PRODUCT_NAME),
            software_version: None,
        },
    }
}

/// A sensor; `creator` where it is the recording device itself (index 0).
pub(crate) fn device(message: Message<'_>) -> Device {
    Device {
        creator: message.get::<u8>(device_info::INDEX) == Some(0),
        manufacturer_id: message.get(device_info::MANUFACTURER),
        product_id: message.get(device_info::PRODUCT),
        serial: message.get(device_info::SERIAL),
        product_name: message.text(device_info::PRODUCT_NAME),
        software_version: message.scaled(device_info::SOFTWARE_VERSION, 100.0),
    }
}

/// `sport` and `sub_sport` of the `sport` message.
pub(crate) fn sport(message: Message<'_>) -> (Option<u8>, Option<u8>) {
    (message.get(sport::SPORT), message.get(sport::SUB_SPORT))
}

/// What the plan is called.
pub(crate) fn workout(message: Message<'_>) -> Option<String> {
    message.text(workout::NAME).as_deref().and_then(activity::name)
}

pub(crate) fn timer_event(message: Message<'_>) -> Option<TimerEvent> {
    if message.get::<u8>(event::EVENT)? != event::TIMER {
        return None;
    }
    let running = match message.get(event::KIND)? {
        event::START => true,
        event::STOP | event::STOP_ALL | event::STOP_DISABLE | event::STOP_DISABLE_ALL => false,
        _ => return None,
    };
    Some(TimerEvent { time: message.get(TIMESTAMP)?, running })
}

pub(crate) fn clocks(message: Message<'_>) -> Clocks {
    Clocks { utc: message.get(TIMESTAMP), local: message.get(profile::activity::LOCAL_TIMESTAMP) }
}

/// Reads a session or a lap, by the table of where it keeps its sums.
pub(crate) fn session(message: Message<'_>, at: &Summary) -> Session {
    let beats = |number: u8| message.figure(number, 1.0).filter(|bpm| (1.0..255.0).contains(bpm));
    let fraction = message.get::<u8>(at.cadence_fraction).map_or(0.0, |raw| f64::from(raw) / 128.0);
    let sums = Lap {
        start_s: 0.0,
        elapsed_time_s: message.figure(at.elapsed, 1000.0),
        timer_time_s: message.figure(at.timer, 1000.0),
        distance_m: message.figure(at.distance, 100.0),
        ascent_m: message.figure(at.ascent, 1.0),
        descent_m: message.figure(at.descent, 1.0),
        energy_kj: message.figure(at.calories, 1.0).map(units::energy_kj),
        heart_rate_avg_bpm: beats(at.heart_rate_avg),
        heart_rate_max_bpm: beats(at.heart_rate_max),
        power_avg_w: message.figure(at.power_avg, 1.0),
        power_max_w: message.figure(at.power_max, 1.0),
        cadence_avg_rpm: message.figure(at.cadence_avg, 1.0).map(|whole| whole + fraction),
        trigger: None,
        intensity: None,
    };
    let end: Option<u32> = message.get(TIMESTAMP);
    let start = message.get(at.start_time).or_else(|| {
        let elapsed_s = sums.elapsed_time_s?;
        end.map(|end| end.saturating_sub(elapsed_s as u32))
    });
    Session {
        start,
        end,
        sport: message.get(at.sport),
        sub_sport: message.get(at.sub_sport),
        pool_length_m: None,
        sums,
    }
}

/// A session with the length of its pool.
pub(crate) fn whole(message: Message<'_>) -> Session {
    let pool_length_m = message.figure(profile::POOL_LENGTH, 100.0).filter(|length_m| *length_m > 0.0);
    Session { pool_length_m, ..session(message, &profile::SESSION) }
}

/// A lap with why it was cut and what it was meant for.
pub(crate) fn lap(message: Message<'_>) -> Session {
    let mut lap = session(message, &profile::LAP);
    lap.sums.trigger = message.get(profile::TRIGGER).and_then(names::trigger);
    lap.sums.intensity = message.get(profile::INTENSITY).and_then(names::intensity);
    lap
}

/// A length of a pool, if it says when it began.
pub(crate) fn length(message: Message<'_>) -> Option<PoolLength> {
    let elapsed_time_s = message.figure(length::ELAPSED, 1000.0);
    let end = || message.get::<u32>(TIMESTAMP)?.checked_sub(elapsed_time_s? as u32);
    let length = Length {
        start_s: 0.0,
        elapsed_time_s,
        timer_time_s: message.figure(length::TIMER, 1000.0),
        active: message.get::<u8>(length::KIND) == Some(length::ACTIVE),
        stroke: message.get(length::STROKE).and_then(names::stroke),
        strokes: message.get(length::STROKES),
        cadence_rpm: message.figure(length::CADENCE, 1.0),
    };
    Some(PoolLength { start: message.get(length::START_TIME).or_else(end)?, length })
}

impl Session {
    /// The device's figures.
    pub(crate) fn totals(&self) -> Totals {
        let sums = &self.sums;
        let device = |value: Option<f64>| value.map(Total::device);
        Totals {
            elapsed_time_s: device(sums.elapsed_time_s),
            timer_time_s: device(sums.timer_time_s),
            moving_time_s: None,
            distance_m: device(sums.distance_m),
            ascent_m: device(sums.ascent_m),
            descent_m: device(sums.descent_m),
            energy_kj: device(sums.energy_kj),
            heart_rate_avg_bpm: device(sums.heart_rate_avg_bpm),
            heart_rate_max_bpm: device(sums.heart_rate_max_bpm),
            power_avg_w: device(sums.power_avg_w),
            power_max_w: device(sums.power_max_w),
            cadence_avg_rpm: device(sums.cadence_avg_rpm),
        }
    }

    /// The lap as seen from the activity's start.
    pub(crate) fn lap(&self, start: u32) -> Lap {
        Lap { start_s: f64::from(self.start.unwrap_or(start).saturating_sub(start)), ..self.sums }
    }
}
