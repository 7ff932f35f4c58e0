//! A service's readers, wired: what runs beside its commands.

use std::{future::Future, pin::Pin, sync::Arc};

use crate::{
    bus::{Bus, SiblingJournals},
    consume::{self, Ground, Parked, ParkedKey, Progress, Replayed},
    event::Position,
    follow::{self, Freshness},
    journal::Journal,
    leases::Leases,
    outbox,
    projected::{Elsewhere, Projected},
    readers::{Follower, Projection, Reactor, Source, TimerHandler},
    rebuild::Rebuilds,
    refill::StateTables,
    relay,
    sql::{Db, DbError},
    status::{self, FollowerStatus, Lengths, Reader, ReaderKind, Status},
    timers,
    witness::Witness,
};
use kernel::Clock;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// A loop with a name; ends when the spine's shutdown is asked for.
pub struct Loop {
    pub name: String,
    pub run: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// The readers of one service over one store.
pub struct Spine {
    ground: Ground,
    projections: Vec<Arc<dyn Projection>>,
    reactors: Vec<Arc<dyn Reactor>>,
    followers: Vec<(Arc<dyn Follower>, Freshness)>,
    timers: Option<Arc<dyn TimerHandler>>,
    others: Vec<&'static str>,
    progress: watch::Sender<Option<watch::Receiver<Position>>>,
    lengths: Lengths,
}

impl Spine {
    /// `leases` say what of the store's work is this process'.
    pub fn new(
        journal: &Journal,
        db: Db,
        bus: Arc<dyn Bus>,
        clock: Arc<dyn Clock>,
        leases: Leases,
        shutdown: CancellationToken,
    ) -> Self {
        let ground = Ground {
            service: journal.service(),
            db,
            store: journal.store().clone(),
            bus,
            clock,
            siblings: None,
            state: None,
            sealer: journal.sealer().clone(),
            leases,
            witness: None,
            shutdown,
        };
        Self {
            ground,
            projections: Vec::new(),
            reactors: Vec::new(),
            followers: Vec::new(),
            timers: None,
            others: Vec::new(),
            progress: watch::Sender::new(None),
            lengths: Lengths::default(),
        }
    }

    #[must_use]
    pub fn projection(mut self, projection: impl Projection) -> Self {
        self.projections.push(Arc::new(projection));
        self
    }

    #[must_use]
    pub fn reactor(mut self, reactor: impl Reactor) -> Self {
        self.reactors.push(Arc::new(reactor));
        self
    }

    /// Other work of the service that has one owner: whoever does it asks [`Leases`] by this name.
    #[must_use]
    pub fn owning(mut self, resource: &'static str) -> Self {
        self.others.push(resource);
        self
    }

    /// Where readers turn to when the log no longer reaches back far enough.
    #[must_use]
    pub fn siblings(mut self, journals: Arc<dyn SiblingJournals>) -> Self {
        self.ground.siblings = Some(journals);
        self
    }

    /// The tables behind the state topics that the service owns: a log that has lost a topic is told it again.
    #[must_use]
    pub fn state(mut self, tables: Arc<dyn StateTables>) -> Self {
        self.ground.state = Some(tables);
        self
    }

    /// Who follows events on their way.
    #[must_use]
    pub fn witnessed_by(mut self, witness: Arc<dyn Witness>) -> Self {
        self.ground.witness = Some(witness);
        self
    }

    /// The freshness handle tells whether the follower may be believed.
    pub fn follower(&mut self, follower: Arc<dyn Follower>) -> Freshness {
        let freshness = Freshness::default();
        self.followers.push((follower, freshness.clone()));
        freshness
    }

    #[must_use]
    pub fn timers(mut self, handler: impl TimerHandler) -> Self {
        self.timers = Some(Arc::new(handler));
        self
    }

    /// The topics this service reads, for the service graph.
    pub fn topics(&self) -> Vec<&'static str> {
        let sources = self.projections.iter().flat_map(|one| one.sources());
        let sources = sources.chain(self.reactors.iter().flat_map(|one| one.sources()));
        let mut topics: Vec<&'static str> = sources
            .filter_map(|source| match source {
                Source::Topic(of) => Some(of),
                Source::OwnJournal => None,
            })
            .collect();
        topics.sort_unstable();
        topics.dedup();
        topics
    }

    /// How far the service's own projections have come. Without any, the journal's head itself.
    pub fn projected(&self) -> Projected {
        let service = self.ground.service;
        let projections = self.own_projections();
        let resources_of = |name: &&'static str| consume::resources(name, Source::OwnJournal, service);
        let elsewhere = self.ground.leases.are_shared().then(|| Elsewhere {
            db: self.ground.db.clone(),
            source: consume::source_name(Source::OwnJournal, service),
            resources: projections.iter().flat_map(resources_of).collect(),
            projections,
            owned: self.ground.leases.owned(),
        });
        Projected { progress: self.progress.subscribe(), head: self.ground.store.watch(), elsewhere }
    }

