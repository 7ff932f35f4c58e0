//! What can be asked of the leaderboard: the table of contents.
//!
//! | file | what |
//! |---|---|
//! | [`top`], [`around`], [`ranks`] | pages of a board |
//! | [`teams`] | pages of the teams of a board |
//! | [`titles`] | what teams are called |
//! | [`history`] | a board of the past |
//! | [`watch`] | a board as it moves |
//! | [`access`] | which board, and whether the caller may look |
//! | [`audience`] | the accounts that the caller compares itself with |
//! | [`named`] | who may be named on a board to whom |
//! | [`page`] | places with what the caller may know of who holds them |

pub mod access;
pub mod around;
pub mod audience;
pub mod history;
pub mod named;
pub mod page;
pub mod ranks;
pub mod teams;
pub mod titles;
pub mod top;
pub mod watch;

use std::{sync::Arc, time::Duration};

use eventing::Freshness;
use kernel::{Clock, Code, Refusal};
use platform::{Peers, Sight};

use self::history::Past;
use crate::{boards::Boards, live::Live};

/// A silence of the log beyond this is no quiet board but a stale one.
const LAG_MAX: Duration = Duration::from_secs(10);

/// What queries stand on. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub boards: Arc<Boards>,
    pub live: Arc<Live>,
    pub past: Arc<Past>,
    pub sight: Sight,
    pub peers: Peers,
    pub clock: Arc<dyn Clock>,
    /// Of the followers that boards are made by.
    pub fresh: Fresh,
}

/// Followers that must all be believed.
#[derive(Clone)]
pub struct Fresh(Vec<Freshness>);

impl Fresh {
    pub fn of(followers: impl IntoIterator<Item = Freshness>) -> Self {
        Self(followers.into_iter().collect())
    }

    /// All of them have read what there was once.
    pub fn have_caught_up(&self) -> bool {
        self.0.iter().all(Freshness::is_ready)
    }

    pub fn is_fresh(&self) -> bool {
        self.0.iter().all(|one| one.is_ready() && one.lag() <= LAG_MAX)
    }

    /// # Errors
    /// `unavailable` while a follower has not caught up, or hears nothing.
    pub fn check(&self) -> Result<(), Refusal> {
        if self.is_fresh() {
            return Ok(());
        }
        Err(Refusal::new(Code::Unavailable, "the boards are not up to date at the moment").retry_after_s(1))
    }
}
