//! Runs of local days: a day is active when an activity starts on it, in that activity's own zone.
//!
//! Freezes belong to a run. Every so many active days of it earn one, up to as many as may be held (what is active while
//! all are held earns nothing towards the next); each missed day uses one, and the run goes on across it without growing.
//! A missed day that finds none ends the run, and the next one begins with nothing. So everything is a function of the set
//! of active days: a day that becomes active late never shortens a run, and gives back the freeze that had covered it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::fact::Day;

/// How many of the days that freezes covered are told: the newest.
pub const FROZEN_MAX: usize = 64;

/// How freezes are earned and held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freezes {
    /// Active days of a run that earn one.
    pub earned_every_days: u32,
    pub held_max: u32,
}

impl Freezes {
    /// More than anybody needs, and little enough that the days which one run could cover stay few.
    pub const HELD_MAX: u32 = 31;
    pub const EVERY_MAX: u32 = 366;

    /// What is saved after one more active day. A freeze is `earned_every_days` of it.
    fn one_more(self, saved: u32) -> u32 {
        saved.saturating_add(1).min(self.held_max.saturating_mul(self.earned_every_days))
    }

    fn held(self, saved: u32) -> u32 {
        saved / self.earned_every_days.max(1)
    }

    /// What is left behind so many missed days; `None`: they end the run.
    fn across(self, saved: u32, missed: u32) -> Option<u32> {
        saved.checked_sub(missed.checked_mul(self.earned_every_days)?)
    }
}

/// Days in a row, the last of which is `last_day`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// The active ones: those that a freeze covered do not count.
    pub days: u32,
    pub last_day: Day,
    /// Freezes held after the last day.
    pub freezes: u32,
    /// The days before the last that freezes covered, ascending, the newest [`FROZEN_MAX`] of them.
    pub frozen: Vec<Day>,
}

/// A streak as it stands on some day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AsOf {
    pub days: u32,
    pub freezes: u32,
    pub frozen: Vec<Day>,
}

impl Run {
    /// How the streak stands when today is `today`, which may still become active: days that have passed since the last
    /// active one are missed, and covered as far as freezes go. A last day ahead of today is that of a traveller, and
    /// counts.
    pub fn as_of(&self, today: Day) -> AsOf {
        let missed = missed_between(self.last_day, today);
        if self.days == 0 || missed > self.freezes {
            return AsOf::default();
        }
        let covered = (self.last_day.saturating_add(1)..today).take(missed as usize);
        let frozen = newest(self.frozen.iter().copied().chain(covered).collect());
        AsOf { days: self.days, freezes: self.freezes - missed, frozen }
    }
}

/// A run as it stood at one of its active days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub days: u32,
    pub first_day: Day,
    pub last_day: Day,
    /// Towards freezes, and those held.
    saved: u32,
}

impl Step {
    /// As it is told; `active` holds the run's days.
    pub fn run(&self, freezes: Option<Freezes>, active: &BTreeSet<Day>) -> Run {
        Run {
            days: self.days,
            last_day: self.last_day,
            freezes: freezes.map_or(0, |freezes| freezes.held(self.saved)),
            frozen: newest(self.frozen(active)),
        }
    }

    /// The days of the run that freezes covered.
    pub fn frozen(&self, active: &BTreeSet<Day>) -> Vec<Day> {
        let days: Vec<Day> = active.range(self.first_day..=self.last_day).copied().collect();
        days.windows(2).flat_map(|pair| pair[0] + 1..pair[1]).collect()
    }
}

/// For each active day, ascending: the run that ends with it.
pub fn runs(days: &BTreeSet<Day>, freezes: Option<Freezes>) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::with_capacity(days.len());
    for &day in days {
        let goes_on = steps.last().and_then(|before| {
            let left = match (missed_between(before.last_day, day), freezes) {
                (0, _) => before.saved,
                (missed, freezes) => freezes?.across(before.saved, missed)?,
            };
            Some(Step { days: before.days + 1, first_day: before.first_day, last_day: day, saved: left })
        });
        let mut step = goes_on.unwrap_or(Step { days: 1, first_day: day, last_day: day, saved: 0 });
        step.saved = freezes.map_or(0, |freezes| freezes.one_more(step.saved));
        steps.push(step);
    }
    steps
}

