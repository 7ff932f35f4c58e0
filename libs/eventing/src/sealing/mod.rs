//! Sealing: personal fields leave a message before it is kept, one ciphertext for each (subject, class), and come back
//! only while their key lives. Destroying the key makes every copy read as *Erased*.

mod cache;
mod codec;
mod keys;
mod plan;

pub use cache::CachedKeys;
pub use codec::{Sealer, SealingError};
pub use keys::{DataKey, KeyAnswer, KeyRing, KeyWanted, StaticKeys};
pub use plan::{MessagePlan, Plans};
pub use proto::options::Class;
