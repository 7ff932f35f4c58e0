//! Events: what a domain says happened, and the form in which it is kept.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use proto::envelope;
use uuid::Uuid;

use crate::sealing::Class;

/// A place in a store's global order, from 1, without gaps.
pub type Position = i64;

/// A place in one stream, from 1; 0 is the stream before its first event.
pub type Version = i64;

/// `kind-uuid`. Never holds a personal value.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId(Arc<str>);

impl StreamId {
    pub fn of<Kind>(kind: &str, id: kernel::Id<Kind>) -> Self {
        Self(format!("{kind}-{id}").into())
    }

    pub fn named(name: &str) -> Self {
        Self(name.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the first `-`.
    pub fn kind(&self) -> &str {
        self.0.split('-').next().unwrap_or_default()
    }

    /// The id in the name, if it has one.
    pub fn id<Kind>(&self) -> Option<kernel::Id<Kind>> {
        self.0.split_once('-').and_then(|(_, id)| id.parse().ok())
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A message in the clear: a proto message's full name, its schema version, its bytes.
///
/// Read back, fields whose key was destroyed are absent and their class stands in `erased`: that is the domain value
/// *Erased*, not "unknown".
#[derive(Clone, Debug, PartialEq)]
pub struct Plain {
    pub kind: String,
    pub schema_ver: u32,
    pub payload: Bytes,
    pub erased: Vec<Class>,
}

impl Plain {
    /// A message of the newest schema.
    pub fn of<M: prost::Message + prost::Name>(message: &M) -> Self {
        Self {
            kind: M::full_name(),
            schema_ver: 1,
            payload: message.encode_to_vec().into(),
            erased: Vec::new(),
        }
    }

    /// The message, if it is one of type `M`.
    pub fn decode<M: prost::Message + prost::Name + Default>(&self) -> Option<Result<M, DecodeError>> {
        (self.kind == M::full_name()).then(|| {
            M::decode(self.payload.clone()).map_err(|error| DecodeError(format!("{}: {error}", self.kind)))
        })
    }

    /// The message of type `M`, or an error that names what was found.
    pub fn expect<M: prost::Message + prost::Name + Default>(&self) -> Result<M, DecodeError> {
        self.decode().unwrap_or_else(|| Err(DecodeError(format!("{} is not {}", self.kind, M::full_name()))))
    }

    pub fn is_erased(&self, class: Class) -> bool {
        self.erased.contains(&class)
    }
}

/// Bytes that are not the event they say they are: poison.
#[derive(Clone, Debug, thiserror::Error)]
#[error("not decodable: {0}")]
pub struct DecodeError(pub String);

/// An event of a domain: to its wire form and back (`wire.rs` of each service).
pub trait DomainEvent: Sized + Clone + Send + Sync + 'static {
    fn encode(&self) -> Plain;
    /// Old schema versions are upcast here.
    fn decode(plain: &Plain) -> Result<Self, DecodeError>;
}

/// One event as it is stored and published: sealed parts still sealed.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    pub position: Position,
    pub stream: StreamId,
    pub version: Version,
    pub event_id: Uuid,
    /// Decides the bus partition; never changes for a stream.
    pub partition_key: String,
    pub kind: String,
    pub schema_ver: u32,
    pub payload: Bytes,
    pub meta: envelope::Meta,
    pub at_us: i64,
}

impl Recorded {
    pub fn to_proto(&self) -> envelope::Event {
        envelope::Event {
            position: self.position.unsigned_abs(),
            stream: self.stream.as_str().to_owned(),
            version: self.version.unsigned_abs(),
            event_id: Bytes::copy_from_slice(self.event_id.as_bytes()),
            partition_key: self.partition_key.clone(),
            r#type: self.kind.clone(),
            schema_ver: self.schema_ver,
            payload: self.payload.clone(),
            meta: Some(self.meta.clone()),
            at_us: self.at_us,
        }
    }

    pub fn from_proto(event: envelope::Event) -> Result<Self, DecodeError> {
        let number =
            |value: u64| i64::try_from(value).map_err(|_| DecodeError("a number is out of range".to_owned()));
        Ok(Self {
            position: number(event.position)?,
            stream: StreamId::named(&event.stream),
            version: number(event.version)?,
            event_id: Uuid::from_slice(&event.event_id)
                .map_err(|_| DecodeError("event id is no uuid".to_owned()))?,
            partition_key: event.partition_key,
            kind: event.r#type,
            schema_ver: event.schema_ver,
            payload: event.payload,
            meta: event.meta.unwrap_or_default(),
            at_us: event.at_us,
        })
    }
}

/// An event that a reader is handed: unsealed as far as its keys allow.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// The service whose journal it comes from.
    pub source: String,
    pub event: Recorded,
    pub plain: Plain,
}

impl Incoming {
    pub fn at(&self) -> jiff::Timestamp {
        kernel::time::from_micros(self.event.at_us)
    }
}
