//! Days, weeks, months and years as an athlete counts them. Days are counted from 1970, without any zone: each activity
//! brings the day of where it began.

use jiff::civil::{Date, Weekday};

/// How long a period is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interval {
    Day,
    Week,
    Month,
    Year,
}

impl Interval {
    const ALL: [Self; 4] = [Self::Day, Self::Week, Self::Month, Self::Year];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|interval| interval.as_str() == text)
    }
}

/// Where weeks begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calendar {
    pub week_start: Weekday,
}

impl Calendar {
    /// The first day of the period that this day is in.
    pub fn first(self, interval: Interval, day: i64) -> i64 {
        let date = date_of(day);
        match interval {
            Interval::Day => day,
            Interval::Week => day - i64::from(date.weekday().since(self.week_start)),
            Interval::Month => day_of(date.first_of_month()),
            Interval::Year => day_of(date.first_of_year()),
        }
    }

    /// Its last day.
    pub fn last(self, interval: Interval, day: i64) -> i64 {
        let date = date_of(day);
        match interval {
            Interval::Day => day,
            Interval::Week => self.first(interval, day) + 6,
            Interval::Month => day_of(date.last_of_month()),
            Interval::Year => day_of(date.last_of_year()),
        }
    }
}

/// The date of a day since 1970.
pub fn date_of(day: i64) -> Date {
    let span = jiff::Span::new().try_days(day.clamp(-7_000_000, 7_000_000));
    span.map_or(EPOCH, |span| EPOCH.saturating_add(span))
}

/// The days since 1970 of a date.
pub fn day_of(date: Date) -> i64 {
    // Days are the largest unit unless asked otherwise, and dates are never too far apart for them.
    date.since(EPOCH).map_or(0, |span| i64::from(span.get_days()))
}

const EPOCH: Date = Date::constant(1970, 1, 1);

/// Where weeks begin for people of this locale, else of this country; Monday where neither says.
pub fn week_start(locale: &str, country: &str) -> Weekday {
    let of_locale = locale.split(['-', '_']).skip(1).find(|part| part.len() == 2);
    let place = of_locale.unwrap_or(country).to_ascii_uppercase();
    let among = |places: &str| place.len() == 2 && places.split(' ').any(|one| one == place);
    if among(SUNDAY) {
        Weekday::Sunday
    } else if among(SATURDAY) {
        Weekday::Saturday
    } else if place == "MV" {
        Weekday::Friday
    } else {
        Weekday::Monday
    }
}

/// Countries by the day on which weeks begin: Unicode CLDR 44, weekData/firstDay.
const SUNDAY: &str = "AG AS BD BR BS BT BW BZ CA CO DM DO ET GT GU HK HN ID IL IN JM JP KE KH KR LA MH MM MO MT MX MZ NI NP PA \
     PE PH PK PR PT PY SA SG SV TH TT TW UM US VE VI WS YE ZA ZW";
const SATURDAY: &str = "AF BH DJ DZ EG IQ IR JO KW LY OM QA SD SY";

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];

pub fn weekday_of(word: &str) -> Option<Weekday> {
    WEEKDAYS.iter().find(|(name, _)| *name == word).map(|(_, weekday)| *weekday)
}

pub fn weekday_word(weekday: Weekday) -> &'static str {
    WEEKDAYS.iter().find(|(_, one)| *one == weekday).map_or("monday", |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> i64 {
        day_of(text.parse().expect("a date"))
    }

    fn period(week_start: Weekday, interval: Interval, text: &str) -> (String, String) {
        let calendar = Calendar { week_start };
        let (first, last) = (calendar.first(interval, day(text)), calendar.last(interval, day(text)));
        (date_of(first).to_string(), date_of(last).to_string())
    }

    #[track_caller]
    fn is(found: (String, String), first: &str, last: &str) {
        assert_eq!((found.0.as_str(), found.1.as_str()), (first, last));
    }

    #[test]
    fn weeks_begin_where_the_athlete_begins_them() {
        // 2026-05-03 is a Sunday.
        is(period(Weekday::Monday, Interval::Week, "2026-05-03"), "2026-04-27", "2026-05-03");
        is(period(Weekday::Sunday, Interval::Week, "2026-05-03"), "2026-05-03", "2026-05-09");
        is(period(Weekday::Saturday, Interval::Week, "2026-05-03"), "2026-05-02", "2026-05-08");
    }

    #[test]
    fn a_week_goes_over_the_end_of_a_year_and_months_know_leap_years() {
        is(period(Weekday::Monday, Interval::Week, "2027-01-01"), "2026-12-28", "2027-01-03");
        is(period(Weekday::Monday, Interval::Month, "2028-02-15"), "2028-02-01", "2028-02-29");
        is(period(Weekday::Monday, Interval::Year, "2028-02-15"), "2028-01-01", "2028-12-31");
        is(period(Weekday::Monday, Interval::Day, "1969-12-31"), "1969-12-31", "1969-12-31");
    }

    #[test]
    fn days_are_counted_through_every_date_there_is() {
        assert_eq!((day("1970-01-01"), day("1969-12-31"), day("2026-05-01")), (0, -1, 20_574));
        for text in ["-009999-01-01", "9999-12-31", "2024-02-29"] {
            let date: Date = text.parse().expect("a date");
            assert_eq!(date_of(day_of(date)), date);
        }
    }

    #[test]
    fn the_locale_says_where_weeks_begin_before_the_country_does() {
        assert_eq!(week_start("en-US", "KZ"), Weekday::Sunday);
        assert_eq!(week_start("kk", "KZ"), Weekday::Monday);
        assert_eq!(week_start("ar", "EG"), Weekday::Saturday);
        assert_eq!(week_start("zh-Hant-HK", ""), Weekday::Sunday);
        assert_eq!(week_start("", ""), Weekday::Monday);
    }
}
