//! Numbers counted by size, as the work goes: one relaxed addition each, read by whoever shows them.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts values by upper bounds.
#[derive(Debug)]
pub struct Tally {
    bounds: &'static [u64],
    /// One more than bounds: what is above the last.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

/// What a [`Tally`] has counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// `(upper bound, how many were within it and above the one before)`; the last bound is `u64::MAX`.
    pub counts: Vec<(u64, u64)>,
    pub sum: u64,
}

impl Tally {
    /// `bounds` ascend.
    pub fn new(bounds: &'static [u64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, counts, sum: AtomicU64::new(0) }
    }

    pub fn add(&self, value: u64) {
        let place = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get(place) {
            count.fetch_add(1, Ordering::Relaxed);
            self.sum.fetch_add(value, Ordering::Relaxed);
        }
    }

    pub fn read(&self) -> Counted {
        let bounds = self.bounds.iter().copied().chain([u64::MAX]);
        let counts = self.counts.iter().map(|count| count.load(Ordering::Relaxed));
        Counted { counts: bounds.zip(counts).collect(), sum: self.sum.load(Ordering::Relaxed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_counted_under_the_least_bound_that_holds_it() {
        let tally = Tally::new(&[1, 10]);
        [1, 2, 10, 11].into_iter().for_each(|value| tally.add(value));
        assert_eq!(tally.read(), Counted { counts: vec![(1, 1), (10, 2), (u64::MAX, 1)], sum: 24 });
    }
}
