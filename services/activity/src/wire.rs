//! Domain events to their wire form and back, and upcasting. Nowhere else.
//!
//! Four messages carry a whole activity under the same field numbers: [`Whole`] is that common part, and what the
//! read models keep.

mod activity;
mod daily;
pub mod effort;
mod import;
pub mod live;
pub mod marks;
pub mod pool;
pub mod record;
pub mod trace;
mod upload;
mod whole;

use bytes::Bytes;
use eventing::DecodeError;
use kernel::Id;

pub use daily::{daily_of, daily_to_proto};
pub use record::{Whole, record_of, visibility_of, whole_of};

pub fn bytes<Kind>(id: Id<Kind>) -> Bytes {
    Bytes::copy_from_slice(id.as_bytes())
}

pub fn id<Kind>(bytes: &[u8], what: &str) -> Result<Id<Kind>, DecodeError> {
    uuid::Uuid::from_slice(bytes).map(Id::new).map_err(|_| DecodeError(format!("{what} is no uuid")))
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}
