//! Stopping in order: not ready → a while as before, until whoever balances has noticed → no new connections, open
//! requests end → readers and tasks stop.

use std::time::Duration;

use axum::{Router, extract::Request, middleware, middleware::Next, response::Response};
use http::{HeaderValue, Version, header};
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

    /// Says that this process goes, and lets it serve on for `notice`: whoever balances asks now and then, and sends new
    /// requests until it has heard. A second signal ends the wait.
    pub async fn give_notice(&self, health: &Health, notice: Duration) {
        health.draining();
        tokio::select! {
            () = self.drain.cancelled() => {}
            () = tokio::time::sleep(notice) => {}
            again = signal() => if let Err(error) = again { warn!(%error, "signals cannot be heard") },
        }
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

/// While this process is leaving, answers over HTTP/1.1 say `Connection: close`: the client's next request has a
/// connection elsewhere, and meets none that is just being closed. (HTTP/2 has GOAWAY for that.)
pub fn parting(app: Router, leaving: CancellationToken) -> Router {
    app.layer(middleware::from_fn(move |request: Request, next: Next| {
        let leaving = leaving.clone();
        async move {
            let closes = request.version() < Version::HTTP_2;
            let mut response: Response = next.run(request).await;
            if closes && leaving.is_cancelled() {
                // What has said something of its connection (an upgrade) is left alone.
                let said = response.headers_mut().entry(header::CONNECTION);
                said.or_insert(HeaderValue::from_static("close"));
            }
            response
        }
    }))
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
