//! One process of the service: the real spine over a way to the store and a way to the log.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use eventing::{
    Aggregate, Command, Decision, DecodeError, DomainEvent, Error, EventStore, Failure, Incoming, Journal,
    Plain, Position, Projection, Reactor, Recorded, Sealer, SiblingJournals, Source, Spine, StreamId, Timer,
    TimerHandler, Tx, args,
    bus::{BusError, Topic},
    conformance::history::History,
    leases::{Leases, Pace},
    outbox,
    ownership::Holder,
    sealing::StaticKeys,
    sql::DbError,
    store::{DueTimer, Fence},
};
use stadion_backends::SqlEventStore;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    schedule::{Owner, Schedule},
    weather::SkewedClock,
    world::Ground,
};

pub(super) const SERVICE: &str = "ring";
pub(super) const PACE: Pace =
    Pace { life: Duration::from_millis(1_200), renew_every: Duration::from_millis(400) };

/// The newest count of each stream.
pub(super) fn counts() -> Topic {
    Topic::state(SERVICE, "counts")
}

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

/// Something happened, by the command named.
#[derive(Clone, Debug)]
pub(super) struct Happened(pub(super) String);

impl DomainEvent for Happened {
    fn encode(&self) -> Plain {
        let (kind, payload) = ("stadion.test.v1.Happened".to_owned(), self.0.clone().into_bytes().into());
        Plain { kind, schema_ver: 1, payload, erased: Vec::new() }
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        Ok(Self(String::from_utf8_lossy(&plain.payload).into_owned()))
    }
}

#[derive(Clone, Debug, Default)]
struct Count(i64);

impl Aggregate for Count {
    type Event = Happened;
    const KIND: &'static str = "account";

    fn evolve(&mut self, _: &Happened) {
        self.0 += 1;
    }
}

#[derive(Clone)]
pub(super) struct Process {
    pub(super) owner: Owner,
    pub(super) journal: Journal,
    pub(super) leases: Leases,
    pub(super) ahead_us: Arc<AtomicI64>,
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
        let journal = Journal::new(SERVICE, store.clone(), sealer, clock.clone());
        let leases = Leases::shared(Holder::new(db.clone(), name, "here"), PACE);
        let shutdown = CancellationToken::new();
        let echo = Echo { journal: journal.clone(), history: ground.history.clone() };
        let bell = Bell { journal: journal.clone(), history: ground.history.clone() };
        let spine = Spine::new(&journal, db, bus, clock, leases.clone(), shutdown.clone())
            .projection(Seen { name: "by the journal", source: Source::OwnJournal })
            .projection(Seen { name: "by the log", source: Source::Topic(SERVICE) })
            .reactor(echo)
            .timers(bell)
            .siblings(Arc::new(Sibling(store)));
        for one in spine.loops() {
            ground.schedule.spawn(owner, one.run);
        }
        let schedule = ground.schedule.clone();
        Some(Self { owner, journal, leases, ahead_us, life, shutdown, schedule })
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

/// What somebody asks for: the same each time it is tried.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    pub(super) key: String,
    /// Each with how many events.
    pub(super) streams: Vec<(String, usize)>,
    pub(super) bell: bool,
}

impl Wish {
    pub(super) fn events(&self) -> usize {
        self.streams.iter().map(|(_, events)| events).sum()
    }

    /// The command, as a handler of the service gives it.
    pub(super) async fn ask(&self, journal: &Journal) -> Result<Position, Error> {
        let command = Command::by("account:test").keyed(&self.key, self.key.clone().into_bytes());
        let happened = |events: usize| vec![Happened(self.key.clone()); events];
        if let [(stream, events)] = self.streams.as_slice() {
            let stream = StreamId::named(stream);
            let decide = |_: &Count, now: jiff::Timestamp| {
                let decision = Decision::of(happened(*events)).answer(201, vec![self.key.clone()]);
                Ok(if self.bell { decision.timer(self.timer(&stream, now)) } else { decision })
            };
            return Ok(journal
                .execute::<Count, _>(&command, &stream, stream.as_str(), decide)
                .await?
                .position);
        }
        let (command, happened) = (&command, &happened);
        let attempt = || async move {
            let mut batch = journal.batch(command);
            for (stream, events) in &self.streams {
                let loaded = journal.load::<Count>(&StreamId::named(stream)).await?;
                batch.write(&loaded, stream, happened(*events));
            }
            batch.commit().await
        };
        Ok(journal.retrying(attempt).await?.position)
    }

