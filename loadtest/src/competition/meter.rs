//! What server and generator need, second by second.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::Context;
use serde::Serialize;

use super::field::Field;
use crate::process::{cpu_seconds_of, resident_mb_of};

const EACH: Duration = Duration::from_secs(1);

/// One second of a run.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Moment {
    /// Since the beginning.
    pub(super) second: u64,
    /// CPU-seconds a second; of a server that was just killed nothing is known.
    pub(super) server_cores: f64,
    pub(super) generator_cores: f64,
    pub(super) server_mb: f64,
    pub(super) generator_mb: f64,
    pub(super) acknowledged: u64,
    pub(super) own_frames: u64,
    pub(super) other_frames: u64,
    pub(super) streams: u64,
}

/// Looks once a second, on a thread of its own.
pub(super) struct Meter {
    /// The server's process; 0: there is none at the moment.
    server: Arc<AtomicU32>,
    over: Arc<AtomicBool>,
    looking: JoinHandle<Vec<Moment>>,
}

impl Meter {
    pub(super) fn begin(field: &Arc<Field>, server: u32) -> Self {
        let server = Arc::new(AtomicU32::new(server));
        let over = Arc::new(AtomicBool::new(false));
        let looking = thread::spawn({
            let (field, server, over) = (field.clone(), server.clone(), over.clone());
            move || look(&field, &server, &over)
        });
        Self { server, over, looking }
    }

    /// Another process serves from now on; 0: none.
    pub(super) fn serves(&self, server: u32) {
        self.server.store(server, Relaxed);
    }

    pub(super) fn end(self) -> anyhow::Result<Vec<Moment>> {
        self.over.store(true, Relaxed);
        self.looking.join().ok().context("the meter stopped")
    }
}

fn look(field: &Field, server: &AtomicU32, over: &AtomicBool) -> Vec<Moment> {
    let (mut moments, own) = (Vec::new(), std::process::id());
    let counted = &field.counted;
    let counters = [&counted.acknowledged, &counted.own_frames, &counted.other_frames];
    let read = |counter: &AtomicU64| counter.load(Relaxed);
    let (mut cpu_before, mut before) = ((0, 0.0, cpu(own)), counters.map(read));
    for second in 1.. {
        let due = field.begins + EACH * second;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if over.load(Relaxed) {
            break;
        }
        let (id, now) = (server.load(Relaxed), counters.map(read));
        let cpu_now = (id, cpu(id), cpu(own));
        let [acknowledged, own_frames, other_frames] = [0, 1, 2].map(|nth| now[nth] - before[nth]);
        moments.push(Moment {
            second: u64::from(second) - 1,
            server_cores: if id == cpu_before.0 { (cpu_now.1 - cpu_before.1).max(0.0) } else { 0.0 },
            generator_cores: cpu_now.2 - cpu_before.2,
            server_mb: resident_mb_of(id).unwrap_or_default(),
            generator_mb: resident_mb_of(own).unwrap_or_default(),
            acknowledged,
            own_frames,
            other_frames,
            streams: counted.open.load(Relaxed),
        });
        (cpu_before, before) = (cpu_now, now);
    }
    moments
}

/// Of a process that is there, else nothing.
fn cpu(id: u32) -> f64 {
    cpu_seconds_of(id).unwrap_or_default()
}
