//! An activity as it is kept: figures, health, name, devices, and where each figure comes from.

use jiff::tz::{Offset, TimeZone};
use kernel::{ActivityId, Sport, time};
use privacy::Audience;

use super::{
    UploadId,
    marks::{Judgement, Marks},
    trace::{self, Trace},
};

/// Everything about an activity except its streams. `None` in a part that a key protects: unknown, or erased.
#[derive(Clone, PartialEq)]
pub struct Record {
    pub origin: Origin,
    /// Where its columns lie, when it has any.
    pub streams_blob: Option<String>,
    /// Its own audience, in place of the account's setting.
    pub visibility: Option<Audience>,
    /// Always there, unless erased.
    pub facts: Option<Facts>,
    pub health: Option<Health>,
    pub name: Option<String>,
    pub devices: Vec<Device>,
    pub explained: Vec<Explained>,
    pub marks: Marks,
    /// Where something is, or was, held against it.
    pub judgement: Option<Judgement>,
    /// What rules that look at several know it by.
    pub trace: Option<Trace>,
}

impl Record {
    /// What came with the file, an archive's table, says what was done where the file says nothing, or less.
    pub fn say_sport(&mut self, sport: Sport, sub_sport: Option<&str>) {
        let Some(facts) = self.facts.as_mut().filter(|facts| [Sport::Other, sport].contains(&facts.sport))
        else {
            return;
        };
        facts.sport = sport;
        facts.sub_sport = facts.sub_sport.take().or_else(|| sub_sport.map(str::to_owned));
        if facts.sub_sport.as_deref().is_some_and(trace::is_nowhere) {
            self.trace = self.trace.take().and_then(Trace::nowhere);
        }
    }
}

/// What nothing is held about prints as it did before anything could be.
impl std::fmt::Debug for Record {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = formatter.debug_struct("Record");
        shown.field("origin", &self.origin).field("streams_blob", &self.streams_blob);
        shown.field("visibility", &self.visibility).field("facts", &self.facts);
        shown.field("health", &self.health).field("name", &self.name);
        shown.field("devices", &self.devices).field("explained", &self.explained);
        if self.marks != Marks::default() {
            shown.field("marks", &self.marks);
        }
        if let Some(judgement) = &self.judgement {
            shown.field("judgement", judgement);
        }
        if let Some(trace) = &self.trace {
            shown.field("trace", trace);
        }
        shown.finish()
    }
}

/// Where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Origin {
    Upload { upload_id: UploadId, session_number: u32, source: String, original_blob: String },
    Sync { source: String, client_version: i64 },
    Manual,
}

impl Origin {
    pub fn source(&self) -> &str {
        match self {
            Self::Upload { source, .. } | Self::Sync { source, .. } => source,
            Self::Manual => "manual",
        }
    }
}

/// The figures. `None` is unknown, never zero.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    pub sport: Sport,
    /// FIT's names; open.
    pub sub_sport: Option<String>,
    pub start_us: i64,
    /// At the start: as recorded, else by the zone.
    pub utc_offset_s: i32,
    /// IANA: of the record, else the account's at recording.
    pub time_zone: Option<String>,
    pub elapsed_time_s: f64,
    pub timer_time_s: Option<f64>,
    pub moving_time_s: Option<f64>,
    pub distance_m: Option<f64>,
    pub ascent_m: Option<f64>,
    pub descent_m: Option<f64>,
    pub energy_kj: Option<f64>,
    pub power_avg_w: Option<f64>,
    pub power_max_w: Option<f64>,
    pub cadence_avg_rpm: Option<f64>,
    pub laps: Vec<Lap>,
    pub legs: Vec<Leg>,
    /// Types of the streams at hand, without health's.
    pub stream_types: Vec<String>,
    /// The best over each distance and of power that it is long enough for.
    pub efforts: Vec<Effort>,
    pub pool: Pool,
}

