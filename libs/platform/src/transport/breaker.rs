//! Who failed several times in a row is left alone for a moment, then tried by one call.

use std::time::Duration;

use tokio::time::Instant;

const FAILURES_MAX: u32 = 3;
const PAUSE_SHORTEST: Duration = Duration::from_millis(500);
const PAUSE_LONGEST: Duration = Duration::from_secs(5);

/// The circuit to one endpoint: closed, open until a moment, then half open.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    failures: u32,
    /// Open while it is later than now.
    open: Option<Open>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    until: Instant,
    pause: Duration,
}

impl Breaker {
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// How much there is against it: nothing, a failure since its last success, an open circuit.
    pub(super) fn doubt(&self) -> u8 {
        u8::from(self.failures > 0) + u8::from(self.is_open())
    }

    /// Whether a call may go now. Once the pause is over one may, and the next only a pause later: a trial that
    /// never ends must not keep the circuit open for ever.
    pub(super) fn admits(&mut self, now: Instant) -> bool {
        match &mut self.open {
            None => true,
            Some(open) if open.until <= now => {
                open.until = now + open.pause;
                true
            }
            Some(_) => false,
        }
    }

    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }

    pub(super) fn failed(&mut self, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        if self.failures < FAILURES_MAX {
            return;
        }
        let pause = match self.open {
            None => PAUSE_SHORTEST,
            // The same outage, told by calls that were already on their way.
            Some(open) if open.until > now + open.pause / 2 => return,
            Some(open) => (open.pause * 2).min(PAUSE_LONGEST),
        };
        self.open = Some(Open { until: now + pause, pause });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(now: Instant) -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..FAILURES_MAX {
            assert!(breaker.admits(now));
            breaker.failed(now);
        }
        breaker
    }

    #[tokio::test]
    async fn a_few_failures_in_a_row_open_it_and_a_success_between_forgives() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        for _ in 0..10 {
            breaker.failed(now);
            breaker.failed(now);
            breaker.succeeded();
        }
        assert!(breaker.admits(now));
        assert!(!broken(now).admits(now));
    }

    #[tokio::test]
    async fn after_the_pause_one_trial_goes_and_decides() {
        let now = Instant::now();
        let mut breaker = broken(now);
        let later = now + PAUSE_SHORTEST;
        assert!(breaker.admits(later), "the trial");
        assert!(!breaker.admits(later), "and nobody beside it");
        breaker.succeeded();
        assert!(breaker.admits(later));
    }

    #[tokio::test]
    async fn each_failed_trial_makes_the_pause_longer_up_to_a_bound() {
        let mut now = Instant::now();
        let mut breaker = broken(now);
        let mut pauses = Vec::new();
        for _ in 0..6 {
            let began = now;
            while !breaker.admits(now) {
                now += Duration::from_millis(10);
            }
            pauses.push((now - began).as_millis());
            // It took a while to fail.
            now += (now - began) * 3 / 4;
            breaker.failed(now);
        }
        assert!(pauses.is_sorted() && pauses[0] >= 500 && pauses[5] <= 5_000, "{pauses:?}");
    }
}
