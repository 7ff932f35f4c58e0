//! All that the rules look at of one activity: small, so that an account can hold one for each.

use jiff::{Timestamp, tz::TimeZone};
use kernel::Sport;

/// Longer or farther than any activity is: what lies beyond is a fault of the source, and clamped.
const DURATION_S_MAX: i64 = 366 * 86_400;
const LENGTH_MM_MAX: i64 = 50_000_000 * 1_000;

/// Days since 1970-01-01, in whatever zone the activity was.
pub type Day = i32;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    pub sport: Sport,
    pub start_us: i64,
    pub end_us: i64,
    /// Of the start. Kept, not computed again: a new tzdata must not change what was decided.
    pub local_day: Day,
    /// IANA name, or empty where only the offset is known.
    pub time_zone: String,
    pub utc_offset_s: i32,
    pub duration_s: i64,
    pub distance_mm: Option<i64>,
    pub ascent_mm: Option<i64>,
    /// When the activity's service recorded this revision of it.
    pub received_us: i64,
    /// Shown to nobody, by its own visibility; `None`: the account's setting holds.
    pub only_me: Option<bool>,
}

/// When and where its service recorded what was heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Receipt {
    pub at_us: i64,
    /// In that service's journal; 0 where it was not kept.
    pub position: u64,
}

/// An activity as its service tells it.
#[derive(Clone, Debug, Default)]
pub struct Told<'a> {
    pub sport: &'a str,
    pub start_us: i64,
    pub time_zone: &'a str,
    pub utc_offset_s: Option<i32>,
    /// The day as the activity's service decided it, `2026-05-01`.
    pub local_date: &'a str,
    pub elapsed_time_s: Option<f64>,
    pub timer_time_s: Option<f64>,
    pub moving_time_s: Option<f64>,
    pub distance_m: Option<f64>,
    pub ascent_m: Option<f64>,
    pub received_us: i64,
    /// The audience of the activity's own visibility is empty; `None`: it has none.
    pub only_me: Option<bool>,
}

impl Fact {
    /// Integers from here on: sums must not depend on the order in which activities are heard.
    pub fn of(told: &Told<'_>) -> Self {
        let seconds = |time: Option<f64>| time.and_then(|time| clamped(time, DURATION_S_MAX));
        let millimetres =
            |length: Option<f64>| length.and_then(|length| clamped(length * 1_000.0, LENGTH_MM_MAX));
        let elapsed_s = seconds(told.elapsed_time_s).or(seconds(told.timer_time_s)).unwrap_or(0);
        let start = kernel::time::from_micros(told.start_us);
        let zone = zone_of(told.time_zone, told.utc_offset_s);
        let offset_s = zone.to_offset(start).seconds();
        Self {
            // A sport that we do not know yet still moves.
            sport: Sport::parse(told.sport).unwrap_or(Sport::Other),
            start_us: kernel::time::micros(start),
            end_us: kernel::time::micros(start).saturating_add(elapsed_s * 1_000_000),
            local_day: told.local_date.parse().map_or_else(|_| day_in(start, &zone), day_of),
            time_zone: zone.iana_name().unwrap_or_default().to_owned(),
            utc_offset_s: offset_s,
            duration_s: seconds(told.moving_time_s).or(seconds(told.timer_time_s)).unwrap_or(elapsed_s),
            distance_mm: millimetres(told.distance_m),
            ascent_mm: millimetres(told.ascent_m),
            received_us: told.received_us,
            only_me: told.only_me,
        }
    }

    /// The zone in which the activity's days are counted.
    pub fn zone(&self) -> TimeZone {
        zone_of(&self.time_zone, Some(self.utc_offset_s))
    }
}

/// The named zone, else the fixed offset, else UTC.
pub fn zone_of(name: &str, utc_offset_s: Option<i32>) -> TimeZone {
    let named = if name.is_empty() { None } else { TimeZone::get(name).ok() };
    named
        .or_else(|| {
            utc_offset_s.and_then(|offset| jiff::tz::Offset::from_seconds(offset).ok()).map(TimeZone::fixed)
        })
        .unwrap_or(TimeZone::UTC)
}

/// The local day of an instant.
pub fn day_in(at: Timestamp, zone: &TimeZone) -> Day {
    day_of(zone.to_datetime(at).date())
}

