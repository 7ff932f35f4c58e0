//! How often somebody may knock: one bucket an account (or address), for writes and for reads.
//!
//! The generic cell rate algorithm keeps one number a bucket: the moment at which it would be full again. A second's
//! worth may come at once. Buckets that nobody uses are forgotten; their number is bounded.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use kernel::{Clock, Code, Refusal};
use moka::sync::Cache;

use crate::config;

/// Buckets kept at most; the least used is forgotten first.
const BUCKETS_MAX: u64 = 200_000;
const SECOND_US: i64 = 1_000_000;

/// What a request counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Write,
    Read,
    /// Anything without a token, counted by address.
    Open,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Write => "writes",
            Self::Read => "reads",
            Self::Open => "open",
        }
    }
}

/// The buckets of this process.
pub(crate) struct Limits {
    clock: Arc<dyn Clock>,
    buckets: Cache<(Kind, String), Arc<AtomicI64>>,
    rates: config::Limits,
}

/// What a knock was answered: what is left, for the `RateLimit` headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowance {
    pub kind: Kind,
    pub per_s: u32,
    pub remaining: u32,
    /// Until the next one is free, rounded up.
    pub reset_s: u32,
    pub allowed: bool,
}

impl Limits {
    pub(crate) fn new(clock: Arc<dyn Clock>, rates: &config::Limits) -> Self {
        let buckets =
            Cache::builder().max_capacity(BUCKETS_MAX).time_to_idle(Duration::from_secs(10)).build();
        Self { clock, buckets, rates: rates.clone() }
    }

    /// Counts one request of `who`; `None` when there is no such limit.
    pub(crate) fn knock(&self, kind: Kind, who: &str) -> Option<Allowance> {
        let per_s = match kind {
            Kind::Write => self.rates.writes_per_s,
            Kind::Read => self.rates.reads_per_s,
            Kind::Open => self.rates.open_per_s,
        };
        if per_s == 0 {
            return None;
        }
        let bucket = self.buckets.get_with((kind, who.to_owned()), || Arc::new(AtomicI64::new(0)));
        Some(take(&bucket, kind, per_s, self.clock.now().as_microsecond()))
    }
}

fn take(bucket: &AtomicI64, kind: Kind, per_s: u32, now_us: i64) -> Allowance {
    let step_us = (SECOND_US / i64::from(per_s)).max(1);
    let mut full_at = bucket.load(Ordering::Relaxed);
    loop {
        // A clock that was set back must not lock anybody out.
        let from = if full_at > now_us + 2 * SECOND_US { now_us } else { full_at.max(now_us) };
        let next = from + step_us;
        let allowed = next - now_us <= SECOND_US.max(step_us);
        if !allowed {
            return Allowance { kind, per_s, remaining: 0, reset_s: 1, allowed };
        }
        match bucket.compare_exchange_weak(full_at, next, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => {
                let left = (SECOND_US - (next - now_us)).max(0) / step_us;
                let remaining = u32::try_from(left).unwrap_or_default();
                return Allowance { kind, per_s, remaining, reset_s: 1, allowed };
            }
            Err(actual) => full_at = actual,
        }
    }
}

impl Allowance {
    /// `rate_limited` when this knock was one too many.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        if self.allowed {
            return Ok(());
        }
        let detail = format!("more than {} {} a second; wait a moment", self.per_s, self.kind.name());
        Err(Refusal::new(Code::RateLimited, detail).retry_after_s(self.reset_s))
    }

    /// `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers).
    pub(crate) fn headers(&self) -> [(&'static str, String); 2] {
        let name = self.kind.name();
        [
            ("ratelimit", format!("\"{name}\";r={};t={}", self.remaining, self.reset_s)),
            ("ratelimit-policy", format!("\"{name}\";q={};w=1", self.per_s)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use kernel::time::ManualClock;

    use super::*;

    fn limits(clock: &Arc<ManualClock>) -> Limits {
        let rates = config::Limits { writes_per_s: 3, reads_per_s: 0, open_per_s: 100 };
        Limits::new(Arc::clone(clock) as Arc<dyn Clock>, &rates)
    }

    #[test]
    fn a_seconds_worth_may_come_at_once_and_no_more() {
        let clock = Arc::new(ManualClock::at(kernel::time::from_micros(5_000_000)));
        let limits = limits(&clock);
        let left: Vec<_> =
            (0..3).map(|_| limits.knock(Kind::Write, "a").expect("a limit").remaining).collect();
        assert_eq!(left, [2, 1, 0]);
        let refused = limits.knock(Kind::Write, "a").expect("a limit");
        assert_eq!(refused.check().expect_err("one too many").code, Code::RateLimited);
        assert!(limits.knock(Kind::Write, "b").expect("a limit").allowed, "others are not concerned");
        clock.advance_s(1);
        assert!(limits.knock(Kind::Write, "a").expect("a limit").allowed);
    }

    #[test]
    fn zero_means_no_limit() {
        let clock = Arc::new(ManualClock::at(kernel::time::from_micros(5_000_000)));
        assert_eq!(limits(&clock).knock(Kind::Read, "a"), None);
    }

    #[test]
    fn a_clock_set_back_locks_nobody_out() {
        let clock = Arc::new(ManualClock::at(kernel::time::from_micros(3_600_000_000)));
        let limits = limits(&clock);
        limits.knock(Kind::Write, "a");
        clock.set(kernel::time::from_micros(1_000_000));
        assert!(limits.knock(Kind::Write, "a").expect("a limit").allowed);
    }
}
