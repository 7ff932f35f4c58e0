//! What the suite runs: a service with two read models, one of its own journal and one of a log, and who else reads.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use kernel::SystemClock;
use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{
    super::{Fresh, append, write},
    SERVICE, STREAMS,
};
use crate::{
    args,
    bus::{Bus, BusError, SiblingJournals, Topic},
    event::{Incoming, Plain, Recorded},
    journal::Journal,
    leases::Leases,
    outbox,
    readers::{Failure, Follower, Keeps, Projection, Reactor, Source, StateValue},
    rebuild::{Begun, Model, Outcome, Progress, Rebuilds, Wanted},
    sealing::{Sealer, StaticKeys},
    spine::Spine,
    sql::{Engine, Tx},
    store::Expected,
};

pub(super) struct World {
    pub(super) fresh: Fresh,
    bus: Arc<dyn Bus>,
    journal: Journal,
    rounds: AtomicUsize,
}

impl World {
    pub(super) async fn new((fresh, bus): (Fresh, Arc<dyn Bus>)) -> Self {
        let id = if fresh.db.engine() == Engine::Sqlite { "INTEGER" } else { "BIGINT" };
        for table in ["tally", "heard", "lie"] {
            let sql = format!(
                "CREATE TABLE {table} (stream TEXT NOT NULL PRIMARY KEY, count {id} NOT NULL, last {id} NOT NULL)"
            );
            fresh.db.execute(&sql, vec![]).await.expect("made");
        }
        let index = "CREATE INDEX tally_by_count ON tally (count, stream) WHERE last > 0";
        fresh.db.execute(index, vec![]).await.expect("made");
        let sealer = Sealer::new(Arc::new(StaticKeys::default()));
        let journal = Journal::new(SERVICE, fresh.store.clone(), sealer, Arc::new(SystemClock));
        Self { fresh, bus, journal, rounds: AtomicUsize::default() }
    }

    /// The service, as a process would run it.
    pub(super) fn serve(&self) -> Served {
        let (shutdown, clock) = (CancellationToken::new(), Arc::new(SystemClock));
        let (fired, poison, mirror) =
            (Arc::default(), Arc::<Mutex<BTreeSet<String>>>::default(), Arc::<Mirror>::default());
        let db = self.fresh.db.clone();
        let counting = |name, table, source| Counting { name, table, source, poison: poison.clone() };
        let mut spine = Spine::new(
            &self.journal,
            db.clone(),
            self.bus.clone(),
            clock,
            Leases::whole(1),
            shutdown.clone(),
        )
        .projection(counting("tally", "tally", Source::OwnJournal))
        .projection(counting("heard", "heard", Source::Topic(SERVICE)))
        .projection(Silent)
        .projection(Liar)
        .reactor(Firing(Arc::clone(&fired)))
        .siblings(Arc::new(OwnJournalAsSibling(self.journal.clone())));
        spine.follower(mirror.clone());
        let mut tasks = JoinSet::new();
        for one in spine.loops() {
            tasks.spawn(one.run);
        }
        Served { spine, fired, poison, mirror, shutdown, tasks }
    }

    /// So many events more in every stream.
    pub(super) async fn happen(&self, times: usize) {
        for stream in 0..STREAMS {
            let write = write(&format!("stream-{stream}"), Expected::Any, times);
            self.fresh.store.append(append(vec![write])).await.expect("appended");
        }
        self.rounds.fetch_add(times, Ordering::SeqCst);
    }

    pub(super) fn written(&self) -> i64 {
        i64::try_from(self.rounds.load(Ordering::SeqCst)).expect("few")
    }

    /// Waits until both read models hold every event once.
    pub(super) async fn settled(&self) {
        let wanted = self.written();
        for table in ["tally", "heard"] {
            let sql = format!("SELECT COUNT(*) FROM {table} WHERE count = {wanted} AND last = {wanted}");
            self.until(&format!("{table} holds {wanted} of each"), async || self.count(&sql).await == 8)
                .await;
        }
    }

    pub(super) async fn least_last(&self, table: &str) -> i64 {
        self.count(&format!("SELECT MIN(last) FROM {table}")).await
    }

    pub(super) async fn count(&self, sql: &str) -> i64 {
        let row = self.fresh.db.fetch_one(sql, vec![]).await.expect("read");
        row.map_or(0, |row| row.get(0).expect("a number"))
    }

    pub(super) async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        for _ in 0..2_400 {
            if holds().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        let rows = self.fresh.db.fetch("SELECT stream, count, last FROM tally", vec![]).await;
        let heard = self.fresh.db.fetch("SELECT stream, count, last FROM heard", vec![]).await;
        let parked = self.fresh.db.fetch("SELECT consumer, key, error FROM es_dlq", vec![]).await;
        panic!("{what}: never; tally {rows:?}, heard {heard:?}, parked {parked:?}");
    }

    pub(super) async fn indexes(&self) -> BTreeSet<String> {
        let sql = match self.fresh.db.engine() {
            Engine::Sqlite => "SELECT name FROM sqlite_schema WHERE type = 'index' AND name LIKE 'tally%'",
            Engine::Postgres => "SELECT indexname FROM pg_indexes WHERE indexname LIKE 'tally\\_by%'",
        };
        let rows = self.fresh.db.fetch(sql, vec![]).await.expect("read");
        if self.fresh.db.engine() == Engine::Sqlite {
            let row = self.fresh.db.fetch_one("PRAGMA integrity_check", vec![]).await.expect("checked");
            assert_eq!(row.map(|row| row.get::<String>(0).expect("a word")).as_deref(), Some("ok"));
        }
        rows.iter().map(|row| row.get(0).expect("a name")).collect()
    }
}