/// The day that a date names, `2026-05-01`.
pub fn day_named(date: &str) -> Option<Day> {
    date.parse().ok().map(day_of)
}

fn day_of(date: jiff::civil::Date) -> Day {
    let epoch = jiff::civil::date(1970, 1, 1);
    // Both are civil dates between the years −9999 and 9999: the distance in days always fits.
    date.since(epoch).map(|span| span.get_days()).unwrap_or_default()
}

/// What no activity can have is unknown; what is beyond belief is the most we believe.
fn clamped(value: f64, max: i64) -> Option<i64> {
    if !value.is_finite() || value < 0.0 {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "a cast of a float saturates, and the bound follows")]
    Some((value.round() as i64).min(max))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_at(start: &str, zone: &str) -> Fact {
        let start: Timestamp = start.parse().unwrap();
        Fact::of(&Told {
            sport: "running",
            start_us: start.as_microsecond(),
            time_zone: zone,
            ..Told::default()
        })
    }

    fn date(day: Day) -> String {
        jiff::civil::date(1970, 1, 1).checked_add(jiff::Span::new().days(day)).unwrap().to_string()
    }

    #[test]
    fn an_activity_belongs_to_the_local_day_of_its_start() {
        assert_eq!(date(run_at("2026-05-01T20:00:00Z", "Asia/Almaty").local_day), "2026-05-02");
        assert_eq!(date(run_at("2026-05-01T20:00:00Z", "America/New_York").local_day), "2026-05-01");
    }

    #[test]
    fn the_night_of_a_clock_change_belongs_to_the_right_days() {
        // Berlin leaves summer time on 2026-10-25 at 03:00, a day of 25 hours.
        assert_eq!(date(run_at("2026-10-24T22:30:00Z", "Europe/Berlin").local_day), "2026-10-25");
        assert_eq!(date(run_at("2026-10-25T22:30:00Z", "Europe/Berlin").local_day), "2026-10-25");
        assert_eq!(date(run_at("2026-10-25T23:30:00Z", "Europe/Berlin").local_day), "2026-10-26");
    }

    #[test]
    fn without_a_zone_the_offset_decides_and_without_both_utc() {
        let start_us = "2026-05-01T22:30:00Z".parse::<Timestamp>().unwrap().as_microsecond();
        let offset = Fact::of(&Told { start_us, utc_offset_s: Some(7_200), ..Told::default() });
        assert_eq!(date(offset.local_day), "2026-05-02");
        let unknown = Fact::of(&Told { start_us, time_zone: "Mars/Olympus", ..Told::default() });
        assert_eq!(date(unknown.local_day), "2026-05-01");
    }

    #[test]
    fn the_day_that_the_activity_itself_names_is_believed() {
        let told = Told { start_us: 0, local_date: "2026-05-01", ..Told::default() };
        assert_eq!(date(Fact::of(&told).local_day), "2026-05-01");
        assert_eq!(date(Fact::of(&Told { local_date: "yesterday", ..told }).local_day), "1970-01-01");
    }

    #[test]
    fn impossible_totals_are_unknown_and_absurd_ones_bounded() {
        let fact = Fact::of(&Told {
            sport: "quidditch",
            distance_m: Some(f64::NAN),
            ascent_m: Some(-3.0),
            elapsed_time_s: Some(1e300),
            ..Told::default()
        });
        assert_eq!((fact.sport, fact.distance_mm, fact.ascent_mm), (Sport::Other, None, None));
        assert_eq!(fact.duration_s, DURATION_S_MAX);
    }

    #[test]
    fn the_ends_of_time_have_a_day() {
        for start_us in [i64::MIN, i64::MAX] {
            let fact = Fact::of(&Told { start_us, elapsed_time_s: Some(1e9), ..Told::default() });
            assert!(fact.end_us >= fact.start_us);
        }
    }

    #[test]
    fn moving_time_is_preferred_over_the_timer_and_that_over_elapsed_time() {
        let told = Told { elapsed_time_s: Some(100.0), timer_time_s: Some(90.0), ..Told::default() };
        assert_eq!(Fact::of(&told).duration_s, 90);
        assert_eq!(Fact::of(&Told { moving_time_s: Some(80.0), ..told }).duration_s, 80);
    }
}
