//! The ledger of points: double entry, each reward posted once. Stream `points-{account}`.

use std::collections::BTreeSet;

use kernel::{AccountId, Id};

use super::challenge::ChallengeId;

/// Kind of an entry's id.
pub enum Entry {}
pub type EntryId = Id<Entry>;

/// Who pays for rewards, and who receives them.
pub const REWARDS: &str = "rewards";
pub const ACCOUNT: &str = "account";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    pub entry: EntryId,
    pub account: AccountId,
    pub debit: String,
    pub credit: String,
    pub points: u32,
    pub challenge: ChallengeId,
    pub rank: u32,
    pub at_us: i64,
}

/// The entry of one reward of a challenge for one account: posted again, it is the same.
pub fn entry_id(challenge: ChallengeId, account: AccountId, reward: usize) -> EntryId {
    let reward = u64::try_from(reward).unwrap_or(u64::MAX).to_be_bytes();
    EntryId::derived(&[b"reward", challenge.as_bytes(), account.as_bytes(), &reward])
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    pub posted: BTreeSet<EntryId>,
    pub balance: i64,
}

impl Ledger {
    /// Those entries that were not posted yet.
    pub fn post(&self, entries: Vec<Posted>) -> Vec<Posted> {
        entries.into_iter().filter(|entry| entry.points > 0 && !self.posted.contains(&entry.entry)).collect()
    }

    pub fn evolve(&mut self, event: &Posted) {
        if !self.posted.insert(event.entry) {
            return;
        }
        let points = i64::from(event.points);
        if event.credit == ACCOUNT {
            self.balance += points;
        }
        if event.debit == ACCOUNT {
            self.balance -= points;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reward(index: usize, points: u32) -> Posted {
        let (challenge, account) = (ChallengeId::derived(&[b"c"]), AccountId::derived(&[b"a"]));
        let entry = entry_id(challenge, account, index);
        let (debit, credit) = (REWARDS.to_owned(), ACCOUNT.to_owned());
        Posted { entry, account, debit, credit, points, challenge, rank: 1, at_us: 0 }
    }

    #[test]
    fn a_reward_is_posted_once_however_often_it_is_told() {
        let mut ledger = Ledger::default();
        for _ in 0..3 {
            for entry in ledger.post(vec![reward(0, 500), reward(1, 100), reward(2, 0)]) {
                ledger.evolve(&entry);
            }
        }
        assert_eq!((ledger.balance, ledger.posted.len()), (600, 2));
    }
}