/// The days that lie between two.
fn missed_between(last: Day, next: Day) -> u32 {
    let between = i64::from(next) - i64::from(last) - 1;
    u32::try_from(between.max(0)).unwrap_or(u32::MAX)
}

/// The newest [`FROZEN_MAX`] of ascending days.
pub(super) fn newest(mut days: Vec<Day>) -> Vec<Day> {
    days.drain(..days.len().saturating_sub(FROZEN_MAX));
    days
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One for three active days, two at most.
    const SOME: Option<Freezes> = Some(Freezes { earned_every_days: 3, held_max: 2 });

    fn last(days: &[Day], freezes: Option<Freezes>) -> Run {
        let active = days.iter().copied().collect();
        runs(&active, freezes).last().unwrap().run(freezes, &active)
    }

    #[test]
    fn a_gap_starts_a_new_run() {
        let runs = runs(&BTreeSet::from([1, 2, 3, 5, 6]), None);
        assert_eq!(runs.iter().map(|run| run.days).collect::<Vec<_>>(), [1, 2, 3, 1, 2]);
    }

    #[test]
    fn a_streak_stands_until_the_end_of_the_day_after() {
        let run = Run { days: 4, last_day: 10, ..Run::default() };
        assert_eq!([9, 10, 11, 12].map(|today| run.as_of(today).days), [4, 4, 4, 0]);
    }

    #[test]
    fn a_freeze_covers_a_missed_day_and_the_run_does_not_grow_by_it() {
        assert_eq!(last(&[1, 2, 3, 5], SOME), Run { days: 4, last_day: 5, freezes: 0, frozen: vec![4] });
        assert_eq!(last(&[1, 2, 4], SOME), Run { days: 1, last_day: 4, freezes: 0, frozen: vec![] });
    }

    #[test]
    fn more_missed_days_than_freezes_end_the_run_and_take_what_was_saved() {
        let run = last(&[1, 2, 3, 4, 5, 6, 10], SOME);
        assert_eq!(run, Run { days: 1, last_day: 10, freezes: 0, frozen: vec![] });
        assert_eq!(last(&[1, 2, 3, 4, 5, 6, 9], SOME).frozen, [7, 8]);
    }

    #[test]
    fn no_more_are_held_than_may_be_and_the_surplus_is_not_saved_up() {
        assert_eq!(last(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], SOME).freezes, 2);
        assert_eq!(last(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13], SOME).freezes, 1);
    }

    #[test]
    fn days_that_pass_use_the_freezes_up_one_by_one() {
        let run = last(&[1, 2, 3, 4, 5, 6], SOME);
        let seen = [6, 7, 8, 9, 10].map(|today| run.as_of(today));
        assert_eq!(
            seen.each_ref().map(|seen| (seen.days, seen.freezes)),
            [(6, 2), (6, 2), (6, 1), (6, 0), (0, 0)]
        );
        assert_eq!(seen[3].frozen, [7, 8]);
        assert!(seen[4].frozen.is_empty());
    }

    #[test]
    fn a_day_that_comes_late_repairs_the_run_and_gives_the_freeze_back() {
        assert_eq!(last(&[1, 2, 3, 5], SOME).freezes, 0);
        assert_eq!(last(&[1, 2, 3, 4, 5], SOME), Run { days: 5, last_day: 5, freezes: 1, frozen: vec![] });
    }

    #[test]
    fn the_ends_of_time_are_days_too() {
        assert_eq!(last(&[Day::MIN, Day::MAX], SOME).days, 1);
        let run = Run { days: 1, last_day: Day::MIN, freezes: 3, frozen: vec![] };
        assert_eq!(run.as_of(Day::MAX), AsOf::default());
        assert_eq!(Run { last_day: Day::MAX, ..run }.as_of(Day::MIN).days, 1);
    }

    proptest! {
        #[test]
        fn a_day_more_never_shortens_a_run_nor_costs_a_freeze(
            days in prop::collection::btree_set(0..60_i32, 1..40),
            late in 0..60_i32,
            every in 1..6_u32,
            held_max in 0..4_u32,
        ) {
            let freezes = Some(Freezes { earned_every_days: every, held_max });
            let more: BTreeSet<Day> = days.iter().copied().chain([late]).collect();
            let after = runs(&more, freezes);
            for before in runs(&days, freezes) {
                let step = after.iter().find(|step| step.last_day == before.last_day).unwrap();
                prop_assert!(step.days >= before.days && step.saved >= before.saved);
            }
        }
    }
}
