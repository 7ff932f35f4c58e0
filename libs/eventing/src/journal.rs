//! The typed door to a service's store: load, decide, append, with sealing and idempotency in their places.

mod near;

use std::{future::Future, sync::Arc};

use jiff::Timestamp;
use kernel::{Clock, Code, Refusal};
use prost::Message;
use proto::envelope::{CommandResult, Meta, Parcel};
use tracing::warn;
use uuid::Uuid;

use self::near::{OpenedBy, States};
use crate::{
    aggregate::{Aggregate, Loaded},
    bus::CONTENT_BYTES_MAX,
    command::Command,
    error::Error,
    event::{DecodeError, DomainEvent, Plain, Position, StreamId, Version},
    sealing::Sealer,
    sql::Statement,
    store::{
        Append, Claim, CommandRow, EventStore, Expected, Fence, NewEvent, Outcome, Snapshot, Timer, Write,
    },
};

/// Events a page when a stream is folded.
const PAGE: usize = 500;
/// How often a decision is made anew because somebody else wrote first.
const ATTEMPTS: usize = 16;

/// A service's own journal. Cheap to clone.
#[derive(Clone)]
pub struct Journal {
    service: &'static str,
    store: Arc<dyn EventStore>,
    sealer: Sealer,
    clock: Arc<dyn Clock>,
    near: States,
}

/// What became of a command.
#[derive(Clone, Debug, PartialEq)]
pub struct Done {
    /// Readers that have seen this position have seen the command's effects.
    pub position: Position,
    /// An idempotency key brought the first answer back; nothing was written.
    pub replayed: bool,
    pub result: CommandResult,
}

/// Everything one decision writes.
#[derive(Clone, Debug)]
pub struct Decision<E> {
    pub events: Vec<E>,
    pub claims: Vec<Claim>,
    pub timers: Vec<Timer>,
    pub inline: Vec<Statement>,
    pub result: CommandResult,
}

impl<E> Decision<E> {
    pub fn of(events: Vec<E>) -> Self {
        Self {
            events,
            claims: Vec::new(),
            timers: Vec::new(),
            inline: Vec::new(),
            result: CommandResult::default(),
        }
    }

    pub fn claim(mut self, claim: Claim) -> Self {
        self.claims.push(claim);
        self
    }

    pub fn timer(mut self, timer: Timer) -> Self {
        self.timers.push(timer);
        self
    }

    pub fn inline(mut self, statement: Statement) -> Self {
        self.inline.push(statement);
        self
    }

    /// The first answer, remembered for the command's key: a status and ids, never a secret.
    pub fn answer(mut self, status: u32, ids: Vec<String>) -> Self {
        self.result = CommandResult { status, ids };
        self
    }
}

impl<E> From<Vec<E>> for Decision<E> {
    fn from(events: Vec<E>) -> Self {
        Self::of(events)
    }
}

impl Journal {
    pub fn new(
        service: &'static str,
        store: Arc<dyn EventStore>,
        sealer: Sealer,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { service, store, sealer, clock, near: States::new() }
    }

