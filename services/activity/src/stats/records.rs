//! Personal bests: of each sport and kind the best mark, and every mark that was the best when it was set.
//!
//! They are found anew from all that counts, in the order in which it was done: whatever is edited, deleted or hidden
//! gives its records back to whoever had them before.

use std::collections::BTreeMap;

use kernel::{ActivityId, Sport};

use super::Part;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    LongestDistance,
    LongestTime,
    MostAscent,
    MostEnergy,
}

impl Kind {
    const ALL: [Self; 4] = [Self::LongestDistance, Self::LongestTime, Self::MostAscent, Self::MostEnergy];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LongestDistance => "longest_distance",
            Self::LongestTime => "longest_time",
            Self::MostAscent => "most_ascent",
            Self::MostEnergy => "most_energy",
        }
    }

    pub const fn unit(self) -> &'static str {
        match self {
            Self::LongestDistance | Self::MostAscent => "m",
            Self::LongestTime => "s",
            Self::MostEnergy => "kJ",
        }
    }

    /// In thousandths of its unit.
    fn of(self, part: &Part) -> Option<i64> {
        let value = match self {
            Self::LongestDistance => part.distance_mm,
            Self::LongestTime => Some(part.moving_ms),
            Self::MostAscent => part.ascent_mm,
            Self::MostEnergy => part.energy_j,
        };
        value.filter(|value| *value > 0)
    }
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
        for kind in Kind::ALL {
            let Some(value) = kind.of(part) else { continue };
            let steps = found.entry((part.sport, kind)).or_default();
            if steps.last().is_none_or(|best| value > best.value) {
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
}
