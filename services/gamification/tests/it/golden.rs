//! What was written once is read for ever.

use std::sync::Arc;

use bytes::Bytes;
use eventing::{Aggregate, DecodeError, DomainEvent, Plain};
use gamification::domain::{
    ChallengeId, Event, Fact, Progress, achievement_id,
    daily::{self, DailyId, Steps},
    fact::Receipt,
    league::{self, cohort, member},
    points::{ACCOUNT, Posted, REWARDS, entry_id},
    progress::{BadgeGiven, RewardGiven, XpPart},
    standing::{Award, Cause},
    streak::Run,
    visibility,
};
use kernel::{AccountId, ActivityId, Sport};
use proto::gamification as wire;

#[test]
fn golden_days_points_and_visibility_are_read_as_they_were_written() {
    let account = AccountId::derived(&[b"golden"]);
    let (package, challenge) = ("stadion.gamification.v1", ChallengeId::derived(&[b"golden challenge"]));
    let receipt = Receipt { at_us: 1_777_602_700_000_000, position: 77 };
    let folder = |of: &str| format!("{}/tests/golden/{of}", env!("CARGO_MANIFEST_DIR"));
    let steps = Some(Steps { local_day: 20_574, steps: 10_432 });
    let day =
        daily::Event { account, daily: DailyId::derived(&[b"golden day"]), revision: 2, receipt, steps };
    let none = Some(Steps { local_day: 20_574, steps: 0 });
    let taken_back = daily::Event { revision: 3, steps: none, ..day.clone() };
    testkit::golden::check(package, &folder("daily"), &[("day", day), ("taken_back", taken_back)]);
    let posted = Posted {
        entry: entry_id(challenge, account, 0),
        account,
        debit: REWARDS.to_owned(),
        credit: ACCOUNT.to_owned(),
        points: 500,
        challenge,
        rank: 1,
        at_us: 1_777_602_700_000_000,
    };
    testkit::golden::check(package, &folder("points"), &[("reward", posted)]);
    let flips = visibility::Event { account, only_me: true };
    testkit::golden::check(package, &folder("visibility"), &[("only_me", flips)]);
    let (challenge_id, account_id) =
        (Bytes::copy_from_slice(challenge.as_bytes()), Bytes::copy_from_slice(account.as_bytes()));
    let state = wire::ScoreState {
        challenge_id,
        account_id,
        member: 17,
        state: "active".to_owned(),
        show_as: "name".to_owned(),
        score: Some(wire::Score {
            segments: vec!["region:KZ-75".to_owned()],
            scored: true,
            value: 5_012_300,
            reached_us: 1_777_602_600_000_000,
        }),
    };
    testkit::golden::check_message(&folder("state"), "active", &state);
}

#[test]
fn golden_weeks_places_and_vanished_members_are_read_as_they_were_written() {
    let package = "stadion.gamification.v1";
    let account = AccountId::derived(&[b"golden"]);
    let folder = |of: &str| format!("{}/tests/golden/{of}", env!("CARGO_MANIFEST_DIR"));
    let tier = |tier: &str, promotion_places, demotion_places| league::TierTerms {
        tier: tier.to_owned(),
        promotion_places,
        demotion_places,
    };
    let tiers = vec![tier("bronze", 10, 0), tier("silver", 0, 5)];
    let (week, terms) = (league::Week(2_940), league::Terms { rule_version: 2, cohort_size: 30, tiers });
    let weeks = [
        ("two_tiers", league::Event::Opened { week, terms }),
        ("line", league::Event::Ended { week, activity_head: 77 }),
        ("one", league::Event::Closed { week, cohorts: 2, members: 31, closed_us: 1_778_457_600_000_000 }),
    ];
    testkit::golden::check(package, &folder("leagues"), &weeks);
    let ended = cohort::Ended { rank: 1, xp: 135, outcome: cohort::Outcome::Promoted, next_tier: 1 };
    let place = cohort::Place { week, tier: 0, cohort: 1 };
    let first = cohort::Event { account, place, size: 3, ended: Some(ended) };
    let erased = cohort::Event { ended: None, ..first };
    testkit::golden::check(package, &folder("cohort"), &[("first", first), ("erased", erased)]);
    testkit::golden::check(package, &folder("league_member"), &[("gone", member::Event { account })]);
}

/// A snapshot is read back as events are.
#[derive(Clone, Debug)]
struct Snapshot(Progress);

impl DomainEvent for Snapshot {
    fn encode(&self) -> Plain {
        self.0.snapshot().unwrap()
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        Progress::restore(plain).map(Self).ok_or_else(|| DecodeError("the snapshot is of no use".to_owned()))
    }
}

