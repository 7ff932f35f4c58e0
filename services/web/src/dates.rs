//! Moments and windows. Every time says its zone.

use fluent_bundle::FluentValue;
use jiff::{Timestamp, civil, tz::TimeZone};

use crate::phrases::Phrases;

/// A zone with the name that browsers know it by.
#[derive(Clone)]
pub(crate) struct Zone {
    pub(crate) name: String,
    zone: TimeZone,
}

impl Zone {
    /// UTC where the name says nothing.
    pub(crate) fn named(name: &str) -> Self {
        match TimeZone::get(name) {
            Ok(zone) => Self { name: name.to_owned(), zone },
            Err(_) => Self { name: "UTC".to_owned(), zone: TimeZone::UTC },
        }
    }

    /// `14:05:09 +05`.
    pub(crate) fn clock(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone()).strftime("%H:%M:%S %:::z").to_string()
    }
}

/// A date and time of the wall, `2026-05-01T00:00:00`, in words; as it came when it is none.
pub(crate) fn wall(text: &str, phrases: &Phrases) -> String {
    let Ok(at) = text.parse::<civil::DateTime>() else { return text.to_owned() };
    let values = [
        ("day", FluentValue::from(at.day().to_string())),
        ("month", FluentValue::from(at.month())),
        ("year", FluentValue::from(at.year().to_string())),
        ("time", FluentValue::from(at.strftime("%H:%M").to_string())),
    ];
    phrases.fill("date", &values).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Language;

    #[test]
    fn a_moment_shows_its_zone() {
        let at: Timestamp = "2026-05-01T09:05:09Z".parse().expect("a time");
        assert_eq!(Zone::named("Asia/Almaty").clock(at), "14:05:09 +05");
        assert_eq!(Zone::named("Asia/Kolkata").clock(at), "14:35:09 +05:30");
        assert_eq!(Zone::named("America/New_York").clock(at), "05:05:09 -04");
        assert_eq!(Zone::named("Mars/Olympus").clock(at), "09:05:09 +00");
        assert_eq!(Zone::named("Mars/Olympus").name, "UTC");
    }

    #[test]
    fn a_wall_clock_is_said_in_the_language() {
        let said = |language| wall("2026-05-01T06:30:00", Phrases::of(language));
        assert_eq!(said(Language::En), "1 May 2026, 06:30");
        assert_eq!(said(Language::Ru), "1 мая 2026 г., 06:30");
        assert_eq!(said(Language::Kk), "2026 ж. 1 мамыр, 06:30");
        assert_eq!(wall("soon", Phrases::of(Language::En)), "soon");
    }
}
