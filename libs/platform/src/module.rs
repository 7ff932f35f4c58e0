//! A service as a part: what it is given, and what it gives back. The same for one process and for a fleet.

use std::{path::PathBuf, sync::Arc};

use eventing::{
    Bus, Db, Journal, Projected, Spine, StateTables, leases::Leases, sealing::CachedKeys, sql::DbError,
};
use kernel::Clock;
use proto::journal::{journal_server::JournalServer, state_server::StateServer};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::{
    actor::{ActorSigner, ActorVerifier},
    guard::{Guard, Guarded},
    health::Health,
    journal::{JournalReads, NoState, StateReads},
    keys::DestroyedKeys,
    metrics::Metrics,
    siblings::PeerJournals,
    spans::EventSteps,
    tasks::{Task, Tasks},
    transport::Peers,
};

/// What a service is given to stand on.
#[derive(Clone)]
pub struct Resources {
    pub service: &'static str,
    pub db: Db,
    pub journal: Journal,
    pub bus: Arc<dyn Bus>,
    pub clock: Arc<dyn Clock>,
    /// What of the store's work is this process'; for [`Spine::new`].
    pub leases: Leases,
    /// The data keys kept near, for a service that asks auth for them: its spine forgets those that are destroyed.
    pub keys: Option<Arc<CachedKeys>>,
    pub peers: Peers,
    /// The service's own folder for files; it exists.
    pub data: PathBuf,
    /// The folder of the local mail sink.
    pub mail: PathBuf,
    pub metrics: Metrics,
    pub health: Health,
    pub shutdown: CancellationToken,
    /// Cancelled first: no new connections, and endless answers end.
    pub drain: CancellationToken,
    pub tasks: Tasks,
    pub actors: ActorSigner,
    pub verifier: ActorVerifier,
}

impl Resources {
    /// A spine over this service's own store, to add its readers to.
    pub fn spine(&self) -> Spine {
        let mut spine = Spine::new(
            &self.journal,
            self.db.clone(),
            self.bus.clone(),
            self.clock.clone(),
            self.leases.clone(),
            self.shutdown.clone(),
        )
        .siblings(Arc::new(PeerJournals::of(&self.peers)))
        .witnessed_by(Arc::new(EventSteps));
        if let Some(keys) = &self.keys {
            let heard = spine.follower(Arc::new(DestroyedKeys::forgotten_in(keys.clone())));
            self.health.require(format!("{}: destroyed keys", self.service), move || {
                if heard.is_ready() { Ok(()) } else { Err("destroyed keys are not known yet".to_owned()) }
            });
        }
        spine
    }
}

/// Why a service did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("{service}: the store: {source}")]
    Store { service: &'static str, source: DbError },
    #[error("{service}: {detail}")]
    Other { service: &'static str, detail: String },
}

impl StartError {
    pub fn store(service: &'static str, source: DbError) -> Self {
        Self::Store { service, source }
    }

    pub fn other(service: &'static str, detail: impl std::fmt::Display) -> Self {
        Self::Other { service, detail: detail.to_string() }
    }
}

/// A service, built and not yet running.
pub struct Module {
    pub name: &'static str,
    /// The siblings it calls, for the service graph.
    pub peers: &'static [&'static str],
    pub grpc: Routes,
    /// Its readers; `None` for a service that keeps nothing (the gateway).
    pub spine: Option<Arc<Spine>>,
    /// What it serves to the public; the gateway alone has any.
    pub http: Option<axum::Router>,
    pub tasks: Vec<Task>,
}

impl Module {
    /// A module with its gRPC routes; health and the journal are added by the builder calls below.
    pub fn new(name: &'static str, peers: &'static [&'static str], grpc: Routes) -> Self {
        Self { name, peers, grpc, spine: None, http: None, tasks: Vec::new() }
    }

    /// The readers, and the journal served to siblings; a service without state topics passes [`NoState`].
    #[must_use]
    pub fn keeping(mut self, journal: &Journal, spine: Spine, state: impl StateTables) -> Self {
        let reads = JournalServer::new(JournalReads::new(journal.store().clone()));
        let state: Arc<dyn StateTables> = Arc::new(state);
        self.grpc =
            self.grpc.add_service(reads).add_service(StateServer::new(StateReads::new(state.clone())));
        self.spine = Some(Arc::new(spine.state(state)));
        self
    }

    /// As [`Module::keeping`], for a service without state topics.
    #[must_use]
    pub fn spine(self, journal: &Journal, spine: Spine) -> Self {
        self.keeping(journal, spine, NoState)
    }

    #[must_use]
    pub fn http(mut self, router: axum::Router) -> Self {
        self.http = Some(router);
        self
    }

    #[must_use]
    pub fn task(mut self, task: Task) -> Self {
        self.tasks.push(task);
        self
    }

    pub fn projected(&self) -> Option<Projected> {
        self.spine.as_ref().map(|spine| spine.projected())
    }

    /// The routes behind their guard: what siblings and servers call. The spine is shown among the metrics from now on.
    pub fn guarded(&self, verifier: ActorVerifier, at_once_max: usize, metrics: &Metrics) -> Guarded {
        self.guard(verifier, at_once_max, metrics).before(self.grpc.clone())
    }

    /// As [`Module::guarded`], the guard alone.
    pub fn guard(&self, verifier: ActorVerifier, at_once_max: usize, metrics: &Metrics) -> Guard {
        if let Some(spine) = &self.spine {
            metrics.of(self.name).watch(spine);
        }
        Guard::new(self.name, verifier, self.projected(), at_once_max, metrics)
    }

    /// Starts the readers' loops and the module's own tasks.
    pub fn start(&mut self, tasks: &Tasks) {
        let loops = self.spine.iter().flat_map(|spine| spine.loops());
        for one in loops {
            tasks.spawn(Task::new(one.name, async move {
                one.run.await;
                Ok(())
            }));
        }
        for task in self.tasks.drain(..) {
            tasks.spawn(task);
        }
    }
}
