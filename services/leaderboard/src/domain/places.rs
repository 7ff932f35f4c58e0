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
    /// The share of all that stand strictly behind, 0 to 100: whoever shares the place stands beside.
    pub percentile: f64,
}

impl Place {
    /// `ranks_ahead`: how many ranks are better; `through`: how many of `of` stand up to the last who shares the place.
    pub(super) fn new(slot: u32, ranks_ahead: usize, (through, of): (usize, usize), tied: bool) -> Self {
        let percentile = share(of.saturating_sub(through), of);
        Self { slot, rank: narrow(ranks_ahead).saturating_add(1), tied, percentile }
    }
}

/// What stands around a stretch of an order.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ahead {
    /// Items before the stretch.
    pub position: usize,
    /// Items with a better score than its first.
    pub better: usize,
    /// Scores better than its first.
    pub scores_better: usize,
    /// Items up to the last that shares the place of the last one wanted.
    pub through: usize,
    /// Items of the whole order.
    pub of: usize,
}

/// The places of the first `take` items of a stretch; one item more tells whether the last is tied.
pub fn number(ties: Ties, stretch: &[Item], take: usize, ahead: Ahead) -> Vec<Place> {
    let Ahead { position, mut better, mut scores_better, through, of } = ahead;
    let wanted = take.min(stretch.len());
    let alike = |one: usize, other: usize| match (stretch.get(one), stretch.get(other)) {
        (Some(one), Some(other)) => one.merit() == other.merit(),
        _ => false,
    };
    let mut throughs = vec![through; wanted];
    for at in (0..wanted.saturating_sub(1)).rev() {
        throughs[at] = if alike(at, at + 1) { throughs[at + 1] } else { position + at + 1 };
    }
    let mut places: Vec<Place> = Vec::with_capacity(wanted);
    for (at, item) in stretch.iter().enumerate().take(wanted) {
        let continues = at > 0 && alike(at - 1, at);
        if ties == Ties::First {
            better = position + at;
        } else if at > 0 && !continues {
            better = position + at;
            scores_better += 1;
        }
        let shares = alike(at, at + 1) || continues || better < position + at;
        let ranks = if ties == Ties::Dense { scores_better } else { better };
        let through = if ties == Ties::First { position + at + 1 } else { throughs[at] };
        places.push(Place::new(item.holder, ranks, (through, of), ties != Ties::First && shares));
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