    /// The names of the projections of the own journal.
    fn own_projections(&self) -> Vec<&'static str> {
        let own = self.projections.iter().filter(|one| one.sources().contains(&Source::OwnJournal));
        own.map(|one| one.name()).collect()
    }

    /// Every loop of this service, to be run under the process' task keeper.
    pub fn loops(&self) -> Vec<Loop> {
        let own = self.own_projections();
        let progress = Arc::new(Progress::of(&own));
        if !own.is_empty() {
            self.progress.send_replace(Some(progress.watch()));
        }
        let mut loops = Vec::new();
        let mut add =
            |name: String, run: Pin<Box<dyn Future<Output = ()> + Send>>| loops.push(Loop { name, run });
        let service = self.ground.service;
        add(format!("{service}/relay"), Box::pin(relay::relay(self.ground.clone())));
        add(format!("{service}/outbox"), Box::pin(outbox::send(self.ground.clone())));
        if self.ground.leases.are_shared() {
            let (leases, wanted) = (self.ground.leases.clone(), self.resources());
            let shutdown = self.ground.shutdown.clone();
            add(format!("{service}/leases"), Box::pin(async move { leases.keep(&wanted, &shutdown).await }));
        }
        for projection in &self.projections {
            for source in projection.sources() {
                let told = (source == Source::OwnJournal).then(|| progress.clone());
                let run = consume::project(self.ground.clone(), projection.clone(), source, told);
                add(format!("{service}/projection/{}", projection.name()), Box::pin(run));
            }
        }
        for reactor in &self.reactors {
            for source in reactor.sources() {
                let run = consume::react(self.ground.clone(), reactor.clone(), source);
                add(format!("{service}/reactor/{}", reactor.name()), Box::pin(run));
            }
        }
        for (follower, freshness) in &self.followers {
            let run = follow::follow(self.ground.clone(), follower.clone(), freshness.clone());
            add(format!("{service}/follower/{}", follower.name()), Box::pin(run));
        }
        if let Some(handler) = &self.timers {
            let run = timers::fire(self.ground.clone(), handler.clone());
            add(format!("{service}/timers"), Box::pin(run));
        }
        loops
    }

    /// Everything of this service that has one owner.
    fn resources(&self) -> Vec<String> {
        let service = self.ground.service;
        let mut all = vec![relay::RELAY.to_owned(), outbox::OUTBOX.to_owned()];
        if self.timers.is_some() {
            all.push(timers::TIMERS.to_owned());
        }
        all.extend(self.others.iter().map(|other| (*other).to_owned()));
        let projections = self.projections.iter().map(|one| (one.name(), one.sources()));
        let reactors = self.reactors.iter().map(|one| (one.name(), one.sources()));
        for (name, sources) in projections.chain(reactors) {
            all.extend(sources.into_iter().flat_map(|source| consume::resources(name, source, service)));
        }
        all
    }

    /// The names of its projections and reactors.
    pub fn readers(&self) -> Vec<&'static str> {
        let reactors = self.reactors.iter().map(|one| one.name());
        self.projections.iter().map(|one| one.name()).chain(reactors).collect()
    }

    /// The keys that wait for a person, by reader and key; also those of readers that are no more. At most `max`.
    pub async fn parked(&self, max: u32) -> Result<Vec<ParkedKey>, DbError> {
        consume::waiting_keys(&self.ground.db, max).await
    }

    /// The first records of a key that waits, in the order in which they will be taken.
    pub async fn parked_of(&self, key: &ParkedKey, max: u32) -> Result<Vec<Parked>, DbError> {
        consume::parked_of(&self.ground.db, &key.consumer, &key.key, max.into()).await
    }

    /// Takes parked events again, in order within each key; `consumer` narrows it to one reader, `key` to one key.
    pub async fn replay(&self, consumer: Option<&str>, key: Option<&str>) -> Result<Replayed, String> {
        let mut report = Replayed::default();
        let mut add = |one: Replayed| {
            report.released += one.released;
            report.still_parked += one.still_parked;
        };
        for projection in self.projections.iter().filter(|one| consumer.is_none_or(|name| name == one.name()))
        {
            add(consume::replay_projection(&self.ground, projection, key).await?);
        }
        for reactor in self.reactors.iter().filter(|one| consumer.is_none_or(|name| name == one.name())) {
            add(consume::replay_reactor(&self.ground, reactor, key).await?);
        }
        Ok(report)
    }

    /// Gives up a key that waits, or only the first record of it: they never have their effect. The number given up.
    pub async fn drop_parked(&self, key: &ParkedKey, only_first: bool) -> Result<u64, DbError> {
        let (db, consumer, key) = (&self.ground.db, &key.consumer, &key.key);
        if only_first {
            consume::drop_first(db, consumer, key).await
        } else {
            consume::drop_key(db, consumer, key).await
        }
    }

    /// How its read models are made anew.
    pub fn rebuilds(&self) -> Rebuilds {
        Rebuilds::of(&self.ground, &self.projections)
    }

    /// How this service's journal and readers stand now.
    pub async fn status(&self) -> Result<Status, DbError> {
        let readers = self.projections.iter().map(|one| (ReaderKind::Projection, one.name(), one.sources()));
        let readers =
            readers.chain(self.reactors.iter().map(|one| (ReaderKind::Reactor, one.name(), one.sources())));
        let readers = readers.flat_map(|(kind, reader, sources)| {
            sources.into_iter().map(move |source| Reader { kind, reader, source })
        });
        let followers = self.followers.iter().map(|(follower, freshness)| FollowerStatus {
            follower: follower.name(),
            caught_up: freshness.is_ready(),
            silence: freshness.lag(),
        });
        status::look(&self.ground, readers.collect(), followers.collect(), &self.resources(), &self.lengths)
            .await
    }
}
