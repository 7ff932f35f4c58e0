//! Who runs, what was acknowledged, and what each should see of themselves.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use hdrhistogram::Histogram;
use tokio::sync::{Mutex as Turns, MutexGuard as Turn};

use super::stream::Place;
use crate::report::{durations, record};

/// Scores are thousandths: nearer than this they are the same.
pub(super) const SAME: f64 = 0.01;

/// From a workout to its athlete's own `me` frame.
pub(super) struct OwnTimes {
    pub(super) after_ack: Histogram<u64>,
    pub(super) after_intended: Histogram<u64>,
}

impl OwnTimes {
    fn new() -> anyhow::Result<Self> {
        Ok(Self { after_ack: durations()?, after_intended: durations()? })
    }
}

/// A workout whose effect was not seen yet, or not acknowledged.
struct Waiting {
    /// The athlete's score with it.
    score: f64,
    due: Instant,
    answered: Option<Instant>,
    seen: Option<Instant>,
}

#[derive(Default)]
struct Runner {
    acknowledged: f64,
    waiting: VecDeque<Waiting>,
}

pub(super) struct Runners {
    each: Vec<Mutex<Runner>>,
    /// Nobody runs two workouts at once: which of them a score holds would not be known.
    turns: Vec<Turns<()>>,
    times: Mutex<OwnTimes>,
}

impl Runners {
    pub(super) fn of(count: usize) -> anyhow::Result<Self> {
        Ok(Self {
            each: (0..count).map(|_| Mutex::default()).collect(),
            turns: (0..count).map(|_| Turns::default()).collect(),
            times: Mutex::new(OwnTimes::new()?),
        })
    }

    pub(super) async fn turn(&self, who: usize) -> Turn<'_, ()> {
        self.turns[who].lock().await
    }

    fn runner(&self, who: usize) -> MutexGuard<'_, Runner> {
        self.each[who].lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn sent(&self, who: usize, metres: f64, due: Instant) {
        let mut runner = self.runner(who);
        let score = runner.acknowledged + metres;
        runner.waiting.push_back(Waiting { score, due, answered: None, seen: None });
    }

    pub(super) fn answered(&self, who: usize, metres: f64, stored: bool) -> anyhow::Result<()> {
        let mut runner = self.runner(who);
        if stored {
            runner.acknowledged += metres;
            if let Some(last) = runner.waiting.back_mut() {
                last.answered = Some(Instant::now());
            }
        } else {
            runner.waiting.pop_back();
        }
        self.settle(&mut runner);
        Ok(())
    }

    /// A `me` frame said this score.
    pub(super) fn told(&self, who: usize, score: f64) {
        let mut runner = self.runner(who);
        let now = Instant::now();
        for waiting in runner.waiting.iter_mut().filter(|one| one.seen.is_none() && one.score <= score + SAME)
        {
            waiting.seen = Some(now);
        }
        self.settle(&mut runner);
    }

    /// Takes down what is both acknowledged and seen.
    fn settle(&self, runner: &mut Runner) {
        while let Some((waiting, answered, seen)) =
            runner.waiting.front().and_then(|one| Some((one, one.answered?, one.seen?)))
        {
            let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
            // Seen before we heard that it was kept: no time at all.
            record(&mut times.after_ack, seen.saturating_duration_since(answered));
            record(&mut times.after_intended, seen.saturating_duration_since(waiting.due));
            drop(times);
            runner.waiting.pop_front();
        }
    }

    /// What ran before anybody looked is nobody's to see.
    pub(super) fn forget_times(&self) -> anyhow::Result<()> {
        for who in 0..self.each.len() {
            self.runner(who).waiting.clear();
        }
        *self.times.lock().unwrap_or_else(PoisonError::into_inner) = OwnTimes::new()?;
        Ok(())
    }

    pub(super) fn times(&self) -> anyhow::Result<OwnTimes> {
        let empty = OwnTimes::new()?;
        Ok(std::mem::replace(&mut *self.times.lock().unwrap_or_else(PoisonError::into_inner), empty))
    }

    pub(super) fn score(&self, who: usize) -> f64 {
        self.runner(who).acknowledged
    }

    /// The board as it must be, by what was acknowledged; in words where it is not.
    pub(super) fn held_against(&self, top: &[Place]) -> Option<String> {
        let mut scores: Vec<f64> = (0..self.each.len()).map(|who| self.score(who)).collect();
        scores.sort_by(|one, other| other.total_cmp(one));
        let wrong = top.iter().zip(&scores).find(|(place, score)| (place.score - **score).abs() > SAME);
        wrong.map(|(place, score)| {
            format!("the board has {} at rank {}, the ledger {score}", place.score, place.rank)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_score_seen_before_the_answer_took_no_time_after_it() {
        let runners = Runners::of(1).unwrap();
        let due = Instant::now();
        runners.sent(0, 1_000.0, due);
        runners.told(0, 1_000.0);
        runners.answered(0, 1_000.0, true).unwrap();
        let times = runners.times().unwrap();
        assert_eq!((times.after_ack.len(), times.after_intended.len()), (1, 1));
        assert!(times.after_ack.max() <= 1);
    }

    #[test]
    fn a_newer_score_shows_the_older_workouts_too_and_a_refused_one_is_never_seen() {
        let runners = Runners::of(1).unwrap();
        let due = Instant::now() - Duration::from_millis(5);
        runners.sent(0, 1_000.0, due);
        runners.answered(0, 1_000.0, true).unwrap();
        runners.sent(0, 70.0, due);
        runners.answered(0, 70.0, false).unwrap();
        runners.sent(0, 500.0, due);
        runners.answered(0, 500.0, true).unwrap();
        runners.told(0, 999.0);
        runners.told(0, 1_500.0);
        let times = runners.times().unwrap();
        assert_eq!(times.after_ack.len(), 2);
        assert!(times.after_intended.min() >= 5_000);
        assert!((runners.score(0) - 1_500.0).abs() < SAME);
    }

    #[test]
    fn a_board_is_held_against_what_was_acknowledged() {
        let runners = Runners::of(3).unwrap();
        for (who, metres) in [(0, 10.0), (1, 30.0), (2, 20.0)] {
            runners.sent(who, metres, Instant::now());
            runners.answered(who, metres, true).unwrap();
        }
        let place = |rank, score| Place { rank, member: format!("m{rank}"), score };
        assert_eq!(runners.held_against(&[place(1, 30.0), place(2, 20.0)]), None);
        assert!(runners.held_against(&[place(1, 30.0), place(2, 10.0)]).is_some());
    }
}
