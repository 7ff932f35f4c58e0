//! When each call is to begin.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::dice::Dice;

/// Starts that may wait to be made.
const DUE_MAX: usize = 1_024;

/// How calls follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Arrivals {
    /// At equal distances.
    Constant,
    /// As those of many people who know nothing of each other.
    Poisson,
}

/// A while at one rate, or on the way from one to another.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stage {
    pub(crate) seconds: u64,
    /// At its end, and all the while when it does not begin elsewhere.
    pub(crate) rate_per_s: f64,
    /// At its beginning: from there it goes evenly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) from_per_s: Option<f64>,
}

impl Stage {
    /// The rate so many seconds after its beginning.
    fn rate_at(&self, since_s: f64) -> f64 {
        let from = self.from_per_s.unwrap_or(self.rate_per_s);
        from + (self.rate_per_s - from) * since_s / super::verdict::number(self.seconds)
    }
}

/// One worker's intended starts, counted from the beginning, ascending.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    arrivals: Arrivals,
    stages: Vec<Stage>,
    /// Seconds between two starts of this worker at a rate of one a second.
    workers: f64,
    next_s: f64,
    dice: Dice,
}

impl Schedule {
    /// The part of one of `workers` in a rate that all of them make together.
    pub(crate) fn of(
        arrivals: Arrivals,
        rate_per_s: f64,
        lasts: Duration,
        turn: (usize, usize),
        seed: u64,
    ) -> Self {
        let only = Stage { seconds: lasts.as_secs(), rate_per_s, from_per_s: None };
        Self::along(arrivals, vec![only], turn, seed)
    }

    /// The part of one of `workers` in rates that follow one another.
    #[expect(clippy::cast_precision_loss, reason = "a handful of workers")]
    pub(crate) fn along(
        arrivals: Arrivals,
        stages: Vec<Stage>,
        (worker, workers): (usize, usize),
        seed: u64,
    ) -> Self {
        let first_per_s = stages.first().map_or(1.0, |stage| stage.rate_at(0.0));
        let mut dice = Dice::of(seed.wrapping_mul(1_000_003).wrapping_add(worker as u64));
        let workers = workers as f64;
        let next_s = match arrivals {
            Arrivals::Constant => worker as f64 / first_per_s,
            // Independent Poisson streams make one together.
            Arrivals::Poisson => exponential(&mut dice, workers / first_per_s),
        };
        Self { arrivals, stages, workers, next_s, dice }
    }

    /// The rate at this moment; `None` behind the end.
    fn rate_at(&self, at_s: f64) -> Option<f64> {
        let mut begins_s = 0.0;
        for stage in &self.stages {
            let lasts_s = super::verdict::number(stage.seconds);
            if at_s < begins_s + lasts_s {
                return Some(stage.rate_at(at_s - begins_s));
            }
            begins_s += lasts_s;
        }
        None
    }
}

impl Iterator for Schedule {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let gap_s = self.workers / self.rate_at(self.next_s)?;
        let now = Duration::from_secs_f64(self.next_s);
        self.next_s += match self.arrivals {
            Arrivals::Constant => gap_s,
            Arrivals::Poisson => exponential(&mut self.dice, gap_s),
        };
        Some(now)
    }
}

/// The starts of a schedule that begins now, each when it is due. A thread of its own tells them: a runtime that reads
/// thousands of streams beside them looks at its clock too seldom.
pub(crate) fn starts(schedule: Schedule) -> mpsc::Receiver<Instant> {
    let (tell, told) = mpsc::channel(DUE_MAX);
    let begins = Instant::now();
    thread::spawn(move || {
        for intended in schedule {
            let due = begins + intended;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if tell.blocking_send(due).is_err() {
                return;
            }
        }
    });
    told
}

fn exponential(dice: &mut Dice, mean: f64) -> f64 {
    -mean * (1.0 - dice.unit()).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn together(arrivals: Arrivals, workers: usize) -> Vec<Duration> {
        let of = |worker| Schedule::of(arrivals, 1_000.0, MINUTE, (worker, workers), 1);
        let mut all: Vec<Duration> = (0..workers).flat_map(of).collect();
        all.sort();
        all
    }

    #[test]
    fn workers_share_a_constant_rate_without_meeting() {
        for workers in [1, 2, 3] {
            let all = together(Arrivals::Constant, workers);
            // One more where a sum of fractions ends a hair before the minute.
            assert!((60_000..=60_000 + workers).contains(&all.len()), "{}", all.len());
            let gaps = all.windows(2).map(|two| (two[1] - two[0]).as_micros());
            assert!(gaps.into_iter().all(|gap| (999..=1_001).contains(&gap)), "{workers} workers");
        }
    }

    #[test]
    fn poisson_arrivals_have_the_rate_and_the_spread_of_strangers() {
        for workers in [1, 3] {
            let all = together(Arrivals::Poisson, workers);
            assert!((59_000..=61_000).contains(&all.len()), "{}", all.len());
            let mut a_second = vec![0_u32; 60];
            all.iter().for_each(|at| a_second[usize::try_from(at.as_secs()).unwrap()] += 1);
            let mean = f64::from(a_second.iter().sum::<u32>()) / 60.0;
            let variance = a_second.iter().map(|n| (f64::from(*n) - mean).powi(2)).sum::<f64>() / 60.0;
            assert!((0.5..=1.8).contains(&(variance / mean)), "variance {variance}, mean {mean}");
        }
    }

    #[test]
    fn stages_follow_one_another_and_a_ramp_goes_evenly() {
        let stage = |seconds, rate_per_s, from_per_s| Stage { seconds, rate_per_s, from_per_s };
        let stages = vec![stage(10, 100.0, None), stage(10, 300.0, Some(100.0)), stage(10, 300.0, None)];
        for arrivals in [Arrivals::Constant, Arrivals::Poisson] {
            let all: Vec<Duration> =
                (0..2).flat_map(|nth| Schedule::along(arrivals, stages.clone(), (nth, 2), 1)).collect();
            let within = |from: u64, to: u64| {
                let seconds = from..to;
                all.iter().filter(|at| seconds.contains(&at.as_secs())).count()
            };
            assert!((900..=1_100).contains(&within(0, 10)), "{}", within(0, 10));
            assert!((1_850..=2_150).contains(&within(10, 20)), "{}", within(10, 20));
            assert!((2_850..=3_150).contains(&within(20, 30)), "{}", within(20, 30));
            assert_eq!(within(30, 1_000), 0);
        }
    }

    #[test]
    fn nothing_begins_after_the_end_and_a_seed_repeats() {
        let all = together(Arrivals::Poisson, 2);
        assert!(all.iter().all(|at| *at < MINUTE));
        assert_eq!(all, together(Arrivals::Poisson, 2));
    }
}
