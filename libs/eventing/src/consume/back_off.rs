//! Waits between tries.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A wait between tries that grows to this.
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// Before the next try after so many.
pub(crate) fn pause(attempt: u32) -> Duration {
    Duration::from_millis(20_u64.saturating_mul(1 << attempt.min(10))).min(BACKOFF_MAX)
}

/// Grows from 20 ms; `false` when the process stops instead.
pub(crate) async fn back_off(attempt: u32, shutdown: &CancellationToken) -> bool {
    tokio::select! {
        biased;
        () = shutdown.cancelled() => false,
        () = tokio::time::sleep(pause(attempt)) => true,
    }
}

/// Of work that goes on for as long as its process: what failed and was mended weeks ago delays nothing today.
pub(crate) struct Failures {
    in_a_row: u32,
    begun: Instant,
}

impl Failures {
    /// The work begins.
    pub(crate) fn none() -> Self {
        Self { in_a_row: 0, begun: Instant::now() }
    }

    /// The work has failed and begins again after a wait; `false` when the process stops instead.
    pub(crate) async fn back_off(&mut self, shutdown: &CancellationToken) -> bool {
        self.one_more(self.begun.elapsed());
        let goes_on = back_off(self.in_a_row, shutdown).await;
        self.begun = Instant::now();
        goes_on
    }

    /// Work that went on for longer than the longest wait had gone well: waits grow from the beginning.
    fn one_more(&mut self, worked: Duration) {
        if worked > BACKOFF_MAX {
            self.in_a_row = 0;
        }
        self.in_a_row = self.in_a_row.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait_after(failures: &mut Failures, worked: Duration) -> Duration {
        failures.one_more(worked);
        pause(failures.in_a_row)
    }

    #[tokio::test]
    async fn waits_grow_while_failures_follow_one_another_and_begin_anew_after_a_good_while() {
        let (at_once, long) = (Duration::from_millis(1), BACKOFF_MAX + Duration::from_secs(1));
        let mut failures = Failures::none();
        let first = wait_after(&mut failures, at_once);
        let waits: Vec<Duration> = (0..20).map(|_| wait_after(&mut failures, at_once)).collect();
        assert!(first < waits[0] && waits.is_sorted(), "{first:?}, then {waits:?}");
        assert_eq!(waits[19], BACKOFF_MAX);
        assert_eq!(wait_after(&mut failures, long), first);
    }

    #[tokio::test]
    async fn who_stops_does_not_wait() {
        let shutdown = CancellationToken::new();
        shutdown.cancel();
        assert!(!Failures::none().back_off(&shutdown).await);
    }
}
