//! What is usual among the people of a region, said so that it tells of nobody.
//!
//! A cell is a region, a sport and a period that is over. It is worked out once, when there are people enough in it, and
//! stays as it is: nobody can ask before and after somebody joins or leaves. What it says is the mean of the middle half of
//! at least 20 people, rounded to two digits: no figure of any one person, and nobody moves it far.

use super::Sums;

/// People of a cell, at the least.
pub const PEOPLE_MIN: usize = 20;

/// Days after its end until a period counts as over: for what is sent late.
pub const GRACE_DAYS: i64 = 2;

/// What one person's activities of a period add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OnePerson {
    pub active_days: u32,
    pub sums: Sums,
}

/// What is usual, in thousandths of each unit. `None`: too few people to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Typical {
    /// Rounded down to one digit.
    pub people_at_least: u32,
    pub count: Option<i64>,
    pub active_days: Option<i64>,
    pub moving_ms: Option<i64>,
    pub distance_mm: Option<i64>,
    pub ascent_mm: Option<i64>,
    pub energy_j: Option<i64>,
}

/// `None` for fewer people than a cell needs.
pub fn typical(people: &[OnePerson]) -> Option<Typical> {
    if people.len() < PEOPLE_MIN {
        return None;
    }
    let usual = |figure: fn(&OnePerson) -> Option<i64>| middle(people.iter().filter_map(figure).collect());
    Some(Typical {
        people_at_least: u32::try_from(rounded_down(people.len())).unwrap_or(u32::MAX),
        count: usual(|one| Some(i64::from(one.sums.count) * 1000)),
        active_days: usual(|one| Some(i64::from(one.active_days) * 1000)),
        moving_ms: usual(|one| Some(one.sums.moving_ms)),
        distance_mm: usual(|one| one.sums.distance_mm),
        ascent_mm: usual(|one| one.sums.ascent_mm),
        energy_j: usual(|one| one.sums.energy_j),
    })
}

/// The mean of the middle half, which is ten people at the least, to two digits.
fn middle(mut figures: Vec<i64>) -> Option<i64> {
    if figures.len() < PEOPLE_MIN {
        return None;
    }
    figures.sort_unstable();
    let beside = figures.len() / 4;
    let half = &figures[beside..figures.len() - beside];
    let sum: i128 = half.iter().map(|figure| i128::from(*figure)).sum();
    let mean = sum / i128::try_from(half.len()).unwrap_or(1);
    Some(two_digits(i64::try_from(mean).unwrap_or(i64::MAX)))
}

fn two_digits(figure: i64) -> i64 {
    let mut unit = 1_i64;
    while figure / unit >= 100 {
        unit *= 10;
    }
    (figure / unit + i64::from(figure % unit * 2 >= unit && unit > 1)) * unit
}

fn rounded_down(people: usize) -> usize {
    let mut unit = 1;
    while people / unit >= 10 {
        unit *= 10;
    }
    people / unit * unit
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn person(distance_mm: i64) -> OnePerson {
        let sums = Sums { count: 1, distance_mm: Some(distance_mm), ..Sums::default() };
        OnePerson { active_days: 1, sums }
    }

    fn distance(figures: &[i64]) -> Option<i64> {
        let people: Vec<_> = figures.iter().map(|figure| person(*figure)).collect();
        typical(&people).and_then(|typical| typical.distance_mm)
    }

    #[test]
    fn fewer_than_twenty_are_no_cell_and_a_figure_that_fewer_have_is_not_said() {
        assert_eq!(typical(&[person(5_000_000); 19]), None);
        let mut people = [person(5_000_000); 20];
        people[3].sums.distance_mm = None;
        let typical = typical(&people).expect("a cell");
        assert_eq!((typical.distance_mm, typical.count, typical.people_at_least), (None, Some(1000), 20));
    }

    #[test]
    fn figures_have_two_digits_and_people_one() {
        assert_eq!(
            ["12449", "12500", "99", "995", "0"].map(|n| two_digits(n.parse().expect("a number"))),
            [12_000, 13_000, 99, 1_000, 0]
        );
        assert_eq!([20, 29, 99, 100, 1_999].map(rounded_down), [20, 20, 90, 100, 1_000]);
    }

    proptest! {
        /// Whoever knows everybody's figures but one, and what is said, does not know that one: many quite different
        /// figures would have had the same said.
        #[test]
        fn nobodys_figure_follows_from_what_is_said(
            others in proptest::collection::vec(1_000_i64..100_000_000, 19..80),
            figure in 1_000_i64..100_000_000,
        ) {
            let said = |figure: i64| distance(&[&others[..], &[figure]].concat());
            let mut sorted = others.clone();
            sorted.sort_unstable();
            // Beyond the quarters, whatever it is, it says the same.
            let beside = (sorted.len() + 1) / 4;
            let (low, high) = (sorted[beside - 1], sorted[sorted.len() - beside]);
            if figure >= high {
                prop_assert_eq!(said(figure), said(figure.saturating_mul(1_000)));
            }
            if figure <= low {
                prop_assert_eq!(said(figure), said(0));
            }
            // Within them it moves what is said by no more than its share of the middle, and by the rounding.
            let moved = said(figure).zip(said(high)).map_or(0, |(one, other)| (one - other).abs());
            let share = (high - low) / 10 + said(high).unwrap_or(0) / 5 + 10;
            prop_assert!(figure > high || figure < low || moved <= share, "{moved} > {share}");
        }
    }
}
