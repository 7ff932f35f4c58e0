//! What everybody who takes part in a run shares.

use std::{
    ops::Range,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

use bytes::Bytes;
use reqwest::Method;

use super::{ledger::Ledger, plan::Plan, samples::Samples};
use crate::calls::{Ask, Call};

/// Troubles that are kept in words; more are counted.
const WORDS_MAX: usize = 10_000;

pub(super) struct Field {
    pub(super) plan: Plan,
    /// `http://host:port`
    pub(super) address: String,
    pub(super) challenge_id: String,
    pub(super) tokens: Vec<Arc<str>>,
    pub(super) begins: Instant,
    pub(super) ledger: Ledger,
    /// From what was intended to the answer; to the own `me` frame; to a watcher's board.
    pub(super) joins: Samples,
    pub(super) syncs: Samples,
    pub(super) own: Samples,
    pub(super) shown: Samples,
    pub(super) troubles: Troubles,
    pub(super) counted: Counted,
    /// The last report was made: slow readers read on.
    pub(super) rests: AtomicBool,
}

/// What the meter looks at.
#[derive(Default)]
pub(super) struct Counted {
    pub(super) acknowledged: AtomicU64,
    pub(super) own_frames: AtomicU64,
    pub(super) other_frames: AtomicU64,
    /// Streams that are open.
    pub(super) open: AtomicU64,
    /// Dropped on purpose and opened again; slow ones that were sent away and told so.
    pub(super) reconnected: AtomicU64,
    pub(super) sent_away: AtomicU64,
}

/// What went wrong, and when.
#[derive(Default)]
pub(super) struct Troubles {
    first: Mutex<Vec<(Instant, String)>>,
    more: AtomicU64,
}

impl Troubles {
    pub(super) fn note(&self, why: String) {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        if first.len() < WORDS_MAX {
            first.push((Instant::now(), why));
        } else {
            drop(first);
            self.more.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many, but those of a time in which they were to be expected; how many those were; the first in words.
    pub(super) fn counted(&self, expected: Option<&Range<Instant>>) -> (u64, u64, Vec<String>) {
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        let (apart, real): (Vec<_>, Vec<_>) =
            first.iter().partition(|(at, _)| expected.is_some_and(|expected| expected.contains(at)));
        let words = real.iter().take(20).map(|(_, why)| why.clone()).collect();
        (real.len() as u64 + self.more.load(Ordering::Relaxed), apart.len() as u64, words)
    }
}

impl Field {
    pub(super) fn get(&self, who: usize, path: String) -> Ask {
        Ask {
            call: Call::BoardTop,
            method: Method::GET,
            path,
            token: self.tokens[who].clone(),
            body: None,
            who,
        }
    }

    pub(super) fn send(&self, who: usize, method: Method, path: String, body: Bytes) -> Ask {
        Ask { call: Call::Sync, method, body: Some(body), ..self.get(who, path) }
    }

    /// A path under the challenge's board.
    pub(super) fn board(&self, rest: &str) -> String {
        format!("/v1/boards/{}/{rest}", self.challenge_id)
    }
}
