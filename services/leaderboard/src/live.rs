//! Boards as they move.
//!
//! A watched board has a [`room`]: one loop that looks at the board at each tick, computes each [`window`] that is
//! watched (a segment and a number of places), encodes what changed once, and leaves the newest for everybody. A
//! [`watcher`] is pulled by whoever reads it: it compares what it has shown with the newest, so one that does not read
//! costs nothing and misses nothing but the steps between. Shared frames carry members, ranks and scores; [`names`]
//! travel apart, by what the viewer may see.

mod frames;
mod names;
mod own;
mod room;
mod watcher;
mod window;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use kernel::{AccountId, Clock, Refusal};
use platform::{Peers, Sight, Tasks};
use tokio_util::sync::CancellationToken;

pub use frames::Frame;
pub use watcher::Watcher;

use crate::{
    app::{Fresh, access::Viewer},
    boards::{Cell, ChallengeId, Door, Signals},
    metrics::Measured,
};
use room::Room;

/// What streams stand on.
#[derive(Clone)]
pub struct Grounds {
    pub sight: Sight,
    pub peers: Peers,
    pub clock: Arc<dyn Clock>,
    pub tasks: Tasks,
    /// Streams end when this is cancelled.
    pub drain: CancellationToken,
    pub measured: Measured,
}

/// What a watcher wants to see.
#[derive(Clone)]
pub struct Ask {
    pub segment: String,
    /// What frames call the segment.
    pub shown_as: String,
    pub limit: usize,
    /// Where teams stand on the board: that of their members.
    pub team_of: Option<Arc<Cell>>,
    pub viewer: Viewer,
    /// The revision of the rules under which it may look, and what they say of that.
    pub rules: u64,
    pub door: Door,
    /// The sequence of the last snapshot or delta that it has.
    pub last_sequence: Option<u64>,
}

/// Followers that tell of changes in what names depend on.
pub struct Heard {
    pub standings: Fresh,
    pub relations: Fresh,
}

/// All watched boards.
pub struct Live {
    grounds: Grounds,
    rooms: Mutex<HashMap<ChallengeId, Arc<Room>>>,
    /// Something changed between a viewer and others.
    viewers: Signals,
    heard: Arc<OnceLock<Heard>>,
}

impl Live {
    pub fn new(grounds: Grounds) -> Self {
        Self { grounds, rooms: Mutex::default(), viewers: Signals::default(), heard: Arc::default() }
    }

    /// Until this is told, nothing is believed of anybody, and nobody is named.
    pub fn hears(&self, heard: Heard) {
        // Told once, where the module is put together.
        let _ = self.heard.set(heard);
    }

    /// # Errors
    /// `overloaded` when too many different windows of the board are watched.
    pub fn watch(&self, cell: Arc<Cell>, ask: Ask) -> Result<Watcher, Refusal> {
        let room = self.room(cell);
        // Heard of before anything is asked: no change falls between.
        let signal = ask.viewer.account.map(|account| self.viewers.of(account));
        let window = room.enter(&ask.segment, ask.limit)?;
        Ok(Watcher::new(self.grounds.clone(), room, window, &ask, signal))
    }

    /// A member's name or settings changed, or something between it and others.
    pub fn renew_member(&self, account: AccountId) {
        let rooms: Vec<Arc<Room>> = self.rooms().values().cloned().collect();
        for room in rooms {
            room.renew(account);
        }
    }

    /// Something changed between a viewer and others.
    pub fn renew_viewer(&self, account: AccountId) {
        self.viewers.tell(account);
    }

    fn room(&self, cell: Arc<Cell>) -> Arc<Room> {
        let new = |cell| Arc::new(Room::new(self.grounds.clone(), self.heard.clone(), cell));
        let mut rooms = self.rooms();
        rooms.entry(cell.id).or_insert_with(|| new(cell)).clone()
    }

    fn rooms(&self) -> std::sync::MutexGuard<'_, HashMap<ChallengeId, Arc<Room>>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
