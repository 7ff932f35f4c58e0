//! What people and phones may say: ranges, words, lengths. Checked before a decision is made.

use jiff::{Timestamp, civil::Date};
use kernel::{Code, FieldError, Refusal, Sport, time};

pub const NAME_CHARS_MAX: usize = 200;
pub const SUB_SPORT_CHARS_MAX: usize = 40;
pub const KEY_BYTES_MAX: usize = 200;
pub const SOURCE_BYTES_MAX: usize = 64;
pub const SPANS_MAX: usize = 1_500;
/// Of a day's value, together: more than overlapping ones need.
pub const SPANS_US_MAX: i64 = 4 * 86_400 * 1_000_000;
/// A month: the longest that one activity lasts.
pub const ELAPSED_S_MAX: f64 = 31.0 * 86_400.0;
/// How far a device's clock may run ahead.
pub const AHEAD_US_MAX: i64 = 10 * 60 * 1_000_000;

/// Types of samples and daily values: name, least and greatest value in its own unit ([`super::units`]), whether it needs the
/// consent `health_data`. Published in docs/definitions.md.
pub const METRICS: &[(&str, f64, f64, bool)] = &[
    ("steps", 0.0, 200_000.0, false),
    ("distance", 0.0, 1_000_000.0, false),
    ("active_energy", 0.0, 100_000.0, false),
    ("total_energy", 0.0, 100_000.0, false),
    ("floors", 0.0, 10_000.0, false),
    ("active_time", 0.0, 86_400.0, false),
    ("heart_rate", 1.0, 300.0, true),
    ("resting_heart_rate", 1.0, 300.0, true),
    ("hrv_rmssd", 0.0, 10_000.0, true),
    ("hrv_sdnn", 0.0, 10_000.0, true),
    ("respiratory_rate", 0.0, 200.0, true),
    ("vo2_max", 0.0, 120.0, true),
    ("spo2", 0.0, 100.0, true),
    ("body_fat", 0.0, 100.0, true),
    ("weight", 0.0, 1_000.0, true),
    ("height", 0.0, 3.0, true),
    ("glucose", 0.0, 100.0, true),
    ("body_temperature", 20.0, 50.0, true),
    ("sleep", 0.0, 90_000.0, true),
    ("sleep_light", 0.0, 90_000.0, true),
    ("sleep_deep", 0.0, 90_000.0, true),
    ("sleep_rem", 0.0, 90_000.0, true),
    ("sleep_awake", 0.0, 90_000.0, true),
];

/// Of a type that is none of [`METRICS`].
pub fn unknown_metric() -> String {
    let known: Vec<&str> = METRICS.iter().map(|metric| metric.0).collect();
    format!("one of {}", known.join(", "))
}

/// Whether a type of sample or daily value may only be kept under the consent `health_data`.
pub fn is_health(metric: &str) -> bool {
    METRICS.iter().find(|known| known.0 == metric).is_none_or(|known| known.3)
}

/// Collects what is wrong with the fields of one thing.
#[derive(Debug, Default)]
pub struct Check {
    /// Prefix of every pointer: `/upserts/3/workout`.
    at: String,
    faults: Vec<FieldError>,
    future: bool,
}

impl Check {
    pub fn at(prefix: impl Into<String>) -> Self {
        Self { at: prefix.into(), ..Self::default() }
    }

    pub fn fault(&mut self, field: &str, code: &str, detail: impl Into<String>) {
        let pointer = format!("{}/{field}", self.at);
        self.faults.push(FieldError { pointer, code: code.to_owned(), detail: detail.into() });
    }

    /// `start_in_future` when that alone is wrong, else `invalid_field` with all of it.
    pub fn done(self) -> Result<(), Refusal> {
        if let ([only], true) = (&self.faults[..], self.future) {
            let mut refusal = Refusal::new(Code::StartInFuture, only.detail.clone());
            refusal.fields.clone_from(&self.faults);
            return Err(refusal);
        }
        Refusal::fields(self.faults)
    }

    pub fn number(&mut self, field: &str, value: Option<f64>, least: f64, most: f64) -> Option<f64> {
        let value = value?;
        if (least..=most).contains(&value) {
            return Some(value);
        }
        self.fault(field, "out_of_range", format!("a number from {least} to {most}"));
        None
    }

