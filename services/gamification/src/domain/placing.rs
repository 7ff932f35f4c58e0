//! The final order: rows of scores to places.

use kernel::AccountId;
use sha2::{Digest, Sha256};

use super::{
    challenge::{Metric, Placement, RewardAt, TeamPlace, Terms, Ties},
    scoring::Score,
    teams::TeamId,
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
    /// For whom it counts, where teams compete.
    pub team: Option<TeamId>,
}

/// One place of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ranked<T> {
    pub who: T,
    pub score: Score,
    pub rank: u32,
    pub tied: bool,
    /// How many stand strictly behind.
    pub behind: u32,
}

/// By score, then by when it was reached, then by who it is: so ties are listed the same way each time. `first` lets that
/// order decide; `shared` leaves out the places behind a tie (1224), `dense` none (1223).
pub fn ranked<T: Copy + Ord>(metric: Metric, ties: Ties, mut all: Vec<(T, Score)>) -> Vec<Ranked<T>> {
    let goodness = |value: i64| if metric.ascending() { value } else { !value };
    all.sort_unstable_by_key(|(who, score)| (goodness(score.value), score.reached_us, *who));
    let of = narrow(all.len());
    let mut placed: Vec<Ranked<T>> = Vec::with_capacity(all.len());
    for (index, (who, score)) in all.iter().copied().enumerate() {
        let same = |other: Option<&(T, Score)>| other.is_some_and(|(_, other)| other.value == score.value);
        let as_before = same(index.checked_sub(1).and_then(|before| all.get(before)));
        let next = narrow(index + 1);
        let rank = match (ties, placed.last()) {
            (Ties::Shared | Ties::Dense, Some(before)) if as_before => before.rank,
            (Ties::Dense, Some(before)) => before.rank + 1,
            _ => next,
        };
        let tied = ties != Ties::First && (as_before || same(all.get(index + 1)));
        placed.push(Ranked { who, score, rank, tied, behind: of.saturating_sub(next) });
    }
    for index in (1..placed.len()).rev() {
        if placed[index - 1].rank == placed[index].rank {
            placed[index - 1].behind = placed[index].behind;
        }
    }
    placed
}

/// Everybody's place, with the rewards that it has earned.
pub fn placements(terms: &Terms, scored: Vec<Scored>) -> Vec<Placement> {
    let of = narrow(scored.len());
    let all = scored.into_iter().map(|one| ((one.account, one.member, one.anonymous, one.team), one.score));
    let placed = ranked(terms.metric, terms.ties, all.collect());
    placed
        .into_iter()
        .map(|place| {
            let (account, member, anonymous, team) = place.who;
            let Ranked { score: Score { value: score, reached_us }, rank, tied, behind, .. } = place;
            let team = team.map(|team| TeamPlace { team, rank: 0, score: 0 });
            let earned = Some(earned(terms, Stand { rank, score, behind, of }));
            Placement { account, rank, member, score, reached_us, tied, anonymous, team, earned }
        })
        .collect()
}

