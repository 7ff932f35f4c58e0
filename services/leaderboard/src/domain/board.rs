//! One challenge's board: its members, and an order of them for each segment. One write moves a member in every
//! segment it belongs to.

pub mod kept;
mod members;
mod segments;
#[cfg(test)]
mod tests;

use kernel::AccountId;
use privacy::BoardName;

pub use members::Member;
use members::Members;
use segments::{Segment, Segments};

use super::{
    order::{Item, Order},
    places::{Ahead, Place, Ties, number},
};

/// The segment of everybody.
pub const ALL: &str = "all";

/// Where fewer stand, a row without a name is known by being there: it is not shown, though it counts.
pub const FEW: usize = 10;

/// What is told of a participant, absolutely; a higher revision replaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub account: AccountId,
    pub number: u32,
    pub show_as: BoardName,
    /// `None`: on no board (nothing counts yet, left, erased).
    pub score: Option<Score>,
    /// Without `all`.
    pub segments: Vec<String>,
    pub revision: u64,
    /// Where it stands in the log; a board is as new as its newest.
    pub sequence: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Score {
    /// Thousandths of the metric's unit.
    pub value: i64,
    pub reached_us: i64,
}

/// What orders members: the better score, then who reached it first, then the account. The least stands ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub merit: u64,
    pub reached_us: i64,
    pub account: AccountId,
}

/// How a member has moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    pub slot: u32,
    pub before: Option<Key>,
    pub after: Option<Key>,
}

