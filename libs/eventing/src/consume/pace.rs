//! How often a busy reader takes a step: as often as it keeps up with, and then with more events at once.
//!
//! A step has its price whether it takes one event or fifty: a transaction, a cursor, a row a model. A reader that
//! begins the next one at once takes events one by one until the machine is full of such prices, and only then, late,
//! in groups. So it rests after a step about as long as the step took. Who reads one event now and then notices nothing.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// What a rest adds at most to the age of what is read.
const REST_MAX: Duration = Duration::from_millis(25);
/// A step of so many events gathers enough by itself: who catches up does not rest.
const MANY: usize = 64;

/// One step's beginning.
pub(crate) struct Pace(Instant);

impl Pace {
    pub(crate) fn begin() -> Self {
        Self(Instant::now())
    }

    /// Rests as befits a step that took `events`, or until the process stops.
    pub(crate) async fn rest(self, events: usize, shutdown: &CancellationToken) {
        let ended = Instant::now();
        let rest = (ended - self.0).min(REST_MAX);
        if rest.is_zero() || events >= MANY {
            return;
        }
        tokio::select! {
            biased;
            () = shutdown.cancelled() => {}
            () = sleep_until(ended + rest) => {}
        }
    }
}
