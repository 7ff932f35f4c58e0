//! Retries help while few calls fail, and finish off who is failing when all do: they are a share of the calls.

use std::time::Duration;

use tokio::time::Instant;

/// A thousandth of a retry is the coin.
const RETRY: u64 = 1_000;
/// What a call pays in: retries are at most a tenth of the calls, …
const SHARE: u64 = 100;
/// … and a few a second, so that a quiet service may retry too.
const PER_SECOND: u64 = 3 * RETRY;
const MOST: u64 = 20 * RETRY;

#[derive(Debug)]
pub(super) struct Budget {
    coins: u64,
    counted: Instant,
}

impl Budget {
    pub(super) fn new(now: Instant) -> Self {
        Self { coins: MOST, counted: now }
    }

    /// A call was made that was no retry.
    pub(super) fn called(&mut self) {
        self.coins = (self.coins + SHARE).min(MOST);
    }

    /// Whether a retry may be made; it is paid for.
    pub(super) fn retry(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.counted).min(Duration::from_secs(60));
        let earned = u64::try_from(passed.as_millis()).unwrap_or_default() * PER_SECOND / 1_000;
        if earned > 0 {
            self.counted = now;
            self.coins = (self.coins + earned).min(MOST);
        }
        let paid = self.coins >= RETRY;
        if paid {
            self.coins -= RETRY;
        }
        paid
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn when_every_call_fails_a_tenth_of_them_is_tried_again() {
        let now = Instant::now();
        let mut budget = Budget::new(now);
        let mut retried = 0;
        for _ in 0..10_000 {
            budget.called();
            retried += u32::from(budget.retry(now));
        }
        assert!((1_000..=1_030).contains(&retried), "{retried}");
    }

    #[tokio::test]
    async fn who_is_quiet_may_retry_a_few_times_a_second() {
        let now = Instant::now();
        let mut budget = Budget::new(now);
        while budget.retry(now) {}
        let later = now + Duration::from_secs(2);
        let retries = (0..100).filter(|_| budget.retry(later)).count();
        assert_eq!(retries, 6);
    }
}