/// A badge of the rules, shown and private, and one of a challenge.
fn badges(account: AccountId, activity: ActivityId) -> ([BadgeGiven; 2], RewardGiven) {
    let award = Arc::new(Award {
        unlocked_us: 1_777_602_600_000_000,
        rule: "first activity in running".to_owned(),
        because: vec![Cause { activity_id: activity, value: 1.0, at_us: 1_777_602_600_000_000 }],
        frozen: Vec::new(),
        private: false,
    });
    let unshown = Arc::new(Award { private: true, ..Award::clone(&award) });
    let (id, badge) = (achievement_id(account, "first_run"), "first_run".to_owned());
    let given = BadgeGiven { id, account, badge: badge.clone(), rule_version: 1, award };
    let hidden = BadgeGiven { award: unshown, ..given.clone() };
    let podium = RewardGiven {
        id,
        account,
        badge,
        challenge: ChallengeId::derived(&[b"golden challenge"]),
        rank: 2,
        at_us: 1_777_602_600_000_000,
        anonymous: false,
    };
    ([given, hidden], podium)
}

/// What is told since streaks have freezes.
fn since_freezes(given: &BadgeGiven) -> [(&'static str, Event); 4] {
    let (account, frozen) = (given.account, vec![20_570, 20_571]);
    let run = Run { days: 9, last_day: 20_574, freezes: 1, frozen: frozen.clone() };
    let award = Arc::new(Award { frozen, ..Award::clone(&given.award) });
    let covered = BadgeGiven { award, ..given.clone() };
    [
        ("frozen", Event::StreakChanged { account, run }),
        ("frozen", Event::BadgeUnlocked(covered.clone())),
        ("frozen", Event::BadgeReexplained(covered)),
        ("second", Event::RulesAdopted { account, rule_version: 2, from_version: 1 }),
    ]
}

#[test]
fn golden_events_are_read_as_they_were_written() {
    let account = AccountId::derived(&[b"golden"]);
    let activity = ActivityId::derived(&[b"golden run"]);
    let fact = Fact {
        received_us: 1_777_600_000_000_000,
        only_me: Some(true),
        sport: Sport::Running,
        start_us: 1_777_600_800_000_000,
        end_us: 1_777_602_600_000_000,
        local_day: 20_574,
        time_zone: "Asia/Almaty".to_owned(),
        utc_offset_s: 18_000,
        duration_s: 1_790,
        distance_mm: Some(5_012_300),
        ascent_mm: None,
    };
    // As it was before receipts and visibility were kept.
    let first = Fact { received_us: 0, only_me: None, ..fact.clone() };
    let ([given, hidden], podium) = badges(account, activity);
    let since_freezes = since_freezes(&given);
    let (id, badge) = (given.id, given.badge.clone());
    let (unknown, receipt) = (Receipt::default(), Receipt { at_us: 1_777_602_700_000_000, position: 77 });
    let parts = vec![XpPart { activity, rule: "first_activity".to_owned(), xp: 50 }];
    let run = Run { days: 3, last_day: 20_574, ..Run::default() };
    let mut today: Vec<(&str, Event)> = vec![
        ("run", Event::Counted { account, activity, revision: 1, fact: Some(first), position: 0 }),
        ("erased", Event::Counted { account, activity, revision: 2, fact: None, position: 0 }),
        ("deleted", Event::Uncounted { account, activity, revision: 3, receipt: unknown }),
        (
            "first",
            Event::XpChanged {
                account,
                before: 0,
                after: 50,
                rule_version: 1,
                parts: parts.clone(),
                receipt: unknown,
            },
        ),
        ("second", Event::LevelReached { account, level: 2, from_level: 1, rule_version: 1 }),
        ("fallen", Event::LevelLost { account, level: 1, from_level: 2, rule_version: 1 }),
        ("three", Event::StreakChanged { account, run }),
        ("first_run", Event::BadgeUnlocked(given.clone())),
        ("first_run", Event::BadgeReexplained(given)),
        ("first_run", Event::BadgeRevoked { id, account, badge, rule_version: 1 }),
        ("placed", Event::Counted { account, activity, revision: 1, fact: Some(fact), position: 77 }),
        ("placed", Event::Uncounted { account, activity, revision: 3, receipt }),
        ("placed", Event::XpChanged { account, before: 0, after: 50, rule_version: 1, parts, receipt }),
        ("podium", Event::RewardGiven(podium.clone())),
        ("nameless", Event::RewardGiven(RewardGiven { anonymous: true, ..podium })),
        ("private", Event::BadgeUnlocked(hidden.clone())),
        ("private", Event::BadgeReexplained(hidden)),
    ];
    today.extend(since_freezes);
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");
    testkit::golden::check("stadion.gamification.v1", folder, &today);

    let mut progress = Progress::default();
    // Up to the badge, and the run counts again.
    today.iter().take(8).for_each(|(_, event)| progress.evolve(event));
    progress.evolve(&today[0].1);
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/snapshots");
    // As a snapshot was before the version of the rules was kept: the first is meant.
    let three_days = ("three_days", Snapshot(Progress { rule_version: 0, ..progress.clone() }));
    today.iter().skip(17).for_each(|(_, event)| progress.evolve(event));
    testkit::golden::check("stadion.gamification.v1", folder, &[three_days, ("frozen", Snapshot(progress))]);
}
