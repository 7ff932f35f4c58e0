//! A board as it moves, for one watcher.

use kernel::{Code, Refusal};

use super::{App, access::Viewer, audience::FRIENDS, top};
use crate::{
    boards::ChallengeId,
    domain::board::ALL,
    live::{Ask, Watcher},
};

pub struct Watch {
    pub challenge: ChallengeId,
    /// Empty: all.
    pub segment: String,
    /// 0: 100; at most 500.
    pub limit: usize,
    /// The sequence that the watcher has seen.
    pub last_sequence: Option<u64>,
}

impl App {
    /// # Errors
    /// As [`App::open`]; `malformed_query` for `friends`; `overloaded` when too many different windows are watched.
    pub fn watch(&self, viewer: Viewer, asked: Watch) -> Result<Watcher, Refusal> {
        if asked.segment == FRIENDS {
            return Err(Refusal::new(Code::MalformedQuery, "friends are not shown live; ask for them"));
        }
        let (cell, _) = self.open(asked.challenge, viewer)?;
        let segment = if asked.segment.is_empty() { ALL.to_owned() } else { asked.segment };
        let ask = Ask {
            segment,
            limit: top::limit(asked.limit),
            viewer: viewer.account,
            last_sequence: asked.last_sequence,
        };
        self.live.watch(cell, ask)
    }
}
