//! Proto ↔ domain: events of every stream. Nowhere else.

use bytes::Bytes;
use eventing::{DecodeError, Plain};
use kernel::Id;
use prost::{Message, Name};

mod concerned;
pub mod group;
mod item;
mod pair;
mod subject;

pub use concerned::concerned;

pub fn bytes_of<Kind>(id: Id<Kind>) -> Bytes {
    Bytes::copy_from_slice(id.as_bytes())
}

/// `None`: not 16 bytes.
pub fn id_of<Kind>(bytes: &[u8]) -> Option<Id<Kind>> {
    uuid::Uuid::from_slice(bytes).ok().map(Id::new)
}

fn id<Kind>(bytes: &[u8], field: &str) -> Result<Id<Kind>, DecodeError> {
    id_of(bytes).ok_or_else(|| DecodeError(format!("{field} is no uuid")))
}

/// The event of type `M`, read; `None` when the message is another.
fn read<M, E>(plain: &Plain, make: impl FnOnce(M) -> Result<E, DecodeError>) -> Option<Result<E, DecodeError>>
where
    M: Message + Name + Default,
{
    plain.decode::<M>().map(|message| message.and_then(make))
}

fn unknown<E>(plain: &Plain, of: &str) -> Result<E, DecodeError> {
    Err(DecodeError(format!("{} is no event of {of}", plain.kind)))
}
