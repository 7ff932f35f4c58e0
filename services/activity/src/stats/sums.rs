//! Sums of days into periods.

use std::ops::RangeInclusive;

use super::calendar::{Calendar, Interval};

/// What some parts add up to. `None`: not one of them tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    pub count: u32,
    pub elapsed_ms: i64,
    pub moving_ms: i64,
    pub distance_mm: Option<i64>,
    pub ascent_mm: Option<i64>,
    pub descent_mm: Option<i64>,
    pub energy_j: Option<i64>,
}

impl Sums {
    pub fn add(&mut self, other: &Self) {
        let plus = |sum: &mut Option<i64>, more: Option<i64>| {
            *sum = match (*sum, more) {
                (Some(sum), Some(more)) => Some(sum.saturating_add(more)),
                (sum, more) => sum.or(more),
            };
        };
        self.count = self.count.saturating_add(other.count);
        self.elapsed_ms = self.elapsed_ms.saturating_add(other.elapsed_ms);
        self.moving_ms = self.moving_ms.saturating_add(other.moving_ms);
        plus(&mut self.distance_mm, other.distance_mm);
        plus(&mut self.ascent_mm, other.ascent_mm);
        plus(&mut self.descent_mm, other.descent_mm);
        plus(&mut self.energy_j, other.energy_j);
    }
}

/// The sums of one day, which has some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DaySums {
    pub day: i64,
    pub sums: Sums,
}

/// The sums of a span of days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    pub first: i64,
    pub last: i64,
    /// Days with at least one activity.
    pub active_days: u32,
    pub sums: Sums,
}

impl Period {
    /// Of those of these days that are in the span.
    pub fn of(days: &[DaySums], span: RangeInclusive<i64>) -> Self {
        let (first, last) = span.into_inner();
        let mut period = Self { first, last, active_days: 0, sums: Sums::default() };
        for day in days.iter().filter(|day| (first..=last).contains(&day.day)) {
            period.add(day);
        }
        period
    }

    fn add(&mut self, day: &DaySums) {
        self.active_days += u32::from(day.sums.count > 0);
        self.sums.add(&day.sums);
    }
}

/// How many whole periods touch the span; counted no further than `most`.
pub fn count(calendar: Calendar, interval: Interval, span: &RangeInclusive<i64>, most: usize) -> usize {
    let mut first = calendar.first(interval, *span.start());
    let mut count = 0;
    while first <= *span.end() && count < most {
        count += 1;
        first = calendar.last(interval, first) + 1;
    }
    count
}

/// Every whole period that touches the span, oldest first. `days` ascend, and reach as far as those periods.
pub fn periods(
    calendar: Calendar,
    interval: Interval,
    span: &RangeInclusive<i64>,
    days: &[DaySums],
) -> Vec<Period> {
    let mut periods = Vec::new();
    let mut days = days.iter().peekable();
    let mut first = calendar.first(interval, *span.start());
    while first <= *span.end() {
        let last = calendar.last(interval, first);
        let mut period = Period { first, last, active_days: 0, sums: Sums::default() };
        while let Some(day) = days.next_if(|day| day.day <= last) {
            if day.day >= first {
                period.add(day);
            }
        }
        periods.push(period);
        first = last + 1;
    }
    periods
}

#[cfg(test)]
mod tests {
    use jiff::civil::Weekday;
    use proptest::prelude::*;

    use super::*;

    const MONDAYS: Calendar = Calendar { week_start: Weekday::Monday };

    fn on(day: i64, distance_mm: Option<i64>) -> DaySums {
        DaySums { day, sums: Sums { count: 1, elapsed_ms: 1, moving_ms: 1, distance_mm, ..Sums::default() } }
    }

    #[test]
    fn what_nobody_told_stays_unknown_and_zero_stays_zero() {
        let period = Period::of(&[on(1, None), on(2, Some(0))], 1..=2);
        assert_eq!((period.sums.distance_mm, period.sums.ascent_mm, period.active_days), (Some(0), None, 2));
        assert_eq!(Period::of(&[on(1, None)], 1..=1).sums.distance_mm, None);
    }

    #[test]
    fn periods_are_whole_and_the_empty_ones_are_there() {
        // 20 574 is 2026-05-01, a Friday.
        let periods =
            periods(MONDAYS, Interval::Week, &(20_574..=20_590), &[on(20_571, Some(5)), on(20_585, Some(7))]);
        let seen: Vec<_> = periods.iter().map(|one| (one.last - one.first, one.sums.distance_mm)).collect();
        assert_eq!(seen, [(6, Some(5)), (6, None), (6, Some(7))]);
    }

    proptest! {
        #[test]
        fn every_day_is_in_exactly_one_period_and_nothing_is_lost(
            mut found in proptest::collection::btree_set(19_000_i64..21_000, 0..60),
            (start, length) in (19_000_i64..21_000, 0_i64..900),
            week_start in 0_i8..7,
        ) {
            let calendar = Calendar { week_start: Weekday::from_monday_zero_offset(week_start).expect("a weekday") };
            for interval in [Interval::Day, Interval::Week, Interval::Month, Interval::Year] {
                let span = start..=start + length;
                let (first, last) = (calendar.first(interval, start), calendar.last(interval, start + length));
                found.retain(|day| (first..=last).contains(day));
                let days: Vec<_> = found.iter().map(|day| on(*day, Some(*day))).collect();
                let periods = periods(calendar, interval, &span, &days);
                prop_assert_eq!(periods.len(), count(calendar, interval, &span, usize::MAX));
                prop_assert_eq!((periods[0].first, periods[periods.len() - 1].last), (first, last));
                prop_assert!(periods.windows(2).all(|two| two[0].last + 1 == two[1].first));
                let sum: i64 = periods.iter().filter_map(|period| period.sums.distance_mm).sum();
                prop_assert_eq!(sum, found.iter().sum::<i64>());
                for period in &periods {
                    prop_assert_eq!(*period, Period::of(&days, period.first..=period.last));
                }
            }
        }
    }
}
