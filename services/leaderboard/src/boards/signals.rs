//! Whom to tell that something changed, by account: each of its streams hears of it.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use kernel::AccountId;
use tokio::sync::watch;

#[derive(Default)]
pub struct Signals(Mutex<Known>);

#[derive(Default)]
struct Known {
    signals: HashMap<AccountId, watch::Sender<u64>>,
    /// At so many, those whose streams have ended are forgotten.
    sweep_at: usize,
}

const SWEEP_MIN: usize = 1_024;

impl Signals {
    /// Changes whenever the account is told.
    pub fn of(&self, account: AccountId) -> watch::Receiver<u64> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.signals.len() >= known.sweep_at.max(SWEEP_MIN) {
            known.signals.retain(|_, signal| signal.receiver_count() > 0);
            known.sweep_at = known.signals.len() * 2;
        }
        known.signals.entry(account).or_insert_with(|| watch::Sender::new(0)).subscribe()
    }

    pub fn tell(&self, account: AccountId) {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(signal) = known.signals.get(&account) {
            signal.send_modify(|count| *count = count.wrapping_add(1));
        }
    }
}
