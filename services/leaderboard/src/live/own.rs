//! The viewer's own place: where it is, and who went past.

use std::sync::Arc;

use kernel::AccountId;

use super::{
    frames::{Amount, Number},
    window::Published,
};
use crate::{
    boards::{Cell, Moves},
    domain::board::{Board, Key, Scope},
};

/// Told of in one frame.
const OVERTAKERS_MAX: usize = 20;
/// Beyond so many moves in a tick, only those near ahead are looked at.
const MOVES_MAX: usize = 512;
const NEAR: usize = 200;

/// The place as it was told last.
pub(super) struct Own {
    pub(super) account: AccountId,
    told: Option<Told>,
    /// An earlier stream of the reader, which this one goes on with, may have told a place.
    resumed: bool,
    tick: u64,
}

#[derive(Clone, Copy)]
struct Told {
    key: Key,
    rank: u32,
    score: i64,
    /// The rank a tick earlier. The board may be ahead of a tick: who went past is then known a tick after it showed.
    rank_before: u32,
}

/// What there is to tell.
pub(super) enum Looked {
    Nowhere,
    /// The place that was told, or may have been, is no more.
    Lost,
    Stands(Place),
}

/// The place now.
pub(super) struct Place {
    pub(super) rank: u32,
    pub(super) number: Number,
    pub(super) score: Amount,
    /// Rank or score are not as they were told.
    pub(super) changed: bool,
    /// Who is ahead now and was not.
    pub(super) overtaken_by: Vec<Number>,
}

impl Own {
    pub(super) fn new(account: AccountId, resumed: bool) -> Self {
        Self { account, told: None, resumed, tick: 0 }
    }

    /// Looks again.
    pub(super) fn look(&mut self, cell: &Cell, segment: &str, published: &Published) -> Looked {
        let had = self.told.is_some() || std::mem::take(&mut self.resumed);
        match self.place(cell, segment, published) {
            Some(place) => Looked::Stands(place),
            None if had => Looked::Lost,
            None => Looked::Nowhere,
        }
    }

    fn place(&mut self, cell: &Cell, segment: &str, published: &Published) -> Option<Place> {
        let moves = published.tick.moves.iter().filter(|(tick, _)| *tick > self.tick);
        let moves: Vec<Arc<Moves>> = moves.map(|(_, moves)| moves.clone()).collect();
        let ticked = std::mem::replace(&mut self.tick, published.tick.number) != published.tick.number;
        let board = cell.board();
        let before = self.told.take();
        // Among a few, nobody is told to have been passed by one who is not shown.
        let few = published.few.as_deref();
        let place = board.place(Scope::Segment(segment), self.account)?;
        let (member, key) = (board.member(place.slot), board.key(place.slot)?);
        let score = member.score?.value;
        let earlier = |told: Told| if ticked { told.rank } else { told.rank_before };
        let rank_before = before.map_or(place.rank, earlier);
        self.told = Some(Told { key, rank: place.rank, score, rank_before });
        let fell = before.filter(|told| place.rank > told.rank.min(told.rank_before));
        let overtaken_by = fell.map_or_else(Vec::new, |told| {
            overtakers(&board, (segment, few), (place.slot, told.key, key), &moves)
        });
        Some(Place {
            rank: place.rank,
            number: Number(member.number),
            score: Amount(score),
            changed: before.is_none_or(|told| (told.rank, told.score) != (place.rank, score)),
            overtaken_by,
        })
    }
}

/// Those who moved from behind where one was to ahead of where one is, the nearest first.
fn overtakers(
    board: &Board,
    (segment, few): (&str, Option<&[AccountId]>),
    (me, was, is): (u32, Key, Key),
    moves: &[Arc<Moves>],
) -> Vec<Number> {
    let from = |slot: u32| moves.iter().find_map(|moves| moves.get(&slot).copied());
    let shown = |slot: u32| {
        board.is_in(slot, segment) && few.is_none_or(|few| few.contains(&board.member(slot).account))
    };
    let passed = |slot: &u32| {
        let ahead = board.key(*slot).is_some_and(|key| key < is) && shown(*slot);
        *slot != me && ahead && from(*slot).is_some_and(|before| before.is_none_or(|before| before > was))
    };
    let few = moves.iter().map(|moves| moves.len()).sum::<usize>() <= MOVES_MAX;
    let mut slots: Vec<u32> = if few {
        moves.iter().flat_map(|moves| moves.keys().copied()).filter(passed).collect()
    } else {
        board.ahead_of(segment, me, NEAR).into_iter().filter(passed).collect()
    };
    slots.sort_unstable_by_key(|slot| std::cmp::Reverse(board.key(*slot)));
    slots.dedup();
    slots.into_iter().take(OVERTAKERS_MAX).map(|slot| Number(board.member(slot).number)).collect()
}
