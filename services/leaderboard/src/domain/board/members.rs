//! Everybody who ever was on the board, by slot. Who left keeps the slot: what comes late must still be known as old.

use std::{cmp::Ordering, hash::BuildHasher, ops::Index};

use hashbrown::{DefaultHashBuilder, HashTable};
use kernel::AccountId;
use privacy::BoardName;

use super::{Key, Score};
use crate::domain::order::Item;

#[derive(Clone, Debug)]
pub struct Member {
    pub account: AccountId,
    pub score: Option<Score>,
    pub revision: u64,
    /// Fixed at joining; `m17` in public.
    pub number: u32,
    /// The set of its segments.
    pub(super) set: u32,
    pub show_as: BoardName,
}

#[derive(Debug, Default)]
pub(super) struct Members {
    table: Vec<Member>,
    /// Slots by account; the account itself stands in the table only.
    slots: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Members {
    /// Empty, with room for so many.
    pub(super) fn with_room(count: usize) -> Self {
        Self {
            table: Vec::with_capacity(count),
            slots: HashTable::with_capacity(count),
            hasher: DefaultHashBuilder::default(),
        }
    }

    pub(super) fn len(&self) -> u32 {
        narrow(self.table.len())
    }

    pub(super) fn slot(&self, account: AccountId) -> Option<u32> {
        let hashed = hash(&self.hasher, account);
        self.slots.find(hashed, |slot| self[*slot].account == account).copied()
    }

    /// Puts the member where its account is known to stand, or adds it.
    pub(super) fn put(&mut self, known: Option<u32>, member: Member) -> u32 {
        if let Some(slot) = known {
            self.table[slot as usize] = member;
            return slot;
        }
        let (slot, hashed) = (self.len(), hash(&self.hasher, member.account));
        self.table.push(member);
        let (table, hasher) = (&self.table, &self.hasher);
        self.slots.insert_unique(hashed, slot, |slot| hash(hasher, table[*slot as usize].account));
        slot
    }

    /// How an item of an order stands to a key.
    pub(super) fn compare(&self, item: Item, key: &Key) -> Ordering {
        item.merit().cmp(&key.merit).then_with(|| {
            let member = &self[item.holder];
            let reached_us = member.score.map_or(i64::MAX, |score| score.reached_us);
            (reached_us, member.account).cmp(&(key.reached_us, key.account))
        })
    }

    pub(super) fn bytes(&self) -> usize {
        self.table.capacity() * size_of::<Member>() + self.slots.allocation_size()
    }
}

impl Index<u32> for Members {
    type Output = Member;

    fn index(&self, slot: u32) -> &Member {
        &self.table[slot as usize]
    }
}

/// Ids are spread already: sixteen bytes as one number.
fn hash(hasher: &DefaultHashBuilder, account: AccountId) -> u64 {
    hasher.hash_one(account.uuid().as_u128())
}

fn narrow(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
