//! Time is injected: whoever decides is told what time it is.

use jiff::Timestamp;

/// Where "now" comes from.
pub trait Clock: Send + Sync + 'static {
    fn now(&self) -> Timestamp;
}

/// The machine's clock. The only place that reads it.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one reader of the wall clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that stands where it is put: for tests.
#[derive(Debug)]
pub struct ManualClock(std::sync::atomic::AtomicI64);

impl ManualClock {
    pub fn at(now: Timestamp) -> Self {
        Self(now.as_microsecond().into())
    }

    pub fn set(&self, now: Timestamp) {
        self.0.store(now.as_microsecond(), std::sync::atomic::Ordering::SeqCst);
    }

    pub fn advance_s(&self, seconds: i64) {
        self.0.fetch_add(seconds.saturating_mul(1_000_000), std::sync::atomic::Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        from_micros(self.0.load(std::sync::atomic::Ordering::SeqCst))
    }
}

/// Microseconds since 1970 (`_us` columns) as a timestamp, clamped to what calendars can say.
pub fn from_micros(us: i64) -> Timestamp {
    Timestamp::from_microsecond(us).unwrap_or(if us < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// A timestamp as microseconds since 1970.
pub fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}
