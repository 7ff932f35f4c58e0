//! The bodies of live frames, as JSON.

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Serialize, Serializer};

/// One frame, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// snapshot, names, delta, me, overtaken, closed
    pub event: &'static str,
    /// Of the places that the watcher has once it has this frame: where it may go on. 0: none yet.
    pub sequence: u64,
    pub data: Bytes,
}

/// `m17`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number(pub(super) u32);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("m{}", self.0))
    }
}

/// Thousandths of the metric's unit, written in that unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Amount(pub(super) i64);

impl Serialize for Amount {
    #[expect(clippy::cast_precision_loss, reason = "exact below 2^53 thousandths")]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 % 1_000 == 0 {
            serializer.serialize_i64(self.0 / 1_000)
        } else {
            serializer.serialize_f64(self.0 as f64 / 1_000.0)
        }
    }
}

/// A place as everybody may see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Row {
    pub(super) rank: u32,
    pub(super) member: Number,
    pub(super) score: Amount,
}

#[derive(Serialize)]
pub(super) struct Snapshot<'a> {
    pub(super) sequence: u64,
    pub(super) as_of: Timestamp,
    pub(super) segment: &'a str,
    pub(super) participants: u32,
    pub(super) entries: &'a [Row],
}

#[derive(Serialize)]
pub(super) struct Delta {
    pub(super) sequence: u64,
    pub(super) participants: u32,
    pub(super) changes: Vec<Row>,
    pub(super) left: Vec<Number>,
}

#[derive(Serialize)]
pub(super) struct Me {
    pub(super) sequence: u64,
    pub(super) rank: u32,
    pub(super) member: Number,
    pub(super) score: Amount,
    pub(super) as_of: Timestamp,
}

/// A `me` without a place: there was one, and it is no more.
#[derive(Serialize)]
pub(super) struct Lost {
    pub(super) sequence: u64,
    pub(super) as_of: Timestamp,
}

#[derive(Serialize)]
pub(super) struct Overtaken {
    pub(super) sequence: u64,
    pub(super) rank: u32,
    pub(super) by: Vec<Number>,
}

#[derive(Serialize)]
pub(super) struct Closed {
    pub(super) code: &'static str,
    pub(super) retry_ms: u64,
}

/// None of these bodies can fail to be written.
pub(super) fn json(body: &impl Serialize) -> Bytes {
    serde_json::to_vec(body).unwrap_or_default().into()
}
