//! The times of track points: `xsd:dateTime`, with what devices make of it.

use jiff::civil::Date;

const US_PER_S: i64 = 1_000_000;
/// Years in which somebody can have worn a recorder.
const YEARS: std::ops::RangeInclusive<i16> = 1970..=2200;

/// A moment, and the offset of local time if the file names one other than `Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Microseconds since 1970-01-01T00:00:00Z.
    pub(crate) at_us: i64,
    pub(crate) offset_s: Option<i32>,
}

/// Reads `2024-02-29T06:07:08.123+01:15`; without a zone it is UTC.
pub(crate) fn parse(text: &str) -> Option<Moment> {
    let (date, rest) = text.trim_ascii().as_bytes().split_at_checked(10)?;
    let (&[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2], Some((b'T' | b't' | b' ', rest))) =
        (date.first_chunk::<10>()?, rest.split_first())
    else {
        return None;
    };
    let year = i16::try_from(two(y1, y2)? * 100 + two(y3, y4)?).ok().filter(|year| YEARS.contains(year))?;
    let day = Date::new(year, i8::try_from(two(m1, m2)?).ok()?, i8::try_from(two(d1, d2)?).ok()?).ok()?;
    let (&[h1, h2, b':', n1, n2, b':', s1, s2], rest) = rest.split_first_chunk::<8>()? else { return None };
    // 60 is a leap second, which no computer counts.
    let (hour, minute, second) = (two(h1, h2)?, two(n1, n2)?, two(s1, s2)?.min(60));
    if hour > 23 || minute > 59 {
        return None;
    }
    let (fraction_us, zone) = fraction(rest);
    let offset_s = offset(zone)?;
    let days = (day - Date::constant(1970, 1, 1)).get_days();
    let second_of_day =
        i64::from(hour * 3600 + minute * 60 + second.min(59)) - i64::from(offset_s.unwrap_or(0));
    Some(Moment { at_us: (i64::from(days) * 86_400 + second_of_day) * US_PER_S + fraction_us, offset_s })
}

fn two(tens: u8, ones: u8) -> Option<i32> {
    (tens.is_ascii_digit() && ones.is_ascii_digit())
        .then(|| i32::from(tens - b'0') * 10 + i32::from(ones - b'0'))
}

/// Microseconds of `.123`, and what follows.
fn fraction(rest: &[u8]) -> (i64, &[u8]) {
    let Some((b'.' | b',', digits)) = rest.split_first() else { return (0, rest) };
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = digits.split_at_checked(count).unwrap_or((digits, &[]));
    let six = digits.iter().copied().chain(std::iter::repeat(b'0')).take(6);
    (six.fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')), rest)
}

/// Seconds of `+01:15`, `+0115`, `+01`; nothing or `Z` is UTC. The outer none is "no zone at all".
fn offset(zone: &[u8]) -> Option<Option<i32>> {
    let (sign, digits) = match zone {
        [] | [b'Z' | b'z'] => return Some(None),
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match *digits {
        [h1, h2] => (two(h1, h2)?, 0),
        [h1, h2, b':', m1, m2] | [h1, h2, m1, m2] => (two(h1, h2)?, two(m1, m2)?),
        _ => return None,
    };
    (hours <= 15 && minutes <= 59).then_some(Some(sign * (hours * 3600 + minutes * 60)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> Option<String> {
        parse(text)
            .map(|moment| jiff::Timestamp::from_microsecond(moment.at_us).expect("in range").to_string())
    }

    #[test]
    fn offsets_are_taken_off() {
        assert_eq!(utc("2015-12-11T15:43:13.994+01:15").as_deref(), Some("2015-12-11T14:28:13.994Z"));
        assert_eq!(utc("2015-12-11T15:43:13-0330").as_deref(), Some("2015-12-11T19:13:13Z"));
        assert_eq!(parse("2015-12-11T15:43:13+01:15").and_then(|moment| moment.offset_s), Some(4500));
    }

    #[test]
    fn naive_times_are_utc() {
        assert_eq!(utc(" 2024-02-29T00:00:00 ").as_deref(), Some("2024-02-29T00:00:00Z"));
        assert_eq!(parse("2024-02-29T00:00:00").and_then(|moment| moment.offset_s), None);
    }

    #[test]
    fn a_leap_second_is_the_one_before() {
        assert_eq!(utc("2016-12-31T23:59:60Z").as_deref(), Some("2016-12-31T23:59:59Z"));
    }

    #[test]
    fn nonsense_is_none() {
        for text in
            ["", "2023-02-29T00:00:00Z", "9999-12-31T23:59:60Z", "2024-01-01", "2024-01-01T25:00:00Z", "é"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
