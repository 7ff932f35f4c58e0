//! What a seed decides.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

/// One row of numbers for everything that could have gone otherwise (SplitMix64). Cheap to clone.
#[derive(Clone)]
pub(super) struct Chance(Arc<Mutex<u64>>);

impl Chance {
    pub(super) fn of(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x5374_6164_696f_6e00)))
    }

    fn next(&self) -> u64 {
        let mut state = self.0.lock().expect("not poisoned");
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0, below `end`.
    pub(super) fn below(&self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).expect("small")).expect("small")
    }

    pub(super) fn happens(&self, per_mille: usize) -> bool {
        self.below(1000) < per_mille
    }

    pub(super) fn between_ms(&self, least: u64, most: u64) -> Duration {
        Duration::from_millis(least + self.next() % (most - least + 1))
    }

    pub(super) fn one_of<T: Clone>(&self, all: &[T]) -> Option<T> {
        if all.is_empty() { None } else { all.get(self.below(all.len())).cloned() }
    }
}
