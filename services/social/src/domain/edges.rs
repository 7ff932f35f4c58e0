//! What each of two accounts sees of their pair, as rows: `(owner, rel, other)`, both directions of everything.

use kernel::AccountId;

use super::pair::{Bond, Ends, Follow, Pair, Side};

/// What the other is to the owner of a row. The numbers stand in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rel {
    Friend = 1,
    /// The owner invited the other.
    Invited = 2,
    /// The other invited the owner.
    Received = 3,
    Following = 4,
    Follower = 5,
    /// The owner asked to follow the other.
    Requested = 6,
    /// The other asked to follow the owner.
    Requester = 7,
    Blocks = 8,
    BlockedBy = 9,
}

impl Rel {
    pub const ALL: [Self; 9] = [
        Self::Friend,
        Self::Invited,
        Self::Received,
        Self::Following,
        Self::Follower,
        Self::Requested,
        Self::Requester,
        Self::Blocks,
        Self::BlockedBy,
    ];

    pub const fn number(self) -> i64 {
        self as i64
    }

    pub fn of(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|rel| rel.number() == number)
    }
}

/// A row that comes or goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    pub owner: AccountId,
    pub rel: Rel,
    pub other: AccountId,
    pub there: bool,
}

/// Whether the owner on `side` has the row.
pub fn holds(pair: &Pair, side: Side, rel: Rel) -> bool {
    let (invited, received) = match side {
        Side::Lo => (Bond::InvitedByLo, Bond::InvitedByHi),
        Side::Hi => (Bond::InvitedByHi, Bond::InvitedByLo),
    };
    let other = side.opposite();
    match rel {
        Rel::Friend => pair.bond == Bond::Friends,
        Rel::Invited => pair.bond == invited,
        Rel::Received => pair.bond == received,
        Rel::Following => pair.follows[side] == Follow::Following,
        Rel::Follower => pair.follows[other] == Follow::Following,
        Rel::Requested => pair.follows[side] == Follow::Requested,
        Rel::Requester => pair.follows[other] == Follow::Requested,
        Rel::Blocks => pair.blocks[side],
        Rel::BlockedBy => pair.blocks[other],
    }
}

/// The rows that differ.
pub fn changes(before: &Pair, after: &Pair, ends: Ends) -> Vec<Change> {
    let (lo, hi) = (ends.lo(), ends.hi());
    let mut changes = Vec::new();
    for (side, owner, other) in [(Side::Lo, lo, hi), (Side::Hi, hi, lo)] {
        for rel in Rel::ALL {
            let there = holds(after, side, rel);
            if there != holds(before, side, rel) {
                changes.push(Change { owner, rel, other, there });
            }
        }
    }
    changes
}