    pub fn service(&self) -> &'static str {
        self.service
    }

    pub fn store(&self) -> &Arc<dyn EventStore> {
        &self.store
    }

    pub fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The state of a stream at its head.
    pub async fn load<A: Aggregate>(&self, stream: &StreamId) -> Result<Loaded<A>, Error> {
        let (known, mut opened_by, kept_at) = match self.near.get::<A>(stream, &self.sealer).await? {
            Some((near, opened_by)) => {
                let version = near.version;
                (near, opened_by, version)
            }
            None => {
                let mut opened_by = OpenedBy::default();
                (self.snapshot_or_empty::<A>(stream, &mut opened_by).await?, opened_by, 0)
            }
        };
        let loaded = self.fold(known, &mut opened_by).await?;
        if loaded.version > kept_at {
            self.near.put(&loaded, opened_by);
        }
        Ok(loaded)
    }

    /// What was kept in memory, with the events that came since: another process may have written them.
    pub async fn refresh<A: Aggregate>(&self, loaded: Loaded<A>) -> Result<Loaded<A>, Error> {
        self.fold(loaded, &mut OpenedBy::default()).await
    }

    async fn fold<A: Aggregate>(
        &self,
        mut loaded: Loaded<A>,
        opened_by: &mut OpenedBy,
    ) -> Result<Loaded<A>, Error> {
        loop {
            let page = self.store.load(&loaded.stream, loaded.version, PAGE).await?;
            let Some(last) = page.last() else { break };
            loaded.version = last.version;
            let plains = self.sealer.open(&page).await?;
            opened_by.note(page.iter().flat_map(|event| &event.meta.sealed), &plains)?;
            for plain in &plains {
                loaded.state.evolve(&A::Event::decode(plain)?);
            }
            if page.len() < PAGE {
                break;
            }
        }
        Ok(loaded)
    }

    async fn snapshot_or_empty<A: Aggregate>(
        &self,
        stream: &StreamId,
        opened_by: &mut OpenedBy,
    ) -> Result<Loaded<A>, Error> {
        let empty = Loaded { state: A::default(), version: 0, stream: stream.clone() };
        if A::SNAPSHOT_EVERY == 0 {
            return Ok(empty);
        }
        let Some(snapshot) =
            self.store.snapshot(stream).await?.filter(|found| found.state_ver == A::STATE_VER)
        else {
            return Ok(empty);
        };
        let Ok(parcel) = Parcel::decode(snapshot.state.clone()) else { return Ok(empty) };
        let plain = self.sealer.open_parcel(&parcel).await?;
        // A key destroyed since then: only the events tell the truth.
        let restored = if plain.erased.is_empty() { A::restore(&plain) } else { None };
        if restored.is_some() {
            opened_by.note(&parcel.sealed, std::slice::from_ref(&plain))?;
        }
        Ok(restored.map_or(empty, |state| Loaded {
            state,
            version: snapshot.version,
            stream: stream.clone(),
        }))
    }

    /// The command's first answer, if its key was answered before.
    pub async fn replayed(&self, command: &Command) -> Result<Option<Done>, Error> {
        let Some(key) = &command.key else { return Ok(None) };
        let Some(answered) = self.store.answered(&command.actor, &key.key).await? else { return Ok(None) };
        if answered.request_hash != key.request_hash {
            return Err(Error::IdempotencyMismatch);
        }
        Ok(Some(Done { position: answered.position, replayed: true, result: answered.result }))
    }

    /// One command on one stream: loads, decides and appends, anew when somebody wrote first. A known key is found by the
    /// append, and answered as it was the first time; only where nothing comes to be appended it is looked for.
    pub async fn execute<A, F>(
        &self,
        command: &Command,
        stream: &StreamId,
        partition_key: &str,
        decide: F,
    ) -> Result<Done, Error>
    where
        A: Aggregate,
        F: Fn(&A, Timestamp) -> Result<Decision<A::Event>, Refusal> + Send + Sync,
    {
        let decide = &decide;
        let done = self.retrying(|| async move {
            let loaded = self.load::<A>(stream).await?;
            let decision = decide(&loaded.state, self.now())?;
            let mut batch = self.batch(command);
            batch.decided(&loaded, partition_key, decision);
            batch.commit().await
        });
        match done.await {
            // What was done once may be impossible now because it was done.
            Err(error @ (Error::Refused(_) | Error::Sealing(_))) => {
                self.replayed(command).await?.ok_or(error)
            }
            done => done,
        }
    }

    /// Calls `attempt` again while it says [`Error::Conflict`].
    pub async fn retrying<T, F, Fut>(&self, attempt: F) -> Result<T, Error>
    where
        F: Fn() -> Fut + Send + Sync,
        Fut: Future<Output = Result<T, Error>> + Send,
    {
        for _ in 1..ATTEMPTS {
            match attempt().await {
                Err(Error::Conflict) => {}
                answer => return answer,
            }
        }
        attempt().await
    }

    /// An append over any number of streams.
    pub fn batch(&self, command: &Command) -> Batch {
        Batch {
            journal: self.clone(),
            command: command.clone(),
            writes: Vec::new(),
            append: Append::default(),
            result: CommandResult::default(),
            snapshots: Vec::new(),
        }
    }
}

