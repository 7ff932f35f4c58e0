//! From an order to places: what ties mean, and how many one has left behind.

use super::order::Item;

/// What equal scores share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ties {
    /// Nothing: who reached it first stands ahead.
    #[default]
    First,
    /// The place, and the next one is skipped: 1, 2, 2, 4.
    Shared,
    /// The place, and none is skipped: 1, 2, 2, 3.
    Dense,
}

impl Ties {
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "first" => Some(Self::First),
            "shared" => Some(Self::Shared),
            "dense" => Some(Self::Dense),
            _ => None,
        }
    }
}

/// Where somebody stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// The member's place in the board's table.
    pub slot: u32,
    pub rank: u32,
    /// Another one has the same rank.
    pub tied: bool,
    /// How many of all stand at this place or behind it, oneself not counted, of 100.
    pub percentile: f64,
}

impl Place {
    /// `better`: how many stand ahead of it; `behind_ranks`: how many ranks; both of `of` in all.
    pub(super) fn new(slot: u32, (behind_ranks, better, of): (usize, usize, usize), tied: bool) -> Self {
        Self {
            slot,
            rank: narrow(behind_ranks).saturating_add(1),
            tied,
            percentile: share((of - better).saturating_sub(1), of),
        }
    }
}

/// What stands ahead of a stretch of an order.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ahead {
    /// Items before the stretch.
    pub position: usize,
    /// Items with a better score than its first.
    pub better: usize,
    /// Scores better than its first.
    pub scores_better: usize,
    /// Items of the whole order.
    pub of: usize,
}

/// The places of the first `take` items of a stretch; one item more tells whether the last is tied.
pub fn number(ties: Ties, stretch: &[Item], take: usize, ahead: Ahead) -> Vec<Place> {
    let Ahead { position, mut better, mut scores_better, of } = ahead;
    let mut places: Vec<Place> = Vec::with_capacity(take.min(stretch.len()));
    for (at, item) in stretch.iter().enumerate().take(take) {
        let same = |other: Option<&Item>| other.is_some_and(|other| other.merit() == item.merit());
        let continues = at > 0 && same(stretch.get(at - 1));
        if ties == Ties::First {
            better = position + at;
        } else if at > 0 && !continues {
            better = position + at;
            scores_better += 1;
        }
        let shares = same(stretch.get(at + 1)) || continues || better < position + at;
        let ranks = if ties == Ties::Dense { scores_better } else { better };
        places.push(Place::new(item.holder, (ranks, better, of), ties != Ties::First && shares));
    }
    places
}

#[expect(clippy::cast_precision_loss, reason = "a share of at most 2^32")]
fn share(part: usize, of: usize) -> f64 {
    if of == 0 { 0.0 } else { part as f64 * 100.0 / of as f64 }
}

fn narrow(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
