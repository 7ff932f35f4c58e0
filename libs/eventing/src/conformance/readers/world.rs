//! What the suite runs: a store with its log, a spine over them, and a projection that counts.

use std::{
    collections::{HashMap, HashSet},
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use kernel::SystemClock;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{
    super::{Fresh, append, write},
    SERVICE,
};
use crate::{
    args,
    bus::Bus,
    event::Incoming,
    journal::Journal,
    leases::Leases,
    readers::{Failure, Projection, Source},
    sealing::{Sealer, StaticKeys},
    spine::Spine,
    sql::Tx,
    store::Expected,
};

pub(super) struct World {
    pub(super) fresh: Fresh,
    pub(super) bus: Arc<dyn Bus>,
    pub(super) journal: Journal,
}

impl World {
    pub(super) async fn new((fresh, bus): (Fresh, Arc<dyn Bus>)) -> Self {
        let table =
            "CREATE TABLE tally (stream TEXT PRIMARY KEY, count BIGINT NOT NULL, last BIGINT NOT NULL)";
        fresh.db.execute(table, vec![]).await.expect("made");
        let sealer = Sealer::new(Arc::new(StaticKeys::default()));
        let journal = Journal::new(SERVICE, fresh.store.clone(), sealer, Arc::new(SystemClock));
        Self { fresh, bus, journal }
    }

    pub(super) fn spine(&self, epoch: i64, shutdown: &CancellationToken) -> Spine {
        let leases = Leases::whole(epoch);
        let clock = Arc::new(SystemClock);
        Spine::new(&self.journal, self.fresh.db.clone(), self.bus.clone(), clock, leases, shutdown.clone())
    }

    pub(super) async fn happen(&self, stream: &str, times: usize) {
        self.fresh.store.append(append(vec![write(stream, Expected::Any, times)])).await.expect("appended");
    }

    pub(super) async fn tally(&self) -> HashMap<String, i64> {
        let rows = self.fresh.db.fetch("SELECT stream, count FROM tally", vec![]).await.expect("read");
        rows.iter().map(|row| (row.get(0).expect("stream"), row.get(1).expect("count"))).collect()
    }

    pub(super) async fn until(&self, wanted: &[(&str, i64)]) {
        let wanted: HashMap<String, i64> =
            wanted.iter().map(|(key, count)| ((*key).to_owned(), *count)).collect();
        for _ in 0..2_400 {
            if self.tally().await == wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("waited for {wanted:?}, got {:?}", self.tally().await);
    }
}

/// Runs a spine's loops until told to stop.
pub(super) struct Running {
    pub(super) shutdown: CancellationToken,
    pub(super) tasks: JoinSet<()>,
}

impl Running {
    pub(super) fn start(spine: &Spine, shutdown: CancellationToken) -> Self {
        let mut tasks = JoinSet::new();
        for one in spine.loops() {
            tasks.spawn(one.run);
        }
        Self { shutdown, tasks }
    }

    pub(super) async fn stop(mut self) {
        self.shutdown.cancel();
        while self.tasks.join_next().await.is_some() {}
    }

    /// As a crash would: wherever they are.
    pub(super) async fn kill(mut self) {
        self.tasks.shutdown().await;
    }
}

/// Counts events by stream, and insists on their order.
pub(super) struct Tally {
    pub(super) source: Source,
    pub(super) poison: Arc<Mutex<HashSet<String>>>,
}

impl Tally {
    pub(super) fn of(source: Source) -> Self {
        Self { source, poison: Arc::default() }
    }
}

#[async_trait]
impl Projection for Tally {
    fn name(&self) -> &'static str {
        "tally"
    }

    fn sources(&self) -> Vec<Source> {
        vec![self.source]
    }

    async fn apply(&self, tx: &mut dyn Tx, events: &[Incoming]) -> Result<(), Failure> {
        for incoming in events {
            let stream = incoming.event.stream.as_str();
            if self.poison.lock().expect("not poisoned").contains(stream) {
                return Err(Failure::Poison("told so".to_owned()));
            }
            let changed = tx
                .execute(
                    "INSERT INTO tally (stream, count, last) VALUES ($1, 1, $2)
                     ON CONFLICT (stream) DO UPDATE SET count = tally.count + 1, last = excluded.last
                     WHERE excluded.last > tally.last",
                    args![stream, incoming.event.version],
                )
                .await?;
            assert_eq!(changed, 1, "{stream} version {} came out of order", incoming.event.version);
        }
        Ok(())
    }
}

/// Asks again until the answer is yes, for a minute.
pub(super) async fn eventually<F, Fut>(what: &str, ask: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = bool>,
{
    for _ in 0..2_400 {
        if ask().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("never {what}");
}