struct PlainWrite {
    stream: StreamId,
    partition_key: String,
    expected: Expected,
    events: Vec<Plain>,
    /// Whose events they are, where it is not the batch's own command.
    by: Option<Command>,
}

/// One atomic append in the making.
pub struct Batch {
    journal: Journal,
    command: Command,
    writes: Vec<PlainWrite>,
    append: Append,
    result: CommandResult,
    snapshots: Vec<(StreamId, Version, i64, Plain)>,
}

impl Batch {
    /// Events for a loaded stream, which must not have moved meanwhile. A write without events still guards the version.
    pub fn write<A: Aggregate>(&mut self, loaded: &Loaded<A>, partition_key: &str, events: Vec<A::Event>) {
        self.note_snapshot(loaded, &events);
        self.writes.push(PlainWrite {
            stream: loaded.stream.clone(),
            partition_key: partition_key.to_owned(),
            expected: Expected::Exactly(loaded.version),
            events: events.iter().map(DomainEvent::encode).collect(),
            by: None,
        });
    }

    /// As [`Batch::write`], for another command than the batch's: where one append decides many.
    pub fn write_by<A: Aggregate>(
        &mut self,
        command: &Command,
        loaded: &Loaded<A>,
        partition_key: &str,
        events: Vec<A::Event>,
    ) {
        self.write(loaded, partition_key, events);
        if let Some(write) = self.writes.last_mut() {
            write.by = Some(command.clone());
        }
    }

    /// Remembers the first answer of another command that this append decides too, if it has a key. Should one of them
    /// have been answered before, nothing is written: [`Journal::replayed`] tells which.
    pub fn also_answering(&mut self, command: &Command, stream: &StreamId, status: u32, ids: Vec<String>) {
        if let Some(key) = &command.key {
            self.append.commands.push(CommandRow {
                actor: command.actor.clone(),
                key: key.key.clone(),
                request_hash: key.request_hash.clone(),
                stream: stream.clone(),
                result: CommandResult { status, ids },
            });
        }
    }

    /// A whole decision for a loaded stream.
    pub fn decided<A: Aggregate>(
        &mut self,
        loaded: &Loaded<A>,
        partition_key: &str,
        decision: Decision<A::Event>,
    ) {
        self.write(loaded, partition_key, decision.events);
        self.append.claims.extend(decision.claims);
        self.append.timers.extend(decision.timers);
        self.append.inline.extend(decision.inline);
        self.result = decision.result;
    }

    pub fn claim(&mut self, claim: Claim) {
        self.append.claims.push(claim);
    }

    pub fn timer(&mut self, timer: Timer) {
        self.append.timers.push(timer);
    }

    pub fn inline(&mut self, statement: Statement) {
        self.append.inline.push(statement);
    }

    pub fn fence(&mut self, fence: Fence) {
        self.append.fence = Some(fence);
    }

    /// The first answer, remembered for the command's key.
    pub fn answer(&mut self, status: u32, ids: Vec<String>) {
        self.result = CommandResult { status, ids };
    }

