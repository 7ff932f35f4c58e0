//! Days, or weeks, in a row.

use super::calendar::{Calendar, Interval};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Streak {
    /// Up to today, or to yesterday while today is not over; of weeks alike.
    pub current: u32,
    pub longest: u32,
    /// The first and the last day of the longest, the earliest of equals.
    pub longest_span: Option<(i64, i64)>,
}

/// Of days with an activity, ascending.
pub fn days(active: &[i64], today: i64) -> Streak {
    of(active, today, |day| day)
}

/// Of weeks with one.
pub fn weeks(active: &[i64], today: i64, calendar: Calendar) -> Streak {
    // Weeks by number: their first days lie seven apart.
    of(active, today, |day| calendar.first(Interval::Week, day).div_euclid(7))
}

/// `number` gives neighbours consecutive numbers.
fn of(active: &[i64], today: i64, number: impl Fn(i64) -> i64) -> Streak {
    let mut streak = Streak::default();
    let (mut began, mut run, mut last) = (0, 0_u32, None);
    for &day in active {
        match last.map(|last| number(day) - number(last)) {
            Some(0) => {}
            Some(1) => run += 1,
            _ => (began, run) = (day, 1),
        }
        last = Some(day);
        let extends = streak.longest_span.is_some_and(|(first, _)| first == began);
        if run > streak.longest || (run == streak.longest && extends) {
            streak.longest = run;
            streak.longest_span = Some((began, day));
        }
    }
    let still = last.is_some_and(|last| (0..=1).contains(&(number(today) - number(last))));
    streak.current = if still { run } else { 0 };
    streak
}

#[cfg(test)]
mod tests {
    use jiff::civil::Weekday;

    use super::*;

    #[test]
    fn a_streak_lives_on_today_before_today_is_over() {
        assert_eq!(days(&[1, 2, 3], 3).current, 3);
        assert_eq!(days(&[1, 2, 3], 4).current, 3);
        assert_eq!(days(&[1, 2, 3], 5).current, 0);
        assert_eq!(days(&[], 5), Streak::default());
    }

    #[test]
    fn the_longest_is_remembered_with_its_days() {
        let streak = days(&[1, 2, 3, 7, 8, 20, 21, 22, 23], 100);
        assert_eq!((streak.longest, streak.longest_span, streak.current), (4, Some((20, 23)), 0));
        assert_eq!(days(&[1, 2, 5, 6], 6).longest_span, Some((1, 2)));
    }

    #[test]
    fn weeks_in_a_row_are_counted_by_where_they_begin() {
        let calendar = |week_start| Calendar { week_start };
        // A Sunday, the Sunday after, and the Saturday after that: 2026-05-03, 10 and 16.
        let active = [20_576, 20_583, 20_589];
        assert_eq!(weeks(&active, 20_590, calendar(Weekday::Monday)).current, 3);
        assert_eq!(weeks(&active, 20_590, calendar(Weekday::Sunday)).current, 2);
        let streak = weeks(&active, 20_590, calendar(Weekday::Monday));
        assert_eq!(streak.longest_span, Some((20_576, 20_589)));
    }
}