    pub fn sport(&mut self, text: &str) -> Option<Sport> {
        let sport = Sport::parse(text);
        if sport.is_none() {
            self.fault("sport", "unknown", "not a sport of the vocabulary");
        }
        sport
    }

    /// FIT's names: lower-case letters, digits, underscores. Empty is none.
    pub fn sub_sport(&mut self, text: &str) -> Option<String> {
        let fits =
            text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if !fits || text.len() > SUB_SPORT_CHARS_MAX {
            self.fault("sub_sport", "invalid", "lower-case letters, digits and underscores, at most 40");
        }
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// Between 1970 and ten minutes from now.
    pub fn start(&mut self, field: &str, at_us: i64, now: Timestamp) {
        if at_us < 0 {
            self.fault(field, "out_of_range", "before 1970");
        } else if at_us > time::micros(now).saturating_add(AHEAD_US_MAX) {
            self.future = true;
            self.fault(field, "in_future", "lies in the future");
        }
    }

    /// Seconds east of Greenwich, at most 18 hours.
    pub fn offset(&mut self, field: &str, offset_s: Option<i32>) {
        if offset_s.is_some_and(|offset| offset.abs() > 18 * 3600) {
            self.fault(field, "out_of_range", "an offset of at most 18 hours");
        }
    }

    /// An IANA zone, or empty.
    pub fn zone(&mut self, text: &str) {
        if !text.is_empty() && jiff::tz::TimeZone::get(text).is_err() {
            self.fault("time_zone", "unknown", "not an IANA time zone");
        }
    }

    pub fn name(&mut self, text: &str) -> Option<String> {
        let name = clean(text);
        if name.chars().count() > NAME_CHARS_MAX {
            self.fault("name", "too_long", format!("at most {NAME_CHARS_MAX} characters"));
        }
        (!name.is_empty()).then_some(name)
    }

    /// A client's key of a record.
    pub fn key(&mut self, text: &str) {
        if text.is_empty() || text.len() > KEY_BYTES_MAX || text.chars().any(char::is_control) {
            self.fault("key", "invalid", format!("1 to {KEY_BYTES_MAX} bytes without control characters"));
        }
    }

    pub fn version(&mut self, version: i64) {
        if version < 0 {
            self.fault("version", "out_of_range", "0 or more");
        }
    }

    /// A calendar day between 1970 and tomorrow.
    pub fn date(&mut self, text: &str, now: Timestamp) {
        let tomorrow = jiff::tz::Offset::UTC.to_datetime(now).date().tomorrow().unwrap_or(Date::MAX);
        match text.parse::<Date>() {
            Ok(date) if text.len() == 10 && date.year() >= 1970 && date <= tomorrow => {}
            Ok(date) if date > tomorrow => {
                self.future = true;
                self.fault("date", "in_future", "lies in the future");
            }
            _ => self.fault("date", "invalid", "a day as 2026-05-01, since 1970"),
        }
    }

    /// A value of a sample or of a day.
    pub fn metric(&mut self, kind: &str, value: f64) {
        match METRICS.iter().find(|known| known.0 == kind) {
            Some((_, least, most, _)) => {
                self.number("value", Some(value), *least, *most);
            }
            None => self.fault("type", "unknown", unknown_metric()),
        }
    }
}

/// The source of a changeset: a short plain word.
pub fn source(text: &str, default: &str) -> Result<String, Refusal> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:".contains(&byte);
    match text {
        "" => Ok(default.to_owned()),
        "manual" | "upload" => Err(Refusal::field("/source", "reserved", "this source is ours")),
        _ if text.len() <= SOURCE_BYTES_MAX && text.bytes().all(plain) => Ok(text.to_owned()),
        _ => Err(Refusal::field("/source", "invalid", "letters, digits, dots, dashes; at most 64")),
    }
}

/// Text that others will read: without control characters and without those that only turn or hide what stands near
/// them. Joiners stay: scripts and emoji need them.
pub fn clean(text: &str) -> String {
    let shown = |c: &char| !c.is_control() && !is_bidi_control(*c) && !is_invisible(*c);
    let kept: String =
        text.chars().map(|c| if c == '\n' || c == '\t' { ' ' } else { c }).filter(shown).collect();
    let kept = kept.trim();
    let only_joiners = kept.chars().all(|c| c.is_whitespace() || matches!(c, '\u{200c}' | '\u{200d}'));
    if only_joiners { String::new() } else { kept.to_owned() }
}

fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{061c}')
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{00ad}' | '\u{180e}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{unite, units};

    fn now() -> Timestamp {
        "2026-05-01T12:00:00Z".parse().unwrap()
    }

    fn faults(work: impl FnOnce(&mut Check)) -> Option<Refusal> {
        let mut check = Check::at("");
        work(&mut check);
        check.done().err()
    }

    #[test]
    fn numbers_that_are_none_or_too_great_are_out_of_range() {
        for bad in [f64::NAN, f64::INFINITY, -1.0, 1e300] {
            let refusal = faults(|check| {
                check.number("distance_m", Some(bad), 0.0, 1e7);
            });
            assert_eq!(refusal.unwrap().fields[0].pointer, "/distance_m");
        }
        assert_eq!(faults(|check| assert_eq!(check.number("x", Some(0.0), 0.0, 1.0), Some(0.0))), None);
    }

    #[test]
    fn starts_are_from_1970_to_ten_minutes_ahead() {
        let year = |text: &str| time::micros(text.parse().unwrap());
        let refused =
            |at_us| faults(|check| check.start("start_at", at_us, now())).map(|refusal| refusal.code);
        assert_eq!(refused(year("0001-01-01T00:00:00Z")), Some(Code::InvalidField));
        assert_eq!(refused(year("9999-12-30T00:00:00Z")), Some(Code::StartInFuture));
        assert_eq!(refused(year("2026-05-01T12:09:00Z")), None);
        assert_eq!(refused(i64::MAX), Some(Code::StartInFuture));
    }

    #[test]
    fn a_future_start_beside_other_faults_is_one_of_several() {
        let refusal = faults(|check| {
            check.start("start_at", i64::MAX, now());
            check.sport("kite_racing");
        });
        let refusal = refusal.unwrap();
        assert_eq!((refusal.code, refusal.fields.len()), (Code::InvalidField, 2));
    }

    #[test]
    fn days_are_from_1970_to_tomorrow() {
        let refused = |text: &str| faults(|check| check.date(text, now())).map(|refusal| refusal.code);
        assert_eq!(refused("2026-05-02"), None);
        assert_eq!(refused("2026-05-03"), Some(Code::StartInFuture));
        for bad in ["0001-01-01", "1969-12-31", "2026-02-30", "yesterday", ""] {
            assert_eq!(refused(bad), Some(Code::InvalidField), "{bad}");
        }
    }

    #[test]
    fn names_lose_what_only_hides_or_turns() {
        assert_eq!(clean(" a\u{202e}b\u{200b}c\n "), "abc");
        assert_eq!(clean("\u{200b}\u{200d} \u{feff}"), "");
        assert_eq!(clean("ריצה 👨‍👩‍👧"), "ריצה 👨‍👩‍👧");
        assert!(faults(|check| assert!(check.name(&"x".repeat(201)).is_some())).is_some());
    }

    #[test]
    fn the_published_types_are_those_that_are_taken() {
        let page = include_str!("../../../../docs/definitions.md");
        let published: Vec<&str> = page
            .split("## Types of samples and days")
            .nth(1)
            .and_then(|section| section.split("\n## ").next())
            .unwrap_or_default()
            .lines()
            .filter(|line| line.starts_with("| `"))
            .collect();
        let row = |(kind, least, most, health): &(&str, f64, f64, bool)| {
            let units = units::Conversion::of(kind, "furlong", 1.0).unwrap_err();
            let day = if unite::is_additive(kind) { "put together by minutes" } else { "of one source" };
            let consent = if *health { "`health_data`" } else { "" };
            format!("| `{kind}` | {units} | {least} to {most} | {day} | {consent} |")
        };
        assert_eq!(published, METRICS.iter().map(row).collect::<Vec<_>>());
    }

    #[test]
    fn a_type_that_is_none_is_told_those_that_there_are() {
        let refusal = faults(|check| check.metric("mood", 1.0)).unwrap();
        assert!(refusal.fields[0].detail.starts_with("one of steps, distance, "), "{refusal:?}");
    }

    #[test]
    fn unknown_types_are_kept_as_strictly_as_health() {
        assert!(!is_health("steps"));
        assert!(is_health("weight") && is_health("something_new"));
    }
}
