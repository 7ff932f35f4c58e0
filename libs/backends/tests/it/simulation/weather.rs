//! How the world is disposed at the moment, and what time it is.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use kernel::Clock;
use tokio::time::Instant;

use super::chance::Chance;

/// Virtual time begins in 2025.
const BEGAN_US: i64 = 1_750_000_000_000_000;

/// What is at fault now. Rates are per mille of calls.
#[derive(Default)]
pub(super) struct Weather {
    pub(super) store_away: AtomicBool,
    pub(super) log_away: AtomicBool,
    pub(super) faults: AtomicUsize,
    /// How many calls wait long: up to two lives of a lease.
    pub(super) late: AtomicUsize,
}

/// What becomes of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Well,
    /// It never arrives.
    Refused,
    /// It fails where it happens, and nothing of it stays (a log: the beginning of it stays).
    Undone,
    /// It happens, and the caller hears of an error.
    Unheard,
    /// It happens as the network repeats it (a log only).
    Doubled,
}

impl Weather {
    pub(super) fn fate(&self, chance: &Chance) -> Fate {
        if !chance.happens(self.faults.load(Ordering::Relaxed)) {
            return Fate::Well;
        }
        chance.one_of(&[Fate::Refused, Fate::Undone, Fate::Unheard, Fate::Doubled]).unwrap_or(Fate::Well)
    }

    /// The way to an engine or back: often short, seldom longer than a lease lives.
    pub(super) async fn way(&self, chance: &Chance) {
        let late = chance.happens(self.late.load(Ordering::Relaxed));
        let long = if late { chance.between_ms(100, 2_500) } else { Duration::from_millis(0) };
        let long = if !late && chance.happens(500) { chance.between_ms(1, 4) } else { long };
        if !long.is_zero() {
            tokio::time::sleep(long).await;
        }
    }

    pub(super) fn calm(&self) {
        self.store_away.store(false, Ordering::Relaxed);
        self.log_away.store(false, Ordering::Relaxed);
        self.faults.store(0, Ordering::Relaxed);
        self.late.store(0, Ordering::Relaxed);
    }
}

/// The time of the world. Cheap to clone.
#[derive(Clone, Copy)]
pub(super) struct Time(Instant);

impl Time {
    pub(super) fn begin() -> Self {
        Self(Instant::now())
    }

    pub(super) fn now_us(self) -> i64 {
        BEGAN_US + i64::try_from(self.0.elapsed().as_micros()).expect("short")
    }
}

/// A process' clock: the world's, set wrong.
#[derive(Clone)]
pub(super) struct SkewedClock {
    pub(super) time: Time,
    pub(super) ahead_us: Arc<AtomicI64>,
}

impl Clock for SkewedClock {
    fn now(&self) -> jiff::Timestamp {
        kernel::time::from_micros(self.time.now_us() + self.ahead_us.load(Ordering::Relaxed))
    }
}
