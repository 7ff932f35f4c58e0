//! What counts for a challenge, and what it amounts to. Pure: the same facts give the same score, whatever the order in
//! which they were heard.
//!
//! **In time.** Of each activity (and of each day's value) the newest revision counts that was received in time: no
//! later than the end of the window and its grace, and not behind the line that the settlement has drawn through the
//! journal of activities. What comes later changes nothing. A challenge that was stopped has no grace to wait for: its
//! line alone decides.
//!
//! **When it was reached.** Each contribution has an end: that of its activity (of a day's value: the end of the day),
//! clamped to its receipt, since nobody reaches a score before it is known or by a clock that runs ahead. A sum was
//! reached with the latest end among its contributions; a best with the end of the one that is the best, the earliest
//! of those that are equally good.

use jiff::{Span, civil::date, tz::TimeZone};
use kernel::{Sport, time::micros};

use super::{
    challenge::{CountFrom, Metric, Terms},
    fact::{Day, Fact, Receipt},
};

/// What a challenge looks at of one activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    pub sport: Sport,
    pub start_us: i64,
    pub end_us: i64,
    pub duration_s: i64,
    pub distance_mm: Option<i64>,
    pub ascent_mm: Option<i64>,
    /// By its own visibility; `None`: the account's setting holds.
    pub only_me: Option<bool>,
}

impl Effort {
    pub fn of(fact: &Fact) -> Self {
        Self {
            sport: fact.sport,
            start_us: fact.start_us,
            end_us: fact.end_us,
            duration_s: fact.duration_s,
            distance_mm: fact.distance_mm,
            ascent_mm: fact.ascent_mm,
            only_me: fact.only_me,
        }
    }
}

/// One revision of an activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    pub revision: u64,
    pub receipt: Receipt,
    /// `None`: from this revision on it does not count.
    pub effort: Option<Effort>,
}

/// XP that an activity gave, or lost again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct XpHeard {
    pub receipt: Receipt,
    pub xp: i64,
}

/// One revision of a day's steps, as one source tells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayHeard {
    pub revision: u64,
    pub receipt: Receipt,
    pub local_day: Day,
    /// 0: taken back.
    pub steps: i64,
}

/// What of a participant decides what counts.
#[derive(Clone, Debug)]
pub struct Taking {
    pub zone: TimeZone,
    pub joined_us: i64,
    pub count_private: bool,
    /// The account shows its activities to nobody unless one says otherwise.
    pub only_me_usual: bool,
}

/// A challenge as it measures.
#[derive(Clone, Copy, Debug)]
pub struct Contest<'t> {
    pub terms: &'t Terms,
    /// The line of the settlement through the journal of activities.
    pub head: Option<u64>,
    /// As if nothing had come late: what would be.
    pub late_too: bool,
}

/// What an item adds to a score. Values are thousandths of the metric's unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contribution {
    /// For steps, their day. Of attempts, when they began.
    pub bucket: i64,
    pub value: i64,
    pub reached_us: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Score {
    pub value: i64,
    pub reached_us: i64,
}

