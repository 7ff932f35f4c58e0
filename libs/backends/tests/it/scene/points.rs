//! Named points at which a process dies, or stops: in the seams that engines stand behind, so that what is released knows
//! nothing of them.

use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use eventing::{
    Bus, Db, Row, Topic, Tx, Value,
    bus::{Batch, BusError, LogSink, LogSource, Routed, TopicKind},
    sql::{Database, DbError, Engine, Job, Load},
};
use proto::envelope::record::Body;
use tokio::sync::watch;

/// Something has become this process' own, and nothing is done with it yet.
pub(super) const OWNED: &str = "owned";
/// The outbox is read, and its values are not published.
pub(crate) const STATE_UNSENT: &str = "state, unsent";

/// Where a process may be killed, in the order of an event's way.
pub(crate) const POINTS: [&str; 10] = [
    OWNED,
    "events, uncommitted",
    "events, unanswered",
    "events, unpublished",
    "events, published",
    "effect, uncommitted",
    "effect, committed",
    "effect, untold",
    STATE_UNSENT,
    "state, sent",
];

/// What happens here to this process, if anything.
#[derive(Clone)]
pub(super) struct Points(Arc<Fate>);

struct Fate {
    /// `die` or `stop`, at the `nth` passing of `point`.
    act: String,
    point: String,
    nth: usize,
    passed: AtomicUsize,
}

impl Points {
    /// `die 3 events, published`
    pub(super) fn of_word(word: &str) -> Self {
        let mut parts = word.splitn(3, ' ');
        let mut next = || parts.next().unwrap_or_default().to_owned();
        let (act, nth, point) = (next(), next().parse().unwrap_or_default(), next());
        Self(Arc::new(Fate { act, point, nth, passed: AtomicUsize::new(0) }))
    }

    pub(super) fn pass(&self, point: &str) {
        let Fate { act, point: chosen, nth, passed } = &*self.0;
        if point != chosen || passed.fetch_add(1, Ordering::SeqCst) + 1 != *nth {
            return;
        }
        if act == "die" {
            // As by kill -9: nothing is flushed, dropped or answered.
            std::process::abort();
        }
        let stopped = Command::new("kill").args(["-STOP", &std::process::id().to_string()]).status();
        assert!(stopped.is_ok_and(|status| status.success()), "stopped, and woken again");
    }

    pub(super) fn db(&self, db: Db) -> Db {
        Db::new(Watched { db, points: self.clone() })
    }

    pub(super) fn bus(&self, bus: Arc<dyn Bus>) -> Arc<dyn Bus> {
        Arc::new(WatchedBus { bus, points: self.clone() })
    }
}

struct Watched {
    db: Db,
    points: Points,
}

#[async_trait]
impl Database for Watched {
    fn engine(&self) -> Engine {
        self.db.engine()
    }

    async fn fetch(&self, sql: &str, args: Vec<Value>) -> Result<Vec<Row>, DbError> {
        self.db.fetch(sql, args).await
    }

    async fn run(&self, job: Job) -> Result<(), DbError> {
        let points = self.points.clone();
        let work = self.db.transact(move |tx| {
            Box::pin(async move {
                let mut watched = WatchedTx { tx, wrote: Wrote::Other };
                job(&mut watched).await?;
                match watched.wrote {
                    Wrote::Events => points.pass("events, uncommitted"),
                    Wrote::Effect => points.pass("effect, uncommitted"),
                    Wrote::Other => {}
                }
                Ok::<_, DbError>(watched.wrote)
            })
        });
        match work.await? {
            Wrote::Events => self.points.pass("events, unanswered"),
            Wrote::Effect => self.points.pass("effect, committed"),
            Wrote::Other => {}
        }
        Ok(())
    }

    async fn close(&self) {
        self.db.close().await;
    }

    fn load(&self) -> Option<Load> {
        self.db.load()
    }

    fn announce(&self, news: i64) {
        self.db.announce(news);
    }

    fn announced(&self) -> Option<watch::Receiver<i64>> {
        self.db.announced()
    }
}

/// What a transaction has written.
#[derive(Clone, Copy)]
enum Wrote {
    Events,
    Effect,
    Other,
}

struct WatchedTx<'t> {
    tx: &'t mut dyn Tx,
    wrote: Wrote,
}

#[async_trait]
impl Tx for WatchedTx<'_> {
    fn engine(&self) -> Engine {
        self.tx.engine()
    }

    async fn execute(&mut self, sql: &str, args: Vec<Value>) -> Result<u64, DbError> {
        if sql.starts_with("INSERT INTO es_event") {
            self.wrote = Wrote::Events;
        } else if sql.starts_with("INSERT INTO effect") {
            self.wrote = Wrote::Effect;
        }
        self.tx.execute(sql, args).await
    }

    async fn fetch(&mut self, sql: &str, args: Vec<Value>) -> Result<Vec<Row>, DbError> {
        self.tx.fetch(sql, args).await
    }
}

struct WatchedBus {
    bus: Arc<dyn Bus>,
    points: Points,
}

/// One way to publish, with a point before it and one behind.
struct WatchedSink {
    sink: Arc<dyn LogSink>,
    points: Points,
}

impl Points {
    async fn around(&self, sink: &dyn LogSink, topic: &Topic, records: &[Routed]) -> Result<(), BusError> {
        let (before, behind) = match topic.kind {
            TopicKind::State => (STATE_UNSENT, "state, sent"),
            TopicKind::Events => ("events, unpublished", "events, published"),
        };
        let marks = |one: &Routed| matches!(one.record.body, Some(Body::Watermark(_)));
        if records.iter().all(marks) {
            return sink.publish(topic, records).await;
        }
        self.pass(before);
        sink.publish(topic, records).await?;
        self.pass(behind);
        Ok(())
    }
}

#[async_trait]
impl LogSink for WatchedSink {
    async fn publish(&self, topic: &Topic, records: &[Routed]) -> Result<(), BusError> {
        self.points.around(&*self.sink, topic, records).await
    }
}

#[async_trait]
impl LogSink for WatchedBus {
    async fn publish(&self, topic: &Topic, records: &[Routed]) -> Result<(), BusError> {
        self.points.around(&*self.bus, topic, records).await
    }
}

#[async_trait]
impl Bus for WatchedBus {
    async fn exclusive_sink(&self, name: &str) -> Result<Arc<dyn LogSink>, BusError> {
        let sink = self.bus.exclusive_sink(name).await?;
        Ok(Arc::new(WatchedSink { sink, points: self.points.clone() }))
    }

    async fn source(
        &self,
        reader: &str,
        topic: &Topic,
        from: &[(u32, i64)],
    ) -> Result<Box<dyn LogSource>, BusError> {
        let source = self.bus.source(reader, topic, from).await?;
        Ok(Box::new(WatchedSource { source, points: self.points.clone() }))
    }

    async fn ends(&self, topic: &Topic) -> Result<Vec<i64>, BusError> {
        self.bus.ends(topic).await
    }

    async fn begins(&self, topic: &Topic) -> Result<Vec<i64>, BusError> {
        self.bus.begins(topic).await
    }
}

struct WatchedSource {
    source: Box<dyn LogSource>,
    points: Points,
}

#[async_trait]
impl LogSource for WatchedSource {
    async fn poll(&mut self, max: usize) -> Result<Vec<Batch>, BusError> {
        self.source.poll(max).await
    }

    async fn hint_commit(&mut self, reached: &[(u32, i64)]) {
        self.points.pass("effect, untold");
        self.source.hint_commit(reached).await;
    }
}
