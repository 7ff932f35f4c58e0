//! Scores as people read them, by ICU4X. Scripts round alike and get our [`Separators`]: browsers leave out the data of
//! languages that they have no menus in, Kazakh among them, and write its numbers wrong without saying so.

use fluent_bundle::FluentValue;
use icu_decimal::{DecimalFormatter, input::Decimal, options::DecimalFormatterOptions};
use icu_locale_core::locale;
use serde::Serialize;

use crate::{language::Language, phrases::Phrases};

/// How the scores of a metric are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    /// Kilometres with two decimals, of metres.
    Kilometres,
    /// Whole metres.
    Metres,
    /// `h:mm:ss`, of seconds; a second counts when it is full.
    Time,
    /// A whole number.
    Whole,
}

impl Measure {
    /// By the API's name of the metric; what we do not know is a whole number.
    pub(crate) fn of(metric: &str) -> Self {
        match metric {
            "distance_m" | "longest_m" => Self::Kilometres,
            "ascent_m" => Self::Metres,
            "moving_time_s" | "fastest_s" => Self::Time,
            _ => Self::Whole,
        }
    }

    /// The script's name for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Kilometres => "km",
            Self::Metres => "m",
            Self::Time => "time",
            Self::Whole => "whole",
        }
    }

    /// The phrase that puts the unit to a number; none where the number stands alone.
    pub(crate) fn unit(self) -> Option<&'static str> {
        match self {
            Self::Kilometres => Some("unit-km"),
            Self::Metres => Some("unit-m"),
            Self::Time | Self::Whole => None,
        }
    }

    /// A score in the metric's unit (metres, seconds, pieces), written with its own unit.
    pub(crate) fn write(self, score: f64, phrases: &Phrases) -> String {
        let thousandths = thousandths(score);
        let number = match self {
            Self::Kilometres => decimal(phrases.language(), rounded(thousandths, 10_000), 2),
            Self::Metres | Self::Whole => decimal(phrases.language(), rounded(thousandths, 1000), 0),
            Self::Time => return clock(thousandths.div_euclid(1000)),
        };
        match self.unit() {
            Some(unit) => phrases.fill(unit, &[("n", FluentValue::from(number))]).into_owned(),
            None => number,
        }
    }
}

/// What stands between the digits of a language's numbers.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Separators {
    group: String,
    decimal: String,
}

impl Separators {
    pub(crate) fn of(language: Language) -> Self {
        // 12,345.6: what stands after the second and after the fifth digit.
        let sample = decimal(language, 123_456, 1);
        let mut between =
            sample.split(|letter: char| letter.is_ascii_digit()).filter(|part| !part.is_empty());
        let mut next = || between.next().unwrap_or_default().to_owned();
        Self { group: next(), decimal: next() }
    }
}

/// A count with the language's grouping.
pub(crate) fn whole(language: Language, count: u64) -> String {
    decimal(language, i64::try_from(count).unwrap_or(i64::MAX), 0)
}

/// Scores are thousandths of the unit inside; what does not fit is cut at the ends, as casts do.
fn thousandths(score: f64) -> i64 {
    (score * 1000.0).round() as i64
}

/// Half away from zero, as Intl does it for what is not negative.
fn rounded(value: i64, by: i64) -> i64 {
    let half = if value < 0 { -(by / 2) } else { by / 2 };
    value.saturating_add(half) / by
}

fn clock(seconds: i64) -> String {
    let (sign, seconds) =
        if seconds < 0 { ("-", seconds.unsigned_abs()) } else { ("", seconds.unsigned_abs()) };
    format!("{sign}{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

fn decimal(language: Language, digits: i64, decimals: i16) -> String {
    let mut number = Decimal::from(digits);
    number.multiply_pow10(-decimals);
    number.absolute.pad_end(-decimals);
    match formatter(language) {
        Some(formatter) => formatter.format(&number).to_string(),
        None => number.to_string(),
    }
}

/// Made anew for each number: with compiled data that is a look into a table. None when the data lacks the language,
/// which a test rules out.
fn formatter(language: Language) -> Option<DecimalFormatter> {
    let locale = match language {
        Language::En => locale!("en"),
        Language::Ru => locale!("ru"),
        Language::Kk => locale!("kk"),
    };
    DecimalFormatter::try_new(locale.into(), DecimalFormatterOptions::default()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(metric: &str, score: f64, language: Language) -> String {
        Measure::of(metric).write(score, Phrases::of(language))
    }

    #[test]
    fn distances_are_kilometres_with_two_decimals() {
        assert_eq!(written("distance_m", 5012.3, Language::En), "5.01\u{a0}km");
        assert_eq!(written("distance_m", 1_234_567.0, Language::En), "1,234.57\u{a0}km");
        assert_eq!(written("distance_m", 1_234_567.0, Language::Ru), "1\u{a0}234,57\u{a0}км");
        assert_eq!(written("longest_m", 1_234_567.0, Language::Kk), "1\u{a0}234,57\u{a0}км");
        assert_eq!(written("distance_m", 0.0, Language::En), "0.00\u{a0}km");
        assert_eq!(written("distance_m", 5.0, Language::En), "0.01\u{a0}km");
    }

    #[test]
    fn times_are_hours_minutes_and_full_seconds() {
        assert_eq!(written("moving_time_s", 3661.0, Language::En), "1:01:01");
        assert_eq!(written("fastest_s", 59.999, Language::Kk), "0:00:59");
        assert_eq!(written("moving_time_s", 400_000.0, Language::Ru), "111:06:40");
    }

    #[test]
    fn the_rest_are_whole_numbers() {
        assert_eq!(written("ascent_m", 1234.5, Language::En), "1,235\u{a0}m");
        assert_eq!(written("steps", 12_345_678.0, Language::Ru), "12\u{a0}345\u{a0}678");
        assert_eq!(written("count", 3.0, Language::Kk), "3");
        assert_eq!(written("altitude_gained_on_mars", 2.0, Language::En), "2");
    }

    #[test]
    fn scripts_are_told_what_stands_between_digits() {
        let told = |language| {
            let Separators { group, decimal } = Separators::of(language);
            (group, decimal)
        };
        assert_eq!(told(Language::En), (",".to_owned(), ".".to_owned()));
        assert_eq!(told(Language::Ru), ("\u{a0}".to_owned(), ",".to_owned()));
        assert_eq!(told(Language::Kk), ("\u{a0}".to_owned(), ",".to_owned()));
    }

    #[test]
    fn a_score_beyond_all_bounds_is_still_written() {
        assert!(written("xp", f64::MAX, Language::En).starts_with("9,223,372"));
        assert!(written("distance_m", -1.0e300, Language::En).contains("km"));
    }
}
