//! The progress of an account, told as sentences.

use kernel::Sport;

use super::*;
use crate::domain::{Rulebook, Rules};

const DAY_US: i64 = 86_400_000_000;

/// A run on the `nth` day, at noon.
fn run(nth: i32, distance_m: i64) -> Fact {
    activity(Sport::Running, nth, distance_m)
}

fn activity(sport: Sport, nth: i32, distance_m: i64) -> Fact {
    let start_us = i64::from(nth) * DAY_US + DAY_US / 2;
    Fact {
        received_us: 0,
        only_me: None,
        sport,
        start_us,
        end_us: start_us + 1_800_000_000,
        local_day: nth,
        time_zone: "UTC".to_owned(),
        utc_offset_s: 0,
        duration_s: 1_800,
        distance_mm: Some(distance_m * 1_000),
        ascent_mm: None,
    }
}

fn id(name: &str) -> ActivityId {
    ActivityId::derived(&[name.as_bytes()])
}

struct Story {
    account: AccountId,
    book: Rulebook,
    progress: Progress,
    last: Vec<Event>,
}

fn given_an_account() -> Story {
    let account = AccountId::derived(&[b"aigerim"]);
    Story { account, book: Rulebook::house().unwrap(), progress: Progress::default(), last: Vec::new() }
}

impl Story {
    fn hears(mut self, name: &str, revision: u64, change: Change) -> Self {
        let seen = Observation { activity_id: id(name), revision, change, receipt: Receipt::default() };
        self.last = self.progress.observe(self.account, &seen, &self.book);
        for event in &self.last {
            self.progress.evolve(event);
        }
        self
    }

    fn recorded(self, name: &str, fact: Fact) -> Self {
        self.hears(name, 1, Change::Counts(fact))
    }

    fn deleted(self, name: &str, revision: u64) -> Self {
        self.hears(name, revision, Change::Gone)
    }

    fn badges(&self) -> Vec<&str> {
        self.progress.badges.keys().map(String::as_str).collect()
    }

    fn unlocked(&self) -> Vec<&str> {
        let unlocked = self.last.iter().filter_map(|event| match event {
            Event::BadgeUnlocked(given) => Some(given.badge.as_str()),
            _ => None,
        });
        unlocked.collect()
    }

    fn revoked(&self) -> Vec<&str> {
        let revoked = self.last.iter().filter_map(|event| match event {
            Event::BadgeRevoked { badge, .. } => Some(badge.as_str()),
            _ => None,
        });
        revoked.collect()
    }

    fn because(&self, badge: &str) -> Vec<(ActivityId, f64)> {
        self.progress.badges[badge].because.iter().map(|cause| (cause.activity_id, cause.value)).collect()
    }
}

#[test]
fn the_first_run_earns_its_badge_xp_and_says_why() {
    let story = given_an_account().recorded("a", run(0, 5_012));
    assert_eq!(story.unlocked(), ["5k", "first_activity", "first_run"]);
    // 50 for 5 km, 15 for half an hour, 50 and 20 for the firsts.
    assert_eq!((story.progress.xp, story.progress.level), (135, 2));
    assert!(matches!(
        &story.last[1],
        Event::XpChanged { before: 0, after: 135, rule_version: 3, parts, .. } if parts.len() == 4
    ));
    assert!(matches!(&story.last[2], Event::LevelReached { level: 2, from_level: 1, .. }));
    assert_eq!(story.because("5k"), [(id("a"), 5_012.0)]);
    assert_eq!(story.progress.badges["first_run"].rule, "first activity in running");
    assert_eq!(story.progress.badges["first_run"].unlocked_us, run(0, 5_012).end_us);
}

#[test]
fn the_same_word_heard_twice_changes_nothing() {
    let story = given_an_account().recorded("a", run(0, 5_000)).recorded("a", run(0, 9_000));
    assert_eq!(story.last, []);
}

