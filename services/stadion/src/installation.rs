//! All services of one data folder, built and running in this process.

use std::{
    collections::BTreeMap, fs::DirBuilder, os::unix::fs::DirBuilderExt, path::Path, sync::Arc, time::Duration,
};

use anyhow::Context;
use axum::Router;
use backends::{DataFolder, SqliteBus};
use eventing::{
    Bus, Journal, Sealer, Spine,
    sealing::{CachedKeys, KeyRing},
    store::EventStore,
};
use kernel::{Clock, SystemClock};
use platform::{
    Module, Peers, Resources, Task, Tasks,
    actor::{ActorSigner, ActorVerifier},
    health::Health,
    installation::InstallationKey,
    keys::AuthKeys,
    metrics::Metrics,
    shutdown::Shutdown,
    transport::PeersBuilder,
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    settings::Settings,
    stores::{self, SERVICES, Store},
};

const STOP_WITHIN: Duration = Duration::from_secs(10);
const SWEEP_EACH: Duration = Duration::from_secs(3600);
/// Answered commands are remembered for so long, events stay in the log for so long.
const COMMANDS_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
const EVENTS_KEPT: Duration = Duration::from_secs(14 * 24 * 3600);

/// An owned data folder with its services.
pub struct Installation {
    /// Held for its lock.
    pub folder: DataFolder,
    pub health: Health,
    pub metrics: Metrics,
    pub tasks: Tasks,
    pub shutdown: Shutdown,
    /// The siblings as the binary itself reaches them, for tools.
    pub peers: Peers,
    /// The public door.
    pub http: Router,
    spines: BTreeMap<&'static str, Arc<Spine>>,
    /// What each service stands on, for tools that write beside it.
    rooms: BTreeMap<&'static str, Resources>,
}

/// What all services of the process share.
struct Shared {
    clock: Arc<dyn Clock>,
    key: InstallationKey,
    peers: PeersBuilder,
    metrics: Metrics,
    health: Health,
    tasks: Tasks,
    shutdown: Shutdown,
    bus: Arc<dyn Bus>,
}

impl Installation {
    /// Opens every store, builds every service and starts its readers. The folder is locked by now.
    ///
    /// # Errors
    /// A store that does not open, a service that does not start.
    pub async fn open(folder: DataFolder, settings: &Settings) -> anyhow::Result<Self> {
        let data = folder.path().to_owned();
        for room in ["stores", "files", "mail", "keys"] {
            let path = data.join(room);
            // What people trusted us with is for this user alone, whatever the umask says.
            let made = DirBuilder::new().recursive(true).mode(0o700).create(&path);
            made.with_context(|| format!("{} cannot be made", path.display()))?;
        }
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let shutdown = Shutdown::new();
        let tasks = Tasks::new(shutdown.stop.clone());
        let fatal = CancellationToken::new();
        let opening = SERVICES.into_iter().map(|service| stores::open(&data, service, fatal.clone()));
        let (opened, log) = tokio::try_join!(
            futures::future::try_join_all(opening),
            stores::open_log(&data, clock.clone(), fatal.clone())
        )?;
        let (log, _) = log;
        let shared = Shared {
            key: InstallationKey::load_or_create(&data.join("keys/actor.key"))?,
            peers: SERVICES.iter().fold(PeersBuilder::new(), |peers, (service, _)| peers.sibling(service)),
            metrics: Metrics::new(),
            health: Health::new(),
            bus: stores::shared(&log),
            clock,
            tasks,
            shutdown,
        };
        let journals: Vec<Arc<dyn EventStore>> = opened.iter().map(|store| store.events.clone()).collect();
        let rooms = rooms(&shared, opened, &data, settings)?;
        let mut modules = build(&rooms, settings).await?;
        let http = serve(&shared, &mut modules, settings);
        watch_over(&shared, log, journals, fatal);
        let signer = ActorSigner::new("stadion", &shared.key, shared.clock.clone());
        Ok(Self {
            folder,
            peers: shared.peers.seen_by(signer),
            spines: modules.iter().filter_map(|one| Some((one.name, one.spine.clone()?))).collect(),
            health: shared.health,
            metrics: shared.metrics,
            tasks: shared.tasks,
            shutdown: shared.shutdown,
            http,
            rooms: rooms.into_iter().map(|room| (room.service, room)).collect(),
        })
    }

    /// What every service stands on.
    pub fn services(&self) -> impl Iterator<Item = &Resources> {
        self.rooms.values()
    }

    /// What one service stands on.
    ///
    /// # Errors
    /// There is no such service.
    pub fn service(&self, name: &str) -> anyhow::Result<&Resources> {
        self.rooms.get(name).with_context(|| format!("there is no service {name}"))
    }

    /// Every service that keeps a journal, with its readers.
    pub fn spines(&self) -> impl Iterator<Item = (&'static str, &Arc<Spine>)> {
        self.spines.iter().map(|(name, spine)| (*name, spine))
    }

