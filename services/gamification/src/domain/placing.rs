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

/// Of each in a stretch of the order, the percentile: the share of all who are ranked that stand strictly behind, 0 to 100,
/// not rounded. Whoever shares a place stands beside, not behind; so the last one is at 0, and the first never at 100.
///
/// `from`: how many stand before the stretch; `through`: how many stand up to the last one who shares the place of the
/// stretch's last; `of`: how many are ranked. By how many they are, never by their ranks, which `dense` leaves too small.
pub fn percentiles(stretch: &[Placement], from: u32, through: u32, of: u32) -> Vec<f64> {
    let mut percentiles = Vec::with_capacity(stretch.len());
    let (mut not_behind, mut behind) = (through, None);
    let mut here = from.saturating_add(u32::try_from(stretch.len()).unwrap_or(u32::MAX));
    for placement in stretch.iter().rev() {
        if behind.is_some_and(|rank| rank != placement.rank) {
            not_behind = here;
        }
        percentiles.push(share(of.saturating_sub(not_behind), of));
        here = here.saturating_sub(1);
        behind = Some(placement.rank);
    }
    percentiles.reverse();
    percentiles
}

fn share(part: u32, of: u32) -> f64 {
    if of == 0 { 0.0 } else { f64::from(part) * 100.0 / f64::from(of) }
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

    fn order(ties: Ties, values: &[i64]) -> Vec<Placement> {
        let one = |(nth, value): (i64, &i64)| scored(&nth.to_string(), *value, nth);
        placements(Metric::Distance, ties, (0..).zip(values).map(one).collect())
    }

    #[test]
    fn a_percentile_is_the_share_that_stands_strictly_behind() {
        let first = order(Ties::First, &[30, 20, 20, 10]);
        assert_eq!(percentiles(&first, 0, 4, 4), [75.0, 50.0, 25.0, 0.0]);
        assert_eq!(percentiles(&order(Ties::First, &[30]), 0, 1, 1), [0.0], "nobody is behind the only one");
        let hundred_and_twenty_five: Vec<i64> = (0..125).collect();
        let many = percentiles(&order(Ties::First, &hundred_and_twenty_five), 0, 125, 125);
        assert_eq!((many[0], many[124]), (99.2, 0.0));
        assert_eq!(percentiles(&[], 0, 0, 0), [0.0; 0]);
    }

    #[test]
    fn who_shares_a_place_is_not_behind_and_dense_places_count_nobody_twice() {
        for ties in [Ties::Shared, Ties::Dense] {
            let pairs = order(ties, &[20, 20, 10, 10]);
            assert_eq!(percentiles(&pairs, 0, 4, 4), [50.0, 50.0, 0.0, 0.0], "{ties:?}");
            let middle = order(ties, &[30, 20, 20, 10]);
            assert_eq!(percentiles(&middle, 0, 4, 4), [75.0, 25.0, 25.0, 0.0], "{ties:?}");
        }
    }

    #[test]
    fn a_page_that_ends_amid_a_shared_place_says_the_same_as_the_whole_order() {
        for ties in [Ties::First, Ties::Shared, Ties::Dense] {
            let all = order(ties, &[50, 40, 40, 40, 30, 30, 10]);
            let whole = percentiles(&all, 0, 7, 7);
            for (from, to) in (0..7).flat_map(|from| (from + 1..8).map(move |to| (from, to))) {
                let last = all[to - 1].rank;
                let through = all.iter().take_while(|one| one.rank <= last).count();
                let [from_32, through] = [from, through].map(|count| u32::try_from(count).unwrap());
                assert_eq!(
                    percentiles(&all[from..to], from_32, through, 7),
                    whole[from..to],
                    "{ties:?} {from}..{to}"
                );
            }
        }
    }
}
