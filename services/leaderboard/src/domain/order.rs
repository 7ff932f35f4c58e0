//! A counted B+tree: an order in which the place of an item, and the item at a place, take O(log n).
//!
//! Nodes lie in two arenas and name each other by number. An item is twelve bytes: a score and the number of who holds
//! it. What decides between equal scores lies with the holder, so every search takes the score that is sought, and a
//! closure for the items that have the same; the tree never looks behind an item itself.
//!
//! Invariants: no node is empty but a root leaf; every child's count and first item, as its parent has them, are exact.
//! Thin nodes are merged with a neighbour where the two fill no more than three quarters of one; others stay thin,
//! which costs memory, never order or height.

mod node;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;

use node::{FAN, Inner, Leaf, MERGED_MAX, THIN, count_ahead};

/// A score and its holder. The lesser merit stands ahead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Item {
    // Two halves: a u64 would pad the item to sixteen bytes.
    high: u32,
    low: u32,
    pub holder: u32,
}

impl Item {
    #[expect(clippy::cast_possible_truncation, reason = "the halves of the number are what is wanted")]
    pub const fn new(merit: u64, holder: u32) -> Self {
        Self { high: (merit >> 32) as u32, low: merit as u32, holder }
    }

    pub const fn merit(self) -> u64 {
        (self.high as u64) << 32 | self.low as u64
    }
}

/// An order of items.
#[derive(Debug)]
pub struct Order {
    leaves: Vec<Leaf>,
    inners: Vec<Inner>,
    leaves_free: Vec<u32>,
    inners_free: Vec<u32>,
    root: u32,
    /// Levels of inner nodes above the leaves.
    height: u32,
    len: usize,
}

/// A node that was split off to the right of its origin.
struct Split {
    node: u32,
    count: usize,
    first: Item,
}

impl Default for Order {
    fn default() -> Self {
        Self {
            leaves: vec![Leaf::EMPTY],
            inners: Vec::new(),
            leaves_free: Vec::new(),
            inners_free: Vec::new(),
            root: 0,
            height: 0,
            len: 0,
        }
    }
}

impl Order {
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many items have a lesser merit, or have this very one and `ahead` holds of them; of these it must hold of a
    /// beginning.
    pub fn position(&self, merit: u64, ahead: impl Fn(Item) -> bool) -> usize {
        let (mut node, mut position) = (self.root, 0);
        for _ in 0..self.height {
            let inner = &self.inners[node as usize];
            let child = inner.child_of(merit, &ahead);
            position += inner.count_before(child);
            node = inner.children[child];
        }
        position + count_ahead(self.leaves[node as usize].items(), merit, ahead)
    }

    /// Adds an item; `compare` says how another one of the same merit stands to it. Its place, from 0.
    pub fn insert(&mut self, item: Item, compare: impl Fn(Item) -> Ordering) -> usize {
        let (position, split) = self.insert_under(self.root, self.height, item, &compare);
        self.len += 1;
        if let Some(split) = split {
            let first = self.first_of(self.root, self.height);
            let mut root = Inner::EMPTY;
            root.insert(0, self.root, self.len - split.count, first);
            root.insert(1, split.node, split.count, split.first);
            self.root = self.new_inner(root);
            self.height += 1;
        }
        position
    }

    /// Takes out the item of this merit that `compare` calls equal. The place it had; `None` when there is none.
    pub fn remove(&mut self, merit: u64, compare: impl Fn(Item) -> Ordering) -> Option<usize> {
        let position = self.remove_under(self.root, self.height, merit, &compare)?;
        self.len -= 1;
        while self.height > 0 && self.inners[self.root as usize].len == 1 {
            let old = self.root;
            self.root = self.inners[old as usize].children[0];
            self.inners_free.push(old);
            self.height -= 1;
        }
        Some(position)
    }

