//! Any interleaving of joining, scoring, leaving, erasing and showing oneself equals a sort.

use std::collections::BTreeMap;

use kernel::Id;
use proptest::prelude::*;

use super::{kept::Damaged, *};

fn account(n: u8) -> AccountId {
    // Not in the order of their numbers, so that the last tie-breaker is seen to work.
    Id::derived(&[&[n]])
}

#[derive(Clone, Debug)]
enum Step {
    /// Scores, joins, leaves (no score): absolutely, as gamification tells it.
    Tells { who: u8, score: Option<(i64, i64)>, region: u8, clubs: u8, anonymous: bool },
    /// Something old comes once more.
    Repeats(usize),
    /// Their keys are destroyed: whatever is told of them later.
    Vanishes(u8),
    /// The board as it is now is kept in a file.
    Keeps,
    /// The process starts anew with what was kept, and reads what came behind it, some of it once more.
    Warms,
    /// The challenge's rules change.
    Rules(bool, u8),
    /// The process starts anew and reads the newest of each member, in another order.
    Restarts,
}

fn ties(n: u8) -> Ties {
    [Ties::First, Ties::Shared, Ties::Dense][usize::from(n) % 3]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let score = prop::option::weighted(0.8, (-3_i64..6, 0_i64..4));
    let tells = (0_u8..60, score, 0_u8..3, 0_u8..4, any::<bool>()).prop_map(
        |(who, score, region, clubs, anonymous)| Step::Tells { who, score, region, clubs, anonymous },
    );
    let step = prop_oneof![
        30 => tells,
        5 => any::<usize>().prop_map(Step::Repeats),
        1 => (0_u8..60).prop_map(Step::Vanishes),
        1 => Just(Step::Keeps),
        1 => Just(Step::Warms),
        1 => (any::<bool>(), any::<u8>()).prop_map(|(ascending, ties)| Step::Rules(ascending, ties)),
        1 => Just(Step::Restarts),
    ];
    prop::collection::vec(step, 0..300)
}

fn segments(region: u8, clubs: u8) -> Vec<String> {
    let mut names = vec![format!("region:{region}")];
    names.extend((0..2).filter(|club| clubs >> club & 1 == 1).map(|club| format!("club:{club}")));
    names
}

/// The brute-force board: everything told, sorted when asked.
#[derive(Default)]
struct Fold {
    ascending: bool,
    ties: Ties,
    told: BTreeMap<AccountId, Told>,
}

impl Fold {
    fn list(&self, belongs: impl Fn(&Told) -> bool) -> Vec<(AccountId, Place)> {
        let better = |score: i64| if self.ascending { score } else { -score };
        let mut rows: Vec<(i64, i64, AccountId)> = self
            .told
            .values()
            .filter(|told| belongs(told))
            .filter_map(|told| told.score.map(|score| (better(score.value), score.reached_us, told.account)))
            .collect();
        rows.sort_unstable();
        let place = |(at, row): (usize, &(i64, i64, AccountId))| {
            let ahead = rows.iter().filter(|other| other.0 < row.0).count();
            let mut scores: Vec<i64> =
                rows.iter().map(|other| other.0).filter(|other| *other < row.0).collect();
            scores.dedup();
            let same = rows.iter().filter(|other| other.0 == row.0).count();
            let (rank, ahead) = match self.ties {
                Ties::First => (at + 1, at),
                Ties::Shared => (ahead + 1, ahead),
                Ties::Dense => (scores.len() + 1, ahead),
            };
            let beside = if self.ties == Ties::First { 1 } else { same };
            let percentile = (rows.len() - ahead - beside) as f64 * 100.0 / rows.len() as f64;
            let tied = self.ties != Ties::First && same > 1;
            (row.2, Place { slot: 0, rank: u32::try_from(rank).unwrap(), tied, percentile })
        };
        rows.iter().enumerate().map(place).collect()
    }
}

fn named(board: &Board, places: Vec<Place>) -> Vec<(AccountId, Place)> {
    places.into_iter().map(|place| (board.member(place.slot).account, Place { slot: 0, ..place })).collect()
}

