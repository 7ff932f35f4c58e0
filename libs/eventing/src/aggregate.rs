//! State folded from events.

use crate::event::{DomainEvent, Plain, StreamId, Version};

/// A state that only its own events change. Deciding stays outside: `fn(&State, Command, now) -> events`.
pub trait Aggregate: Default + Clone + Send + Sync + 'static {
    type Event: DomainEvent;
    /// The first word of its streams' names.
    const KIND: &'static str;
    /// Snapshots are written each time this many events have passed; 0 = never.
    const SNAPSHOT_EVERY: Version = 0;
    /// Raised when the snapshot's meaning changes: older ones are then ignored.
    const STATE_VER: i64 = 1;

    fn evolve(&mut self, event: &Self::Event);

    /// The state as a message; needed only where `SNAPSHOT_EVERY` is set.
    fn snapshot(&self) -> Option<Plain> {
        None
    }

    /// The state of a snapshot; `None` when it cannot be used, and the events are folded instead.
    fn restore(_snapshot: &Plain) -> Option<Self> {
        None
    }
}

/// A state with the place in its stream that it was folded to.
#[derive(Clone, Debug)]
pub struct Loaded<A> {
    pub state: A,
    /// 0: the stream does not exist yet.
    pub version: Version,
    pub stream: StreamId,
}

impl<A> Loaded<A> {
    pub fn exists(&self) -> bool {
        self.version > 0
    }
}
