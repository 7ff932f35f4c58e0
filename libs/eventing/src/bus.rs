//! The log between services: topics cut into partitions, records in order within each.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use proto::envelope::{Record, State, record::Body};

use crate::event::{Position, Recorded};

/// How many partitions every topic has, on every engine. Never changed in place.
pub const PARTITIONS: u32 = 24;

/// The largest record, key included, that every log bears. Events and state carry references, not files: this is far above
/// any of them, and what is larger is refused before it is kept.
pub const RECORD_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What an event or a value may have, so that its record is not larger than [`RECORD_BYTES_MAX`].
pub(crate) const CONTENT_BYTES_MAX: usize = RECORD_BYTES_MAX - 64 * 1024;

/// The partition of a key: ours, so that SQLite and Kafka agree. FNV-1a with a final mix, which spreads short keys.
pub fn partition_of(key: &str) -> u32 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in key.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    // The remainder is below PARTITIONS.
    u32::try_from(hash % u64::from(PARTITIONS)).unwrap_or_default()
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Topic {
    pub name: String,
    pub kind: TopicKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TopicKind {
    /// Facts in order, kept for days.
    Events,
    /// Key → value; the highest revision of each key is kept for ever.
    State,
}

impl Topic {
    /// `stadion.<service>.v1`
    pub fn events(service: &str) -> Self {
        Self { name: format!("stadion.{service}.v1"), kind: TopicKind::Events }
    }

    /// `stadion.<service>.<thing>.v1`
    pub fn state(service: &str, thing: &str) -> Self {
        Self { name: format!("stadion.{service}.{thing}.v1"), kind: TopicKind::State }
    }
}

/// A record with its place.
#[derive(Clone, Debug)]
pub struct Routed {
    pub part: u32,
    pub record: Record,
}

impl Routed {
    /// A record in the partition of its own key; watermarks have none and are routed by hand.
    pub fn by_key(record: Record) -> Self {
        let part = match &record.body {
            Some(Body::Event(event)) => partition_of(&event.partition_key),
            Some(Body::State(state)) => partition_of(&state.partition_key),
            Some(Body::Watermark(_)) | None => 0,
        };
        Self { part, record }
    }

    pub fn watermarks(source: &str, head: Position) -> Vec<Self> {
        (0..PARTITIONS)
            .map(|part| Self {
                part,
                record: Record {
                    source: source.to_owned(),
                    body: Some(Body::Watermark(head.unsigned_abs())),
                },
            })
            .collect()
    }
}

/// Records of one partition, in order.
#[derive(Clone, Debug)]
pub struct Batch {
    pub part: u32,
    /// `(offset, record)`, offsets ascending.
    pub records: Vec<(i64, Record)>,
    /// What stands on the partition and is no record of ours, as it was found: readers park it, nobody waits for it.
    pub unreadable: Vec<(i64, Bytes)>,
    /// Where to go on.
    pub next_offset: i64,
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum BusError {
    /// The same call may succeed later.
    #[error("the bus is unavailable: {0}")]
    Unavailable(String),
    /// Somebody has to do something first: the text says what.
    #[error("the bus refuses: {0}")]
    Refused(String),
    #[error("a record of {topic}/{part} at {offset} is not readable")]
    Corrupt { topic: String, part: u32, offset: i64 },
}

/// The write side.
#[async_trait]
pub trait LogSink: Send + Sync + 'static {
    /// When this answers, all records are durable, in the order given within each partition. After an error some of the
    /// first records of each partition may be there, now or later: the caller publishes the same again, in the same
    /// order, and readers know what they have seen.
    async fn publish(&self, topic: &Topic, records: &[Routed]) -> Result<(), BusError>;
}

/// The read side of one consumer.
#[async_trait]
pub trait LogSource: Send {
    /// Waits a moment for records; an empty answer is no end. Parts take turns, so that none starves.
    async fn poll(&mut self, max: usize) -> Result<Vec<Batch>, BusError>;

    /// The offsets behind what had its effect, for dashboards only: they are never read back.
    async fn hint_commit(&mut self, _reached: &[(u32, i64)]) {}
}

/// A log: a sink, and sources from given offsets.
#[async_trait]
pub trait Bus: LogSink {
    /// The one sink of this name. To open it ends the one that was opened before, in whatever process: what that one still
    /// has on its way arrives before this answers, or never. An ended sink refuses; one that has failed may do so too,
    /// and is opened anew.
    async fn exclusive_sink(&self, name: &str) -> Result<Arc<dyn LogSink>, BusError>;

    /// Reads the partitions named, each from its offset; from the first that is kept where that is further on (see
    /// [`Bus::begins`]). `reader` is `<service>.<consumer>`, for dashboards.
    async fn source(
        &self,
        reader: &str,
        topic: &Topic,
        from: &[(u32, i64)],
    ) -> Result<Box<dyn LogSource>, BusError>;

    /// For each partition the offset behind its last record.
    async fn ends(&self, topic: &Topic) -> Result<Vec<i64>, BusError>;

    /// For each partition the offset of the first record that is still kept; its end when none is.
    async fn begins(&self, topic: &Topic) -> Result<Vec<i64>, BusError>;
}

/// The journals of other services: what a reader turns to when the log no longer reaches back to where it stands.
#[async_trait]
pub trait SiblingJournals: Send + Sync + 'static {
    /// Events of `service` after a position, in order, and the journal's head at that moment.
    async fn read_all(
        &self,
        service: &'static str,
        after: Position,
        max: usize,
    ) -> Result<(Vec<Recorded>, Position), BusError>;

    /// Values of a state topic that `service` owns, from its tables, behind a key; and the key behind which the next page
    /// begins, empty at the end. Their revisions are the tables'.
    async fn state(
        &self,
        service: &'static str,
        topic: &Topic,
        _after_key: &str,
    ) -> Result<(Vec<State>, String), BusError> {
        Err(BusError::Unavailable(format!("{service} tells nobody of {} here", topic.name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_partition_of_a_key_never_changes() {
        // Computed apart, in another language.
        assert_eq!((partition_of(""), partition_of("account-1"), partition_of("Қанат")), (2, 23, 9));
        let mut seen = [0_u32; PARTITIONS as usize];
        for key in 0..24_000 {
            seen[partition_of(&format!("key-{key}")) as usize] += 1;
        }
        assert!(seen.iter().all(|count| (800..1200).contains(count)), "keys spread evenly: {seen:?}");
    }
}
