//! Budgets and ledgers in memory: whoever spends from a campaign's budget holds its book alone, so that a hot campaign
//! is decided state after state and not by conflicts. The streams' versions stay the guard: a stale book is a conflict,
//! never an oversell.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use eventing::{Error, Journal, Loaded};
use tokio::sync::OwnedMutexGuard;

use super::{budget_stream, ledger_stream};
use crate::domain::{budget::Budget, ids::CampaignId, ledger::Ledger};

/// Campaigns whose books are kept; beyond this, those that nobody holds are dropped.
const BOOKS_MAX: usize = 512;

#[derive(Clone, Debug)]
pub struct Book {
    pub budget: Loaded<Budget>,
    pub ledger: Loaded<Ledger>,
}

type Slot = Arc<tokio::sync::Mutex<Option<Book>>>;

#[derive(Clone, Default)]
pub struct Books {
    slots: Arc<Mutex<HashMap<CampaignId, Slot>>>,
}

/// A campaign's book, held alone.
pub struct Held(OwnedMutexGuard<Option<Book>>);

impl Books {
    pub async fn hold(&self, campaign: CampaignId) -> Held {
        let slot = {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            if slots.len() >= BOOKS_MAX && !slots.contains_key(&campaign) {
                slots.retain(|_, slot| Arc::strong_count(slot) > 1);
            }
            slots.entry(campaign).or_default().clone()
        };
        Held(slot.lock_owned().await)
    }
}

impl Held {
    /// The book, taken out: put it back only after its streams are known to stand where it says.
    pub async fn take(&mut self, journal: &Journal, campaign: CampaignId) -> Result<Book, Error> {
        if let Some(book) = self.0.take() {
            return Ok(book);
        }
        Ok(Book {
            budget: journal.load(&budget_stream(campaign)).await?,
            ledger: journal.load(&ledger_stream(campaign)).await?,
        })
    }

    /// The streams have moved: the next one reads them anew.
    pub fn forget(&mut self) {
        *self.0 = None;
    }

    pub fn put(&mut self, book: Book) {
        *self.0 = Some(book);
    }
}