/// What a device counted of a swim in a pool; empty elsewhere.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pool {
    pub length_m: Option<f64>,
    pub lengths: Vec<formats::Length>,
}

impl Facts {
    /// Facts of which only these are known.
    pub fn new(sport: Sport, start: Start, elapsed_time_s: f64) -> Self {
        Self {
            sport,
            sub_sport: None,
            start_us: start.start_us,
            utc_offset_s: start.utc_offset_s,
            time_zone: start.time_zone,
            elapsed_time_s,
            timer_time_s: None,
            moving_time_s: None,
            distance_m: None,
            ascent_m: None,
            descent_m: None,
            energy_kj: None,
            power_avg_w: None,
            power_max_w: None,
            cadence_avg_rpm: None,
            laps: Vec::new(),
            legs: Vec::new(),
            stream_types: Vec::new(),
            efforts: Vec::new(),
            pool: Pool::default(),
        }
    }

    /// The day of the start where it was, `2026-05-01`.
    pub fn local_date(&self) -> String {
        local_date(self.start_us, self.utc_offset_s)
    }
}

/// The day an instant falls on at this offset.
pub fn local_date(at_us: i64, utc_offset_s: i32) -> String {
    let offset = Offset::from_seconds(utc_offset_s).unwrap_or(Offset::UTC);
    offset.to_datetime(time::from_micros(at_us)).date().to_string()
}

/// When something began, and on which clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    pub start_us: i64,
    pub utc_offset_s: i32,
    pub time_zone: Option<String>,
}

