//! What operators see of the leaderboard.

use std::{sync::Arc, time::Duration};

use platform::metrics::Metrics;
use prometheus_client::metrics::{counter::Counter, gauge::Gauge, histogram::Histogram};

use crate::domain::board::Move;

#[derive(Clone)]
pub struct Measured(Arc<Measures>);

struct Measures {
    boards: Gauge,
    members: Gauge,
    watchers: Gauge,
    scores: Counter,
    ticks: Counter,
    tick_seconds: Histogram,
    frames: Counter,
}

impl Measured {
    pub fn register(metrics: &Metrics) -> Self {
        Self(Arc::new(Measures {
            boards: metrics.gauge("boards", "boards in memory"),
            members: metrics.gauge("members", "members with a score, of all boards"),
            watchers: metrics.gauge("watchers", "live streams that are open"),
            scores: metrics.counter("scores", "scores taken from the log"),
            ticks: metrics.counter("ticks", "looks at watched boards"),
            tick_seconds: metrics.seconds("tick_seconds", "how long a look at a watched board took"),
            frames: metrics.counter("frames", "frames handed to live streams"),
        }))
    }

    pub fn score(&self, moved: Option<Move>) {
        self.0.scores.inc();
        moved.into_iter().for_each(|moved| self.moved(moved));
    }

    pub fn moved(&self, moved: Move) {
        match (moved.before.is_some(), moved.after.is_some()) {
            (false, true) => drop(self.0.members.inc()),
            (true, false) => drop(self.0.members.dec()),
            _ => {}
        }
    }

    pub fn members(&self, count: usize) {
        self.0.members.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    pub fn boards(&self, count: usize) {
        self.0.boards.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    pub fn tick(&self, took: Duration) {
        self.0.ticks.inc();
        self.0.tick_seconds.observe(took.as_secs_f64());
    }

    pub fn frame(&self) {
        self.0.frames.inc();
    }

    /// Counts a stream for as long as the answer lives.
    pub fn watcher(&self) -> Watching {
        self.0.watchers.inc();
        Watching(self.clone())
    }
}

pub struct Watching(Measured);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.0.watchers.dec();
    }
}
