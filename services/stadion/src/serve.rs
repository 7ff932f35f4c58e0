//! `stadion serve <service>…`: some services of a fleet in this process, their siblings elsewhere by address.
//!
//! It starts in any order with its siblings: while one of them has not been reached it serves, is not ready, and says why.
//! At the end it says that it is not ready, serves on until its callers have noticed, sends the rest elsewhere, answers
//! what it has begun, and stops.

use std::{io::Write, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, bail, ensure};
use axum::Router;
use backends::DataFolder;
use kernel::SystemClock;
use platform::{
    config::BusEngine,
    load::{Gate, shed},
    serve::Bounds,
    shutdown::parting,
    transport::{dispatch, reflected},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tracing::{info, warn};

use crate::{
    installation::{Installation, Part},
    settings::Settings,
    socket, stores,
    stores::SERVICES,
    up,
};

const READY_LOOK: Duration = Duration::from_millis(20);
/// While it is not ready, operators are told why so often.
const TOLD_EACH: Duration = Duration::from_secs(5);

/// What each service asks of others: calls, and journals that its readers fall back to.
const NEEDS: [(&str, &[&str]); 7] = [
    ("auth", &[]),
    ("activity", &["auth", "social"]),
    ("gamification", &["activity", "auth", "social"]),
    ("promo", &["auth", "gamification", "social"]),
    ("social", &["activity", "auth", "gamification"]),
    ("leaderboard", &["auth", "gamification", "social"]),
    ("gateway", &["activity", "auth", "gamification", "leaderboard", "promo", "social"]),
];

const GATEWAY: &str = "gateway";

/// Which services run here: each known and named once, each with what it needs here or at an address.
///
/// # Errors
/// The setting or the name that is missing or too much.
pub fn plan(named: &[String], settings: &Settings) -> anyhow::Result<Vec<&'static str>> {
    let known = SERVICES.map(|(service, _)| service);
    let mut here: Vec<&'static str> = Vec::new();
    for name in named {
        let service = known.into_iter().find(|service| service == name);
        let service =
            service.with_context(|| format!("there is no service «{name}»: {}", known.join(", ")))?;
        ensure!(!here.contains(&service), "{service} is named twice");
        here.push(service);
    }
    let peers = &settings.platform.peers;
    let needs = NEEDS.iter().filter(|(service, _)| here.contains(service));
    for (service, needed) in needs {
        let missing = needed.iter().find(|peer| !here.contains(peer) && !peers.contains_key(**peer));
        if let Some(peer) = missing {
            bail!("peers.{peer}: {service} needs it, and it is neither served here nor has it an address");
        }
    }
    if here.len() < SERVICES.len() {
        ensure!(
            settings.platform.bus.engine != BusEngine::Sqlite,
            "bus.engine: services in several processes share a log: set it to \"kafka\", with bus.brokers"
        );
        ensure!(
            !settings.platform.installation.key_file.as_os_str().is_empty(),
            "installation.key_file: services in several processes know each other by a secret that they share: name its file"
        );
    }
    Ok(here)
}

/// A part of a fleet that serves.
struct Serving {
    installation: Installation,
    /// The public door, where it is here.
    http: Option<SocketAddr>,
    grpc: SocketAddr,
    /// Cancelled when a listener has drained.
    drained: Vec<CancellationToken>,
    /// How long it serves on after it has said that it goes.
    notice: Duration,
}

/// `stadion serve`.
///
/// # Errors
/// Settings that are half, a port in use, a store or a log that does not open, what failed while it ran.
pub async fn serve(named: Vec<String>, settings: Settings) -> anyhow::Result<()> {
    let services = plan(&named, &settings)?;
    let serving = Box::pin(Serving::start(services, settings)).await?;
    if serving.ready().await? {
        serving.say_ready()?;
    }
    serving.until_told().await
}

