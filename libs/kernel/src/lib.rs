//! Pure words of the house. No tokio, no I/O: every crate may depend on this one, and it depends on nobody.
//!
//! | module | words |
//! |---|---|
//! | [`id`] | typed identifiers, derived ids |
//! | [`refusal`] | the stable problem codes and the refusal that carries one |
//! | [`money`] | amounts in minor units |
//! | [`sport`] | the vocabulary of sports |
//! | [`place`] | countries, regions, zones |
//! | [`text`] | what deceives the eye in a text |
//! | [`time`] | `Clock`, microseconds |

pub mod id;
pub mod money;
pub mod place;
pub mod refusal;
pub mod sport;
pub mod text;
pub mod time;

pub use id::{AccountId, ActivityId, Id};
pub use money::Money;
pub use refusal::{Code, FieldError, Refusal};
pub use sport::Sport;
pub use time::{Clock, SystemClock};