impl Start {
    /// The zone named by the record, else the account's. The offset that the record states is kept, even where it
    /// disagrees with the zone: it is what the clock on the wrist said.
    pub fn of(
        start_us: i64,
        stated_offset_s: Option<i32>,
        zone: Option<&str>,
        account_zone: Option<&str>,
    ) -> Self {
        let named =
            zone.into_iter().chain(account_zone).find_map(|name| Some((name, TimeZone::get(name).ok()?)));
        let of_zone = |zone: &TimeZone| zone.to_offset(time::from_micros(start_us)).seconds();
        Self {
            start_us,
            utc_offset_s: stated_offset_s
                .or_else(|| named.as_ref().map(|(_, zone)| of_zone(zone)))
                .unwrap_or(0),
            time_zone: named.map(|(name, _)| name.to_owned()),
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lap {
    pub start_us: i64,
    pub elapsed_time_s: f64,
    pub timer_time_s: Option<f64>,
    pub distance_m: Option<f64>,
    pub ascent_m: Option<f64>,
    pub descent_m: Option<f64>,
    pub energy_kj: Option<f64>,
    pub power_avg_w: Option<f64>,
    pub power_max_w: Option<f64>,
    pub cadence_avg_rpm: Option<f64>,
}

/// The best stretch of an activity; times are since its start.
#[derive(Clone, Debug, PartialEq)]
pub struct Effort {
    /// `5km`, `power_20min`: see [`formats::totals::DISTANCES`] and [`formats::totals::POWERS`].
    pub name: String,
    pub best: Best,
    pub start_s: f64,
    pub end_s: f64,
    pub algorithm: String,
    pub version: u32,
}

impl Effort {
    /// Seconds or watts.
    pub const fn value(&self) -> f64 {
        match self.best {
            Best::Time(seconds) => seconds,
            Best::Power(watts) => watts,
        }
    }
}

/// What an effort is measured by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Best {
    /// Seconds over a distance.
    Time(f64),
    /// Mean watts over a time.
    Power(f64),
}

/// A part of a multisport activity.
#[derive(Clone, Debug, PartialEq)]
pub struct Leg {
    pub sport: Sport,
    pub sub_sport: Option<String>,
    pub start_us: i64,
    pub elapsed_time_s: f64,
    pub timer_time_s: Option<f64>,
    pub moving_time_s: Option<f64>,
    pub distance_m: Option<f64>,
    pub ascent_m: Option<f64>,
    pub descent_m: Option<f64>,
    pub energy_kj: Option<f64>,
    pub power_avg_w: Option<f64>,
    pub power_max_w: Option<f64>,
    pub cadence_avg_rpm: Option<f64>,
    /// As [`Facts::efforts`]; times are since the leg's start.
    pub efforts: Vec<Effort>,
}

impl Leg {
    /// A leg of which only these are known.
    pub fn new(sport: Sport, start_us: i64, elapsed_time_s: f64) -> Self {
        Self {
            sport,
            sub_sport: None,
            start_us,
            elapsed_time_s,
            timer_time_s: None,
            moving_time_s: None,
            distance_m: None,
            ascent_m: None,
            descent_m: None,
            energy_kj: None,
            power_avg_w: None,
            power_max_w: None,
            cadence_avg_rpm: None,
            efforts: Vec::new(),
        }
    }
}

/// What may only be kept under the consent `health_data`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Health {
    pub heart_rate: HeartRate,
    /// One a lap of [`Facts::laps`], or none at all.
    pub laps: Vec<HeartRate>,
    /// One a leg of [`Facts::legs`], or none at all.
    pub legs: Vec<HeartRate>,
    pub has_heart_rate_stream: bool,
}

impl Health {
    /// `None` when there is nothing in it.
    pub fn unless_empty(mut self) -> Option<Self> {
        for parts in [&mut self.laps, &mut self.legs] {
            if parts.iter().all(|part| *part == HeartRate::default()) {
                parts.clear();
            }
        }
        (self != Self::default()).then_some(self)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HeartRate {
    pub avg_bpm: Option<f64>,
    pub max_bpm: Option<f64>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    pub manufacturer: Option<String>,
    pub product: Option<String>,
    pub serial: Option<String>,
    pub name: Option<String>,
}

/// Where one total comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    pub field: String,
    pub measured: Measured,
    /// `hysteresis-3m`; empty for what was taken as it came.
    pub algorithm: String,
    pub version: u32,
}

impl Explained {
    /// Taken as it came.
    pub fn given(field: &str, measured: Measured) -> Self {
        Self { field: field.to_owned(), measured, algorithm: String::new(), version: 0 }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measured {
    /// The file states it.
    Device,
    /// Worked out here.
    Computed,
    /// The phone or watch that synced it states it.
    Client,
    /// Its owner says so.
    Owner,
}

impl Measured {
    pub const ALL: [Self; 4] = [Self::Device, Self::Computed, Self::Client, Self::Owner];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Computed => "computed",
            Self::Client => "client",
            Self::Owner => "owner",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|measured| measured.as_str() == text)
    }
}

/// The totals by their public names, in the order they are explained in.
pub fn totals(facts: &Facts, health: Option<&Health>) -> Vec<(&'static str, f64)> {
    let heart_rate = health.map(|health| health.heart_rate).unwrap_or_default();
    [
        ("elapsed_time_s", Some(facts.elapsed_time_s)),
        ("timer_time_s", facts.timer_time_s),
        ("moving_time_s", facts.moving_time_s),
        ("distance_m", facts.distance_m),
        ("ascent_m", facts.ascent_m),
        ("descent_m", facts.descent_m),
        ("energy_kj", facts.energy_kj),
        ("heart_rate_avg_bpm", heart_rate.avg_bpm),
        ("heart_rate_max_bpm", heart_rate.max_bpm),
        ("power_avg_w", facts.power_avg_w),
        ("power_max_w", facts.power_max_w),
        ("cadence_avg_rpm", facts.cadence_avg_rpm),
    ]
    .into_iter()
    .filter_map(|(field, value)| Some((field, value?)))
    .collect()
}

/// Names of what is not the same in two records of one activity, totals first.
pub fn differing(before: &Record, now: &Record) -> Vec<String> {
    let totals_of = |record: &Record| {
        record.facts.as_ref().map(|facts| totals(facts, record.health.as_ref())).unwrap_or_default()
    };
    let (old, new) = (totals_of(before), totals_of(now));
    let value = |totals: &[(&'static str, f64)], field: &str| {
        totals.iter().find(|(name, _)| *name == field).map(|(_, value)| *value)
    };
    let mut fields: Vec<&'static str> = Vec::new();
    for (field, _) in new.iter().chain(&old) {
        if value(&old, field) != value(&new, field) && !fields.contains(field) {
            fields.push(field);
        }
    }
    let of = |record: &Record| record.facts.clone();
    let differs = |part: fn(&Facts, &Facts) -> bool| match (of(before), of(now)) {
        (Some(before), Some(now)) => !part(&before, &now),
        (before, now) => before.is_some() != now.is_some(),
    };
    let parts = [
        ("start_at", differs(|a, b| a.start_us == b.start_us && a.utc_offset_s == b.utc_offset_s)),
        ("sport", differs(|a, b| a.sport == b.sport && a.sub_sport == b.sub_sport)),
        ("laps", differs(|a, b| a.laps == b.laps)),
        ("legs", differs(|a, b| a.legs == b.legs)),
        ("lengths", differs(|a, b| a.pool == b.pool)),
        ("efforts", differs(|a, b| a.efforts == b.efforts)),
        ("streams", before.streams_blob != now.streams_blob),
        ("devices", before.devices != now.devices),
        ("explanation", before.explained != now.explained),
    ];
    fields.extend(parts.into_iter().filter_map(|(field, differs)| differs.then_some(field)));
    fields.into_iter().map(str::to_owned).collect()
}

/// The id of an activity of an uploaded file: the same file of the same account gives the same activities.
pub fn uploaded_id(account: kernel::AccountId, file_sha256: &[u8], session_number: u32) -> ActivityId {
    ActivityId::derived(&[b"activity.upload", account.as_bytes(), file_sha256, &session_number.to_be_bytes()])
}

/// The id of what an account's source calls `key`: of a synced workout, and of a manual entry (source `manual`).
pub fn keyed_id<Kind>(what: &str, account: kernel::AccountId, source: &str, key: &str) -> kernel::Id<Kind> {
    kernel::Id::derived(&[what.as_bytes(), account.as_bytes(), source.as_bytes(), key.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAY_1: i64 = 1_777_597_200_000_000; // 2026-05-01T01:00:00Z

    #[test]
    fn the_stated_offset_wins_over_the_zone() {
        let start = Start::of(MAY_1, Some(3600), Some("Asia/Almaty"), None);
        assert_eq!((start.utc_offset_s, start.time_zone.as_deref()), (3600, Some("Asia/Almaty")));
    }

    #[test]
    fn without_an_offset_the_accounts_zone_gives_it() {
        let start = Start::of(MAY_1, None, None, Some("America/New_York"));
        assert_eq!(start.utc_offset_s, -4 * 3600);
        assert_eq!(local_date(start.start_us, start.utc_offset_s), "2026-04-30");
    }

    #[test]
    fn an_unknown_zone_is_no_zone() {
        let start = Start::of(MAY_1, None, Some("Mars/Olympus"), Some("Asia/Almaty"));
        assert_eq!((start.utc_offset_s, start.time_zone.as_deref()), (5 * 3600, Some("Asia/Almaty")));
        assert_eq!(Start::of(MAY_1, None, Some("Mars/Olympus"), None).time_zone, None);
    }

    #[test]
    fn health_without_figures_is_no_health() {
        let empty = Health { laps: vec![HeartRate::default(); 3], ..Health::default() };
        assert_eq!(empty.unless_empty(), None);
        let some = Health { has_heart_rate_stream: true, ..Health::default() };
        assert!(some.unless_empty().is_some());
    }
}
