//! From the activity's event to what the athlete is told, over real engines.

use eventing::{Class, DomainEvent, StreamId, args};
use gamification::domain::{Event, achievement_id};
use kernel::{AccountId, Code};
use proto::{activity as told, gamification as wire};
use testkit::fleet::{Ground, eventually};

use crate::fleet::{Game, by, bytes_of, run_on, start};

async fn progress(fleet: &Game<'_>, account: AccountId) -> wire::GetProgressResponse {
    let request = by(account, wire::GetProgressRequest::default());
    fleet.client().get_progress(request).await.unwrap().into_inner()
}

async fn badges(fleet: &Game<'_>, account: AccountId) -> Vec<String> {
    let request = by(account, wire::ListAchievementsRequest::default());
    let items = fleet.client().list_achievements(request).await.unwrap().into_inner().items;
    let mut badges: Vec<String> = items.into_iter().map(|item| item.badge).collect();
    badges.sort();
    badges
}

async fn has(fleet: &Game<'_>, account: AccountId, wanted: &[&str]) {
    eventually(&format!("{wanted:?}"), || badges(fleet, account), |held| held == wanted).await;
}

const FIRST_5K: [&str; 3] = ["5k", "first_activity", "first_run"];

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_rewarded_explained_and_taken_back() {
    let ground = Ground::fresh();
    let fleet = start(&ground).await;
    let account = AccountId::random();
    let activity = fleet.records(account, "morning", run_on("2026-05-10", 5_012.0)).await;
    has(&fleet, account, &FIRST_5K).await;

    let now = progress(&fleet, account).await;
    assert_eq!((now.xp, now.level, now.level_xp_next, now.streak_days, now.points), (135, 2, 250, 1, 0));

    let achievement_id = bytes_of(achievement_id(account, "5k"));
    let request = wire::ExplainAchievementRequest { achievement_id: achievement_id.clone() };
    let why = fleet.client().explain_achievement(by(account, request.clone())).await.unwrap().into_inner();
    assert_eq!(why.rule, "one activity in running with distance_m of at least 5000");
    assert_eq!((why.rule_version, why.because.len()), (3, 1));
    assert_eq!((why.because[0].value, &why.because[0].activity_id), (5_012.0, &bytes_of(activity)));

    let stranger = by(AccountId::random(), request.clone());
    let refused = fleet.client().explain_achievement(stranger).await.unwrap_err();
    assert_eq!(platform::refusal(&refused).code, Code::NotFound);

    let deleted = told::ActivityDeleted {
        activity_id: bytes_of(activity),
        account_id: bytes_of(account),
        client_version: None,
    };
    fleet.tell(account, activity, &deleted).await;
    has(&fleet, account, &[]).await;
    let now = eventually("nothing", || progress(&fleet, account), |now| now.streak_days == 0).await;
    assert_eq!((now.xp, now.level, now.streak_days), (0, 1, 0));
    assert!(fleet.client().explain_achievement(by(account, request)).await.is_err());

    let restored = told::ActivityRestored {
        activity_id: bytes_of(activity),
        account_id: bytes_of(account),
        facts: Some(run_on("2026-05-10", 5_012.0)),
        ..told::ActivityRestored::default()
    };
    fleet.tell(account, activity, &restored).await;
    has(&fleet, account, &FIRST_5K).await;
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_changes_what_was_earned() {
    let ground = Ground::fresh();
    let fleet = start(&ground).await;
    let account = AccountId::random();
    let activity = fleet.records(account, "morning", run_on("2026-05-10", 5_012.0)).await;
    has(&fleet, account, &FIRST_5K).await;
    let edited = told::ActivityEdited {
        activity_id: bytes_of(activity),
        account_id: bytes_of(account),
        facts: Some(told::Facts { sport: "cycling".to_owned(), ..run_on("2026-05-10", 5_012.0) }),
        changed: vec!["sport".to_owned()],
        ..told::ActivityEdited::default()
    };
    fleet.tell(account, activity, &edited).await;
    has(&fleet, account, &["first_activity", "first_ride"]).await;
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replacement_of_a_deleted_activity_stays_deleted() {
    let ground = Ground::fresh();
    let fleet = start(&ground).await;
    let account = AccountId::random();
    let activity = fleet.records(account, "morning", run_on("2026-05-10", 5_012.0)).await;
    let (activity_id, account_id) = (bytes_of(activity), bytes_of(account));
    let deleted = told::ActivityDeleted { activity_id, account_id, client_version: None };
    fleet.tell(account, activity, &deleted).await;
    let replaced = told::ActivityReplaced {
        activity_id: bytes_of(activity),
        account_id: bytes_of(account),
        facts: Some(run_on("2026-05-10", 12_000.0)),
        deleted: true,
        ..told::ActivityReplaced::default()
    };
    fleet.tell(account, activity, &replaced).await;
    // A later activity of the same account has been heard, so everything before it has.
    fleet
        .records(account, "ride", told::Facts { sport: "cycling".to_owned(), ..run_on("2026-05-10", 900.0) })
        .await;
    has(&fleet, account, &["first_activity", "first_ride"]).await;
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_streak_is_that_of_the_local_today() {
    let ground = Ground::fresh();
    let fleet = start(&ground).await;
    let account = AccountId::random();
    for day in ["2026-05-09", "2026-05-07", "2026-05-08"] {
        fleet.records(account, day, run_on(day, 1_000.0)).await;
    }
    eventually("three days", || badges(&fleet, account), |held| held.iter().any(|badge| badge == "streak_3"))
        .await;
    let streak_at = async |now: &str, zone: &str| {
        fleet.clock.set(now.parse().unwrap());
        let request = by(account, wire::GetProgressRequest { time_zone: zone.to_owned() });
        fleet.client().get_progress(request).await.unwrap().into_inner().streak_days
    };
    // Almaty is five hours ahead: its 10th ends, and with it the day of grace, at 19:00 UTC.
    assert_eq!(streak_at("2026-05-10T18:59:59Z", "").await, 3);
    assert_eq!(streak_at("2026-05-10T19:00:00Z", "").await, 0);
    assert_eq!(streak_at("2026-05-10T19:00:00Z", "UTC").await, 3);
    let wrong = by(account, wire::GetProgressRequest { time_zone: "Mars/Olympus".to_owned() });
    let refused = platform::refusal(&fleet.client().get_progress(wrong).await.unwrap_err());
    assert_eq!((refused.code, refused.fields[0].pointer.as_str()), (Code::InvalidField, "/time_zone"));
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_covers_the_local_day_that_is_missed() {
    let ground = Ground::fresh();
    let fleet = start(&ground).await;
    let account = AccountId::random();
    // A week around the night in which Berlin's clocks go forward; nothing on the 30th.
    for day in 23..30 {
        let day = format!("2026-03-{day}");
        let start = format!("{day}T23:30:00[Europe/Berlin]").parse::<jiff::Zoned>().unwrap();
        let late = told::Facts {
            start_us: start.timestamp().as_microsecond(),
            utc_offset_s: start.offset().seconds(),
            time_zone: "Europe/Berlin".to_owned(),
            ..run_on(&day, 1_000.0)
        };
        fleet.records(account, &day, late).await;
    }
    let week = |held: &Vec<String>| held.iter().any(|badge| badge == "streak_7");
    eventually("a week", || badges(&fleet, account), week).await;
    let streak_at = async |now: &str| {
        fleet.clock.set(now.parse().unwrap());
        let now = progress(&fleet, account).await;
        (now.streak_days, now.streak_freezes, now.streak_frozen_days)
    };
    // The 30th ends at 22:00 UTC, and the 31st, which nothing covers, a day later.
    let covered = vec![20_542];
    assert_eq!(streak_at("2026-03-30T21:59:59Z").await, (7, 1, vec![]));
    assert_eq!(streak_at("2026-03-30T22:00:00Z").await, (7, 0, covered.clone()));
    assert_eq!(streak_at("2026-03-31T21:59:59Z").await, (7, 0, covered));
    assert_eq!(streak_at("2026-03-31T22:00:00Z").await, (0, 0, vec![]));
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_heard_again_after_a_restart_changes_nothing() {
    let ground = Ground::fresh();
    let fleet = start(&ground).await;
    let account = AccountId::random();
    for day in ["2026-05-08", "2026-05-09", "2026-05-10"] {
        fleet.records(account, day, run_on(day, 5_000.0)).await;
    }
    let done = |now: &wire::GetProgressResponse| now.streak_days == 3;
    let before = eventually("three days", || progress(&fleet, account), done).await;
    let (held, head) = (badges(&fleet, account).await, fleet.app.journal.store().head().await.unwrap());
    fleet.stop().await;

    // The cursors are lost, and so are the read models.
    let db = ground.open("gamification").await;
    db.execute("DELETE FROM es_cursor", args![]).await.unwrap();
    for table in ["progress", "activity_fact", "achievement"] {
        db.execute(&format!("DELETE FROM {table}"), args![]).await.unwrap();
    }
    db.close().await;
    let fleet = start(&ground).await;
    fleet.records(AccountId::random(), "somebody else's", run_on("2026-05-10", 1_000.0)).await;
    eventually("rebuilt", || progress(&fleet, account), |now| *now == before).await;
    assert_eq!(badges(&fleet, account).await, held);
    let own = fleet.app.journal.store().load(&StreamId::of("progress", account), 0, 1_000).await.unwrap();
    assert!(own.iter().all(|event| event.position <= head), "something was decided twice");
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_history_goes_through_snapshots() {
    let ground = Ground::fresh();
    let fleet = start(&ground).await;
    let account = AccountId::random();
    let days: Vec<String> =
        (1..=28).flat_map(|day| [format!("2026-03-{day:02}"), format!("2026-04-{day:02}")]).collect();
    for day in &days {
        fleet.records(account, day, run_on(day, 10_000.0)).await;
    }
    let all = |held: &Vec<String>| {
        ["run_100km", "streak_7", "activities_10"].iter().all(|badge| held.iter().any(|one| one == badge))
    };
    eventually("all badges", || badges(&fleet, account), all).await;
    let facts = async || fleet.app.store.sports(account).await.unwrap();
    eventually("all facts", facts, |sports| sports[0].activities == 56).await;
    let stream = StreamId::of("progress", account);
    assert!(fleet.app.journal.store().snapshot(&stream).await.unwrap().is_some(), "no snapshot was taken");

    let loaded = fleet.app.journal.load::<gamification::domain::Progress>(&stream).await.unwrap().state;
    let mut folded = gamification::domain::Progress::default();
    let page = fleet.app.journal.store().load(&stream, 0, 10_000).await.unwrap();
    for plain in fleet.app.journal.sealer().open(&page).await.unwrap() {
        folded.evolve(&Event::decode(&plain).unwrap());
    }
    assert_eq!(loaded, folded);
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_erased_earns_nothing_and_holds_nobody_up() {
    let ground = Ground::fresh();
    let fleet = start(&ground).await;
    let (erased, other) = (AccountId::random(), AccountId::random());
    fleet.records(erased, "before", run_on("2026-05-09", 5_012.0)).await;
    has(&fleet, erased, &FIRST_5K).await;
    let told_last = fleet.app.journal.store().load(&StreamId::of("progress", erased), 0, 100).await.unwrap();
    fleet.stop().await;

    ground.keys.destroy(erased.uuid(), Class::Activity);
    let fleet = start(&ground).await;
    let gone = told::ActivityDeleted {
        activity_id: bytes_of(kernel::ActivityId::random()),
        account_id: bytes_of(erased),
        client_version: None,
    };
    fleet.tell(erased, kernel::ActivityId::random(), &gone).await;
    fleet.records(other, "after", run_on("2026-05-10", 5_012.0)).await;
    has(&fleet, other, &FIRST_5K).await;

    for plain in fleet.app.journal.sealer().open(&told_last).await.unwrap() {
        let event = Event::decode(&plain).unwrap();
        assert!(!matches!(event, Event::Counted { fact: Some(_), .. }), "a fact outlived its key");
        if let Event::BadgeUnlocked(given) = event {
            assert_eq!((given.award.unlocked_us, given.award.because.len()), (0, 0));
        }
    }
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn siblings_learn_facts_that_are_never_older_than_the_event_they_saw() {
    let ground = Ground::fresh();
    let fleet = start(&ground).await;
    let (account, idle) = (AccountId::random(), AccountId::random());
    fleet.records(account, "morning", run_on("2026-05-10", 5_012.0)).await;
    // As soon as the event is in the journal, whether or not the read models hold it yet.
    let stream = StreamId::of("progress", account);
    let unlocked = async || {
        let events = fleet.app.journal.store().load(&stream, 0, 100).await.unwrap();
        events.into_iter().find(|event| event.kind.ends_with(".BadgeUnlocked")).map(|event| event.position)
    };
    let seen = eventually("unlocked", unlocked, Option::is_some).await.unwrap();
    let request = wire::FactsRequest {
        account_ids: vec![bytes_of(idle), bytes_of(account)],
        seen_position: seen.unsigned_abs(),
    };
    let items = fleet.client().facts(request).await.unwrap().into_inner().items;
    assert_eq!((items[0].level, items[0].badges.len(), items[0].last_activity_us), (1, 0, None));
    assert_eq!((items[1].level, items[1].badges.as_slice()), (2, FIRST_5K.map(str::to_owned).as_slice()));
    assert_eq!((items[1].sports[0].sport.as_str(), items[1].sports[0].activities), ("running", 1));
    let end_us = run_on("2026-05-10", 0.0).start_us + 1_800_000_000;
    assert_eq!(items[1].last_activity_us, Some(end_us));

    let same = gamification::app::facts::facts(&fleet.app, &[account], i64::MAX).await.unwrap();
    assert_eq!((same[0].level, same[0].badges.len(), same[0].last_activity_us()), (2, 3, Some(end_us)));

    let athlete = fleet.client().facts(by(account, wire::FactsRequest::default())).await.unwrap_err();
    assert_eq!(platform::refusal(&athlete).code, Code::Forbidden);
    let crowd = wire::FactsRequest { account_ids: vec![bytes_of(account); 201], seen_position: 0 };
    let refused = fleet.client().facts(crowd).await.unwrap_err();
    assert_eq!(platform::refusal(&refused).code, Code::InvalidField);
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn badges_are_paged_in_the_callers_language() {
    let ground = Ground::fresh();
    let fleet = start(&ground).await;
    let account = AccountId::random();
    fleet.records(account, "a", run_on("2026-05-09", 5_012.0)).await;
    fleet.records(account, "b", run_on("2026-05-10", 10_012.0)).await;
    has(&fleet, account, &["10k", "5k", "first_activity", "first_run"]).await;
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let request = by(account, wire::ListAchievementsRequest { cursor, limit: 3 });
        let page = fleet.client().list_achievements(request).await.unwrap().into_inner();
        seen.extend(page.items.into_iter().map(|item| (item.unlocked_us, item.name)));
        cursor = page.next_cursor;
        if cursor.is_empty() {
            break;
        }
    }
    assert_eq!(seen.len(), 4);
    assert!(seen.is_sorted_by(|one, next| one.0 >= next.0), "{seen:?}");
    assert_eq!(seen[0].1, "10 km in one run");

    let russian = platform::context::Ambient { locale: "ru-KZ".to_owned(), ..Default::default() };
    let request = by(account, wire::ListAchievementsRequest::default());
    let page = russian.scope(fleet.client().list_achievements(request)).await.unwrap().into_inner();
    assert_eq!(page.items[0].name, "10 км за пробежку");

    let request = by(account, wire::ListAchievementsRequest { cursor: "'; DROP".to_owned(), limit: 0 });
    let refused = fleet.client().list_achievements(request).await.unwrap_err();
    assert_eq!(platform::refusal(&refused).code, Code::BadCursor);
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_is_signed_in_has_a_progress() {
    let ground = Ground::fresh();
    let fleet = start(&ground).await;
    let anonymous = platform::actor::Actor::anonymous("192.0.2.1");
    let request = platform::context::acting_for(anonymous, wire::GetProgressRequest::default());
    let refused = fleet.client().get_progress(request).await.unwrap_err();
    assert_eq!(platform::refusal(&refused).code, Code::Unauthenticated);
    // Roles are asked of auth; who cannot reach it answers so.
    let request = by(AccountId::random(), wire::ListRulesRequest {});
    let refused = fleet.client().list_rules(request).await.unwrap_err();
    assert_eq!(platform::refusal(&refused).code, Code::Unavailable);
    fleet.stop().await;
}