/// What a board is asked of: one of its segments, or accounts that the caller names.
#[derive(Clone, Copy, Debug)]
pub enum Scope<'a> {
    Segment(&'a str),
    Among(&'a [AccountId]),
}

#[derive(Debug)]
pub struct Board {
    ascending: bool,
    ties: Ties,
    members: Members,
    segments: Segments,
    sequence: u64,
    /// The sequence at which somebody was taken off without a word of the log.
    vanished_at: Option<u64>,
}

impl Default for Board {
    fn default() -> Self {
        Self::new(false, Ties::First)
    }
}

impl Board {
    /// `ascending`: the lower score is the better one.
    pub fn new(ascending: bool, ties: Ties) -> Self {
        let (members, segments) = (Members::default(), Segments::new(ties));
        Self { ascending, ties, members, segments, sequence: 0, vanished_at: None }
    }

    /// The rules as they are now; another order than before is made anew. Whether anything changed.
    pub fn rule(&mut self, ascending: bool, ties: Ties) -> bool {
        if (ascending, ties) == (self.ascending, self.ties) {
            return false;
        }
        (self.ascending, self.ties) = (ascending, ties);
        self.segments.clear(ties);
        for slot in 0..self.members.len() {
            if let Some(key) = self.key(slot) {
                self.enter(slot, key);
            }
        }
        true
    }

    /// Takes what is told, unless something newer was. How the member moved, if it is news.
    pub fn apply(&mut self, told: Told) -> Option<Move> {
        self.sequence = self.sequence.max(told.sequence);
        let known = self.members.slot(told.account);
        if known.is_some_and(|slot| self.members[slot].revision >= told.revision) {
            return None;
        }
        let before = known.and_then(|slot| self.key(slot));
        let same = known.map(|slot| self.members[slot].set);
        let same = same.filter(|set| self.segments.is(*set, &told.segments));
        let set = same.unwrap_or_else(|| self.segments.set_of(&told.segments));
        let after = told.score.map(|score| self.key_of(told.account, score));
        let stays = same.is_some() && before == after;
        if let (Some(slot), Some(key)) = (known, before)
            && !stays
        {
            self.exit(slot, key);
        }
        let member = Member {
            account: told.account,
            score: told.score,
            revision: told.revision,
            number: told.number,
            set,
            show_as: told.show_as,
        };
        let slot = self.members.put(known, member);
        if let Some(key) = after
            && !stays
        {
            self.enter(slot, key);
        }
        Some(Move { slot, before, after })
    }

    /// Takes somebody off for good, whatever their revision. How the member moved, if it stood there.
    pub fn vanish(&mut self, account: AccountId) -> Option<Move> {
        let slot = self.members.slot(account)?;
        let before = self.key(slot);
        if let Some(before) = before {
            self.exit(slot, before);
        }
        let set = self.segments.set_of(&[]);
        let member = Member { score: None, set, show_as: BoardName::Anonymous, ..self.members[slot].clone() };
        self.members.put(Some(slot), member);
        self.vanished_at = Some(self.sequence);
        Some(Move { slot, before: Some(before?), after: None })
    }

    /// Whether who has seen this sequence has seen these rows. Not where somebody has vanished since it was told.
    pub fn is_told(&self) -> bool {
        self.vanished_at != Some(self.sequence)
    }

    /// All that are known, whether they have a score or not.
    pub fn accounts(&self) -> impl Iterator<Item = AccountId> {
        (0..self.members.len()).map(|slot| self.members[slot].account)
    }

    /// Whether this revision of the member, or a newer, is known.
    pub fn has(&self, account: AccountId, revision: u64) -> bool {
        let slot = self.members.slot(account);
        slot.is_some_and(|slot| self.members[slot].revision >= revision)
    }

    /// Who stands in segments whose names begin so, each with the rest of the name.
    pub fn within<'a>(&'a self, beginning: &'a str) -> impl Iterator<Item = (&'a Member, &'a str)> {
        let segments = self.segments.beginning(beginning);
        let members =
            |(name, order): (&'a str, &'a Order)| order.iter_from(0).map(move |item| (item.holder, name));
        segments.flat_map(members).map(|(holder, name)| (&self.members[holder], name))
    }

    /// The place of the newest score in the log; 0 before the first.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Those with a score.
    pub fn len(&self) -> usize {
        self.segments.all().order.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn member(&self, slot: u32) -> &Member {
        &self.members[slot]
    }

    /// The member's place in the table, whether it has a score or not.
    pub fn slot(&self, account: AccountId) -> Option<u32> {
        self.members.slot(account)
    }

    pub fn key(&self, slot: u32) -> Option<Key> {
        let member = &self.members[slot];
        member.score.map(|score| self.key_of(member.account, score))
    }

    /// The order's key of a score that somebody has or might have.
    pub fn key_of(&self, account: AccountId, score: Score) -> Key {
        let rising = score.value.cast_unsigned() ^ (1 << 63);
        Key { merit: if self.ascending { rising } else { !rising }, reached_us: score.reached_us, account }
    }

    pub fn is_in(&self, slot: u32, segment: &str) -> bool {
        segment == ALL || self.segments.holds(self.members[slot].set, segment)
    }

    /// How many stand there.
    pub fn count(&self, scope: Scope<'_>) -> usize {
        match scope {
            Scope::Segment(name) => self.segments.get(name).map_or(0, |segment| segment.order.len()),
            Scope::Among(accounts) => self.sorted(accounts).len(),
        }
    }

    /// Whether so few stand in the segment that a row of it must have a name; never in everybody's.
    pub fn is_of_few(&self, segment: &str) -> bool {
        segment != ALL && self.count(Scope::Segment(segment)) < FEW
    }

    /// Who stands there, when they are few.
    pub fn few(&self, segment: &str) -> Option<Vec<AccountId>> {
        if !self.is_of_few(segment) {
            return None;
        }
        let order = self.segments.get(segment).map(|segment| &segment.order);
        let items = order.into_iter().flat_map(|order| order.iter_from(0));
        Some(items.map(|item| self.members[item.holder].account).collect())
    }

    /// The places from `from` (0 is the first) on.
    pub fn list(&self, scope: Scope<'_>, from: usize, take: usize) -> Vec<Place> {
        match scope {
            Scope::Segment(name) => {
                self.segments.get(name).map_or_else(Vec::new, |segment| self.stretch(segment, from, take))
            }
            Scope::Among(accounts) => {
                let places = self.among(accounts);
                places.into_iter().skip(from).take(take).collect()
            }
        }
    }

    /// Where one stands; `None` when it does not stand there.
    pub fn place(&self, scope: Scope<'_>, account: AccountId) -> Option<Place> {
        let slot = self.members.slot(account)?;
        match scope {
            Scope::Segment(name) => self.stands(name, slot),
            Scope::Among(accounts) => self.among(accounts).into_iter().find(|place| place.slot == slot),
        }
    }

    /// The places around one, `span` on either side; nothing when it does not stand there.
    pub fn around(&self, scope: Scope<'_>, account: AccountId, span: usize) -> Vec<Place> {
        let Some(slot) = self.members.slot(account) else { return Vec::new() };
        match scope {
            Scope::Segment(name) => {
                let Some(at) = self.position(name, slot) else { return Vec::new() };
                let from = at.saturating_sub(span);
                self.list(scope, from, at - from + span + 1)
            }
            Scope::Among(accounts) => {
                let places = self.among(accounts);
                let Some(at) = places.iter().position(|place| place.slot == slot) else { return Vec::new() };
                let from = at.saturating_sub(span);
                places.into_iter().skip(from).take(at - from + span + 1).collect()
            }
        }
    }

    /// Where these stand, the first ahead; those who do not stand there are left out.
    pub fn ranks(&self, scope: Scope<'_>, accounts: &[AccountId]) -> Vec<Place> {
        let mut slots: Vec<u32> = accounts.iter().filter_map(|account| self.members.slot(*account)).collect();
        slots.sort_unstable_by_key(|slot| self.key(*slot));
        slots.dedup();
        match scope {
            Scope::Segment(segment) => slots.iter().filter_map(|slot| self.stands(segment, *slot)).collect(),
            Scope::Among(audience) => {
                let mut places = self.among(audience);
                places.retain(|place| slots.contains(&place.slot));
                places
            }
        }
    }

    /// Those just ahead of a place, the nearest first.
    pub fn ahead_of(&self, segment: &str, slot: u32, most: usize) -> Vec<u32> {
        let Some((at, segment)) = self.position(segment, slot).zip(self.segments.get(segment)) else {
            return Vec::new();
        };
        let from = at.saturating_sub(most);
        let mut slots: Vec<u32> =
            segment.order.iter_from(from).take(at - from).map(|item| item.holder).collect();
        slots.reverse();
        slots
    }

    /// Bytes that the board keeps in memory, about.
    pub fn bytes(&self) -> usize {
        self.members.bytes() + self.segments.bytes()
    }

    /// One place without those around it: nothing is listed for it.
    fn stands(&self, segment: &str, slot: u32) -> Option<Place> {
        let key = self.key(slot).filter(|_| self.is_in(slot, segment))?;
        let Segment { order, scores, .. } = self.segments.get(segment)?;
        if self.ties == Ties::First {
            let at = order.position(key.merit, |other| self.members.compare(other, &key).is_lt());
            return Some(Place::new(slot, at, (at + 1, order.len()), false));
        }
        let better = |order: &Order| order.position(key.merit, |_| false);
        let ahead = better(order);
        let ranks = scores.as_ref().map_or(ahead, better);
        let upto = order.position(key.merit, |_| true);
        Some(Place::new(slot, ranks, (upto, order.len()), upto - ahead > 1))
    }

    fn position(&self, segment: &str, slot: u32) -> Option<usize> {
        let key = self.key(slot)?;
        if !self.is_in(slot, segment) {
            return None;
        }
        let order = &self.segments.get(segment)?.order;
        Some(order.position(key.merit, |other| self.members.compare(other, &key).is_lt()))
    }

    /// The accounts that have a score, in order.
    fn sorted(&self, accounts: &[AccountId]) -> Vec<Item> {
        let slots = accounts.iter().filter_map(|account| self.members.slot(*account));
        let mut keyed: Vec<(Key, u32)> = slots.filter_map(|slot| Some((self.key(slot)?, slot))).collect();
        keyed.sort_unstable();
        keyed.dedup();
        keyed.into_iter().map(|(key, slot)| Item::new(key.merit, slot)).collect()
    }

    fn among(&self, accounts: &[AccountId]) -> Vec<Place> {
        let items = self.sorted(accounts);
        let ahead = Ahead { through: items.len(), of: items.len(), ..Ahead::default() };
        number(self.ties, &items, items.len(), ahead)
    }

    fn stretch(&self, segment: &Segment, from: usize, take: usize) -> Vec<Place> {
        let items: Vec<Item> = segment.order.iter_from(from).take(take.saturating_add(1)).collect();
        let Some(first) = items.first().copied() else { return Vec::new() };
        let better = |order: &Order| order.position(first.merit(), |_| false);
        let last = items.get(take.min(items.len()).saturating_sub(1)).copied().unwrap_or(first);
        let ahead = Ahead {
            position: from,
            better: if self.ties == Ties::First { from } else { better(&segment.order) },
            scores_better: segment.scores.as_ref().map_or(0, better),
            through: segment.order.position(last.merit(), |_| true),
            of: segment.order.len(),
        };
        number(self.ties, &items, take, ahead)
    }

    fn enter(&mut self, slot: u32, key: Key) {
        let members = &self.members;
        self.segments.each(members[slot].set, |segment| {
            segment.insert(Item::new(key.merit, slot), |other| members.compare(other, &key));
        });
    }

    /// While the table still has the member as it was: items are compared through it.
    fn exit(&mut self, slot: u32, key: Key) {
        let members = &self.members;
        self.segments.each(members[slot].set, |segment| {
            segment.remove(key.merit, |other| members.compare(other, &key));
        });
    }
}
