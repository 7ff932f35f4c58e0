//! The two kinds of node: fixed room, filled from the front.

use super::Item;

/// Items in a leaf, children of an inner node, at most.
pub(super) const FAN: usize = 64;
/// A node with fewer is merged with a neighbour where that fits.
pub(super) const THIN: usize = FAN / 4;
/// Room is left after merging, so that the next insert does not split again.
pub(super) const MERGED_MAX: usize = FAN * 3 / 4;

#[derive(Clone, Debug)]
pub(super) struct Leaf {
    pub(super) len: usize,
    pub(super) items: [Item; FAN],
}

impl Leaf {
    pub(super) const EMPTY: Self = Self { len: 0, items: [Item::new(0, 0); FAN] };

    pub(super) fn items(&self) -> &[Item] {
        &self.items[..self.len]
    }

    pub(super) fn insert(&mut self, at: usize, item: Item) {
        shift_up(&mut self.items, at, self.len, item);
        self.len += 1;
    }

    pub(super) fn remove(&mut self, at: usize) {
        self.items.copy_within(at + 1..self.len, at);
        self.len -= 1;
    }

    /// The right half of a full leaf; an eighth of it when what comes goes behind the last: what arrives in order
    /// fills leaves.
    pub(super) fn split_off(&mut self, appending: bool) -> Self {
        let keep = kept(appending);
        let mut right = Self::EMPTY;
        right.len = self.len - keep;
        right.items[..right.len].copy_from_slice(&self.items[keep..self.len]);
        self.len = keep;
        right
    }

    pub(super) fn append(&mut self, other: &Self) {
        self.items[self.len..self.len + other.len].copy_from_slice(other.items());
        self.len += other.len;
    }
}

#[derive(Clone, Debug)]
pub(super) struct Inner {
    pub(super) len: usize,
    pub(super) children: [u32; FAN],
    /// Items under each child.
    pub(super) counts: [u32; FAN],
    /// The first item under each child.
    pub(super) firsts: [Item; FAN],
}

impl Inner {
    pub(super) const EMPTY: Self =
        Self { len: 0, children: [0; FAN], counts: [0; FAN], firsts: [Item::new(0, 0); FAN] };

    /// The last child whose first item stands ahead, as [`count_ahead`] has it; the first when none does.
    pub(super) fn child_of(&self, merit: u64, ahead: impl Fn(Item) -> bool) -> usize {
        count_ahead(&self.firsts[1..self.len], merit, ahead)
    }

    pub(super) fn count_before(&self, child: usize) -> usize {
        self.counts[..child].iter().sum::<u32>() as usize
    }

    pub(super) fn count(&self) -> usize {
        self.count_before(self.len)
    }

    /// `count` items are no longer under this child.
    pub(super) fn take(&mut self, child: usize, count: usize) {
        self.counts[child] -= narrow(count);
    }

    pub(super) fn insert(&mut self, at: usize, child: u32, count: usize, first: Item) {
        shift_up(&mut self.children, at, self.len, child);
        shift_up(&mut self.counts, at, self.len, narrow(count));
        shift_up(&mut self.firsts, at, self.len, first);
        self.len += 1;
    }

    pub(super) fn remove(&mut self, at: usize) {
        self.children.copy_within(at + 1..self.len, at);
        self.counts.copy_within(at + 1..self.len, at);
        self.firsts.copy_within(at + 1..self.len, at);
        self.len -= 1;
    }

    pub(super) fn split_off(&mut self, appending: bool) -> Self {
        let keep = kept(appending);
        let mut right = Self::EMPTY;
        right.len = self.len - keep;
        right.children[..right.len].copy_from_slice(&self.children[keep..self.len]);
        right.counts[..right.len].copy_from_slice(&self.counts[keep..self.len]);
        right.firsts[..right.len].copy_from_slice(&self.firsts[keep..self.len]);
        self.len = keep;
        right
    }

    pub(super) fn append(&mut self, other: &Self) {
        let to = self.len..self.len + other.len;
        self.children[to.clone()].copy_from_slice(&other.children[..other.len]);
        self.counts[to.clone()].copy_from_slice(&other.counts[..other.len]);
        self.firsts[to].copy_from_slice(&other.firsts[..other.len]);
        self.len += other.len;
    }
}

/// How many of these stand ahead: those of lesser merit, and of those with this very merit the first that `ahead` holds
/// of. Merits alone are sought first, for which no branch has to be guessed and no holder to be looked at.
pub(super) fn count_ahead(items: &[Item], merit: u64, ahead: impl Fn(Item) -> bool) -> usize {
    let lesser = items.partition_point(|item| item.merit() < merit);
    let rest = &items[lesser..];
    if rest.first().is_none_or(|item| item.merit() != merit) {
        return lesser;
    }
    lesser + rest.partition_point(|item| item.merit() == merit && ahead(*item))
}

/// What stays in a full node that is split.
const fn kept(appending: bool) -> usize {
    if appending { FAN - FAN / 8 } else { FAN / 2 }
}

fn shift_up<T: Copy>(room: &mut [T; FAN], at: usize, len: usize, new: T) {
    room.copy_within(at..len, at + 1);
    room[at] = new;
}

/// Members are numbered in 32 bits, so their counts fit too.
fn narrow(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
