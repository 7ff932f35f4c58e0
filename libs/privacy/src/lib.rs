//! Who may see what: one pure function, used on every surface. Audiences in, a field mask out; no I/O, no clock.
//!
//! | module | what it holds |
//! |---|---|
//! | [`audience`] | the set of relations an owner shows a class of data to |
//! | [`class`] | the classes of data, and the mask of those a viewer may see |
//! | [`relation`] | what the viewer is to the owner |
//! | [`settings`] | what an owner chose, the defaults where nothing was chosen, the ceilings of minors |
//! | [`visibility`] | [`visible`], [`explain`], search and board names |
//! | [`zone`] | circles on the map inside which tracks neither start nor end for others |

pub mod audience;
pub mod class;
pub mod relation;
pub mod settings;
pub mod visibility;
pub mod zone;

pub use audience::{Audience, GroupId};
pub use class::{DataClass, FieldMask};
pub use relation::Relation;
pub use settings::{BoardName, Settings};
pub use visibility::{Owner, Rule, explain, visible};
pub use zone::{Area, Zone};