impl Serving {
    async fn start(services: Vec<&'static str>, mut settings: Settings) -> anyhow::Result<Self> {
        let folder = match stores::are_elsewhere(&settings) {
            true => None,
            false => Some(DataFolder::open(&settings.platform.data)?),
        };
        let (siblings, grpc) = up::bind(settings.platform.grpc.addr, "grpc.addr").await?;
        let (operators, _) = up::bind(settings.platform.admin.addr, "admin.addr").await?;
        let public = match services.contains(&GATEWAY) {
            true => Some(up::bind(settings.platform.http.addr, "http.addr").await?),
            false => None,
        };
        let http = public.as_ref().map(|(_, address)| *address);
        if let (Some(http), true) = (http, settings.public_url_is_default()) {
            settings.gateway.public_url = format!("http://{http}");
        }
        let advertised = &settings.platform.grpc.advertise;
        let address = if advertised.is_empty() { format!("http://{grpc}") } else { advertised.clone() };
        let part = Part { folder, services, address, clock: Arc::new(SystemClock) };
        let installation = Installation::open_part(part, &settings).await?;
        let notice = settings.platform.http.notice();
        let mut serving = Self { installation, http, grpc, drained: Vec::new(), notice };
        serving.listen(siblings, public, operators, &settings)?;
        socket::listen(&serving.installation).await?;
        Ok(serving)
    }

    fn listen(
        &mut self,
        siblings: TcpListener,
        public: Option<(TcpListener, SocketAddr)>,
        operators: TcpListener,
        settings: &Settings,
    ) -> anyhow::Result<()> {
        let bounds = Bounds::of(&settings.platform.http);
        let drain = self.installation.shutdown.drain.clone();
        let contract = self.contract()?;
        // One connection carries all calls of a sibling.
        let streams_max = u32::try_from(settings.platform.grpc.calls_max).unwrap_or(u32::MAX);
        let wide = Bounds { streams_max, ..bounds.clone() };
        self.drained.push(up::listen(&self.installation, "grpc", (siblings, contract), wide, drain.clone()));
        if let Some((listener, _)) = public {
            let door = shed(self.installation.http.clone(), Gate::new(settings.platform.http.requests_max));
            let door = parting(door, self.installation.health.leaving());
            self.drained.push(up::listen(
                &self.installation,
                "http",
                (listener, door),
                bounds.clone(),
                drain,
            ));
        }
        // Operators look on while the doors drain.
        let page = self.installation.health.admin(self.installation.metrics.clone());
        let stop = self.installation.shutdown.stop.clone();
        up::listen(&self.installation, "admin", (operators, page), bounds, stop);
        Ok(())
    }

    /// What siblings call: the services, their health, their contract, who they are.
    fn contract(&self) -> anyhow::Result<Router> {
        let guards = self.installation.guards.clone();
        let names = guards.iter().map(|(service, _)| *service).collect();
        let drain = self.installation.shutdown.drain.clone();
        let (open, health) = self.installation.health.grpc(names, Routes::default(), drain);
        self.installation.tasks.spawn(health);
        let open = reflected(open).context("the contract's descriptors are not readable")?;
        let who = self.installation.about.clone();
        let who = who.routes(Arc::new(SystemClock), self.installation.key.clone());
        Ok(dispatch(guards, open).merge(who))
    }

    /// Waits until everything is there, however long that takes; `false` when it was told to stop before.
    async fn ready(&self) -> anyhow::Result<bool> {
        let looked = async {
            let mut told = tokio::time::Instant::now();
            loop {
                let readiness = self.installation.health.readiness();
                if readiness.ready {
                    return;
                }
                if told.elapsed() >= TOLD_EACH {
                    warn!(reasons = ?readiness.reasons, "not ready yet");
                    told = tokio::time::Instant::now();
                }
                tokio::time::sleep(READY_LOOK).await;
            }
        };
        tokio::select! {
            () = looked => Ok(true),
            signal = platform::shutdown::signal() => {
                signal.context("signals cannot be heard")?;
                self.installation.shutdown.drain.cancel();
                Ok(false)
            }
            () = self.installation.shutdown.stop.cancelled() => Ok(false),
        }
    }