pub(super) struct Served {
    pub(super) spine: Spine,
    pub(super) fired: Arc<AtomicUsize>,
    pub(super) poison: Arc<Mutex<BTreeSet<String>>>,
    mirror: Arc<Mirror>,
    shutdown: CancellationToken,
    tasks: JoinSet<()>,
}

impl Served {
    pub(super) fn model(&self, reader: &str) -> (Rebuilds, Model) {
        let rebuilds = self.spine.rebuilds();
        let model = rebuilds.model(reader).expect("it can be made anew");
        (rebuilds, model)
    }

    pub(super) async fn rebuild(&self, reader: &str, wanted: Wanted) -> (Outcome, Begun) {
        let (rebuilds, model) = self.model(reader);
        let (told, _) = watch::channel(Progress::default());
        let outcome = rebuilds.run(&model, "this", wanted, &told).await.expect("made anew");
        let begun = told.borrow().begun.clone();
        (outcome, begun)
    }

    /// The counter of a row, as others have been told of it.
    pub(super) fn told(&self, key: &str) -> Option<u64> {
        self.revision(key).map(|revision| revision % (1 << 40))
    }

    pub(super) fn revision(&self, key: &str) -> Option<u64> {
        self.mirror.0.lock().expect("not poisoned").get(key).copied()
    }

    pub(super) async fn stop(mut self) {
        self.shutdown.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Counts events by stream, refuses one that comes out of its order, and tells the count as state.
struct Counting {
    name: &'static str,
    table: &'static str,
    source: Source,
    poison: Arc<Mutex<BTreeSet<String>>>,
}

#[async_trait]
impl Projection for Counting {
    fn name(&self) -> &'static str {
        self.name
    }

    fn sources(&self) -> Vec<Source> {
        vec![self.source]
    }

    fn keeps(&self) -> Keeps {
        if self.name == "tally" { Keeps::tables(&["tally"]) } else { Keeps::tables(&["heard"]) }
    }

    async fn apply(&self, tx: &mut dyn Tx, events: &[Incoming]) -> Result<(), Failure> {
        for incoming in events {
            let (stream, version) = (incoming.event.stream.as_str(), incoming.event.version);
            if self.name == "tally" && self.poison.lock().expect("not poisoned").contains(stream) {
                return Err(Failure::Poison("told so".to_owned()));
            }
            let before = format!("SELECT last FROM {} WHERE stream = $1", self.table);
            let before =
                tx.fetch_one(&before, args![stream]).await?.map_or(Ok(0), |row| row.get::<i64>(0))?;
            if version != before + 1 {
                return Err(Failure::Poison(format!("{stream} {version} came behind {before}")));
            }
            let table = self.table;
            let sql = format!(
                "INSERT INTO {table} (stream, count, last) VALUES ($1, 1, $2)
                 ON CONFLICT (stream) DO UPDATE SET count = {table}.count + 1, last = excluded.last
                 WHERE excluded.last > {table}.last"
            );
            tx.execute(&sql, args![stream, version]).await?;
            if self.name == "tally" {
                let value = Plain {
                    kind: "told".to_owned(),
                    schema_ver: 1,
                    payload: bytes::Bytes::new(),
                    erased: Vec::new(),
                };
                outbox::put(tx, &told_topic(), stream, stream, version, &value).await?;
            }
        }
        Ok(())
    }
}

fn told_topic() -> Topic {
    Topic::state(SERVICE, "told")
}

/// Does not say what it keeps.
struct Silent;

#[async_trait]
impl Projection for Silent {
    fn name(&self) -> &'static str {
        "silent"
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::OwnJournal]
    }

    async fn apply(&self, _: &mut dyn Tx, _: &[Incoming]) -> Result<(), Failure> {
        Ok(())
    }
}

/// Says one table and writes another one too, to no effect.
struct Liar;

#[async_trait]
impl Projection for Liar {
    fn name(&self) -> &'static str {
        "liar"
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::OwnJournal]
    }

    fn keeps(&self) -> Keeps {
        Keeps::tables(&["lie"])
    }

    async fn apply(&self, tx: &mut dyn Tx, _: &[Incoming]) -> Result<(), Failure> {
        tx.execute("UPDATE heard SET count = 0 WHERE stream = 'none'", vec![]).await?;
        Ok(())
    }
}

/// Counts how often it reacted.
struct Firing(Arc<AtomicUsize>);

#[async_trait]
impl Reactor for Firing {
    fn name(&self) -> &'static str {
        "firing"
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::OwnJournal]
    }

    async fn react(&self, _: &Incoming) -> Result<(), Failure> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

/// The newest revision of each key that others have heard.
#[derive(Default)]
struct Mirror(Mutex<HashMap<String, u64>>);

#[async_trait]
impl Follower for Mirror {
    fn name(&self) -> &'static str {
        "mirror"
    }

    fn topic(&self) -> Topic {
        told_topic()
    }

    async fn apply(&self, value: &StateValue) {
        self.0.lock().expect("not poisoned").insert(value.key.clone(), value.revision);
    }
}

struct OwnJournalAsSibling(Journal);

#[async_trait]
impl SiblingJournals for OwnJournalAsSibling {
    async fn read_all(
        &self,
        _: &'static str,
        after: i64,
        max: usize,
    ) -> Result<(Vec<Recorded>, i64), BusError> {
        let unavailable = |error: crate::store::StoreError| BusError::Unavailable(error.to_string());
        let head = self.0.store().head().await.map_err(unavailable)?;
        Ok((self.0.store().read_all(after, max).await.map_err(unavailable)?, head))
    }
}