fn same(board: &Board, fold: &Fold) {
    for segment in [ALL, "region:0", "region:1", "region:2", "club:0", "club:1", "region:9"] {
        let scope = Scope::Segment(segment);
        let want = fold.list(|told| segment == ALL || told.segments.iter().any(|name| name == segment));
        assert_eq!(named(board, board.list(scope, 0, 1_000)), want, "{segment}");
        assert_eq!(board.count(scope), want.len());
        assert_eq!(
            named(board, board.list(scope, 3, 5)),
            want.iter().skip(3).take(5).copied().collect::<Vec<_>>()
        );
        for (at, (account, place)) in want.iter().enumerate() {
            let found = board.place(scope, *account).map(|place| Place { slot: 0, ..place });
            assert_eq!(found.as_ref(), Some(place));
            let near = &want[at.saturating_sub(2)..want.len().min(at + 3)];
            assert_eq!(named(board, board.around(scope, *account, 2)), near);
        }
        let asked: Vec<AccountId> = (0..20).map(account).collect();
        let ranks: Vec<_> = want.iter().filter(|(account, _)| asked.contains(account)).copied().collect();
        assert_eq!(named(board, board.ranks(scope, &asked)), ranks);
    }
    let friends: Vec<AccountId> = (0..60).step_by(7).map(account).collect();
    let want = fold.list(|told| friends.contains(&told.account));
    assert_eq!(named(board, board.list(Scope::Among(&friends), 0, 100)), want);
}

fn run(steps: Vec<Step>) {
    let (mut board, mut fold) = (Board::default(), Fold::default());
    let (mut sequence, mut past) = (0, Vec::new());
    let (mut kept, mut gone) = (None, Vec::new());
    for step in steps {
        match step {
            Step::Tells { who, score, region, clubs, anonymous } => {
                sequence += 1;
                // Who is erased is told of with nothing, however late.
                let score = score.filter(|_| !gone.contains(&account(who)));
                let told = Told {
                    account: account(who),
                    number: u32::from(who) + 1,
                    show_as: if anonymous { BoardName::Anonymous } else { BoardName::Shown },
                    score: score.map(|(value, reached_us)| Score { value, reached_us }),
                    segments: segments(region, clubs),
                    revision: sequence,
                    sequence,
                };
                past.push(told.clone());
                fold.told.insert(told.account, told.clone());
                let moved = board.apply(told).unwrap();
                assert_eq!(board.key(moved.slot), moved.after);
            }
            Step::Repeats(which) if !past.is_empty() => {
                let which = which % past.len();
                assert_eq!(board.apply(past[which].clone()), None);
            }
            Step::Repeats(_) => {}
            Step::Vanishes(who) => {
                gone.push(account(who));
                board.vanish(account(who));
                fold.told.entry(account(who)).and_modify(|told| told.score = None);
            }
            Step::Keeps => {
                let mut bytes = Vec::new();
                board.write(&mut bytes);
                kept = Some((bytes, past.len()));
            }
            Step::Warms => {
                let Some((bytes, upto)) = &kept else { continue };
                let held = board.sequence();
                board = Board::read(&mut bytes.as_slice()).unwrap();
                for told in &past[upto.saturating_sub(3)..] {
                    let gone = gone.contains(&told.account);
                    board.apply(Told { score: told.score.filter(|_| !gone), ..told.clone() });
                }
                for account in &gone {
                    board.vanish(*account);
                }
                board.rule(fold.ascending, fold.ties);
                assert_eq!(board.sequence(), held, "the sequence goes on where it was");
            }
            Step::Rules(ascending, n) => {
                (fold.ascending, fold.ties) = (ascending, ties(n));
                board.rule(ascending, ties(n));
            }
            Step::Restarts => {
                let held = board.sequence();
                board = Board::new(fold.ascending, fold.ties);
                for told in fold.told.values().rev() {
                    board.apply(told.clone());
                }
                assert_eq!(board.sequence(), held, "the sequence goes on where it was");
            }
        }
    }
    same(&board, &fold);
}