#[test]
fn a_deleted_activity_takes_back_what_it_gave() {
    let story = given_an_account().recorded("a", run(0, 10_500)).deleted("a", 2);
    assert_eq!(story.revoked(), ["10k", "5k", "first_activity", "first_run"]);
    assert_eq!((story.progress.xp, story.progress.level, story.progress.run), (0, 1, None));
    assert!(story.last.iter().any(|event| matches!(event, Event::LevelLost { level: 1, .. })));
}

#[test]
fn a_word_from_before_the_deletion_does_not_bring_it_back() {
    let story = given_an_account().recorded("a", run(0, 5_000)).deleted("a", 3);
    let story = story.hears("a", 2, Change::Counts(run(0, 6_000)));
    assert_eq!((story.last.len(), story.progress.xp), (0, 0));
}

#[test]
fn a_restored_activity_gives_again_under_the_same_achievement() {
    let story = given_an_account().recorded("a", run(0, 5_000));
    let ids = |story: &Story| -> Vec<AchievementId> {
        let given = story.last.iter().filter_map(|event| match event {
            Event::BadgeUnlocked(given) => Some(given.id),
            _ => None,
        });
        given.collect()
    };
    let first = ids(&story);
    let story = story.deleted("a", 2).hears("a", 3, Change::Counts(run(0, 5_000)));
    assert_eq!(ids(&story), first);
}

#[test]
fn an_edit_of_the_sport_moves_the_badge() {
    let story = given_an_account().recorded("a", run(0, 4_000));
    let story = story.hears("a", 2, Change::Counts(activity(Sport::Cycling, 0, 4_000)));
    assert_eq!((story.unlocked(), story.revoked()), (vec!["first_ride"], vec!["first_run"]));
}

#[test]
fn an_older_run_that_comes_late_becomes_the_first() {
    let story = given_an_account().recorded("new", run(9, 4_000)).recorded("old", run(2, 4_000));
    assert_eq!(story.unlocked(), Vec::<&str>::new());
    assert_eq!(story.because("first_run"), [(id("old"), 1.0)]);
    assert!(
        story
            .last
            .iter()
            .any(|event| matches!(event, Event::BadgeReexplained(given) if given.badge == "first_run"))
    );
}

#[test]
fn three_days_in_a_row_earn_the_streak_even_when_the_middle_comes_last() {
    let story = given_an_account().recorded("a", run(5, 1_000)).recorded("c", run(7, 1_000));
    assert!(!story.badges().contains(&"streak_3"));
    let story = story.recorded("b", run(6, 1_000));
    assert_eq!(story.unlocked(), ["streak_3"]);
    assert_eq!(story.because("streak_3"), [(id("a"), 1.0), (id("b"), 2.0), (id("c"), 3.0)]);
    assert_eq!(story.progress.run, Some(Run { days: 3, last_day: 7, ..Run::default() }));
}

#[test]
fn a_streak_survives_its_second_activity_of_a_day_being_deleted() {
    let mut story = given_an_account();
    for day in 0..3 {
        story = story.recorded(&format!("day{day}"), run(day, 1_000));
    }
    story = story.recorded("again", activity(Sport::Walking, 1, 900)).deleted("again", 2);
    assert_eq!(story.revoked(), ["first_walk"]);
    assert!(story.badges().contains(&"streak_3"));
    let story = story.deleted("day1", 2);
    assert_eq!(story.revoked(), ["streak_3"]);
}

#[test]
fn a_week_in_a_row_gives_its_bonus_once() {
    let mut story = given_an_account();
    for day in 0..7 {
        story = story.recorded(&format!("{day}"), run(day, 1_000));
    }
    assert_eq!(bonus(&story), 70);
    assert!(story.unlocked().contains(&"streak_7"));
}

