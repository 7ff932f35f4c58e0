//! An installation in this process, on real engines: journals, log, relays, readers, calls between services. Only time
//! stands still (a [`ManualClock`]) and the data keys are in memory.
//!
//! ```text
//! let ground = Ground::fresh();                               // data that outlive a fleet
//! let fleet = ground.fleet(&["activity", "gamification"]).await;
//! let activity = fleet.stand_in("activity").await;            // a journal to write into, relayed to the log
//! let resources = fleet.resources("gamification").await;
//! fleet.serve(gamification::module(resources, Config::default()).await.unwrap());
//! let client = fleet.peers("gateway").gamification();
//! fleet.stop().await;                                         // and again: ground.fleet(…)
//! ```

use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

use backends::{BUS_MIGRATIONS, SqlEventStore, SqliteBus};
use eventing::{
    Aggregate, Bus, Command, Db, DecodeError, DomainEvent, Done, Journal, Plain, Sealer, StreamId,
    leases::Leases,
    migrate::SPINE,
    ownership::{Holder, STORE},
};
use kernel::{Clock, time::ManualClock};
use platform::{
    Module, Peers, Resources, Task, Tasks,
    actor::{ActorSigner, ActorVerifier},
    health::Health,
    installation::InstallationKey,
    metrics::Metrics,
    transport::PeersBuilder,
};
use tokio_util::sync::CancellationToken;

pub use crate::ground::Ground;

/// What the clock says when a fleet starts.
pub const NOW: &str = "2026-05-10T12:00:00Z";
/// Calls that one service takes at once.
const CALLS_AT_ONCE: usize = 64;
const STOP_WITHIN: Duration = Duration::from_secs(20);

impl Ground {
    /// A process of the installation in which these services may call each other.
    pub async fn fleet(&self, services: &[&'static str]) -> Fleet<'_> {
        let clock = Arc::new(ManualClock::at(must(NOW.parse())));
        let log = self.file("bus").await;
        must(BUS_MIGRATIONS.apply(&log).await);
        let bus: Arc<dyn Bus> = Arc::new(must(SqliteBus::open(log, clock.clone()).await));
        Fleet {
            ground: self,
            clock,
            bus,
            key: must(InstallationKey::ephemeral()),
            builder: services.iter().fold(PeersBuilder::new(), |builder, service| builder.sibling(service)),
            tasks: Tasks::new(CancellationToken::new()),
            given: Mutex::default(),
            opened: Mutex::default(),
        }
    }
}

/// One run of an installation.
pub struct Fleet<'a> {
    ground: &'a Ground,
    pub clock: Arc<ManualClock>,
    pub bus: Arc<dyn Bus>,
    key: InstallationKey,
    builder: PeersBuilder,
    tasks: Tasks,
    /// What each service was given, for its guard.
    given: Mutex<HashMap<&'static str, (ActorVerifier, Metrics)>>,
    /// The stores that were opened: their connections end with the fleet, whoever still holds a handle.
    opened: Mutex<Vec<Db>>,
}

impl Fleet<'_> {
    /// What the service stands on; its store is opened and has the spine's tables.
    pub async fn resources(&self, service: &'static str) -> Resources {
        let db = self.ground.open(service).await;
        if let Ok(mut opened) = self.opened.lock() {
            opened.push(db.clone());
        }
        must(SPINE.apply(&db).await);
        let store = Arc::new(must(SqlEventStore::open(db.clone()).await));
        let epoch = must(Holder::new(db.clone(), "test", "").take(STORE).await);
        let clock: Arc<dyn Clock> = self.clock.clone();
        let signer = ActorSigner::new(service, &self.key, clock.clone());
        let data = self.ground.folder().join(service);
        must(std::fs::create_dir_all(&data));
        let resources = Resources {
            service,
            journal: Journal::new(service, store, Sealer::new(self.ground.keys.clone()), clock.clone()),
            db,
            bus: self.bus.clone(),
            leases: Leases::whole(epoch),
            keys: None,
            peers: self.builder.seen_by(signer.clone()),
            data,
            mail: self.ground.folder().join("mail"),
            metrics: Metrics::new().of(service),
            health: Health::new(),
            shutdown: self.tasks.shutdown().clone(),
            drain: self.tasks.shutdown().child_token(),
            tasks: self.tasks.clone(),
            actors: signer,
            verifier: ActorVerifier::new(&self.key, clock.clone()),
            clock,
        };
        if let Ok(mut given) = self.given.lock() {
            given.insert(service, (resources.verifier.clone(), resources.metrics.clone()));
        }
        resources
    }