proptest! {
    #[test]
    fn bytes_that_are_no_board_are_refused_and_none_panics(who in 1_u8..20, at in any::<usize>(), by in 1_u8..) {
        let mut board = Board::new(false, Ties::Dense);
        for n in 0..who {
            board.apply(Told {
                account: account(n),
                number: n.into(),
                show_as: BoardName::Shown,
                score: Some(Score { value: i64::from(n) % 4, reached_us: 0 }),
                segments: segments(n % 3, n % 4),
                revision: 1,
                sequence: n.into(),
            });
        }
        let mut bytes = Vec::new();
        board.write(&mut bytes);
        let mut rest = bytes.as_slice();
        prop_assert_eq!(Board::read(&mut rest).map(|board| board.len()), Ok(who.into()));
        prop_assert!(rest.is_empty());
        let at = at % bytes.len();
        prop_assert_eq!(Board::read(&mut &bytes[..at]).err(), Some(Damaged));
        bytes[at] ^= by;
        // Whatever it says now: a file's sum tells, and reading it does no harm.
        drop(Board::read(&mut bytes.as_slice()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn any_interleaving_equals_a_sort(steps in steps()) {
        run(steps);
    }
}

#[test]
fn a_thousand_equal_scores_are_ranked_as_their_policy_says() {
    for ties in [Ties::First, Ties::Shared, Ties::Dense] {
        let mut board = Board::new(false, ties);
        for number in 0..1_000_u32 {
            board.apply(Told {
                account: Id::derived(&[&number.to_le_bytes()]),
                number,
                show_as: BoardName::Shown,
                score: Some(Score { value: 4_000, reached_us: 7 }),
                segments: Vec::new(),
                revision: 1,
                sequence: u64::from(number),
            });
        }
        let places = board.list(Scope::Segment(ALL), 0, 2_000);
        let shared = ties != Ties::First;
        let ranks = (1..=1_000).map(|rank| if shared { 1 } else { rank });
        assert!(places.iter().map(|place| place.rank).eq(ranks));
        assert!(places.iter().all(|place| place.tied == shared));
        let last = board.member(places[999].slot).account;
        let near = board.around(Scope::Segment(ALL), last, 3);
        assert_eq!((near.len(), near.last()), (4, places.last()));
        assert_eq!(board.place(Scope::Segment(ALL), last).as_ref(), places.last());
        let accounts: Vec<_> = places.iter().map(|place| board.member(place.slot).account).collect();
        assert!(accounts.is_sorted(), "who cannot be told apart stands in the order of the accounts");
    }
}

#[test]
fn ties_are_ranked_as_their_policy_says() {
    for (ties, ranks) in
        [(Ties::First, [1, 2, 3, 4]), (Ties::Shared, [1, 2, 2, 4]), (Ties::Dense, [1, 2, 2, 3])]
    {
        let mut board = Board::new(false, ties);
        for (who, value, reached_us) in [(0, 500, 9), (1, 300, 5), (2, 300, 4), (3, -10, 1)] {
            board.apply(Told {
                account: account(who),
                number: u32::from(who),
                show_as: BoardName::Shown,
                score: Some(Score { value, reached_us }),
                segments: Vec::new(),
                revision: 1,
                sequence: u64::from(who),
            });
        }
        let places = board.list(Scope::Segment(ALL), 0, 10);
        assert_eq!(places.iter().map(|place| place.rank).collect::<Vec<_>>(), ranks);
        let order: Vec<u32> = places.iter().map(|place| board.member(place.slot).number).collect();
        assert_eq!(order, [0, 2, 1, 3], "who reached it first is listed ahead");
        let tied = ties != Ties::First;
        assert_eq!(places.iter().map(|place| place.tied).collect::<Vec<_>>(), [false, tied, tied, false]);
        assert!((places[0].percentile - 75.0).abs() < f64::EPSILON);
        assert!(places[3].percentile.abs() < f64::EPSILON);
    }
}
