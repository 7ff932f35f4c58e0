//! What every backend must pass: suites as functions. A backend's tests hand them fresh engines and call them.
//!
//! They panic with a sentence when a promise is broken.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "suites assert")]

pub mod bus;
pub mod event_store;
pub mod history;
pub mod leases;
pub mod readers;
pub mod rebuild;
pub mod sharing;

use std::sync::Arc;

use bytes::Bytes;
use proto::envelope::{CommandResult, Meta};
use uuid::Uuid;

use crate::{
    event::StreamId,
    sql::Db,
    store::{Append, CommandRow, EventStore, Expected, NewEvent, Write},
};

/// A fresh store with the database beneath it, the spine's tables made.
pub struct Fresh {
    pub db: Db,
    pub store: Arc<dyn EventStore>,
}

fn event(kind: &str) -> NewEvent {
    NewEvent {
        event_id: Uuid::now_v7(),
        kind: kind.to_owned(),
        schema_ver: 1,
        payload: Bytes::from_static(b"what happened"),
        meta: Meta { actor: "account:test".to_owned(), ..Meta::default() },
    }
}

fn write(stream: &str, expected: Expected, count: usize) -> Write {
    Write {
        stream: StreamId::named(stream),
        partition_key: stream.to_owned(),
        expected,
        events: (0..count).map(|_| event("stadion.test.v1.Happened")).collect(),
    }
}

fn append(writes: Vec<Write>) -> Append {
    Append { writes, at_us: 1_000, ..Append::default() }
}

fn command(key: &str, hash: &'static [u8], id: &str) -> CommandRow {
    CommandRow {
        actor: "account:test".to_owned(),
        key: key.to_owned(),
        request_hash: Bytes::from_static(hash),
        stream: StreamId::named("stream-1"),
        result: CommandResult { status: 201, ids: vec![id.to_owned()] },
    }
}