fn narrow(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
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

/// What of a place decides its rewards.
#[derive(Clone, Copy, Debug)]
pub struct Stand {
    pub rank: u32,
    pub score: i64,
    /// How many stand strictly behind, of how many.
    pub behind: u32,
    pub of: u32,
}

/// Which of the rewards a place has earned: a bit each, by their index in the terms, which name at most 64.
pub fn earned(terms: &Terms, stand: Stand) -> u64 {
    let has = |at: RewardAt| match at {
        RewardAt::Places { first, last } => (first..=last).contains(&stand.rank),
        RewardAt::Percentile { from, to } => {
            // Thousandths of a percent of so many, without a division that rounds.
            let behind = u64::from(stand.behind) * 100_000;
            let bound = |thousandths: u32| u64::from(thousandths) * u64::from(stand.of);
            stand.of > 0 && (bound(from)..=bound(to)).contains(&behind)
        }
        RewardAt::Reached { score } if terms.metric.ascending() => stand.score <= score,
        RewardAt::Reached { score } => stand.score >= score,
    };
    let mask = |(index, _): (usize, _)| 1_u64 << index;
    terms.rewards.iter().take(64).enumerate().filter(|(_, reward)| has(reward.at)).map(mask).sum()
}

/// The rewards of a placement, by their index in the terms. Before it was kept which are earned, places and scores told.
pub fn rewards<'t>(
    terms: &'t Terms,
    placement: &Placement,
) -> impl Iterator<Item = (usize, &'t super::challenge::Reward)> {
    let stand = Stand { rank: placement.rank, score: placement.score, behind: 0, of: 0 };
    let earned = placement.earned.unwrap_or_else(|| earned(terms, stand));
    terms.rewards.iter().take(64).enumerate().filter(move |(index, _)| earned >> index & 1 == 1)
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
    use crate::domain::challenge::{Reward, terms::Written};

    fn scored(name: &str, value: i64, reached_us: i64) -> Scored {
        let account = AccountId::derived(&[name.as_bytes()]);
        Scored { account, member: 1, anonymous: false, score: Score { value, reached_us }, team: None }
    }

    fn terms(metric: Metric, ties: Ties, rewards: &[RewardAt]) -> Terms {
        let written = Written {
            name: [("en".to_owned(), "May".to_owned())].into(),
            metric: metric.as_str().to_owned(),
            ties: ties.as_str().to_owned(),
            start: "2026-05-01T00:00:00".to_owned(),
            end: "2026-06-01T00:00:00".to_owned(),
            ..Written::default()
        };
        let reward = |at: &RewardAt| Reward { at: *at, points: 1, badge: None };
        Terms { rewards: rewards.iter().map(reward).collect(), ..Terms::parse(&written).unwrap() }
    }

    fn placements(metric: Metric, ties: Ties, scored: Vec<Scored>) -> Vec<Placement> {
        super::placements(&terms(metric, ties, &[]), scored)
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

    #[test]
    fn who_stands_behind_is_what_percentiles_are_made_of() {
        for ties in [Ties::First, Ties::Shared, Ties::Dense] {
            let values = [50, 40, 40, 40, 30, 30, 10];
            let all = order(ties, &values);
            let scores = (0..).zip(values).map(|(nth, value)| (nth, Score { value, reached_us: nth }));
            let behind = ranked(Metric::Distance, ties, scores.collect());
            let share = behind.iter().map(|place| f64::from(place.behind) * 100.0 / 7.0);
            assert_eq!(share.collect::<Vec<_>>(), percentiles(&all, 0, 7, 7), "{ties:?}");
        }
    }

    #[test]
    fn a_reward_by_percentile_goes_to_the_share_that_is_shown() {
        let best = RewardAt::Percentile { from: 75_000, to: 100_000 };
        let last = RewardAt::Percentile { from: 0, to: 0 };
        let rewarded = |ties, values: &[i64]| -> Vec<u64> {
            let one = |(nth, value): (i64, &i64)| scored(&nth.to_string(), *value, nth);
            let all = (0..).zip(values).map(one).collect();
            let placed = super::placements(&terms(Metric::Distance, ties, &[best, last]), all);
            placed.iter().map(|place| place.earned.unwrap()).collect()
        };
        assert_eq!(
            rewarded(Ties::First, &[40, 30, 20, 10]),
            [1, 0, 0, 2],
            "75 of 100 stand behind the first"
        );
        assert_eq!(rewarded(Ties::First, &[40, 30, 20]), [0, 0, 2], "66.7 do here");
        assert_eq!(rewarded(Ties::Shared, &[40, 40, 20, 10]), [0, 0, 0, 2], "those beside are not behind");
        assert_eq!(rewarded(Ties::Dense, &[40, 10, 10, 10]), [1, 2, 2, 2]);
        assert_eq!(rewarded(Ties::First, &[]), [0_u64; 0]);
    }

    #[test]
    fn what_was_placed_before_rewards_were_kept_is_worth_what_it_was() {
        let terms = terms(
            Metric::Distance,
            Ties::First,
            &[RewardAt::Places { first: 1, last: 1 }, RewardAt::Reached { score: 15 }],
        );
        for (value, indices) in [(20, vec![0, 1]), (10, vec![0])] {
            let placed = super::placements(&terms, vec![scored("a", value, 1)]);
            let old = Placement { earned: None, ..placed[0] };
            for placement in [placed[0], old] {
                assert_eq!(rewards(&terms, &placement).map(|(index, _)| index).collect::<Vec<_>>(), indices);
            }
        }
    }
}