    /// The items from a place on.
    pub fn iter_from(&self, position: usize) -> Iter<'_> {
        let mut iter = Iter { order: self, above: Vec::with_capacity(self.height as usize), leaf: 0, at: 0 };
        let (mut node, mut left) = (self.root, position);
        for _ in 0..self.height {
            let inner = &self.inners[node as usize];
            let mut child = 0;
            while child + 1 < inner.len && left >= inner.counts[child] as usize {
                left -= inner.counts[child] as usize;
                child += 1;
            }
            iter.above.push((node, child));
            node = inner.children[child];
        }
        iter.leaf = node;
        iter.at = left;
        iter
    }

    pub fn get(&self, position: usize) -> Option<Item> {
        self.iter_from(position).next()
    }

    /// Bytes that the order keeps in memory.
    pub fn bytes(&self) -> usize {
        self.leaves.capacity() * size_of::<Leaf>() + self.inners.capacity() * size_of::<Inner>()
    }

    fn insert_under(
        &mut self,
        node: u32,
        height: u32,
        item: Item,
        compare: &impl Fn(Item) -> Ordering,
    ) -> (usize, Option<Split>) {
        let ahead = |other: Item| compare(other) == Ordering::Less;
        if height == 0 {
            return self.insert_in_leaf(node, item, ahead);
        }
        let inner = &self.inners[node as usize];
        let child = inner.child_of(item.merit(), ahead);
        let (before, below) = (inner.count_before(child), inner.children[child]);
        let (position, split) = self.insert_under(below, height - 1, item, compare);
        let inner = &mut self.inners[node as usize];
        inner.counts[child] += 1;
        if position == 0 {
            inner.firsts[child] = item;
        }
        let Some(split) = split else { return (before + position, None) };
        inner.take(child, split.count);
        if inner.len < FAN {
            inner.insert(child + 1, split.node, split.count, split.first);
            return (before + position, None);
        }
        let mut right = inner.split_off(child + 1 == inner.len);
        if child + 1 > inner.len {
            right.insert(child + 1 - inner.len, split.node, split.count, split.first);
        } else {
            inner.insert(child + 1, split.node, split.count, split.first);
        }
        let (count, first) = (right.count(), right.firsts[0]);
        let node = self.new_inner(right);
        (before + position, Some(Split { node, count, first }))
    }

    fn insert_in_leaf(
        &mut self,
        node: u32,
        item: Item,
        ahead: impl Fn(Item) -> bool,
    ) -> (usize, Option<Split>) {
        let leaf = &mut self.leaves[node as usize];
        let position = count_ahead(leaf.items(), item.merit(), ahead);
        if leaf.len < FAN {
            leaf.insert(position, item);
            return (position, None);
        }
        let mut right = leaf.split_off(position == FAN);
        if position > leaf.len {
            right.insert(position - leaf.len, item);
        } else {
            leaf.insert(position, item);
        }
        let (count, first) = (right.len, right.items[0]);
        let node = self.new_leaf(right);
        (position, Some(Split { node, count, first }))
    }

    fn remove_under(
        &mut self,
        node: u32,
        height: u32,
        merit: u64,
        compare: &impl Fn(Item) -> Ordering,
    ) -> Option<usize> {
        // The last item that is not behind the sought one is it, or it is not here.
        let upto = |other: Item| compare(other) != Ordering::Greater;
        if height == 0 {
            let leaf = &mut self.leaves[node as usize];
            let position = count_ahead(leaf.items(), merit, upto).checked_sub(1)?;
            let last = leaf.items[position];
            if last.merit() != merit || compare(last) != Ordering::Equal {
                return None;
            }
            leaf.remove(position);
            return Some(position);
        }
        let inner = &self.inners[node as usize];
        let child = inner.child_of(merit, upto);
        let (before, below) = (inner.count_before(child), inner.children[child]);
        let position = self.remove_under(below, height - 1, merit, compare)?;
        let count = {
            let inner = &mut self.inners[node as usize];
            inner.counts[child] -= 1;
            inner.counts[child]
        };
        if count == 0 {
            self.inners[node as usize].remove(child);
            self.free(below, height - 1);
            return Some(before + position);
        }
        if position == 0 {
            self.inners[node as usize].firsts[child] = self.first_of(below, height - 1);
        }
        if self.width(below, height - 1) < THIN {
            self.thicken(node, height, child);
        }
        Some(before + position)
    }

    /// Merges a thin child with a neighbour, if the two fit into one with room to spare.
    fn thicken(&mut self, node: u32, height: u32, child: usize) {
        let inner = &self.inners[node as usize];
        let (len, children) = (inner.len, inner.children);
        let fits = |left: usize| {
            let width = |at: usize| self.width(children[at], height - 1);
            left + 1 < len && width(left) + width(left + 1) <= MERGED_MAX
        };
        let Some(left) = [Some(child), child.checked_sub(1)].into_iter().flatten().find(|left| fits(*left))
        else {
            return;
        };
        let (into, from) = (children[left], children[left + 1]);
        if height == 1 {
            let taken = std::mem::replace(&mut self.leaves[from as usize], Leaf::EMPTY);
            self.leaves[into as usize].append(&taken);
        } else {
            let taken = std::mem::replace(&mut self.inners[from as usize], Inner::EMPTY);
            self.inners[into as usize].append(&taken);
        }
        self.free(from, height - 1);
        let inner = &mut self.inners[node as usize];
        inner.counts[left] += inner.counts[left + 1];
        inner.remove(left + 1);
    }

    fn width(&self, node: u32, height: u32) -> usize {
        if height == 0 { self.leaves[node as usize].len } else { self.inners[node as usize].len }
    }

    fn first_of(&self, node: u32, height: u32) -> Item {
        if height == 0 { self.leaves[node as usize].items[0] } else { self.inners[node as usize].firsts[0] }
    }

    fn new_leaf(&mut self, leaf: Leaf) -> u32 {
        allot(&mut self.leaves, &mut self.leaves_free, leaf)
    }

    fn new_inner(&mut self, inner: Inner) -> u32 {
        allot(&mut self.inners, &mut self.inners_free, inner)
    }

    fn free(&mut self, node: u32, height: u32) {
        if height == 0 { self.leaves_free.push(node) } else { self.inners_free.push(node) }
    }
}

