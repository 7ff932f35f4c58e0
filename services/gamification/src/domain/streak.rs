//! Runs of local days: a day is active when an activity starts on it, in that activity's own zone.

use std::collections::BTreeSet;

use super::fact::Day;

/// Days in a row, the last of which is `last_day`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Run {
    pub days: u32,
    pub last_day: Day,
}

impl Run {
    /// How long the streak is when today is `today`: a run still stands on the day after its last active one.
    /// A last day ahead of today is that of a traveller, and counts.
    pub fn as_of(self, today: Day) -> u32 {
        if self.last_day >= today.saturating_sub(1) { self.days } else { 0 }
    }
}

/// For each active day, ascending: how many days in a row end with it.
pub fn runs(days: &BTreeSet<Day>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::with_capacity(days.len());
    for &day in days {
        let before =
            runs.last().filter(|run| run.last_day.checked_add(1) == Some(day)).map_or(0, |run| run.days);
        runs.push(Run { days: before + 1, last_day: day });
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_starts_a_new_run() {
        let runs = runs(&BTreeSet::from([1, 2, 3, 5, 6]));
        assert_eq!(runs.iter().map(|run| run.days).collect::<Vec<_>>(), [1, 2, 3, 1, 2]);
    }

    #[test]
    fn a_streak_stands_until_the_end_of_the_day_after() {
        let run = Run { days: 4, last_day: 10 };
        assert_eq!([9, 10, 11, 12].map(|today| run.as_of(today)), [4, 4, 4, 0]);
    }
}
