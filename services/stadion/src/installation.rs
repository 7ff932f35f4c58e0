//! The services of this process, built and running: all of an installation, or some of a fleet's.

use std::{
    collections::BTreeMap,
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use activity::blobs::Blobs;
use anyhow::Context;
use axum::Router;
use backends::{DataFolder, postgres};
use eventing::{
    Bus, Journal, Sealer, Spine,
    cql::Cql,
    sealing::{CachedKeys, KeyRing},
    store::EventStore,
};
use kernel::{Clock, SystemClock};
use platform::{
    Module, Peers, Resources, Task, Tasks,
    actor::{ActorSigner, ActorVerifier},
    config::StoreEngine,
    guard::Guarded,
    health::Health,
    installation::InstallationKey,
    keys::AuthKeys,
    metrics::Metrics,
    shutdown::Shutdown,
    spans,
    transport::{Address, PeerMetrics, PeersBuilder, Remote},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    about::About,
    connections, files,
    keys::{self, Marked},
    keyspace,
    settings::Settings,
    stores::{self, Log, Opener, SERVICES, Store},
};

const STOP_WITHIN: Duration = Duration::from_secs(10);
const SWEEP_EACH: Duration = Duration::from_secs(3600);
/// Answered commands are remembered for so long.
const COMMANDS_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// Services with what they stand on.
pub struct Installation {
    /// The folder for files, mail and tools.
    pub data: PathBuf,
    /// Held for its lock, where stores or the log lie in it.
    _folder: Option<DataFolder>,
    /// Which process this is.
    pub about: About,
    /// By which its processes know each other.
    pub key: InstallationKey,
    pub health: Health,
    pub metrics: Metrics,
    pub tasks: Tasks,
    pub shutdown: Shutdown,
    /// The siblings as the binary itself reaches them, for tools.
    pub peers: Peers,
    /// The public door; empty where the gateway runs elsewhere.
    pub http: Router,
    /// What siblings elsewhere call.
    pub guards: Vec<(&'static str, Guarded)>,
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

/// Which services run here, and who runs them.
pub struct Part {
    /// `None` where nothing of theirs lies in the data folder.
    pub folder: Option<DataFolder>,
    pub services: Vec<&'static str>,
    /// Where siblings elsewhere reach this process; empty where there are none.
    pub address: String,
    /// What time it is for everything in this process.
    pub clock: Arc<dyn Clock>,
}

impl Installation {
    /// All services in this process. The folder is locked by now.
    ///
    /// # Errors
    /// As [`Installation::open_part`].
    pub async fn open(folder: DataFolder, settings: &Settings) -> anyhow::Result<Self> {
        Box::pin(Self::open_at(folder, settings, Arc::new(SystemClock))).await
    }

    /// As [`Installation::open`], at the time that the clock says.
    ///
    /// # Errors
    /// As [`Installation::open_part`].
    pub async fn open_at(
        folder: DataFolder,
        settings: &Settings,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let services = SERVICES.iter().map(|(service, _)| *service).collect();
        let part = Part { folder: Some(folder), services, address: String::new(), clock };
        Box::pin(Self::open_part(part, settings)).await
    }

    /// Opens the stores of these services, builds them and starts their readers.
    ///
    /// # Errors
    /// A store that does not open, a service that does not start.
    pub async fn open_part(part: Part, settings: &Settings) -> anyhow::Result<Self> {
        let data = settings.platform.data.clone();
        for room in ["stores", "files", "mail", "keys"] {
            let path = data.join(room);
            // What people trusted us with is for this user alone, whatever the umask says.
            let made = DirBuilder::new().recursive(true).mode(0o700).create(&path);
            made.with_context(|| format!("{} cannot be made", path.display()))?;
        }
        let clock = part.clock;
        let shutdown = Shutdown::new();
        let tasks = Tasks::new(shutdown.stop.clone());
        let traces = &settings.platform.telemetry;
        let traces = spans::start(traces, &settings.platform.name, clock.clone(), shutdown.stop.clone());
        traces.into_iter().for_each(|task| tasks.spawn(task));
        let fatal = CancellationToken::new();
        let key = InstallationKey::load_or_create(&key_file(settings))?;
        let opener = Opener::of(settings, &key, part.address);
        let here = SERVICES.into_iter().filter(|(service, _)| part.services.contains(service));
        let opening = here.map(|service| stores::open(settings, &opener, service, fatal.clone()));
        let (opened, (log, _)) = tokio::try_join!(
            futures::future::try_join_all(opening),
            Log::open(settings, &opener, clock.clone(), fatal.clone())
        )?;
        tell_tight_pools(settings, &part.services, &opened).await;
        let about = About::this(&opener.name, &part.services, &opener.marks, &*clock);
        let metrics = Metrics::new();
        let health = Health::new();
        let remotes = remotes(&part.services, settings, &metrics)?;
        for remote in &remotes {
            let asked = remote.clone();
            health.require(format!("peer {}", remote.service()), move || asked.reached());
            tasks.spawn(remote.watch(shutdown.stop.clone()));
        }
        let peers = part.services.iter().fold(PeersBuilder::new(), |peers, service| peers.sibling(service));
        let shared = Shared {
            key,
            peers: remotes.into_iter().fold(peers, PeersBuilder::remote),
            bus: log.bus(),
            metrics,
            health,
            clock,
            tasks,
            shutdown,
        };
        let keeps = part.services.contains(&activity::SERVICE);
        let outside = if keeps { Outside::open(settings, &opener.marks).await? } else { Outside::default() };
        shared.tasks.spawn(followed(&shared, settings, &opened, (&log, &outside)));
        let journals: Vec<Arc<dyn EventStore>> = opened.iter().map(|store| store.events.clone()).collect();
        let rooms = rooms(&shared, opened, &data, settings)?;
        let mut modules = build(&rooms, settings, outside).await?;
        let (http, guards) = serve(&shared, &mut modules, settings);
        watch_over(&shared, log, journals, fatal);
        let signer = ActorSigner::new("stadion", &shared.key, shared.clock.clone());
        Ok(Self {
            data,
            _folder: part.folder,
            about,
            key: shared.key,
            peers: shared.peers.seen_by(signer),
            spines: modules.iter().filter_map(|one| Some((one.name, one.spine.clone()?))).collect(),
            health: shared.health,
            metrics: shared.metrics,
            tasks: shared.tasks,
            shutdown: shared.shutdown,
            http,
            guards,
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

/// Says so when pools may open more connections than their server lets in: it would show itself under load only.
async fn tell_tight_pools(settings: &Settings, here: &[&'static str], opened: &[Store]) {
    if settings.platform.stores.engine == StoreEngine::Sqlite {
        return;
    }
    for (at, want) in connections::wanted(settings, here) {
        let Some(store) = opened.iter().find(|store| want.services.contains(&store.service)) else {
            continue;
        };
        match postgres::server(&store.db).await {
            Ok(server) => {
                if let Some(tight) = want.judged(&at, &server) {
                    warn!(mend = tight.mend, "{}", tight.means);
                }
            }
            Err(error) => warn!(%error, "it is not known how many connections the server lets in"),
        }
    }
}

/// What activity keeps on servers that others may use too.
#[derive(Clone, Default)]
struct Outside {
    keyspace: Option<Cql>,
    files: Option<Blobs>,
}

impl Outside {
    async fn open(settings: &Settings, marks: &[String]) -> anyhow::Result<Self> {
        let files = files::open(&settings.activity, marks).await?;
        let keyspace = keyspace::open(&settings.activity, marks).await?;
        if let Some(migrations) = keyspace.as_ref().map(|one| one.migrated.len()).filter(|one| *one > 0) {
            info!(service = activity::SERVICE, migrations, "the keyspace was brought up to date");
        }
        Ok(Self { keyspace: keyspace.map(|one| one.cql), files })
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

async fn build(rooms: &[Resources], settings: &Settings, outside: Outside) -> anyhow::Result<Vec<Module>> {
    let mut modules = Vec::new();
    for resources in rooms {
        let resources = resources.clone();
        modules.push(match resources.service {
            "auth" => auth::module(resources, settings.auth.clone()).await?,
            "activity" => {
                let cql = outside.keyspace.clone();
                activity::module(resources, settings.activity.clone(), cql).await?
            }
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

/// The services that run elsewhere, as the settings say.
fn remotes(here: &[&'static str], settings: &Settings, metrics: &Metrics) -> anyhow::Result<Vec<Remote>> {
    let counted = PeerMetrics::register(metrics);
    let elsewhere = SERVICES.iter().map(|(service, _)| *service).filter(|service| !here.contains(service));
    let mut remotes = Vec::new();
    for service in elsewhere {
        let Some(addresses) = settings.platform.peers.get(service) else { continue };
        let addresses = Address::list(addresses).with_context(|| format!("peers.{service}"))?;
        remotes.push(Remote::new(service, addresses, counted.clone()));
    }
    Ok(remotes)
}

/// The task that reads the installation's key again.
fn followed(
    shared: &Shared,
    settings: &Settings,
    opened: &[Store],
    (log, outside): (&Log, &Outside),
) -> Task {
    let marked = settings.platform.stores.engine != StoreEngine::Sqlite;
    let stores = opened.iter().filter(|_| marked).map(|store| (store.service, store.db.clone())).collect();
    let Outside { keyspace, files } = outside.clone();
    let marked = Marked { stores, log: log.clone(), keyspace, files };
    keys::follow(shared.key.clone(), key_file(settings), marked, shared.shutdown.stop.clone())
}

/// Where the secret is by which the services know each other.
pub fn key_file(settings: &Settings) -> PathBuf {
    let said = &settings.platform.installation.key_file;
    if said.as_os_str().is_empty() { settings.platform.data.join("keys/actor.key") } else { said.clone() }
}

/// Lets siblings reach every module, starts its readers, and gives the public router and what peers elsewhere call.
fn serve(
    shared: &Shared,
    modules: &mut [Module],
    settings: &Settings,
) -> (Router, Vec<(&'static str, Guarded)>) {
    let verifier = ActorVerifier::new(&shared.key, shared.clock.clone());
    let mut http = Router::new();
    let mut guards = Vec::new();
    for module in modules.iter_mut() {
        let guarded = module.guarded(verifier.clone(), settings.platform.grpc.calls_max, &shared.metrics);
        shared.peers.serve(module.name, guarded.clone());
        guards.push((module.name, guarded));
        if let Some(router) = module.http.take() {
            // Pages are a client of the public door.
            let pages = web::routes(router.clone());
            http = http.merge(router).merge(pages);
        }
    }
    // Readers call siblings: all of them are reachable by now.
    modules.iter_mut().for_each(|module| module.start(&shared.tasks));
    (http, guards)
}

/// The process' own tasks: forgetting what is old, and stopping when a store can no longer be trusted.
fn watch_over(shared: &Shared, log: Log, journals: Vec<Arc<dyn EventStore>>, fatal: CancellationToken) {
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

async fn sweep(log: &Log, journals: &[Arc<dyn EventStore>], now_us: i64) {
    let before = |kept: Duration| now_us.saturating_sub(i64::try_from(kept.as_micros()).unwrap_or(i64::MAX));
    for journal in journals {
        if let Err(error) = journal.sweep_commands(before(COMMANDS_KEPT)).await {
            warn!(%error, "answered commands were not swept");
        }
    }
    if let Err(error) = log.sweep(before(stores::EVENTS_KEPT)).await {
        warn!(%error, "the log was not swept");
    }
}