impl Contest<'_> {
    pub fn in_time(&self, receipt: Receipt) -> bool {
        if self.late_too {
            return true;
        }
        let before_line = self.head.is_none_or(|head| receipt.position <= head);
        let stopped = self.terms.window.cut_us.is_some();
        before_line && (stopped || receipt.at_us <= self.terms.settles_at_us())
    }

    /// What an activity contributes, by all that was heard of it.
    pub fn activity(&self, taking: &Taking, heard: &[Heard], xp: &[XpHeard]) -> Option<Contribution> {
        let newest =
            heard.iter().filter(|heard| self.in_time(heard.receipt)).max_by_key(|heard| heard.revision)?;
        let effort = newest.effort.filter(|effort| self.counts(taking, effort))?;
        let value = match self.terms.metric {
            Metric::Distance | Metric::Longest => effort.distance_mm?,
            Metric::MovingTime | Metric::Fastest => effort.duration_s.saturating_mul(1_000),
            Metric::Ascent => effort.ascent_mm?,
            Metric::Count => 1_000,
            Metric::Xp => {
                let gained = xp.iter().filter(|part| self.in_time(part.receipt)).map(|part| part.xp);
                gained.sum::<i64>().saturating_mul(1_000)
            }
            Metric::Steps => return None,
        };
        let reached_us = effort.end_us.min(newest.receipt.at_us);
        // Only attempts are told apart by when they began: other rows stay as they were written.
        let bucket = self.terms.attempts.map_or(0, |_| effort.start_us);
        (value > 0).then_some(Contribution { bucket, value, reached_us })
    }

    /// What contributions amount to; of attempts, the first that count. `None` without any.
    pub fn combine(&self, all: impl IntoIterator<Item = Contribution>) -> Option<Score> {
        let Some(attempts) = self.terms.attempts else { return combine(self.terms.metric, all) };
        let mut all: Vec<Contribution> = all.into_iter().collect();
        all.sort_unstable_by_key(|one| (one.bucket, one.reached_us, one.value));
        all.truncate(usize::try_from(attempts).unwrap_or(usize::MAX));
        combine(self.terms.metric, all)
    }

    /// What one source's steps of a day contribute: a day belongs to the window with its first instant.
    pub fn day(&self, taking: &Taking, heard: &[DayHeard]) -> Option<Contribution> {
        if self.terms.metric != Metric::Steps {
            return None;
        }
        let newest =
            heard.iter().filter(|heard| self.in_time(heard.receipt)).max_by_key(|heard| heard.revision)?;
        let (start_us, end_us) = day_in(newest.local_day, &taking.zone)?;
        let counts = newest.steps > 0 && self.covers(taking, start_us);
        counts.then(|| Contribution {
            bucket: newest.local_day.into(),
            value: newest.steps.saturating_mul(1_000),
            reached_us: end_us.min(newest.receipt.at_us),
        })
    }

    fn counts(&self, taking: &Taking, effort: &Effort) -> bool {
        let shown = taking.count_private || !effort.only_me.unwrap_or(taking.only_me_usual);
        let far_enough =
            self.terms.min_distance_mm.is_none_or(|least| effort.distance_mm.is_some_and(|mm| mm >= least));
        shown && far_enough && self.terms.counts_sport(effort.sport) && self.covers(taking, effort.start_us)
    }

    fn covers(&self, taking: &Taking, start_us: i64) -> bool {
        let since_joining = self.terms.count_from == CountFrom::Join;
        self.terms.window.contains(start_us, &taking.zone) && (!since_joining || start_us >= taking.joined_us)
    }
}

/// What contributions amount to; `None` without any.
pub fn combine(metric: Metric, all: impl IntoIterator<Item = Contribution>) -> Option<Score> {
    let all = all.into_iter();
    match metric {
        // Sources that tell of one day have a share of it each: whoever put the day together has seen to that.
        Metric::Distance
        | Metric::MovingTime
        | Metric::Ascent
        | Metric::Count
        | Metric::Steps
        | Metric::Xp => sum(all),
        Metric::Longest => best(all, |one, other| one > other),
        Metric::Fastest => best(all, |one, other| one < other),
    }
}

/// What members of a team have together: sums are summed, and reached with the last of them; of bests the best counts.
pub fn together(metric: Metric, members: impl IntoIterator<Item = Score>) -> Option<Score> {
    let contribution =
        |score: Score| Contribution { bucket: 0, value: score.value, reached_us: score.reached_us };
    let all = members.into_iter().map(contribution);
    match metric {
        Metric::Longest => best(all, |one, other| one > other),
        Metric::Fastest => best(all, |one, other| one < other),
        Metric::Distance
        | Metric::MovingTime
        | Metric::Ascent
        | Metric::Count
        | Metric::Steps
        | Metric::Xp => sum(all),
    }
}

fn sum(all: impl Iterator<Item = Contribution>) -> Option<Score> {
    let add = |so_far: Option<(i128, i64)>, one: Contribution| {
        let (value, reached_us) = so_far.unwrap_or((0, i64::MIN));
        Some((value + i128::from(one.value), reached_us.max(one.reached_us)))
    };
    let (value, reached_us) = all.fold(None, add)?;
    // Summed without a bound and bounded once: no order of saturating makes another sum.
    let value = i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX });
    Some(Score { value, reached_us })
}

fn best(all: impl Iterator<Item = Contribution>, better: impl Fn(i64, i64) -> bool) -> Option<Score> {
    let pick = |best: Score, one: Score| {
        let earlier = one.value == best.value && one.reached_us < best.reached_us;
        if better(one.value, best.value) || earlier { one } else { best }
    };
    all.map(|one| Score { value: one.value, reached_us: one.reached_us }).reduce(pick)
}

/// A local day from its first instant to the next one's.
pub fn day_in(day: Day, zone: &TimeZone) -> Option<(i64, i64)> {
    let start = date(1970, 1, 1).checked_add(Span::new().try_days(day).ok()?).ok()?;
    let end = start.tomorrow().ok()?;
    let instant = |date: jiff::civil::Date| date.to_zoned(zone.clone()).ok().map(|at| micros(at.timestamp()));
    Some((instant(start)?, instant(end)?))
}

#[cfg(test)]
#[path = "scoring_tests.rs"]
mod tests;
