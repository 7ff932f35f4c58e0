//! Load shedding: a bounded number of calls at once; whoever comes above it is told so at once, and when to come again.

use std::sync::Arc;

use kernel::{Code, Refusal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A gate with room for so many.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Semaphore>);

/// A place inside; leaving is dropping it.
#[derive(Debug)]
pub struct Place(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

impl Gate {
    pub fn new(at_once_max: usize) -> Self {
        Self(Arc::new(Semaphore::new(at_once_max.clamp(1, Semaphore::MAX_PERMITS))))
    }

    /// A place, or `overloaded` at once: a queue in front of a full house only makes everybody late.
    pub fn enter(&self) -> Result<Place, Refusal> {
        let place = self.0.clone().try_acquire_owned().map(Place);
        place.map_err(|_| Refusal::new(Code::Overloaded, "too many requests at the moment").retry_after_s(1))
    }

    pub fn free(&self) -> usize {
        self.0.available_permits()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_above_the_bound_is_refused_until_somebody_leaves() {
        let gate = Gate::new(1);
        let inside = gate.enter().unwrap();
        assert_eq!(gate.enter().unwrap_err().code, Code::Overloaded);
        drop(inside);
        assert!(gate.enter().is_ok());
    }
}