    fn timer(&self, stream: &StreamId, now: jiff::Timestamp) -> Timer {
        let due_us = kernel::time::micros(now) + 700_000;
        let (stream, command_id) = (stream.clone(), self.key.clone());
        Timer::Set { due_us, stream, command_id, payload: self.key.clone().into_bytes().into() }
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

/// Notes every event that it takes, as often as it takes it; and puts the stream's count where others follow it.
struct Seen {
    name: &'static str,
    source: Source,
}

#[async_trait]
impl Projection for Seen {
    fn name(&self) -> &'static str {
        self.name
    }

    fn sources(&self) -> Vec<Source> {
        vec![self.source]
    }

    async fn apply(&self, tx: &mut dyn Tx, events: &[Incoming]) -> Result<(), Failure> {
        for Incoming { event, .. } in events {
            let sql = "INSERT INTO effect (reader, position) VALUES ($1, $2)";
            tx.execute(sql, args![self.name, event.position]).await?;
            if self.source == Source::OwnJournal {
                let (stream, count) = (event.stream.as_str(), Happened(event.version.to_string()).encode());
                outbox::put(tx, &counts(), stream, &event.partition_key, event.version, &count).await?;
            }
        }
        Ok(())
    }
}

/// What an event of an account is echoed by, if it is.
pub(super) fn echo_of(event: &Recorded) -> Option<String> {
    let echoes = event.stream.kind() == "account" && event.version % 3 == 0;
    echoes.then(|| format!("echo/{}", event.event_id))
}

/// Answers every third event of an account with a command.
struct Echo {
    journal: Journal,
    history: Arc<Mutex<History>>,
}

#[async_trait]
impl Reactor for Echo {
    fn name(&self) -> &'static str {
        "echo"
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::Topic(SERVICE)]
    }

    fn keys_at_once(&self) -> usize {
        4
    }

    async fn react(&self, event: &Incoming) -> Result<(), Failure> {
        let Some(name) = echo_of(&event.event) else { return Ok(()) };
        let target = StreamId::named(&format!("echo-{}", event.event.stream));
        let command = Command::reacting(self.name(), event, &target, "echo");
        follow_up(&self.journal, &self.history, (name, command), &target).await
    }
}

/// Rings when the time has come.
struct Bell {
    journal: Journal,
    history: Arc<Mutex<History>>,
}

#[async_trait]
impl TimerHandler for Bell {
    async fn fire(&self, timer: &DueTimer) -> Result<(), Failure> {
        let name = format!("bell/{}", timer.command_id);
        let target = StreamId::named(&format!("bell-{}", timer.stream));
        follow_up(&self.journal, &self.history, (name, Command::timed(SERVICE, timer)), &target).await
    }
}

async fn follow_up(
    journal: &Journal,
    history: &Mutex<History>,
    (name, command): (String, Command),
    target: &StreamId,
) -> Result<(), Failure> {
    history.lock().expect("not poisoned").attempted(&name, 1);
    let decide = |_: &Count, _| Ok(Decision::of(vec![Happened(name.clone())]));
    let done = journal.execute::<Count, _>(&command, target, target.as_str(), decide).await?;
    history.lock().expect("not poisoned").acknowledged(&name, done.position);
    Ok(())
}

/// A sibling's journal, which is one's own here.
struct Sibling(Arc<dyn EventStore>);

#[async_trait]
impl SiblingJournals for Sibling {
    async fn read_all(
        &self,
        _: &'static str,
        after: Position,
        max: usize,
    ) -> Result<(Vec<Recorded>, Position), BusError> {
        let unavailable = |error: eventing::store::StoreError| BusError::Unavailable(error.to_string());
        let head = self.0.head().await.map_err(unavailable)?;
        Ok((self.0.read_all(after, max.min(9)).await.map_err(unavailable)?, head))
    }
}
