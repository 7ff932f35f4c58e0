//! However activities are heard (late, twice, shuffled, edited, deleted, restored) the account ends where the fold of
//! what is true now stands.

use std::collections::BTreeMap;

use gamification::domain::{
    Fact, Observation, Progress, Rulebook, Rules,
    fact::Receipt,
    progress::{Change, Event},
    streak::Freezes,
};
use kernel::{AccountId, ActivityId, Sport};
use proptest::prelude::*;

use crate::oracle::{Expected, expected};

const DAY_US: i64 = 86_400_000_000;

/// The history of one activity: what each of its revisions said.
type History = Vec<Option<Fact>>;

fn fact() -> impl Strategy<Value = Fact> {
    let sport = prop::sample::select(vec![
        Sport::Running,
        Sport::Cycling,
        Sport::Swimming,
        Sport::Hiking,
        Sport::Yoga,
    ]);
    // Days crowd, so that streaks and caps happen; zones differ, so that days and instants disagree.
    (
        sport,
        0_i64..40,
        0_i64..DAY_US,
        -1_i32..=1,
        prop::option::of(0_i64..60_000_000),
        prop::option::of(0_i64..900_000),
        0_i64..20_000,
    )
        .prop_map(|(sport, day, at, shift, distance_mm, ascent_mm, duration_s)| {
            let start_us = day * DAY_US + at;
            Fact {
                received_us: 0,
                only_me: None,
                sport,
                start_us,
                end_us: start_us + duration_s * 1_000_000,
                local_day: i32::try_from(day).unwrap() + shift,
                time_zone: String::new(),
                utc_offset_s: shift * 43_200,
                duration_s,
                distance_mm,
                ascent_mm,
            }
        })
}

fn history() -> impl Strategy<Value = History> {
    prop::collection::vec(prop::option::weighted(0.8, fact()), 1..4)
}

/// Everything that is said, some of it twice, in any order.
fn told() -> impl Strategy<Value = (Vec<History>, Vec<(usize, usize)>)> {
    prop::collection::vec(history(), 0..45).prop_flat_map(|histories| {
        let said: Vec<(usize, usize)> = (0..histories.len())
            .flat_map(|activity| (0..histories[activity].len()).map(move |revision| (activity, revision)))
            .collect();
        let twice = said.iter().copied().step_by(3);
        let words: Vec<_> = said.iter().copied().chain(twice).collect();
        (Just(histories), Just(words).prop_shuffle())
    })
}

fn id(activity: usize) -> ActivityId {
    ActivityId::derived(&[b"activity", &activity.to_be_bytes()])
}

fn hear(
    account: AccountId,
    book: &Rulebook,
    histories: &[History],
    words: &[(usize, usize)],
) -> (Progress, Vec<Event>) {
    let (mut progress, mut said) = (Progress::default(), Vec::new());
    for &(activity, revision) in words {
        let change = histories[activity][revision].clone().map_or(Change::Gone, Change::Counts);
        let seen = Observation {
            activity_id: id(activity),
            revision: u64::try_from(revision).unwrap() + 1,
            change,
            receipt: Receipt::default(),
        };
        for event in progress.observe(account, &seen, book) {
            progress.evolve(&event);
            said.push(event);
        }
    }
    (progress, said)
}

/// The house's rules with freezes that are earned fast, so that they happen in forty days.
fn often_frozen() -> Rulebook {
    let freezes = Freezes { earned_every_days: 3, held_max: 2 };
    let house = Rulebook::house().unwrap();
    Rulebook::of(Rules { streak_freezes: Some(freezes), ..house.in_force().clone() })
}

fn standing(progress: &Progress) -> Expected {
    let badges = progress.badges.iter().map(|(badge, award)| {
        let last = award.because.iter().max_by_key(|cause| cause.at_us == award.unlocked_us).unwrap();
        (badge.clone(), (award.unlocked_us, last.activity_id))
    });
    Expected { xp: progress.xp, level: progress.level, run: progress.run.clone(), badges: badges.collect() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn any_order_ends_where_the_fold_stands((histories, words) in told()) {
        let account = AccountId::derived(&[b"someone"]);
        let book = often_frozen();
        let (progress, _) = hear(account, &book, &histories, &words);

        let counting: BTreeMap<ActivityId, Fact> = histories
            .iter()
            .enumerate()
            .filter_map(|(activity, history)| Some((id(activity), history.last()?.clone()?)))
            .collect();
        prop_assert_eq!(standing(&progress), expected(book.in_force(), &counting));
    }

    #[test]
    fn what_is_said_adds_up((histories, words) in told()) {
        let account = AccountId::derived(&[b"someone"]);
        let book = often_frozen();
        let (progress, said) = hear(account, &book, &histories, &words);

        let mut xp = 0;
        let mut held: BTreeMap<String, bool> = BTreeMap::new();
        for event in &said {
            match event {
                Event::XpChanged { before, after, parts, .. } => {
                    prop_assert_eq!(*before, xp);
                    // Nothing is left off below the bound: the parts explain the whole change.
                    let explained: i64 = parts.iter().map(|part| part.xp).sum();
                    prop_assert!(parts.len() == 64 || explained == after - before);
                    xp = *after;
                }
                Event::BadgeUnlocked(given) => {
                    prop_assert_eq!(held.insert(given.badge.clone(), true).unwrap_or(false), false);
                }
                Event::BadgeRevoked { badge, .. } => {
                    prop_assert_eq!(held.insert(badge.clone(), false), Some(true));
                }
                Event::BadgeReexplained(given) => prop_assert_eq!(held.get(&given.badge), Some(&true)),
                _ => {}
            }
        }
        prop_assert_eq!(xp, progress.xp);
    }

    #[test]
    fn hearing_everything_again_says_nothing((histories, words) in told()) {
        let account = AccountId::derived(&[b"someone"]);
        let book = often_frozen();
        let (progress, _) = hear(account, &book, &histories, &words);
        for (activity, history) in histories.iter().enumerate() {
            for (revision, fact) in (1..).zip(history) {
                let change = fact.clone().map_or(Change::Gone, Change::Counts);
                let seen = Observation { activity_id: id(activity), revision, change, receipt: Receipt::default() };
                prop_assert_eq!(progress.observe(account, &seen, &book), vec![]);
            }
        }
    }
}
