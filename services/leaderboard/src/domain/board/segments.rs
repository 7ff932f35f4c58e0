//! The orders of a board, by segment. Members name the *set* of their segments: few sets for many members.

use std::{cmp::Ordering, collections::HashMap};

use super::{
    ALL,
    kept::{Damaged, take},
};
use crate::domain::{
    order::{Item, Order},
    places::Ties,
};

#[derive(Debug)]
pub(super) struct Segment {
    name: String,
    pub(super) order: Order,
    /// Each score once, for dense ranks.
    pub(super) scores: Option<Order>,
}

impl Segment {
    fn new(name: String, ties: Ties) -> Self {
        Self { name, order: Order::default(), scores: (ties == Ties::Dense).then(Order::default) }
    }

    pub(super) fn insert(&mut self, item: Item, compare: impl Fn(Item) -> Ordering) {
        if let Some(scores) = &mut self.scores
            && !has_score(&self.order, item.merit())
        {
            scores.insert(Item::new(item.merit(), 0), |_| Ordering::Equal);
        }
        self.order.insert(item, compare);
    }

    pub(super) fn remove(&mut self, merit: u64, compare: impl Fn(Item) -> Ordering) {
        self.order.remove(merit, compare);
        if let Some(scores) = &mut self.scores
            && !has_score(&self.order, merit)
        {
            scores.remove(merit, |_| Ordering::Equal);
        }
    }
}

fn has_score(order: &Order, merit: u64) -> bool {
    let at = order.position(merit, |_| false);
    order.get(at).is_some_and(|item| item.merit() == merit)
}

#[derive(Debug)]
pub(super) struct Segments {
    /// The first is everybody's.
    list: Vec<Segment>,
    numbers: HashMap<String, u32>,
    sets: Vec<Box<[u32]>>,
    known_sets: HashMap<Box<[u32]>, u32>,
    ties: Ties,
}

impl Segments {
    pub(super) fn new(ties: Ties) -> Self {
        Self {
            list: vec![Segment::new(ALL.to_owned(), ties)],
            numbers: HashMap::from([(ALL.to_owned(), 0)]),
            sets: Vec::new(),
            known_sets: HashMap::new(),
            ties,
        }
    }

    /// Names and sets, as [`super::Board::write`] has them.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend(narrow(self.list.len() - 1).to_le_bytes());
        for segment in &self.list[1..] {
            // A longer one would be of no use to anybody; its segment is another one after a restart.
            let name = &segment.name.as_bytes()[..segment.name.len().min(usize::from(u16::MAX))];
            out.extend(short(name.len()).to_le_bytes());
            out.extend(name);
        }
        out.extend(narrow(self.sets.len()).to_le_bytes());
        for set in &self.sets {
            out.extend(short(set.len()).to_le_bytes());
            set.iter().for_each(|number| out.extend(number.to_le_bytes()));
        }
    }

    pub(super) fn read(bytes: &mut &[u8], ties: Ties) -> Result<Self, Damaged> {
        let mut segments = Self::new(ties);
        for number in 1..=u32::from_le_bytes(take(bytes)?) {
            let length = u16::from_le_bytes(take(bytes)?).into();
            let (name, rest) = bytes.split_at_checked(length).ok_or(Damaged)?;
            *bytes = rest;
            let name = std::str::from_utf8(name).map_err(|_| Damaged)?;
            if segments.number(name) != number {
                return Err(Damaged);
            }
        }
        for number in 0..u32::from_le_bytes(take(bytes)?) {
            let mut set = Vec::new();
            for _ in 0..u16::from_le_bytes(take(bytes)?) {
                set.push(u32::from_le_bytes(take(bytes)?));
            }
            let in_order = set.first() == Some(&0) && set.is_sorted_by(|one, next| one < next);
            if !in_order || set.last().is_none_or(|last| *last as usize >= segments.list.len()) {
                return Err(Damaged);
            }
            let set: Box<[u32]> = set.into();
            segments.sets.push(set.clone());
            if segments.known_sets.insert(set, number).is_some() {
                return Err(Damaged);
            }
        }
        Ok(segments)
    }

    pub(super) fn has(&self, set: u32) -> bool {
        (set as usize) < self.sets.len()
    }

    /// The orders of segments whose names begin so, each with the rest of its name.
    pub(super) fn beginning<'a>(&'a self, beginning: &'a str) -> impl Iterator<Item = (&'a str, &'a Order)> {
        let rest = move |segment: &'a Segment| Some((segment.name.strip_prefix(beginning)?, &segment.order));
        self.list.iter().filter_map(rest)
    }

    /// Nobody stands anywhere any more; names and sets stay.
    pub(super) fn clear(&mut self, ties: Ties) {
        self.ties = ties;
        for segment in &mut self.list {
            *segment = Segment::new(std::mem::take(&mut segment.name), ties);
        }
    }

    pub(super) fn all(&self) -> &Segment {
        &self.list[0]
    }

    pub(super) fn get(&self, name: &str) -> Option<&Segment> {
        if name == ALL {
            return Some(self.all());
        }
        self.numbers.get(name).map(|number| &self.list[*number as usize])
    }

    pub(super) fn holds(&self, set: u32, name: &str) -> bool {
        self.numbers.get(name).is_some_and(|number| self.sets[set as usize].contains(number))
    }

    /// Whether a set is of these segments and everybody's: told with each score, changed with hardly any.
    pub(super) fn is(&self, set: u32, names: &[String]) -> bool {
        let own = self.sets[set as usize].iter().filter(|number| **number != 0);
        let own = own.map(|number| &self.list[*number as usize].name);
        own.clone().count() == names.len()
            && own.clone().all(|name| names.contains(name))
            && names.iter().all(|name| own.clone().any(|own| own == name))
    }

    /// The set of these segments and everybody's.
    pub(super) fn set_of(&mut self, names: &[String]) -> u32 {
        let mut set: Vec<u32> = names.iter().map(|name| self.number(name)).collect();
        set.push(0);
        set.sort_unstable();
        set.dedup();
        if let Some(known) = self.known_sets.get(set.as_slice()) {
            return *known;
        }
        let set: Box<[u32]> = set.into();
        let number = narrow(self.sets.len());
        self.sets.push(set.clone());
        self.known_sets.insert(set, number);
        number
    }

    /// Does something to every segment of a set.
    pub(super) fn each(&mut self, set: u32, mut act: impl FnMut(&mut Segment)) {
        for number in &self.sets[set as usize] {
            act(&mut self.list[*number as usize]);
        }
    }

    pub(super) fn bytes(&self) -> usize {
        let orders = self.list.iter().flat_map(|segment| [Some(&segment.order), segment.scores.as_ref()]);
        orders.flatten().map(Order::bytes).sum()
    }

    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = narrow(self.list.len());
        self.list.push(Segment::new(name.to_owned(), self.ties));
        self.numbers.insert(name.to_owned(), number);
        number
    }
}

/// Nobody stands in as many segments, and no name is as long.
fn short(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

fn narrow(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