    /// Ends every task.
    ///
    /// # Errors
    /// What failed while it ran.
    pub async fn stop(self) -> anyhow::Result<()> {
        let stopped = self.shutdown.complete(&self.tasks, STOP_WITHIN).await;
        stopped.map_err(|failure| anyhow::anyhow!(failure))
    }
}

fn rooms(
    shared: &Shared,
    opened: Vec<Store>,
    data: &Path,
    settings: &Settings,
) -> anyhow::Result<Vec<Resources>> {
    let mut rooms = Vec::new();
    for store in opened {
        if !store.migrated.is_empty() {
            let service = store.service;
            info!(service, migrations = store.migrated.len(), "the schema was brought up to date");
        }
        rooms.push(resources(shared, store, data, settings)?);
    }
    Ok(rooms)
}

async fn build(rooms: &[Resources], settings: &Settings) -> anyhow::Result<Vec<Module>> {
    let mut modules = Vec::new();
    for resources in rooms {
        let resources = resources.clone();
        modules.push(match resources.service {
            "auth" => auth::module(resources, settings.auth.clone()).await?,
            "activity" => activity::module(resources, settings.activity.clone()).await?,
            "gamification" => gamification::module(resources, settings.gamification.clone()).await?,
            "promo" => promo::module(resources, settings.promo.clone()).await?,
            "social" => social::module(resources, settings.social.clone()).await?,
            "leaderboard" => leaderboard::module(resources, settings.leaderboard.clone()).await?,
            _ => gateway::module(resources, settings.gateway.clone()).await?,
        });
    }
    Ok(modules)
}

fn resources(shared: &Shared, store: Store, data: &Path, settings: &Settings) -> anyhow::Result<Resources> {
    let service = store.service;
    let files = data.join("files").join(service);
    std::fs::create_dir_all(&files).with_context(|| format!("{} cannot be made", files.display()))?;
    let actors = ActorSigner::new(service, &shared.key, shared.clock.clone());
    let peers = shared.peers.seen_by(actors.clone());
    // Who keeps the keys does not ask itself over the wire.
    let near = (service != "auth").then(|| Arc::new(CachedKeys::new(Arc::new(AuthKeys::of(&peers)))));
    let ring: Arc<dyn KeyRing> = match &near {
        Some(near) => near.clone(),
        None => auth::key_ring(store.db.clone(), &files, &settings.auth)?,
    };
    Ok(Resources {
        service,
        journal: Journal::new(service, store.events, Sealer::new(ring), shared.clock.clone()),
        db: store.db,
        bus: shared.bus.clone(),
        clock: shared.clock.clone(),
        leases: store.leases,
        keys: near,
        peers,
        data: files,
        mail: data.join("mail"),
        metrics: shared.metrics.of(service),
        health: shared.health.clone(),
        shutdown: shared.shutdown.stop.clone(),
        drain: shared.shutdown.drain.clone(),
        tasks: shared.tasks.clone(),
        verifier: ActorVerifier::new(&shared.key, shared.clock.clone()),
        actors,
    })
}

/// Lets siblings reach every module, starts its readers, and gives the public router.
fn serve(shared: &Shared, modules: &mut [Module], settings: &Settings) -> Router {
    let verifier = ActorVerifier::new(&shared.key, shared.clock.clone());
    let mut http = Router::new();
    for module in modules.iter_mut() {
        let guarded = module.guarded(verifier.clone(), settings.platform.grpc.calls_max, &shared.metrics);
        shared.peers.serve(module.name, guarded);
        if let Some(router) = module.http.take() {
            http = http.merge(router);
        }
    }
    // Readers call siblings: all of them are reachable by now.
    modules.iter_mut().for_each(|module| module.start(&shared.tasks));
    let pages = web::routes(http.clone());
    http.merge(pages)
}

/// The process' own tasks: forgetting what is old, and stopping when a store can no longer be trusted.
fn watch_over(shared: &Shared, log: SqliteBus, journals: Vec<Arc<dyn EventStore>>, fatal: CancellationToken) {
    let stop = shared.shutdown.stop.clone();
    let clock = shared.clock.clone();
    shared.tasks.spawn(Task::new("sweep", async move {
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(SWEEP_EACH) => {}
            }
            sweep(&log, &journals, kernel::time::micros(clock.now())).await;
        }
    }));
    let stop = shared.shutdown.stop.clone();
    shared.tasks.spawn(Task::new("stores", async move {
        tokio::select! {
            () = stop.cancelled() => Ok(()),
            () = fatal.cancelled() => Err("a store failed while committing; start again to see what was kept".to_owned()),
        }
    }));
}

async fn sweep(log: &SqliteBus, journals: &[Arc<dyn EventStore>], now_us: i64) {
    let before = |kept: Duration| now_us.saturating_sub(i64::try_from(kept.as_micros()).unwrap_or(i64::MAX));
    for journal in journals {
        if let Err(error) = journal.sweep_commands(before(COMMANDS_KEPT)).await {
            warn!(%error, "answered commands were not swept");
        }
    }
    if let Err(error) = log.sweep(before(EVENTS_KEPT)).await {
        warn!(%error, "the log was not swept");
    }
}
