//! Stopping in order: not ready → no new connections, open requests end → readers and tasks stop.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{health::Health, tasks::Tasks};

/// The two steps of stopping.
#[derive(Clone, Debug)]
pub struct Shutdown {
    /// Listeners stop accepting and drain.
    pub drain: CancellationToken,
    /// Everything ends. A failing task jumps here at once.
    pub stop: CancellationToken,
}

impl Shutdown {
    pub fn new() -> Self {
        let stop = CancellationToken::new();
        // A child: whoever stops, drains.
        Self { drain: stop.child_token(), stop }
    }

    /// Begins to drain; `Health` says so first.
    pub fn begin(&self, health: &Health) {
        health.draining();
        self.drain.cancel();
    }

    /// After the listeners have drained: ends the tasks, and waits for them at most `limit`. `Err`: what failed.
    pub async fn complete(&self, tasks: &Tasks, limit: Duration) -> Result<(), String> {
        self.stop.cancel();
        if !tasks.ended_within(limit).await {
            warn!(running = tasks.running(), "tasks did not end in time");
        }
        tasks.failure().map_or(Ok(()), Err)
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}

/// Waits for SIGTERM or SIGINT, and names it.
pub async fn signal() -> std::io::Result<&'static str> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let name = tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    };
    info!(signal = name, "shutdown begins");
    Ok(name)
}