#[test]
fn one_day_gives_no_more_than_its_cap() {
    let story = given_an_account().recorded("a", run(0, 60_000)).recorded("b", run(0, 60_000));
    // 400 for the distance of the day, 30 for an hour, 70 for the firsts.
    assert_eq!(story.progress.xp, 500);
    let story = story.recorded("c", run(1, 60_000));
    assert_eq!(story.progress.xp, 500 + 400 + 15);
}

#[test]
fn many_runs_add_up_and_the_explanation_names_them() {
    let mut story = given_an_account();
    for day in 0..10 {
        story = story.recorded(&format!("{day}"), run(day * 2, 10_000));
    }
    assert!(story.unlocked().contains(&"run_100km"));
    assert_eq!(story.because("run_100km").len(), 10);
    assert_eq!(story.because("run_100km").iter().map(|(_, value)| value).sum::<f64>(), 100_000.0);
}

#[test]
fn an_explanation_is_bounded() {
    let mut story = given_an_account();
    for day in 0..120 {
        story = story.recorded(&format!("{day}"), run(day * 2, 1_000));
    }
    assert_eq!(story.because("run_100km").len(), super::super::standing::CAUSES_MAX);
}

#[test]
fn a_fact_erased_with_its_key_no_longer_counts() {
    let mut story = given_an_account().recorded("a", run(0, 5_000));
    let (account, activity) = (story.account, id("a"));
    story.progress = Progress::default();
    story.progress.evolve(&Event::Counted { account, activity, revision: 1, fact: None, position: 0 });
    assert_eq!(story.progress.facts().count(), 0);
    assert_eq!(
        story.recorded("b", run(1, 1_000)).progress.run,
        Some(Run { days: 1, last_day: 1, ..Run::default() })
    );
}

#[test]
fn other_rules_reassess_what_was_given() {
    let story = given_an_account().recorded("a", run(0, 5_000));
    assert_eq!(story.progress.reassess(story.account, &story.book), []);
    let mut stricter = story.book.in_force().clone();
    stricter.version = 4;
    for badge in stricter.badges.iter_mut().filter(|badge| badge.badge == "5k") {
        badge.earned_by = super::super::rules::EarnedBy::Threshold {
            sports: Default::default(),
            measure: super::super::rules::Measure::DistanceM,
            at_least: 6_000,
        };
    }
    let (mut story, book) = (story, Rulebook::house().unwrap().with(stricter).unwrap());
    let events = story.progress.reassess(story.account, &book);
    let [Event::BadgeRevoked { badge, rule_version: 4, .. }, adopted] = events.as_slice() else {
        panic!("{events:?}")
    };
    let account = story.account;
    assert_eq!(badge, "5k");
    assert_eq!(*adopted, Event::RulesAdopted { account, rule_version: 4, from_version: 3 });
    events.iter().for_each(|event| story.progress.evolve(event));
    assert_eq!(story.progress.reassess(account, &book), [], "once");
}

#[test]
fn what_older_rules_gave_is_taken_over_line_by_line() {
    let house = Rulebook::house().unwrap();
    let first = Rulebook::of(house.version(1).unwrap().clone());
    let mut story = Story { book: first, ..given_an_account() };
    story = story.recorded("a", run(0, 5_000));
    let generous = Rules { version: 4, xp: house.in_force().xp[5..].to_vec(), ..house.in_force().clone() };
    story.book = house.with(generous).unwrap();
    // Whether it is brought about by a new activity or by nothing but the rules.
    let account = story.account;
    let alone = story.progress.reassess(account, &story.book);
    let story = story.recorded("b", run(0, 1_000));
    for (events, left) in [(&alone, 85), (&story.last, 100)] {
        let told: Vec<_> = events
            .iter()
            .filter_map(|event| match event {
                Event::XpChanged { before, after, parts, .. } => {
                    Some((*before, *after, parts.iter().map(|part| part.xp).sum::<i64>()))
                }
                _ => None,
            })
            .collect();
        assert_eq!(
            told,
            [(135, left, left - 135)],
            "the 50 for the distance are gone, and whose they were is told"
        );
        assert!(events.contains(&Event::RulesAdopted { account, rule_version: 4, from_version: 1 }));
    }
}

