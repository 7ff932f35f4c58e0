//! What of a day's steps counts of one source: several that tell of the same minutes share them. Stream `daily-{daily id}`: small, however many years an account has.

use kernel::{AccountId, Id};

use super::fact::{Day, Receipt};

/// Kind of a daily value's id.
pub enum DailyValue {}
pub type DailyId = Id<DailyValue>;

/// More than anybody walks: what lies beyond is a fault of the source, and clamped.
pub const STEPS_MAX: i64 = 1_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    pub local_day: Day,
    /// 0: taken back.
    pub steps: i64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub account: AccountId,
    pub daily: DailyId,
    pub revision: u64,
    pub receipt: Receipt,
    /// `None`: erased with its key.
    pub steps: Option<Steps>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Daily {
    pub revision: u64,
    pub known: Option<Steps>,
}

/// What a daily value's event says; `steps` `None`: it was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation {
    pub daily: DailyId,
    pub revision: u64,
    pub receipt: Receipt,
    pub steps: Option<Steps>,
}

impl Daily {
    pub fn observe(&self, account: AccountId, seen: &Observation) -> Vec<Event> {
        let taken_back = || self.known.map(|known| Steps { steps: 0, ..known });
        let steps = seen.steps.map(|told| Steps { steps: told.steps.clamp(0, STEPS_MAX), ..told });
        // Deleted before it was ever counted: there is nothing to take back.
        let Some(steps) = steps.or_else(taken_back) else { return Vec::new() };
        if self.revision >= seen.revision {
            return Vec::new();
        }
        let Observation { daily, revision, receipt, .. } = *seen;
        vec![Event { account, daily, revision, receipt, steps: Some(steps) }]
    }

    pub fn evolve(&mut self, event: &Event) {
        self.revision = event.revision;
        self.known = event.steps;
    }
}

/// Whole steps of what a source says; nothing of what no day can have.
pub fn whole_steps(value: f64) -> Option<i64> {
    if !value.is_finite() || value < 0.0 {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "a cast of a float saturates, and the bound follows")]
    Some((value.round() as i64).min(STEPS_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(revision: u64, steps: Option<i64>) -> Observation {
        let (daily, receipt) = (DailyId::derived(&[b"day"]), Receipt::default());
        Observation { daily, revision, receipt, steps: steps.map(|steps| Steps { local_day: 7, steps }) }
    }

    fn heard(all: &[Observation]) -> Vec<i64> {
        let (mut daily, mut said) = (Daily::default(), Vec::new());
        for seen in all {
            for event in daily.observe(AccountId::derived(&[b"someone"]), seen) {
                daily.evolve(&event);
                said.extend(event.steps.map(|steps| steps.steps));
            }
        }
        said
    }

    #[test]
    fn the_newest_revision_counts_and_older_ones_say_nothing() {
        assert_eq!(
            heard(&[told(1, Some(10)), told(3, Some(30)), told(2, Some(20)), told(3, Some(9))]),
            [10, 30]
        );
    }

    #[test]
    fn a_deleted_day_is_taken_back_and_one_never_heard_of_is_not() {
        assert_eq!(heard(&[told(1, Some(10)), told(2, None)]), [10, 0]);
        assert_eq!(heard(&[told(1, None)]), Vec::<i64>::new());
    }

    #[test]
    fn no_day_has_fewer_than_no_steps_or_more_than_can_be() {
        assert_eq!(
            [whole_steps(-1.0), whole_steps(f64::NAN), whole_steps(1e12)],
            [None, None, Some(STEPS_MAX)]
        );
        assert_eq!(heard(&[told(1, Some(i64::MAX))]), [STEPS_MAX]);
    }
}