    /// Seals and appends all of it, or nothing.
    pub async fn commit(mut self) -> Result<Done, Error> {
        self.append.at_us = kernel::time::micros(self.journal.now());
        self.append.writes = self.seal().await?;
        if let Some(key) = &self.command.key {
            let stream =
                self.writes.first().map_or_else(|| StreamId::named("none"), |write| write.stream.clone());
            self.append.commands.push(CommandRow {
                actor: self.command.actor.clone(),
                key: key.key.clone(),
                request_hash: key.request_hash.clone(),
                stream,
                result: self.result.clone(),
            });
        }
        match self.journal.store.append(self.append).await? {
            Outcome::Appended { position, .. } => {
                save_snapshots(&self.journal, self.snapshots).await;
                Ok(Done { position, replayed: false, result: self.result })
            }
            Outcome::Conflict { .. } => Err(Error::Conflict),
            Outcome::Replayed { result, position } => Ok(Done { position, replayed: true, result }),
            Outcome::Mismatch { .. } => Err(Error::IdempotencyMismatch),
            Outcome::Claimed { scope, by } => Err(Error::Claimed { scope, by }),
            Outcome::Fenced => Err(Error::Fenced),
        }
    }

    async fn seal(&self) -> Result<Vec<Write>, Error> {
        let ids: Vec<Uuid> =
            self.writes.iter().flat_map(|write| &write.events).map(|_| Uuid::now_v7()).collect();
        let plains: Vec<(Uuid, &Plain)> =
            ids.iter().copied().zip(self.writes.iter().flat_map(|write| &write.events)).collect();
        let mut sealed = self.journal.sealer.seal(&plains).await?.into_iter().zip(ids);
        let mut writes = Vec::with_capacity(self.writes.len());
        for write in &self.writes {
            let mut events = Vec::with_capacity(write.events.len());
            for plain in &write.events {
                let Some(((payload, parts), event_id)) = sealed.next() else {
                    return Err(DecodeError("a sealed event is missing".to_owned()).into());
                };
                let meta = Meta { sealed: parts, ..meta(write.by.as_ref().unwrap_or(&self.command)) };
                let kind = plain.kind.clone();
                bounded(&kind, payload.len() + meta.encoded_len())?;
                events.push(NewEvent { event_id, kind, schema_ver: plain.schema_ver, payload, meta });
            }
            writes.push(Write {
                stream: write.stream.clone(),
                partition_key: write.partition_key.clone(),
                expected: write.expected,
                events,
            });
        }
        Ok(writes)
    }

    fn note_snapshot<A: Aggregate>(&mut self, loaded: &Loaded<A>, events: &[A::Event]) {
        let every = A::SNAPSHOT_EVERY;
        let Ok(count) = Version::try_from(events.len()) else { return };
        if every == 0 || (loaded.version + count) / every == loaded.version / every {
            return;
        }
        let mut state = loaded.state.clone();
        events.iter().for_each(|event| state.evolve(event));
        if let Some(plain) = state.snapshot() {
            self.snapshots.push((loaded.stream.clone(), loaded.version + count, A::STATE_VER, plain));
        }
    }
}

/// What no log could carry would stop everything behind it: it is never kept.
fn bounded(kind: &str, bytes: usize) -> Result<(), Refusal> {
    if bytes <= CONTENT_BYTES_MAX {
        return Ok(());
    }
    let detail = format!("{kind} would have {bytes} bytes and may have {CONTENT_BYTES_MAX}");
    Err(Refusal::new(Code::PayloadTooLarge, detail))
}

fn meta(command: &Command) -> Meta {
    let bytes = |id: Uuid| bytes::Bytes::copy_from_slice(id.as_bytes());
    Meta {
        actor: command.actor.clone(),
        causation_id: command.causation_id.map(bytes).unwrap_or_default(),
        correlation_id: bytes(command.correlation_id),
        trace_parent: command.trace_parent.clone(),
        sealed: Vec::new(),
    }
}

/// Snapshots only make loading faster: one that cannot be written is said and forgotten.
async fn save_snapshots(journal: &Journal, snapshots: Vec<(StreamId, Version, i64, Plain)>) {
    for (stream, version, state_ver, plain) in snapshots {
        let saved = async {
            let state = journal.sealer.parcel(&plain).await?.encode_to_vec().into();
            Ok::<_, Error>(
                journal.store.save_snapshot(&stream, Snapshot { version, state_ver, state }).await?,
            )
        };
        if let Err(error) = saved.await {
            warn!(%stream, %error, "a snapshot was not saved");
        }
    }
}
