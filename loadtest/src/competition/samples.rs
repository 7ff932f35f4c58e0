//! What took how long, each with the moment at which it was due: which of them count is known only at the end.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::generator::tally::{Times, note, times};

#[derive(Clone, Copy)]
struct Sample {
    /// Since the beginning.
    due_ms: u32,
    took_us: u32,
}

pub(super) struct Samples {
    begins: Instant,
    all: Mutex<Vec<Sample>>,
}

/// Of one kind, all together and by second.
pub(super) struct Summed {
    pub(super) all: Times,
    pub(super) seconds: BTreeMap<u64, Times>,
    /// Those that were due while they do not count.
    pub(super) apart: Times,
}

impl Samples {
    /// With room, so that nobody waits for more of it in the middle.
    pub(super) fn of(begins: Instant, room: usize) -> Self {
        Self { begins, all: Mutex::new(Vec::with_capacity(room)) }
    }

    /// What was due then has ended now.
    pub(super) fn note(&self, due: Instant) {
        let sample = Sample {
            due_ms: self.since_ms(due),
            took_us: u32::try_from(due.elapsed().as_micros()).unwrap_or(u32::MAX),
        };
        self.all.lock().unwrap_or_else(PoisonError::into_inner).push(sample);
    }

    fn since_ms(&self, at: Instant) -> u32 {
        u32::try_from(at.saturating_duration_since(self.begins).as_millis()).unwrap_or(u32::MAX)
    }

    pub(super) fn len(&self) -> usize {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Those that were due within `counted` and not within `apart`.
    ///
    /// # Errors
    /// None but a histogram's bounds.
    pub(super) fn summed(
        &self,
        counted: &Range<Instant>,
        apart: Option<&Range<Instant>>,
    ) -> anyhow::Result<Summed> {
        let mut summed = Summed { all: times(3)?, seconds: BTreeMap::new(), apart: times(3)? };
        // To the millisecond, as samples are.
        let in_ms = |range: &Range<Instant>| self.since_ms(range.start)..self.since_ms(range.end);
        let (counted, apart) = (in_ms(counted), apart.map(in_ms));
        for sample in self.all.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let took = Duration::from_micros(sample.took_us.into());
            let second = summed.seconds.entry(u64::from(sample.due_ms / 1_000)).or_insert(times(2)?);
            note(second, took);
            if apart.as_ref().is_some_and(|apart| apart.contains(&sample.due_ms)) {
                note(&mut summed.apart, took);
            } else if counted.contains(&sample.due_ms) {
                note(&mut summed.all, took);
            }
        }
        Ok(summed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_due_while_the_server_was_away_stands_apart() {
        let begins = Instant::now() - Duration::from_secs(60);
        let samples = Samples::of(begins, 10);
        let at = |s: u64| begins + Duration::from_secs(s);
        for due_s in [1, 12, 20, 25, 40] {
            samples.note(at(due_s));
        }
        let summed = samples.summed(&(at(10)..at(60)), Some(&(at(20)..at(30)))).unwrap();
        assert_eq!((summed.all.len(), summed.apart.len(), samples.len()), (2, 2, 5));
        assert_eq!(summed.seconds.keys().copied().collect::<Vec<_>>(), [1, 12, 20, 25, 40]);
    }
}
