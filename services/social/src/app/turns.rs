//! One command at a time a stream, and an account. Fifty writers of one pair would otherwise decide against each other
//! more often than a command is tried again; and limits that are counted would be passed by counting at once.
//!
//! Whoever needs both takes the account's turn first. The journal's versions alone keep streams right: turns only
//! spare work within this process.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use eventing::StreamId;
use kernel::AccountId;
use tokio::sync::{Mutex, MutexGuard};

const STRIPES: usize = 512;

#[derive(Clone)]
pub struct Turns(Arc<Stripes>);

struct Stripes {
    streams: Vec<Mutex<()>>,
    accounts: Vec<Mutex<()>>,
}

impl Default for Turns {
    fn default() -> Self {
        let stripes = || (0..STRIPES).map(|_| Mutex::new(())).collect();
        Self(Arc::new(Stripes { streams: stripes(), accounts: stripes() }))
    }
}

impl Turns {
    pub async fn of_stream(&self, stream: &StreamId) -> MutexGuard<'_, ()> {
        self.0.streams[stripe(stream)].lock().await
    }

    pub async fn of_account(&self, account: AccountId) -> MutexGuard<'_, ()> {
        self.0.accounts[stripe(&account)].lock().await
    }
}

fn stripe(key: &impl Hash) -> usize {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    usize::try_from(hasher.finish() % STRIPES as u64).unwrap_or_default()
}
