//! The event store's contract: one atomic append over all streams of a store, gapless global order.

use async_trait::async_trait;
use bytes::Bytes;
use proto::envelope::{CommandResult, Meta};
use uuid::Uuid;

use crate::{
    event::{Position, Recorded, StreamId, Version},
    sql::{DbError, Statement},
    tally::Counted,
};

/// What a stream must look like for a write to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    Any,
    /// The stream's version must be exactly this; 0 = it must not exist.
    Exactly(Version),
}

/// An event about to be written: sealed already.
#[derive(Clone, Debug)]
pub struct NewEvent {
    pub event_id: Uuid,
    pub kind: String,
    pub schema_ver: u32,
    pub payload: Bytes,
    pub meta: Meta,
}

/// Events for one stream.
#[derive(Clone, Debug)]
pub struct Write {
    pub stream: StreamId,
    pub partition_key: String,
    pub expected: Expected,
    pub events: Vec<NewEvent>,
}

/// A command's memory: with the same (actor, key) the first result comes back and nothing is written.
#[derive(Clone, Debug)]
pub struct CommandRow {
    pub actor: String,
    pub key: String,
    pub request_hash: Bytes,
    pub stream: StreamId,
    pub result: CommandResult,
}

/// Uniqueness rows, held by streams. `key` is never a personal value in the clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    Take {
        scope: String,
        key: String,
        stream: StreamId,
    },
    /// Only the holder's stream releases; releasing what is not held changes nothing.
    Release {
        scope: String,
        key: String,
        stream: StreamId,
    },
    /// Releases `from` and takes `to`, or neither.
    Move {
        scope: String,
        from: String,
        to: String,
        stream: StreamId,
    },
}

/// A command that time will give: written with the events that need it.
#[derive(Clone, Debug, PartialEq)]
pub enum Timer {
    Set { due_us: i64, stream: StreamId, command_id: String, payload: Bytes },
    Cancel { stream: StreamId, command_id: String },
}

/// An owner's proof: the append is taken only while the resource's lease has this epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    pub resource: String,
    pub epoch: i64,
}

/// All of it or nothing of it.
#[derive(Clone, Debug, Default)]
pub struct Append {
    pub writes: Vec<Write>,
    pub commands: Vec<CommandRow>,
    pub claims: Vec<Claim>,
    pub timers: Vec<Timer>,
    /// Rows for what must never be seen late; [`crate::sql::Value::AppendPosition`] stands for the last position.
    pub inline: Vec<Statement>,
    pub fence: Option<Fence>,
    pub at_us: i64,
}

/// What became of an append.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Durable. `position` is that of the last event (the head, when no event was written).
    Appended { position: Position, versions: Vec<(StreamId, Version)> },
    /// A stream is not at its expected version: load again, decide again.
    Conflict { stream: StreamId, actual: Version },
    /// A command was answered before: this is its first answer.
    Replayed { result: CommandResult, position: Position },
    /// A command's key was used with another request.
    Mismatch { key: String },
    /// Somebody else's stream holds a claim.
    Claimed { scope: String, by: StreamId },
    /// The fence's lease has another owner.
    Fenced,
}

/// An answered command as the store remembers it.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    pub request_hash: Bytes,
    pub stream: StreamId,
    pub position: Position,
    pub result: CommandResult,
}

/// A due timer.
#[derive(Clone, Debug, PartialEq)]
pub struct DueTimer {
    pub due_us: i64,
    pub stream: StreamId,
    pub command_id: String,
    pub payload: Bytes,
}

/// A state at a version, so that long streams load fast. Never authoritative.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    pub version: Version,
    pub state_ver: i64,
    pub state: Bytes,
}

/// What a store's writer has done since it was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writer {
    /// Appends that wait now.
    pub waiting: usize,
    /// Appends in one transaction.
    pub groups: Counted,
    /// From an append's arrival to its answer, in microseconds.
    pub answers_us: Counted,
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    #[error(transparent)]
    Db(#[from] DbError),
    #[error("the store's writer is gone")]
    Closed,
    #[error("too many appends are waiting")]
    Overloaded,
    #[error("the store holds what it cannot mean: {0}")]
    Corrupt(String),
}

/// A journal: the event table is both the truth and the outbox.
#[async_trait]
pub trait EventStore: Send + Sync + 'static {
    async fn append(&self, append: Append) -> Result<Outcome, StoreError>;
    /// Events of one stream with `version > after`, ascending, at most `max`.
    async fn load(&self, stream: &StreamId, after: Version, max: usize) -> Result<Vec<Recorded>, StoreError>;
    /// Events with `position > after`, ascending, at most `max`.
    async fn read_all(&self, after: Position, max: usize) -> Result<Vec<Recorded>, StoreError>;
    /// The position of the last event.
    async fn head(&self) -> Result<Position, StoreError>;
    async fn answered(&self, actor: &str, key: &str) -> Result<Option<Answered>, StoreError>;
    async fn claimed_by(&self, scope: &str, key: &str) -> Result<Option<StreamId>, StoreError>;
    async fn snapshot(&self, stream: &StreamId) -> Result<Option<Snapshot>, StoreError>;
    /// Kept only when newer than what is there.
    async fn save_snapshot(&self, stream: &StreamId, snapshot: Snapshot) -> Result<(), StoreError>;
    /// Timers due at or before `now_us`, in due order.
    async fn due_timers(&self, now_us: i64, max: usize) -> Result<Vec<DueTimer>, StoreError>;
    /// When the next timer is due, if any waits.
    async fn next_timer_us(&self) -> Result<Option<i64>, StoreError>;
    async fn timer_done(&self, timer: &DueTimer) -> Result<(), StoreError>;
    /// Forgets answered commands older than `before_us`; the number forgotten.
    async fn sweep_commands(&self, before_us: i64) -> Result<u64, StoreError>;
    /// Wakes readers: the newest position this process has appended (or seen).
    fn watch(&self) -> tokio::sync::watch::Receiver<Position>;
    /// What the writer of this process has counted; `None` where it does not count.
    fn writer(&self) -> Option<Writer> {
        None
    }
}
