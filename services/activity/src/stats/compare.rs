//! A span beside the one before it.

use std::ops::RangeInclusive;

use super::{Calendar, Interval, Sums};

/// The period that today is in, up to today, and as many days of the one before, at most to its end.
pub fn so_far(calendar: Calendar, interval: Interval, today: i64) -> [RangeInclusive<i64>; 2] {
    let first = calendar.first(interval, today);
    let last_before = first - 1;
    let first_before = calendar.first(interval, last_before);
    let before = first_before..=last_before.min(first_before + (today - first));
    [first..=today, before]
}

/// A span, and as many days right before it.
pub fn right_before(span: RangeInclusive<i64>) -> [RangeInclusive<i64>; 2] {
    let days = span.end() - span.start() + 1;
    let before = span.start() - days..=span.start() - 1;
    [span, before]
}

/// How a figure changed, in thousandths of its unit (`count`, `active_days`: in thousandths too).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    pub field: &'static str,
    pub difference: i64,
    pub before: i64,
}

/// Figures known of either span; what is known of only one of them was nothing in the other.
pub fn changes(now: &Sums, before: &Sums) -> Vec<Change> {
    let count = |sums: &Sums| Some(i64::from(sums.count) * 1000);
    let fields: [(&'static str, Option<i64>, Option<i64>); 7] = [
        ("count", count(now), count(before)),
        ("elapsed_time_s", Some(now.elapsed_ms), Some(before.elapsed_ms)),
        ("moving_time_s", Some(now.moving_ms), Some(before.moving_ms)),
        ("distance_m", now.distance_mm, before.distance_mm),
        ("ascent_m", now.ascent_mm, before.ascent_mm),
        ("descent_m", now.descent_mm, before.descent_mm),
        ("energy_kj", now.energy_j, before.energy_j),
    ];
    fields
        .into_iter()
        .filter(|(_, now, before)| now.is_some() || before.is_some())
        .map(|(field, now, before)| {
            let (now, before) = (now.unwrap_or(0), before.unwrap_or(0));
            Change { field, difference: now - before, before }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use jiff::civil::Weekday;

    use super::{
        super::calendar::{date_of, day_of},
        *,
    };

    fn spans(interval: Interval, today: &str) -> [String; 2] {
        let calendar = Calendar { week_start: Weekday::Monday };
        so_far(calendar, interval, day_of(today.parse().expect("a date")))
            .map(|span| format!("{}..{}", date_of(*span.start()), date_of(*span.end())))
    }

    #[test]
    fn the_same_span_of_the_period_before_ends_with_that_period() {
        assert_eq!(spans(Interval::Week, "2026-05-06"), ["2026-05-04..2026-05-06", "2026-04-27..2026-04-29"]);
        assert_eq!(
            spans(Interval::Month, "2026-03-31"),
            ["2026-03-01..2026-03-31", "2026-02-01..2026-02-28"]
        );
        assert_eq!(spans(Interval::Year, "2024-12-31"), ["2024-01-01..2024-12-31", "2023-01-01..2023-12-31"]);
        assert_eq!(right_before(10..=12), [10..=12, 7..=9]);
    }

    #[test]
    fn what_only_one_span_tells_of_was_nothing_in_the_other() {
        let now = Sums { count: 2, distance_mm: Some(5), ..Sums::default() };
        let changes = changes(&now, &Sums { count: 3, energy_j: Some(7), ..Sums::default() });
        let seen: Vec<_> = changes.iter().map(|one| (one.field, one.difference, one.before)).collect();
        let times = [("elapsed_time_s", 0, 0), ("moving_time_s", 0, 0)];
        assert_eq!(
            seen,
            [&[("count", -1000, 3000)][..], &times, &[("distance_m", 5, 0), ("energy_kj", -7, 7)]].concat()
        );
    }
}
