//! The service on which faults are played: every kind of work that a spine has, and words to judge it by.
//!
//! Clients wish for events on accounts. Two projections note each, by the journal and by the log; one puts the count of
//! each stream where others follow it. A reactor echoes every third event, a timer rings behind some commands.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use eventing::{
    Aggregate, Command, Decision, DecodeError, DomainEvent, Error, EventStore, Failure, Follower, Incoming,
    Journal, Plain, Position, Projection, Reactor, Recorded, SiblingJournals, Source, Spine, StateValue,
    StreamId, Timer, TimerHandler, Tx, args,
    bus::{BusError, Topic},
    conformance::history::{History, Kept, Reader},
    outbox,
    store::DueTimer,
};

pub(crate) const SERVICE: &str = "ring";

/// The readers that note what they take.
pub(crate) const READERS: [&str; 2] = ["by the journal", "by the log"];

/// What must be nothing when all is done, each with how it is asked for.
pub(crate) const UNDONE: [(&str, &str); 5] = [
    (
        "cursors behind",
        "SELECT COUNT(*) FROM es_cursor WHERE source_pos < (SELECT MAX(position) FROM es_event)",
    ),
    // The relay, one cursor of the journal, and two of every partition of the log.
    ("cursors missing", "SELECT 50 - COUNT(*) FROM es_cursor"),
    ("timers", "SELECT COUNT(*) FROM es_timer WHERE state = 'waiting'"),
    ("outbox", "SELECT COUNT(*) FROM es_outbox"),
    ("parked", "SELECT COUNT(*) FROM es_dlq"),
];

/// The newest count of each stream.
pub(crate) fn counts() -> Topic {
    Topic::state(SERVICE, "counts")
}

/// All that this service does beside its commands. `who` does it is noted with every effect.
pub(crate) fn wired(
    spine: Spine,
    journal: &Journal,
    history: &Arc<Mutex<History>>,
    who: &str,
) -> (Spine, Counts) {
    let seen = |name, source| Seen { name, source, who: who.to_owned() };
    let counts = Counts::default();
    let store = journal.store().clone();
    let mut spine = spine
        .projection(seen(READERS[0], Source::OwnJournal))
        .projection(seen(READERS[1], Source::Topic(SERVICE)))
        .reactor(Echo { journal: journal.clone(), history: history.clone() })
        .timers(Bell { journal: journal.clone(), history: history.clone() })
        .siblings(Arc::new(Sibling(store)));
    spine.follower(Arc::new(counts.clone()));
    (spine, counts)
}

/// What must be there because of what is there.
pub(crate) fn promises(history: &mut History, journal: &[Recorded]) {
    for event in journal {
        if let Some(echo) = echo_of(event) {
            history.promised(&echo, 1);
        }
        let name = named(event);
        if rings(&name) && !name.contains('/') {
            history.promised(&format!("bell/{name}"), 1);
        }
    }
}

/// The command that an event came of.
pub(crate) fn named(event: &Recorded) -> String {
    String::from_utf8_lossy(&event.payload).into_owned()
}

pub(crate) fn kept(journal: &[Recorded]) -> Vec<Kept> {
    journal.iter().map(|event| Kept::of(event, named(event))).collect()
}

/// How many events each stream has: what its newest count must say.
pub(crate) fn lengths(journal: &[Recorded]) -> BTreeMap<String, i64> {
    journal.iter().map(|event| (event.stream.to_string(), event.version)).collect()
}

/// What the readers have noted, from rows of `SELECT reader, position FROM effect ORDER BY id`.
pub(crate) fn effects(rows: &[eventing::Row]) -> Vec<Reader> {
    let of = |name: &str| {
        let own = rows.iter().filter(|row| row.get::<String>(0).expect("a reader") == name);
        Reader { name: name.to_owned(), applied: own.map(|row| row.get(1).expect("a position")).collect() }
    };
    READERS.map(of).to_vec()
}

fn rings(name: &str) -> bool {
    name.ends_with("with a bell")
}

/// Something happened, by the command named.
#[derive(Clone, Debug)]
pub(crate) struct Happened(pub(crate) String);

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
pub(crate) struct Count(i64);

impl Aggregate for Count {
    type Event = Happened;
    const KIND: &'static str = "account";

    fn evolve(&mut self, _: &Happened) {
        self.0 += 1;
    }
}

/// What somebody asks for: the same each time it is tried.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) key: String,
    /// Each with how many events.
    pub(crate) streams: Vec<(String, usize)>,
}

impl Wish {
    pub(crate) fn events(&self) -> usize {
        self.streams.iter().map(|(_, events)| events).sum()
    }

    /// The command, as a handler of the service gives it.
    pub(crate) async fn ask(&self, journal: &Journal) -> Result<Position, Error> {
        let command = Command::by("account:test").keyed(&self.key, self.key.clone().into_bytes());
        let happened = |events: usize| vec![Happened(self.key.clone()); events];
        if let [(stream, events)] = self.streams.as_slice() {
            let stream = StreamId::named(stream);
            let decide = |_: &Count, now: jiff::Timestamp| {
                let decision = Decision::of(happened(*events)).answer(201, vec![self.key.clone()]);
                Ok(if rings(&self.key) { decision.timer(self.timer(&stream, now)) } else { decision })
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

/// Notes every event that it takes, as often as it takes it; and puts the stream's count where others follow it.
struct Seen {
    name: &'static str,
    source: Source,
    who: String,
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
            let sql = "INSERT INTO effect (reader, position, who) VALUES ($1, $2, $3)";
            tx.execute(sql, args![self.name, event.position, &self.who]).await?;
            if self.source == Source::OwnJournal {
                let (stream, count) = (event.stream.as_str(), Happened(event.version.to_string()).encode());
                outbox::put(tx, &counts(), stream, &event.partition_key, event.version, &count).await?;
            }
        }
        Ok(())
    }
}

/// What an event of an account is echoed by, if it is.
pub(crate) fn echo_of(event: &Recorded) -> Option<String> {
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

/// Keeps the counts in memory.
#[derive(Clone, Default)]
pub(crate) struct Counts(Arc<Mutex<BTreeMap<String, i64>>>);

impl Counts {
    pub(crate) fn read(&self) -> BTreeMap<String, i64> {
        self.0.lock().expect("not poisoned").clone()
    }
}

#[async_trait]
impl Follower for Counts {
    fn name(&self) -> &'static str {
        "counts"
    }

    fn topic(&self) -> Topic {
        counts()
    }

    async fn apply(&self, value: &StateValue) {
        let count = String::from_utf8_lossy(&value.plain.payload).parse().expect("a number");
        self.0.lock().expect("not poisoned").insert(value.key.clone(), count);
    }
}