/// On each of these days, an hour apart from midday.
fn active(mut story: Story, days: impl IntoIterator<Item = i32>) -> Story {
    for day in days {
        story = story.recorded(&format!("{day}"), run(day, 1_000));
    }
    story
}

#[test]
fn a_week_earns_a_freeze_that_carries_the_streak_across_a_missed_day() {
    let story = active(given_an_account(), 0..7);
    assert_eq!(story.progress.run.as_ref().map(|run| run.freezes), Some(1));
    let story = active(story, 8..15);
    let run = Run { days: 14, last_day: 14, freezes: 1, frozen: vec![7] };
    assert_eq!(story.progress.run, Some(run));
    // The bonus of each seventh active day, wherever the frozen one lies.
    assert_eq!(bonus(&story), 70);
}

#[test]
fn a_late_sync_repairs_the_streak_and_gives_the_freeze_back() {
    let story = active(given_an_account(), (0..7).chain(8..10));
    assert_eq!(story.progress.run, Some(Run { days: 9, last_day: 9, freezes: 0, frozen: vec![7] }));
    let story = active(story, [7]);
    assert_eq!(story.progress.run, Some(Run { days: 10, last_day: 9, freezes: 1, frozen: vec![] }));
    // And a broken one: two days are missed, one freeze is held.
    let story = active(given_an_account(), (0..7).chain([9]));
    assert_eq!(story.progress.run.as_ref().map(|run| run.days), Some(1));
    let story = active(story, [8]);
    assert_eq!(story.progress.run, Some(Run { days: 9, last_day: 9, freezes: 0, frozen: vec![7] }));
}

#[test]
fn a_streak_badge_says_which_days_were_covered() {
    let story = active(given_an_account(), (0..7).chain(8..31));
    let award = &story.progress.badges["streak_30"];
    assert_eq!((award.because.len(), &award.frozen), (30, &vec![7]));
    assert_eq!(
        award.rule,
        "an activity on each of 30 local days in a row, those that a freeze covered aside"
    );
    assert!(story.progress.badges["streak_7"].frozen.is_empty());
}

fn bonus(story: &Story) -> i64 {
    let parts = |event: &Event| match event {
        Event::XpChanged { parts, .. } => parts.clone(),
        _ => Vec::new(),
    };
    story.last.iter().flat_map(parts).filter(|part| part.rule == "streak_week").map(|part| part.xp).sum()
}

#[test]
fn a_badge_is_private_as_long_as_anything_that_earned_it_is() {
    let hidden = |fact: Fact| Fact { only_me: Some(true), ..fact };
    let said = |story: &Story, badge: &str| story.progress.badges[badge].private;
    let mut story = given_an_account().recorded("hidden", hidden(run(0, 1_000)));
    assert!(said(&story, "first_run"));
    story = story.recorded("shown", run(1, 5_000));
    assert!(!said(&story, "5k") && said(&story, "first_run"), "by what earned it, nothing else");
    for day in 2..101 {
        story = story.recorded(&format!("{day}"), run(day * 2, 1_000));
    }
    assert!(said(&story, "run_100km"), "also by what the explanation is too short to name");
    // Shown to somebody from now on: nothing but that is told anew.
    let story = story.hears("hidden", 2, Change::Counts(run(0, 1_000)));
    let told: Vec<(&str, bool)> = story
        .last
        .iter()
        .filter_map(|event| match event {
            Event::BadgeReexplained(given) => Some((given.badge.as_str(), given.award.private)),
            _ => None,
        })
        .collect();
    assert!(told.contains(&("first_run", false)) && told.contains(&("run_100km", false)), "{told:?}");
    assert!(!told.iter().any(|(badge, _)| *badge == "5k"), "{told:?}");
}
