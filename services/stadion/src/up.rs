//! `stadion up`: serving until told to stop.

use std::{io::Write, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, bail};
use axum::Router;
use backends::DataFolder;
use kernel::{Clock, SystemClock};
use platform::{
    Task,
    load::{Gate, shed},
    serve::{Bounds, serve},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::{installation::Installation, settings::Settings, socket};

/// How long readers may take to catch up at the start.
const READY_WITHIN: Duration = Duration::from_secs(60);
const READY_LOOK: Duration = Duration::from_millis(5);

/// An installation that serves.
pub struct Running {
    pub installation: Installation,
    pub http: SocketAddr,
    pub admin: SocketAddr,
    /// Cancelled when the public listener has drained.
    drained: CancellationToken,
}

impl Running {
    /// Locks the folder, binds the ports, opens the stores, serves, and waits until it is ready.
    ///
    /// # Errors
    /// A folder or a port in use, a store that does not open, a service that does not start.
    pub async fn start(settings: Settings) -> anyhow::Result<Self> {
        Self::start_at(settings, Arc::new(SystemClock)).await
    }

    /// As [`Running::start`], at the time that the clock says.
    ///
    /// # Errors
    /// As [`Running::start`].
    pub async fn start_at(mut settings: Settings, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let folder = DataFolder::open(&settings.platform.data)?;
        let (public, http) = bind(settings.platform.http.addr, "http.addr").await?;
        let (operators, admin) = bind(settings.platform.admin.addr, "admin.addr").await?;
        if settings.public_url_is_default() {
            settings.gateway.public_url = format!("http://{http}");
        }
        let installation = Installation::open_at(folder, &settings, clock).await?;
        let door = shed(installation.http.clone(), Gate::new(settings.platform.http.requests_max));
        let page = installation.health.admin(installation.metrics.clone());
        let bounds = Bounds::of(&settings.platform.http);
        let drain = installation.shutdown.drain.clone();
        let drained = listen(&installation, "http", (public, door), bounds.clone(), drain);
        // Operators look on while the door drains.
        let stop = installation.shutdown.stop.clone();
        listen(&installation, "admin", (operators, page), bounds, stop);
        socket::listen(&installation).await?;
        let running = Self { installation, http, admin, drained };
        running.ready().await?;
        Ok(running)
    }

    async fn ready(&self) -> anyhow::Result<()> {
        let looked = async {
            while !self.installation.health.readiness().ready {
                tokio::time::sleep(READY_LOOK).await;
            }
        };
        tokio::select! {
            () = looked => Ok(()),
            () = self.installation.shutdown.stop.cancelled() => {
                bail!(self.installation.tasks.failure().unwrap_or_else(|| "stopped while starting".to_owned()))
            }
            () = tokio::time::sleep(READY_WITHIN) => {
                bail!("not ready: {:?}", self.installation.health.readiness().reasons)
            }
        }
    }

    /// Serves until SIGTERM, SIGINT or a failure, then drains and stops.
    ///
    /// # Errors
    /// What made it stop, unless it was told to.
    pub async fn until_told(self) -> anyhow::Result<()> {
        tokio::select! {
            signal = platform::shutdown::signal() => { signal.context("signals cannot be heard")?; }
            () = self.installation.shutdown.stop.cancelled() => {}
        }
        self.stop().await
    }

    /// Not ready → drained → stopped.
    ///
    /// # Errors
    /// What failed while it ran.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.installation.shutdown.begin(&self.installation.health);
        self.drained.cancelled().await;
        self.installation.stop().await
    }
}

/// `stadion up`.
///
/// # Errors
/// As [`Running::start`] and [`Running::until_told`].
pub async fn up(settings: Settings) -> anyhow::Result<()> {
    let running = Running::start(settings).await?;
    say_ready(running.http)?;
    running.until_told().await
}

/// The one line that scripts wait for.
pub(crate) fn say_ready(http: SocketAddr) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "ready http://{http}").and_then(|()| out.flush()).context("standard output is closed")
}

pub(crate) async fn bind(address: SocketAddr, setting: &str) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await;
    let listener = listener.with_context(|| format!("{setting}: {address} cannot be listened on"))?;
    let bound = listener.local_addr().context("a listener has no address")?;
    Ok((listener, bound))
}

pub(crate) fn listen(
    installation: &Installation,
    name: &'static str,
    (listener, app): (TcpListener, Router),
    bounds: Bounds,
    until: CancellationToken,
) -> CancellationToken {
    let tasks = installation.tasks.clone();
    let drained = CancellationToken::new();
    let ended = drained.clone().drop_guard();
    installation.tasks.spawn(Task::new(name, async move {
        let _ended = ended;
        serve(listener, app, bounds, tasks, until).await;
        info!(name, "drained");
        Ok(())
    }));
    drained
}
