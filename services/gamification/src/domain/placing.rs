//! The final order: rows of scores to places.

use kernel::AccountId;
use sha2::{Digest, Sha256};

use super::{
    challenge::{Metric, Placement, RewardAt, Terms, Ties},
    scoring::Score,
};

/// Placements in one event at most.
pub const CHUNK_MAX: usize = 500;

/// A participant who has a score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scored {
    pub account: AccountId,
    pub member: u32,
    pub anonymous: bool,
    pub score: Score,
}

/// Everybody's place. By score, then by when it was reached, then by account: so ties are listed the same way each
/// time. `first` lets that order decide; `shared` leaves out the places behind a tie (1224), `dense` none (1223).
pub fn placements(metric: Metric, ties: Ties, mut scored: Vec<Scored>) -> Vec<Placement> {
    let goodness = |value: i64| if metric.ascending() { value } else { !value };
    scored.sort_unstable_by_key(|one| (goodness(one.score.value), one.score.reached_us, one.account));
    let mut placed: Vec<Placement> = Vec::with_capacity(scored.len());
    for (index, one) in scored.iter().enumerate() {
        let same = |other: Option<&Scored>| other.is_some_and(|other| other.score.value == one.score.value);
        let as_before = same(index.checked_sub(1).and_then(|before| scored.get(before)));
        let next = u32::try_from(index + 1).unwrap_or(u32::MAX);
        let rank = match (ties, placed.last()) {
            (Ties::Shared | Ties::Dense, Some(before)) if as_before => before.rank,
            (Ties::Dense, Some(before)) => before.rank + 1,
            _ => next,
        };
        placed.push(Placement {
            account: one.account,
            rank,
            member: one.member,
            score: one.score.value,
            reached_us: one.score.reached_us,
            tied: ties != Ties::First && (as_before || same(scored.get(index + 1))),
            anonymous: one.anonymous,
        });
    }
    placed
}

/// SHA-256 over the placements in order: each the account's 16 bytes, the rank in 4 and the score in 8, big-endian.
pub fn checksum(placements: &[Placement]) -> Vec<u8> {
    let mut hash = Sha256::new();
    for placement in placements {
        hash.update(placement.account.as_bytes());
        hash.update(placement.rank.to_be_bytes());
        hash.update(placement.score.to_be_bytes());
    }
    hash.finalize().to_vec()
}

/// Which of the rewards a place has earned, by their index in the terms.
pub fn earned<'t>(
    terms: &'t Terms,
    placement: &'t Placement,
) -> impl Iterator<Item = (usize, &'t super::challenge::Reward)> {
    terms.rewards.iter().enumerate().filter(|(_, reward)| match reward.at {
        RewardAt::Places { first, last } => (first..=last).contains(&placement.rank),
        RewardAt::Reached { score } if terms.metric.ascending() => placement.score <= score,
        RewardAt::Reached { score } => placement.score >= score,
    })
}

/// The share of all that stand behind or beside a place, in percent, with two decimals.
pub fn percentile(rank: u32, of: u32) -> f64 {
    if of == 0 {
        return 0.0;
    }
    let beaten = f64::from(of.saturating_sub(rank.saturating_sub(1)));
    (beaten / f64::from(of) * 10_000.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(name: &str, value: i64, reached_us: i64) -> Scored {
        let account = AccountId::derived(&[name.as_bytes()]);
        Scored { account, member: 1, anonymous: false, score: Score { value, reached_us } }
    }

    fn ranks(metric: Metric, ties: Ties) -> Vec<(u32, i64, bool)> {
        let all = vec![scored("a", 10, 3), scored("b", 30, 1), scored("c", 20, 9), scored("d", 20, 2)];
        placements(metric, ties, all).iter().map(|one| (one.rank, one.reached_us, one.tied)).collect()
    }

    #[test]
    fn who_reached_it_first_stands_first_and_nobody_is_tied() {
        let expected = [(1, 1, false), (2, 2, false), (3, 9, false), (4, 3, false)];
        assert_eq!(ranks(Metric::Distance, Ties::First), expected);
    }

    #[test]
    fn shared_places_leave_those_behind_them_out_and_dense_ones_none() {
        let shared = [(1, 1, false), (2, 2, true), (2, 9, true), (4, 3, false)];
        assert_eq!(ranks(Metric::Distance, Ties::Shared), shared);
        let dense = [(1, 1, false), (2, 2, true), (2, 9, true), (3, 3, false)];
        assert_eq!(ranks(Metric::Distance, Ties::Dense), dense);
    }

    #[test]
    fn the_fastest_stand_first() {
        let expected = [(1, 3, false), (2, 2, true), (2, 9, true), (4, 1, false)];
        assert_eq!(ranks(Metric::Fastest, Ties::Shared), expected);
    }

    #[test]
    fn the_checksum_tells_orders_apart() {
        let (one, other) = (scored("a", 10, 1), scored("b", 10, 2));
        let order = placements(Metric::Count, Ties::First, vec![one, other]);
        let again = placements(Metric::Count, Ties::First, vec![other, one]);
        assert_eq!(checksum(&order), checksum(&again));
        assert_ne!(checksum(&order), checksum(&[order[1], order[0]]));
    }

    #[test]
    fn the_first_is_at_a_hundred_percent_and_the_last_above_none() {
        assert_eq!([percentile(1, 4), percentile(4, 4), percentile(1, 1)], [100.0, 25.0, 100.0]);
        assert_eq!((percentile(2, 3), percentile(1, 0)), (66.67, 0.0));
    }
}
