//! Every command and query of social.
//!
//! | file | commands and queries |
//! |---|---|
//! | [`pairs`] | friend, follow, approve, block: one path from a wish to an event and its rows |
//! | [`lists`] | friends, followers, following, blocks |
//! | [`people`], [`view_as`] | a person as the viewer may see them; oneself as another does, and why |
//! | [`search`] | people by name, region, sport |
//! | [`groups`] | made, changed, found; joined, left, led |
//! | [`feed`] | what those whom the caller follows did |
//! | [`items`] | kudos and comments |
//! | [`erase`] | nothing is kept of an erased account |
//! | [`siblings`] | relations, hidden, friends and groups, for other services |
//! | [`sieve`] | pages of rows of which some may not be seen |
//! | [`turns`] | one command at a time a stream, and an account |

use std::sync::Arc;

use eventing::Journal;
use jiff::Timestamp;
use kernel::{Clock, time::micros};
use platform::Sight;

use crate::{config::Config, metrics::Told, store::Store};

pub mod erase;
pub mod feed;
pub mod groups;
pub mod items;
pub mod lists;
pub mod pairs;
pub mod people;
pub mod search;
pub mod siblings;
pub mod sieve;
pub mod turns;
pub mod view_as;

/// What commands and queries stand on. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub journal: Journal,
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub sight: Sight,
    pub turns: turns::Turns,
    pub told: Told,
    pub config: Config,
}

impl App {
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn now_us(&self) -> i64 {
        micros(self.clock.now())
    }
}

/// A page's size: 0 means `usual`.
pub fn page(asked: u32, usual: u32, max: u32) -> u32 {
    if asked == 0 { usual } else { asked.min(max) }
}

/// What the store could not do, as its caller is told.
pub(crate) fn fault(error: eventing::sql::DbError) -> kernel::Refusal {
    eventing::Error::from(error).into()
}
