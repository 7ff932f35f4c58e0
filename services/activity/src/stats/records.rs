//! Personal bests: of each sport and kind the best mark, and every mark that was the best when it was set.
//!
//! They are found anew from all that counts, in the order in which it was done: whatever is edited, deleted or hidden
//! gives its records back to whoever had them before.

use std::collections::BTreeMap;

use formats::totals::{DISTANCES, POWERS};
use kernel::{ActivityId, Sport};

use super::Part;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    LongestDistance,
    LongestTime,
    MostAscent,
    MostEnergy,
    /// The best time over a distance, by its place in [`DISTANCES`].
    Fastest(usize),
    /// The best mean power over a time, by its place in [`POWERS`].
    Strongest(usize),
}

impl Kind {
    pub fn name(self) -> String {
        match self {
            Self::LongestDistance => "longest_distance".to_owned(),
            Self::LongestTime => "longest_time".to_owned(),
            Self::MostAscent => "most_ascent".to_owned(),
            Self::MostEnergy => "most_energy".to_owned(),
            Self::Fastest(place) => format!("fastest_{}", DISTANCES.get(place).map_or("", |(name, _)| name)),
            Self::Strongest(place) => {
                POWERS.get(place).map_or_else(String::new, |(name, _)| (*name).to_owned())
            }
        }
    }

    pub const fn unit(self) -> &'static str {
        match self {
            Self::LongestDistance | Self::MostAscent => "m",
            Self::LongestTime | Self::Fastest(_) => "s",
            Self::MostEnergy => "kJ",
            Self::Strongest(_) => "W",
        }
    }

    const fn is_better(self, value: i64, best: i64) -> bool {
        match self {
            Self::Fastest(_) => value < best,
            _ => value > best,
        }
    }

    /// The kind of an effort by its name. One that this version does not know is of none.
    fn of_effort(name: &str) -> Option<Self> {
        let place = |table: &[(&str, f64)]| table.iter().position(|(known, _)| *known == name);
        place(&DISTANCES).map(Self::Fastest).or_else(|| place(&POWERS).map(Self::Strongest))
    }
}

/// What a part could be a record in, in thousandths of each unit.
fn marks(part: &Part) -> impl Iterator<Item = (Kind, i64)> {
    let totals = [
        (Kind::LongestDistance, part.distance_mm),
        (Kind::LongestTime, Some(part.moving_ms)),
        (Kind::MostAscent, part.ascent_mm),
        (Kind::MostEnergy, part.energy_j),
    ];
    let totals = totals.into_iter().filter_map(|(kind, value)| Some((kind, value?)));
    let efforts = part.efforts.iter().filter_map(|(name, value)| Some((Kind::of_effort(name)?, *value)));
    totals.chain(efforts).filter(|(_, value)| *value > 0)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// In thousandths of the unit.
    pub value: i64,
    pub activity_id: ActivityId,
    pub start_us: i64,
    pub day: i64,
}

/// The marks that were the best when they were set, oldest first; the last is the best now.
pub type Steps = Vec<Mark>;

/// What counts, in the order in which it was done. An equal mark is no better.
pub fn find<'a>(done: impl IntoIterator<Item = (ActivityId, &'a Part)>) -> BTreeMap<(Sport, Kind), Steps> {
    let mut found: BTreeMap<(Sport, Kind), Steps> = BTreeMap::new();
    for (activity_id, part) in done {
        for (kind, value) in marks(part) {
            let steps = found.entry((part.sport, kind)).or_default();
            if steps.last().is_none_or(|best| kind.is_better(value, best.value)) {
                steps.push(Mark { value, activity_id, start_us: part.start_us, day: part.day });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(day: i64, distance_mm: Option<i64>) -> Part {
        Part {
            sport: Sport::Running,
            start_us: day * 86_400_000_000,
            day,
            elapsed_ms: 1,
            moving_ms: 1,
            distance_mm,
            ascent_mm: Some(0),
            descent_mm: None,
            energy_j: None,
            efforts: Vec::new(),
        }
    }

    fn distances(parts: &[Part]) -> Vec<(i64, i64)> {
        let id = |day: i64| ActivityId::derived(&[&day.to_be_bytes()]);
        let found = find(parts.iter().map(|part| (id(part.day), part)));
        let steps = found.get(&(Sport::Running, Kind::LongestDistance)).cloned().unwrap_or_default();
        steps.iter().map(|mark| (mark.day, mark.value)).collect()
    }

    #[test]
    fn only_what_is_better_is_a_step_and_an_equal_mark_is_not() {
        let done = [part(1, Some(5)), part(2, Some(5)), part(3, Some(4)), part(4, None), part(5, Some(9))];
        assert_eq!(distances(&done), [(1, 5), (5, 9)]);
    }

    #[test]
    fn without_a_record_it_goes_back_to_who_had_it_before() {
        let done = [part(1, Some(5)), part(2, Some(9)), part(3, Some(7))];
        assert_eq!(distances(&done), [(1, 5), (2, 9)]);
        assert_eq!(distances(&[done[0].clone(), done[2].clone()]), [(1, 5), (3, 7)]);
    }

    #[test]
    fn nothing_done_is_no_record() {
        let found = find([(ActivityId::derived(&[b"a"]), &part(1, Some(0)))]);
        let kinds: Vec<_> = found.keys().map(|(_, kind)| *kind).collect();
        assert_eq!(kinds, [Kind::LongestTime]);
    }

    #[test]
    fn the_fewest_seconds_and_the_most_watts_are_the_best() {
        let effort = |day: i64, seconds: i64, watts: i64| Part {
            efforts: vec![("5km".to_owned(), seconds), ("power_5s".to_owned(), watts), ("7km".to_owned(), 1)],
            ..part(day, None)
        };
        let done = [effort(1, 1_500, 700), effort(2, 1_400, 650), effort(3, 1_450, 800)];
        let id = ActivityId::derived(&[b"a"]);
        let found = find(done.iter().map(|part| (id, part)));
        let told: Vec<(String, Vec<i64>)> = found
            .iter()
            .map(|((_, kind), steps)| (kind.name(), steps.iter().map(|mark| mark.day).collect()))
            .collect();
        let told: Vec<_> = told.iter().map(|(name, days)| (name.as_str(), &days[..])).collect();
        assert_eq!(told, [("longest_time", &[1][..]), ("fastest_5km", &[1, 2]), ("power_5s", &[1, 3])]);
    }
}
