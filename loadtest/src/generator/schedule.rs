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

/// One worker's intended starts, counted from the beginning, ascending.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    arrivals: Arrivals,
    /// Seconds between two starts of this worker, on average.
    gap_s: f64,
    next_s: f64,
    until_s: f64,
    dice: Dice,
}

impl Schedule {
    /// The part of one of `workers` in a rate that all of them make together.
    #[expect(clippy::cast_precision_loss, reason = "a handful of workers")]
    pub(crate) fn of(
        arrivals: Arrivals,
        rate_per_s: f64,
        lasts: Duration,
        (worker, workers): (usize, usize),
        seed: u64,
    ) -> Self {
        let gap_s = workers as f64 / rate_per_s;
        let mut dice = Dice::of(seed.wrapping_mul(1_000_003).wrapping_add(worker as u64));
        let next_s = match arrivals {
            Arrivals::Constant => worker as f64 / rate_per_s,
            // Independent Poisson streams make one together.
            Arrivals::Poisson => exponential(&mut dice, gap_s),
        };
        Self { arrivals, gap_s, next_s, until_s: lasts.as_secs_f64(), dice }
    }
}

impl Iterator for Schedule {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        if self.next_s >= self.until_s {
            return None;
        }
        let now = Duration::from_secs_f64(self.next_s);
        self.next_s += match self.arrivals {
            Arrivals::Constant => self.gap_s,
            Arrivals::Poisson => exponential(&mut self.dice, self.gap_s),
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
    fn nothing_begins_after_the_end_and_a_seed_repeats() {
        let all = together(Arrivals::Poisson, 2);
        assert!(all.iter().all(|at| *at < MINUTE));
        assert_eq!(all, together(Arrivals::Poisson, 2));
    }
}