/// Puts a node into a free place of its arena, or behind the last.
fn allot<T>(arena: &mut Vec<T>, free: &mut Vec<u32>, node: T) -> u32 {
    if let Some(place) = free.pop() {
        arena[place as usize] = node;
        return place;
    }
    arena.push(node);
    u32::try_from(arena.len() - 1).unwrap_or(u32::MAX)
}

/// Items in order.
pub struct Iter<'a> {
    order: &'a Order,
    /// The inner nodes above the leaf, each with the child that the way leads through.
    above: Vec<(u32, usize)>,
    leaf: u32,
    at: usize,
}

impl Iter<'_> {
    /// To the beginning of the next leaf; whether there is one.
    fn turn(&mut self) -> bool {
        while let Some((node, child)) = self.above.pop() {
            let inner = &self.order.inners[node as usize];
            if child + 1 == inner.len {
                continue;
            }
            self.above.push((node, child + 1));
            let mut below = inner.children[child + 1];
            while self.above.len() < self.order.height as usize {
                self.above.push((below, 0));
                below = self.order.inners[below as usize].children[0];
            }
            self.leaf = below;
            self.at = 0;
            return true;
        }
        false
    }
}

impl Iterator for Iter<'_> {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        let leaf = &self.order.leaves[self.leaf as usize];
        if let Some(item) = leaf.items().get(self.at) {
            self.at += 1;
            return Some(*item);
        }
        // Once only: no leaf behind the first is empty.
        self.turn().then(|| self.next()).flatten()
    }
}
