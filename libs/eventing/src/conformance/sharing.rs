//! What processes that share a store promise together: every event has its effect once and in order, through newcomers,
//! crashes and leavers.

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use kernel::SystemClock;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Fresh, append, write};
use crate::{
    args,
    bus::Bus,
    event::Incoming,
    journal::Journal,
    leases::{Leases, Pace},
    ownership::Holder,
    readers::{Failure, Projection, Source},
    sealing::{Sealer, StaticKeys},
    spine::Spine,
    sql::{Db, Tx},
    store::{EventStore, Expected},
};

const SERVICE: &str = "sharing";
const PACE: Pace = Pace { life: Duration::from_secs(3), renew_every: Duration::from_millis(500) };
const STREAMS: usize = 16;

/// `another` opens the same store as one more process would.
pub async fn suite<F, Fut>((fresh, bus): (Fresh, Arc<dyn Bus>), another: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = Arc<dyn EventStore>>,
{
    let table = "CREATE TABLE seen (reader TEXT NOT NULL, stream TEXT NOT NULL, version BIGINT NOT NULL,
                 PRIMARY KEY (reader, stream))";
    fresh.db.execute(table, vec![]).await.expect("made");
    let start = async |name: &str| Process::start(name, &fresh.db, another().await, &bus);
    let stop = CancellationToken::new();
    let written = AtomicUsize::new(0);
    let writing = async {
        while !stop.is_cancelled() {
            let next = written.fetch_add(1, Ordering::Relaxed);
            let stream = format!("stream-{}", next % STREAMS);
            fresh.store.append(append(vec![write(&stream, Expected::Any, 1)])).await.expect("appended");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let changing = async {
        let one = start("one").await;
        one.owns_something().await;
        let two = start("two").await;
        two.owns_something().await;
        let at = fresh.store.head().await.expect("read");
        assert!(two.sees(at).await, "a process waits for what others project");
        one.kill().await;
        // Another's crash is no news: its leases end by themselves, and everything goes on.
        until_seen(&fresh, &written).await;
        let three = start("three").await;
        three.owns_something().await;
        two.stop().await;
        stop.cancel();
        until_seen(&fresh, &written).await;
        three.stop().await;
    };
    tokio::join!(writing, changing);
}

/// Waits until both readers have seen everything that was written until now.
async fn until_seen(fresh: &Fresh, written: &AtomicUsize) {
    let wanted = i64::try_from(written.load(Ordering::Relaxed)).expect("few");
    let mut seen: BTreeMap<String, i64> = BTreeMap::new();
    for _ in 0..2_400 {
        // Versions of a stream begin at 1 and have no gaps: their sum over streams is how many events there were.
        let sql = "SELECT reader, CAST(SUM(version) AS BIGINT) FROM seen GROUP BY reader";
        let rows = fresh.db.fetch(sql, vec![]).await.expect("read");
        seen = rows.iter().map(|row| (row.get(0).expect("reader"), row.get(1).expect("sum"))).collect();
        if seen.len() == 2 && seen.values().all(|count| *count >= wanted) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{wanted} were written, seen were {seen:?}");
}

/// What one process runs of the service.
struct Process {
    leases: Leases,
    spine: Spine,
    shutdown: CancellationToken,
    tasks: JoinSet<()>,
}

impl Process {
    fn start(name: &str, db: &Db, store: Arc<dyn EventStore>, bus: &Arc<dyn Bus>) -> Self {
        let clock = Arc::new(SystemClock);
        let sealer = Sealer::new(Arc::new(StaticKeys::default()));
        let journal = Journal::new(SERVICE, store, sealer, clock.clone());
        let leases = Leases::shared(Holder::new(db.clone(), name, "here"), PACE);
        let shutdown = CancellationToken::new();
        let spine = Spine::new(&journal, db.clone(), bus.clone(), clock, leases.clone(), shutdown.clone())
            .projection(InOrder { name: "by the journal", source: Source::OwnJournal })
            .projection(InOrder { name: "by the log", source: Source::Topic(SERVICE) });
        let mut tasks = JoinSet::new();
        for one in spine.loops() {
            tasks.spawn(one.run);
        }
        Self { leases, spine, shutdown, tasks }
    }

    async fn owns_something(&self) {
        let mut owned = self.leases.owned();
        let waited = owned.wait_for(|owned| *owned != crate::leases::Owned::default());
        let waited = tokio::time::timeout(Duration::from_secs(60), waited).await;
        assert!(waited.is_ok(), "a newcomer gets its part");
    }

    async fn sees(&self, position: i64) -> bool {
        self.spine.projected().reached(position, Duration::from_secs(60)).await
    }

    async fn stop(mut self) {
        self.shutdown.cancel();
        while self.tasks.join_next().await.is_some() {}
    }

    /// As a crash would: nothing is given back.
    async fn kill(mut self) {
        self.tasks.shutdown().await;
    }
}

/// Insists on every event of a stream once and in order.
struct InOrder {
    name: &'static str,
    source: Source,
}

#[async_trait]
impl Projection for InOrder {
    fn name(&self) -> &'static str {
        self.name
    }

    fn sources(&self) -> Vec<Source> {
        vec![self.source]
    }

    async fn apply(&self, tx: &mut dyn Tx, events: &[Incoming]) -> Result<(), Failure> {
        for incoming in events {
            let (stream, version) = (incoming.event.stream.to_string(), incoming.event.version);
            let sql = "SELECT version FROM seen WHERE reader = $1 AND stream = $2";
            let before = tx.fetch_one(sql, args![self.name, &stream]).await?;
            let before: i64 = before.map_or(Ok(0), |row| row.get(0))?;
            if version != before + 1 {
                return Err(Failure::Poison(format!("{stream} {version} {}, behind {before}", self.name)));
            }
            let sql = "INSERT INTO seen (reader, stream, version) VALUES ($1, $2, $3)
                       ON CONFLICT (reader, stream) DO UPDATE SET version = excluded.version";
            tx.execute(sql, args![self.name, &stream, version]).await?;
        }
        Ok(())
    }
}
