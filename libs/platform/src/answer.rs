//! Answers to writes: a caller sees its own.

use eventing::{Done, Journal, Position};
use tonic::{Response, metadata::MetadataValue};

use crate::{
    guard,
    seen::{self, Mark, Seen},
    transport::REPLAYED,
};

/// Waits, at most 250 ms, until the service's own read models hold what `done` wrote. Call it before reading back
/// what is to be answered; [`answer`] does it too.
pub async fn settled(done: &Done) -> bool {
    reached(done.position).await
}

/// Waits, at most 250 ms, until the service's own read models hold its journal up to `position`.
pub async fn reached(position: Position) -> bool {
    match guard::projected() {
        Some((projected, patience)) => projected.reached(position, patience).await,
        None => true,
    }
}

/// The answer of every RPC that writes: it comes when the caller's next read would see the write (or after 250 ms),
/// and says where it was written (`stadion-seen`) and whether it was the first answer again (`stadion-replayed`).
pub async fn answer<T>(journal: &Journal, done: &Done, message: T) -> Response<T> {
    if !settled(done).await {
        tracing::warn!(service = journal.service(), position = done.position, "read models are late");
    }
    let mut response = Response::new(message);
    let seen = Seen::of(journal.service(), Mark::at(done.position));
    if let Ok(value) = MetadataValue::try_from(seen.to_string()) {
        response.metadata_mut().insert(seen::METADATA, value);
    }
    if done.replayed {
        response.metadata_mut().insert(REPLAYED, MetadataValue::from_static("true"));
    }
    response
}
