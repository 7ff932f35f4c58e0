//! One process of the service: the real spine over a way to the store and a way to the log.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use eventing::{
    Command, Error, EventStore, Journal, Position, Sealer, Spine, StreamId,
    leases::{Leases, Pace},
    ownership::Holder,
    sealing::StaticKeys,
    sql::DbError,
    store::Fence,
};
use stadion_backends::SqlEventStore;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    schedule::{Owner, Schedule},
    weather::SkewedClock,
    world::Ground,
};
use crate::ring::{self, Count, Counts, Happened, SERVICE};

pub(super) const PACE: Pace =
    Pace { life: Duration::from_millis(1_200), renew_every: Duration::from_millis(400) };

/// Whether a process runs, sleeps or is gone.
pub(super) struct Life {
    frozen: watch::Sender<bool>,
    dead: AtomicBool,
}

impl Life {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { frozen: watch::Sender::new(false), dead: AtomicBool::new(false) })
    }

    pub(super) fn check(&self) -> Result<(), DbError> {
        if self.dead.load(Ordering::Relaxed) {
            return Err(DbError::Unavailable("this process is gone".to_owned()));
        }
        Ok(())
    }

    /// Returns when the process is awake.
    pub(super) async fn wait(&self) {
        if !*self.frozen.borrow() {
            return;
        }
        let mut frozen = self.frozen.subscribe();
        let _ = frozen.wait_for(|frozen| !frozen).await;
    }
}

#[derive(Clone)]
pub(super) struct Process {
    pub(super) owner: Owner,
    pub(super) journal: Journal,
    pub(super) leases: Leases,
    pub(super) ahead_us: Arc<AtomicI64>,
    pub(super) counts: Counts,
    life: Arc<Life>,
    shutdown: CancellationToken,
    schedule: Schedule,
}

impl Process {
    /// `None` when its start was refused.
    pub(super) async fn start(ground: &Ground, owner: Owner, name: &str) -> Option<Self> {
        let life = Life::new();
        let (db, bus) = (ground.server.link(life.clone()), ground.log.link(life.clone()));
        let store: Arc<dyn EventStore> = Arc::new(SqlEventStore::open(db.clone()).await.ok()?);
        let ahead_us = Arc::new(AtomicI64::new(0));
        let clock = Arc::new(SkewedClock { time: ground.time, ahead_us: ahead_us.clone() });
        let sealer = Sealer::new(Arc::new(StaticKeys::default()));
        let journal = Journal::new(SERVICE, store, sealer, clock.clone());
        let leases = Leases::shared(Holder::new(db.clone(), name, "here"), PACE);
        let shutdown = CancellationToken::new();
        let spine = Spine::new(&journal, db, bus, clock, leases.clone(), shutdown.clone());
        let (spine, counts) = ring::wired(spine, &journal, &ground.history, name);
        for one in spine.loops() {
            ground.schedule.spawn(owner, one.run);
        }
        let schedule = ground.schedule.clone();
        Some(Self { owner, journal, leases, ahead_us, counts, life, shutdown, schedule })
    }

    /// Asks it to end; its leases are given back.
    pub(super) fn stop(&self) {
        self.shutdown.cancel();
    }

    pub(super) fn kill(&self) {
        self.life.dead.store(true, Ordering::Relaxed);
        self.thaw();
        self.schedule.kill(self.owner);
    }

    pub(super) fn freeze(&self) {
        self.life.frozen.send_replace(true);
        self.schedule.freeze(self.owner);
    }

    pub(super) fn thaw(&self) {
        self.life.frozen.send_replace(false);
        self.schedule.thaw(self.owner);
    }
}

/// Who believes to own the relay says so; the epoch stands in the event.
pub(super) async fn proclaim(process: &Process, key: &str) -> Option<(String, Result<Position, Error>)> {
    let epoch = process.leases.owned().borrow().epoch("relay")?;
    let name = format!("owner/{epoch}/{key}");
    let said = async {
        let loaded = process.journal.load::<Count>(&StreamId::named("owner")).await?;
        let mut batch = process.journal.batch(&Command::by("service:ring").keyed(&name, Vec::new()));
        batch.write(&loaded, "owner", vec![Happened(name.clone())]);
        batch.fence(Fence { resource: "relay".to_owned(), epoch });
        Ok(batch.commit().await?.position)
    };
    let said = said.await;
    Some((name, said))
}
