//! A record as a Kafka message, and back.

use bytes::Bytes;
use eventing::bus::{Routed, partition_of};
use prost::Message as _;
use proto::envelope::{Record, record::Body};
use rdkafka::message::{Header, OwnedHeaders};

/// A record, ready to be handed over.
pub(super) struct Message {
    pub(super) part: i32,
    /// What is said of one thing has one key: compaction keeps the last of each.
    pub(super) key: String,
    pub(super) payload: Vec<u8>,
    source: String,
    position: Option<String>,
    trace: Option<String>,
}

impl Message {
    pub(super) fn of(routed: &Routed) -> Self {
        let record = &routed.record;
        let (key, position, trace) = match &record.body {
            Some(Body::Event(event)) => {
                let trace = event.meta.as_ref().map(|meta| meta.trace_parent.clone());
                (event.partition_key.clone(), Some(event.position.to_string()), trace)
            }
            Some(Body::State(state)) => (state.key.clone(), Some(state.revision.to_string()), None),
            Some(Body::Watermark(head)) => {
                (format!("watermark/{}", record.source), Some(head.to_string()), None)
            }
            None => (String::new(), None, None),
        };
        Self {
            part: i32::try_from(routed.part).unwrap_or(i32::MAX),
            key,
            payload: record.encode_to_vec(),
            source: record.source.clone(),
            position,
            trace: trace.filter(|trace| !trace.is_empty()),
        }
    }

    /// For people and tools that look at a topic; readers need none of them.
    pub(super) fn headers(&self) -> OwnedHeaders {
        let mut headers =
            OwnedHeaders::new_with_capacity(3).insert(Header { key: "source", value: Some(&self.source) });
        if let Some(position) = &self.position {
            headers = headers.insert(Header { key: "position", value: Some(position) });
        }
        if let Some(trace) = &self.trace {
            headers = headers.insert(Header { key: "traceparent", value: Some(trace) });
        }
        headers
    }
}

/// The record in a message of partition `part`, or the bytes when they are none of ours. A record of another partition's
/// key is none either: to believe its position would hide what stands here.
pub(super) fn read(part: u32, payload: &[u8]) -> Result<Record, Bytes> {
    let bytes = Bytes::copy_from_slice(payload);
    let belongs = |record: &Record| match &record.body {
        Some(Body::Event(event)) => partition_of(&event.partition_key) == part,
        Some(Body::State(state)) => partition_of(&state.partition_key) == part,
        Some(Body::Watermark(_)) => true,
        None => false,
    };
    Record::decode(bytes.clone()).ok().filter(belongs).ok_or(bytes)
}
