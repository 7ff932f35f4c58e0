//! The numbers of the messages and fields we use, from the public FIT protocol and profile description.

/// `file_id.type` of an activity file.
pub(crate) const FILE_ACTIVITY: u8 = 4;
/// Any message: seconds since 1989-12-31T00:00:00Z.
pub(crate) const TIMESTAMP: u8 = 253;
/// Any message: its number among its kind.
pub(crate) const MESSAGE_INDEX: u8 = 254;

/// Global message numbers.
pub(crate) mod global {
    pub(crate) const FILE_ID: u16 = 0;
    pub(crate) const SPORT: u16 = 12;
    pub(crate) const SESSION: u16 = 18;
    pub(crate) const LAP: u16 = 19;
    pub(crate) const RECORD: u16 = 20;
    pub(crate) const EVENT: u16 = 21;
    pub(crate) const DEVICE_INFO: u16 = 23;
    pub(crate) const WORKOUT: u16 = 26;
    pub(crate) const ACTIVITY: u16 = 34;
    pub(crate) const LENGTH: u16 = 101;
    pub(crate) const HR: u16 = 132;
    pub(crate) const FIELD_DESCRIPTION: u16 = 206;
}

pub(crate) mod record {
    pub(crate) const LATITUDE: u8 = 0;
    pub(crate) const LONGITUDE: u8 = 1;
    pub(crate) const ALTITUDE: u8 = 2;
    pub(crate) const HEART_RATE: u8 = 3;
    pub(crate) const CADENCE: u8 = 4;
    pub(crate) const DISTANCE: u8 = 5;
    pub(crate) const SPEED: u8 = 6;
    pub(crate) const POWER: u8 = 7;
    pub(crate) const COMPRESSED_SPEED_DISTANCE: u8 = 8;
    pub(crate) const TEMPERATURE: u8 = 13;
    pub(crate) const FRACTIONAL_CADENCE: u8 = 53;
    pub(crate) const ENHANCED_SPEED: u8 = 73;
    pub(crate) const ENHANCED_ALTITUDE: u8 = 78;
}

pub(crate) mod file_id {
    pub(crate) const KIND: u8 = 0;
    pub(crate) const MANUFACTURER: u8 = 1;
    pub(crate) const PRODUCT: u8 = 2;
    pub(crate) const SERIAL: u8 = 3;
    pub(crate) const TIME_CREATED: u8 = 4;
    pub(crate) const PRODUCT_NAME: u8 = 8;
}

pub(crate) mod device_info {
    pub(crate) const INDEX: u8 = 0;
    pub(crate) const MANUFACTURER: u8 = 2;
    pub(crate) const SERIAL: u8 = 3;
    pub(crate) const PRODUCT: u8 = 4;
    pub(crate) const SOFTWARE_VERSION: u8 = 5;
    pub(crate) const PRODUCT_NAME: u8 = 27;
}

pub(crate) mod sport {
    pub(crate) const SPORT: u8 = 0;
    pub(crate) const SUB_SPORT: u8 = 1;
}

/// The plan that was followed.
pub(crate) mod workout {
    pub(crate) const NAME: u8 = 8;
}

pub(crate) mod event {
    pub(crate) const EVENT: u8 = 0;
    pub(crate) const KIND: u8 = 1;
    /// `event` of the timer.
    pub(crate) const TIMER: u8 = 0;
    pub(crate) const START: u8 = 0;
    pub(crate) const STOP: u8 = 1;
    pub(crate) const STOP_ALL: u8 = 4;
    pub(crate) const STOP_DISABLE: u8 = 8;
    pub(crate) const STOP_DISABLE_ALL: u8 = 9;
}

/// A stored heart rate, or several.
pub(crate) mod hr {
    /// In 32 768ths of a second.
    pub(crate) const FRACTION: u8 = 0;
    pub(crate) const BPM: u8 = 6;
    /// In 1 024ths of a second on the sensor's clock.
    pub(crate) const EVENT_TIME: u8 = 9;
    /// Their twelve low bits, two in three bytes.
    pub(crate) const EVENT_TIME_12: u8 = 10;
}

pub(crate) mod length {
    pub(crate) const START_TIME: u8 = 2;
    pub(crate) const ELAPSED: u8 = 3;
    pub(crate) const TIMER: u8 = 4;
    pub(crate) const STROKES: u8 = 5;
    pub(crate) const STROKE: u8 = 7;
    pub(crate) const CADENCE: u8 = 9;
    pub(crate) const KIND: u8 = 12;
    /// `kind` of one that was swum.
    pub(crate) const ACTIVE: u8 = 1;
}

pub(crate) mod field_description {
    pub(crate) const DEVELOPER: u8 = 0;
    pub(crate) const NUMBER: u8 = 1;
    pub(crate) const BASE_TYPE: u8 = 2;
    pub(crate) const NAME: u8 = 3;
    pub(crate) const SCALE: u8 = 6;
    pub(crate) const OFFSET: u8 = 7;
    pub(crate) const UNITS: u8 = 8;
    pub(crate) const NATIVE_MESSAGE: u8 = 14;
    pub(crate) const NATIVE_FIELD: u8 = 15;
}

/// Of a lap.
pub(crate) const INTENSITY: u8 = 23;
/// Of a lap.
pub(crate) const TRIGGER: u8 = 24;
/// Of a session.
pub(crate) const POOL_LENGTH: u8 = 44;

pub(crate) mod activity {
    pub(crate) const TOTAL_TIMER_TIME: u8 = 0;
    pub(crate) const NUM_SESSIONS: u8 = 1;
    pub(crate) const KIND: u8 = 2;
    pub(crate) const LOCAL_TIMESTAMP: u8 = 5;
}

/// Where a session or a lap keeps its sums.
pub(crate) struct Summary {
    pub(crate) start_time: u8,
    pub(crate) elapsed: u8,
    pub(crate) timer: u8,
    pub(crate) distance: u8,
    pub(crate) calories: u8,
    pub(crate) heart_rate_avg: u8,
    pub(crate) heart_rate_max: u8,
    pub(crate) cadence_avg: u8,
    pub(crate) cadence_fraction: u8,
    pub(crate) power_avg: u8,
    pub(crate) power_max: u8,
    pub(crate) ascent: u8,
    pub(crate) descent: u8,
    pub(crate) sport: u8,
    pub(crate) sub_sport: u8,
}

pub(crate) const SESSION: Summary = Summary {
    start_time: 2,
    elapsed: 7,
    timer: 8,
    distance: 9,
    calories: 11,
    heart_rate_avg: 16,
    heart_rate_max: 17,
    cadence_avg: 18,
    cadence_fraction: 92,
    power_avg: 20,
    power_max: 21,
    ascent: 22,
    descent: 23,
    sport: 5,
    sub_sport: 6,
};

pub(crate) const LAP: Summary = Summary {
    start_time: 2,
    elapsed: 7,
    timer: 8,
    distance: 9,
    calories: 11,
    heart_rate_avg: 15,
    heart_rate_max: 16,
    cadence_avg: 17,
    cadence_fraction: 80,
    power_avg: 19,
    power_max: 20,
    ascent: 21,
    descent: 22,
    sport: 25,
    sub_sport: 39,
};
