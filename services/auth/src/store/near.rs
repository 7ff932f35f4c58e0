//! Standings kept near: what was read of a row once is said again for as long as the journal tells of nothing newer.
//!
//! A row changes together with an event of its account, so whoever has heard the journal to its head knows which rows
//! are as they were. The head is asked for at each use: what another replica has committed counts at once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use eventing::{Journal, Position};
use kernel::AccountId;
use platform::Recent;
use proto::auth as p;

const STANDINGS_MAX: usize = 16_384;
const IDLE: Duration = Duration::from_secs(60);
/// Who is further behind begins anew.
const EVENTS_MAX: usize = 1_000;

/// A standing as siblings are told it.
#[derive(Debug)]
pub struct Told {
    /// The year by which `minor` was said.
    pub year: i32,
    pub standing: p::AccountStanding,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Near(Arc<Mutex<Kept>>);

struct Kept {
    told: Recent<AccountId, Arc<Told>>,
    /// All of it holds at this position of the journal.
    heard: Position,
}

impl Default for Near {
    fn default() -> Self {
        let kept = Kept { told: Recent::new(STANDINGS_MAX, IDLE), heard: 0 };
        Self(Arc::new(Mutex::new(kept)))
    }
}

impl Near {
    /// Forgets what is no longer as it was. The position at which all that is left holds: the head, or behind it.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn hear(&self, journal: &Journal) -> Result<Position, eventing::Error> {
        let head = journal.store().head().await?;
        let from = self.kept().heard;
        if head <= from {
            return Ok(from);
        }
        let events = journal.store().read_all(from, EVENTS_MAX).await?;
        let reached = events.last().map_or(from, |last| last.position);
        let mut kept = self.kept();
        if reached < head {
            kept.told.clear();
        }
        for account in events.iter().filter_map(|event| event.stream.id()) {
            kept.told.forget(&account);
        }
        kept.heard = kept.heard.max(reached.max(head));
        Ok(kept.heard)
    }

    /// What is kept of these accounts. Ask behind [`Near::hear`].
    pub fn of(&self, accounts: &[AccountId], year: i32) -> HashMap<AccountId, Arc<Told>> {
        let mut kept = self.kept();
        kept.told.age(Instant::now());
        let mut known = |id: &AccountId| Some((*id, kept.told.get(id).filter(|told| told.year == year)?));
        accounts.iter().filter_map(&mut known).collect()
    }

    /// Keeps what a row said that was read behind [`Near::hear`]; unless there is news since, of whomever.
    pub fn keep(&self, account: AccountId, told: Arc<Told>, as_of: Position) {
        let mut kept = self.kept();
        if kept.heard == as_of {
            kept.told.put(account, told);
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