    /// The one line that scripts wait for.
    fn say_ready(&self) -> anyhow::Result<()> {
        let Some(http) = self.http else {
            let mut out = std::io::stdout().lock();
            return writeln!(out, "ready grpc://{}", self.grpc)
                .and_then(|()| out.flush())
                .context("standard output is closed");
        };
        up::say_ready(http)
    }

    /// Serves until SIGTERM, SIGINT or a failure, then drains and stops.
    async fn until_told(self) -> anyhow::Result<()> {
        let shutdown = &self.installation.shutdown;
        tokio::select! {
            signal = platform::shutdown::signal() => {
                signal.context("signals cannot be heard")?;
                shutdown.give_notice(&self.installation.health, self.notice).await;
            }
            () = shutdown.drain.cancelled() => {}
        }
        self.installation.shutdown.begin(&self.installation.health);
        for listener in &self.drained {
            listener.cancelled().await;
        }
        info!("drained");
        self.installation.stop().await
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use platform::config::Sources;

    use super::*;
    use crate::settings;

    fn settings(flags: &[(&str, &str)]) -> Settings {
        let sources = flags.iter().fold(Sources::default(), |sources, (setting, value)| {
            sources.flag("--test", setting, Some((*value).to_owned()))
        });
        settings::load(&sources).unwrap()
    }

    fn refused(services: &[&str], flags: &[(&str, &str)]) -> String {
        let named: Vec<String> = services.iter().map(|name| (*name).to_owned()).collect();
        plan(&named, &settings(flags)).unwrap_err().to_string()
    }

    const KAFKA: [(&str, &str); 2] = [("bus.engine", "kafka"), ("bus.brokers", "localhost:9092")];

    #[test]
    fn half_a_fleet_names_what_is_missing() {
        assert!(refused(&["atuh"], &[]).contains("there is no service «atuh»"));
        assert!(refused(&["auth", "auth"], &[]).contains("named twice"));
        assert!(refused(&["social", "activity"], &[]).starts_with("peers.auth:"));
        assert!(refused(&["auth"], &[]).starts_with("bus.engine:"));
        assert!(refused(&["auth"], &KAFKA).starts_with("installation.key_file:"));
    }

    #[test]
    fn a_part_of_a_fleet_has_the_rest_at_addresses() {
        let elsewhere = [
            ("peers.auth", "http://a:7070,http://b:7070"),
            ("peers.social", "http://social.stadion:7070"),
            ("installation.key_file", "/etc/stadion/actor.key"),
        ];
        let settings = settings(&[KAFKA.as_slice(), &elsewhere].concat());
        assert_eq!(plan(&["activity".to_owned()], &settings).unwrap(), ["activity"]);
    }

    #[test]
    fn all_services_in_one_process_need_nobody() {
        let all = SERVICES.map(|(service, _)| service.to_owned());
        assert_eq!(plan(&all, &settings(&[])).unwrap().len(), SERVICES.len());
    }

    /// The committed picture of who calls whom and reads whose events says the same.
    #[test]
    fn what_a_service_needs_is_what_the_service_graph_shows() {
        let graph = include_str!("../../../docs/service-dag.txt");
        let mut drawn: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let mut service = "";
        for line in graph.lines().filter(|line| !line.starts_with('#')) {
            if !line.starts_with(' ') {
                service = line.trim();
                drawn.entry(service).or_default();
            } else if let Some((word, names)) = line.trim().split_once(' ')
                && ["calls", "reads"].contains(&word)
            {
                drawn.entry(service).or_default().extend(names.split_whitespace());
            }
        }
        for (service, needs) in NEEDS {
            let mut wanted = drawn[service].clone();
            if service != "auth" {
                // Data keys.
                wanted.insert("auth");
            }
            assert_eq!(needs.iter().copied().collect::<BTreeSet<_>>(), wanted, "{service}");
        }
    }
}
