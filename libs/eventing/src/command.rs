//! A command's context: who, under which idempotency key, as a consequence of what.

use bytes::Bytes;
use uuid::Uuid;

use crate::event::{Incoming, Recorded, StreamId};

/// Everything about a command except what it wants.
#[derive(Clone, Debug)]
pub struct Command {
    /// `account:{id}`, `partner:{id}`, `operator:{id}`, `reactor:{name}`, `timer:{service}`, `service:{name}`.
    pub actor: String,
    /// The caller's key, if it gave one; scoped to its route.
    pub key: Option<Key>,
    pub correlation_id: Uuid,
    pub causation_id: Option<Uuid>,
    /// W3C `traceparent`.
    pub trace_parent: String,
}

/// An idempotency key with the hash of the request it was first used with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub key: String,
    pub request_hash: Bytes,
}

impl Command {
    pub fn by(actor: impl Into<String>) -> Self {
        Self {
            actor: actor.into(),
            key: None,
            correlation_id: Uuid::new_v4(),
            causation_id: None,
            trace_parent: String::new(),
        }
    }

    pub fn keyed(mut self, key: impl Into<String>, request_hash: impl Into<Bytes>) -> Self {
        self.key = Some(Key { key: key.into(), request_hash: request_hash.into() });
        self
    }

    /// A reactor's command: its key is (consumer, event, target stream, kind), so a redelivery changes nothing.
    pub fn reacting(reactor: &str, incoming: &Incoming, target: &StreamId, kind: &str) -> Self {
        let event = &incoming.event;
        Self {
            actor: format!("reactor:{reactor}"),
            key: Some(Key { key: format!("{}/{target}/{kind}", event.event_id), request_hash: Bytes::new() }),
            correlation_id: Uuid::from_slice(&event.meta.correlation_id).unwrap_or(event.event_id),
            causation_id: Some(event.event_id),
            trace_parent: event.meta.trace_parent.clone(),
        }
    }

    /// What follows from an event of the own journal, without a reader's key: the caller sees to it that it comes once.
    pub fn after(actor: impl Into<String>, cause: &Recorded) -> Self {
        Self {
            correlation_id: Uuid::from_slice(&cause.meta.correlation_id).unwrap_or(cause.event_id),
            causation_id: Some(cause.event_id),
            trace_parent: cause.meta.trace_parent.clone(),
            ..Self::by(actor)
        }
    }

    /// What time commands: keyed by the timer, so that firing twice changes nothing.
    pub fn timed(service: &str, timer: &crate::store::DueTimer) -> Self {
        Self::by(format!("timer:{service}"))
            .keyed(format!("{}/{}/{}", timer.stream, timer.command_id, timer.due_us), Bytes::new())
    }

    /// A stable id for a thing this command creates: derived from (actor, key) when there is a key, else random.
    pub fn new_id<Kind>(&self, what: &str) -> kernel::Id<Kind> {
        match &self.key {
            Some(key) => kernel::Id::derived(&[what.as_bytes(), self.actor.as_bytes(), key.key.as_bytes()]),
            None => kernel::Id::random(),
        }
    }
}
