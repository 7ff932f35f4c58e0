//! How often a busy reader takes a step: as often as it keeps up with, and then with more events at once.
//!
//! A step has its price whether it takes one event or fifty: a transaction, a cursor, its statements. A reader that
//! begins the next one at once takes events one by one until the machine is full of such prices, and only then, late,
//! in groups. So it rests after a step about as long as the step took, and a little longer while one step follows the
//! other. Who reads an event now and then notices nothing.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// What a rest adds at most to the age of what is read.
const REST_MAX: Duration = Duration::from_millis(25);
/// A step that begins so soon after the one before is one of many…
const BUSY_WITHIN: Duration = Duration::from_millis(20);
/// …and those are at least so far apart.
const REST_BUSY: Duration = Duration::from_millis(5);
/// A step of so many events gathers enough by itself: who catches up does not rest.
const MANY: usize = 64;

/// A reader's steps.
#[derive(Default)]
pub(crate) struct Pace {
    /// When the last rest ended.
    rested: Option<Instant>,
}

/// One step, under way.
pub(crate) struct Stepping<'a> {
    pace: &'a mut Pace,
    began: Instant,
}

impl Pace {
    pub(crate) fn begin(&mut self) -> Stepping<'_> {
        Stepping { pace: self, began: Instant::now() }
    }
}

impl Stepping<'_> {
    /// Rests as befits a step that took `events`, or until the process stops.
    pub(crate) async fn rest(self, events: usize, shutdown: &CancellationToken) {
        let ended = Instant::now();
        let rest = match events < MANY {
            true => rest(ended - self.began, self.pace.rested.map(|rested| self.began - rested)),
            false => Duration::ZERO,
        };
        self.pace.rested = Some(ended + rest);
        if rest.is_zero() {
            return;
        }
        tokio::select! {
            biased;
            () = shutdown.cancelled() => {}
            () = sleep_until(ended + rest) => {}
        }
    }
}

/// After a step that took so long and began so long after the last rest.
fn rest(took: Duration, waited: Option<Duration>) -> Duration {
    let busy = waited.is_some_and(|waited| waited < BUSY_WITHIN);
    took.max(if busy { REST_BUSY } else { Duration::ZERO }).min(REST_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_many_steps_rests_at_least_a_little_and_a_long_one_as_long_as_it_took() {
        let ms = Duration::from_millis;
        assert_eq!(rest(ms(1), None), ms(1), "the first");
        assert_eq!(rest(ms(1), Some(ms(50))), ms(1), "now and then");
        assert_eq!(rest(ms(1), Some(ms(3))), ms(5), "one after the other");
        assert_eq!(rest(ms(9), Some(ms(3))), ms(9));
        assert_eq!(rest(ms(900), Some(ms(3))), ms(25), "what is read must not grow old");
    }
}