    /// From now on siblings reach the module, and its readers run.
    ///
    /// # Panics
    /// When the module was not built from this fleet's [`Fleet::resources`].
    pub fn serve(&self, mut module: Module) {
        let given = self.given.lock().ok().and_then(|given| given.get(module.name).cloned());
        let Some((verifier, metrics)) = given else {
            panic!("{} was given nothing to stand on", module.name)
        };
        let guard = module.guard(verifier, CALLS_AT_ONCE, &metrics).patient();
        self.builder.serve(module.name, guard.before(module.grpc.clone()));
        module.start(&self.tasks);
    }

    /// A service's journal without the service: its relay runs, tests write the events with [`tell`].
    pub async fn stand_in(&self, service: &'static str) -> Journal {
        let resources = self.resources(service).await;
        for one in resources.spine().loops() {
            self.tasks.spawn(Task::new(one.name, async move {
                one.run.await;
                Ok(())
            }));
        }
        resources.journal
    }

    /// The services as `caller` reaches them.
    pub fn peers(&self, caller: &'static str) -> Peers {
        self.builder.seen_by(ActorSigner::new(caller, &self.key, self.clock.clone())).patient()
    }

    /// Everything stops, as at the end of a process.
    ///
    /// # Panics
    /// When a task does not end in time.
    pub async fn stop(self) {
        self.tasks.shutdown().cancel();
        assert!(self.tasks.ended_within(STOP_WITHIN).await, "some task does not end");
        let opened = self.opened.into_inner().unwrap_or_default();
        let closed = async {
            for db in opened {
                db.close().await;
            }
        };
        assert!(tokio::time::timeout(STOP_WITHIN, closed).await.is_ok(), "some connection does not end");
    }
}

/// Writes one event into a journal, as the service that owns it would.
pub async fn tell(
    journal: &Journal,
    stream: &StreamId,
    partition_key: &str,
    event: &impl prost::Name,
) -> Done {
    let told = Told(Plain::of(event));
    let command = Command::by(format!("service:{}", journal.service()));
    must(
        journal
            .execute::<Untold, _>(&command, stream, partition_key, |_, _| Ok(vec![told.clone()].into()))
            .await,
    )
}

/// Asks again until the answer is the wanted one: readers follow the journal a moment later.
///
/// # Panics
/// When it never is (30 s).
pub async fn eventually<T, F, Fut>(what: &str, ask: F, wanted: impl Fn(&T) -> bool) -> T
where
    T: std::fmt::Debug,
    F: Fn() -> Fut,
    Fut: Future<Output = T>,
{
    let mut last = ask().await;
    for _ in 0..1_500 {
        if wanted(&last) {
            return last;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        last = ask().await;
    }
    panic!("never {what}: {last:?}");
}

fn must<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("the test's installation: {error}"))
}

/// A stream whose events are written as they are and never folded.
#[derive(Clone, Default)]
struct Untold;

#[derive(Clone)]
struct Told(Plain);

impl Aggregate for Untold {
    type Event = Told;
    const KIND: &'static str = "untold";
    fn evolve(&mut self, _: &Told) {}
}

impl DomainEvent for Told {
    fn encode(&self) -> Plain {
        self.0.clone()
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        Ok(Self(plain.clone()))
    }
}
