//! From activities to scores as state, over real engines.

use eventing::StateTables;
use gamification::{
    consumers::scores::publish::scores_topic,
    domain::{ChallengeId, challenge, participation, scoring::Score},
};
use kernel::AccountId;
use proto::{activity as told, gamification as wire};
use testkit::fleet::{Ground, eventually};

use crate::{
    contest::{happens, joins, opened, takes_part, terms},
    fleet::{Game, bytes_of, run_on, start},
};

async fn score(game: &Game<'_>, challenge: ChallengeId, account: AccountId) -> Option<Score> {
    let rows = game.app.store.standing(challenge).await.unwrap();
    rows.into_iter().find(|row| row.account == account).and_then(|row| row.score)
}

pub(crate) async fn scores(game: &Game<'_>, challenge: ChallengeId, account: AccountId, value: Option<i64>) {
    let wanted = |found: &Option<Score>| found.map(|score| score.value) == value;
    eventually(&format!("{value:?}"), || score(game, challenge, account), wanted).await;
}

/// As a sibling reads it that begins anew.
async fn state(game: &Game<'_>, challenge: ChallengeId, account: AccountId) -> (u64, wire::ScoreState) {
    let values = game.app.page(&scores_topic().name, "", 500).await.unwrap();
    let key = format!("{challenge}/{account}");
    let value = values.into_iter().find(|value| value.key == key).unwrap();
    assert_eq!(value.partition_key, challenge.to_string());
    let plain = game.app.journal.sealer().open_parcel(&value.value.unwrap()).await.unwrap();
    (value.revision, plain.expect().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_run_is_scored_and_told() {
    let ground = Ground::fresh();
    let game = start(&ground).await;
    let (early, late) = (AccountId::random(), AccountId::random());
    let challenge = opened(&game.app.journal, "distance", terms("distance_m")).await;
    takes_part(&game.app.journal, joins(challenge, early, 1)).await;
    let first = game.records(early, "first", run_on("2026-05-08", 5_012.3)).await;
    game.records(early, "second", run_on("2026-05-09", 3_000.0)).await;
    game.records(early, "in april", run_on("2026-04-09", 9_000.0)).await;
    // Before joining, inside the window.
    game.records(late, "first", run_on("2026-05-08", 7_000.0)).await;
    takes_part(&game.app.journal, joins(challenge, late, 2)).await;
    scores(&game, challenge, early, Some(8_012_300)).await;
    scores(&game, challenge, late, Some(7_000_000)).await;

    let (before, told) = state(&game, challenge, early).await;
    let noon_us = "2026-05-09T07:30:00Z".parse::<jiff::Timestamp>().unwrap().as_microsecond();
    let expected = wire::Score {
        segments: vec!["region:KZ-75".to_owned()],
        scored: true,
        value: 8_012_300,
        reached_us: noon_us,
    };
    assert_eq!((told.member, told.state.as_str(), told.score), (1, "active", Some(expected)));

    let (activity_id, account_id) = (bytes_of(first), bytes_of(early));
    let deleted = told::ActivityDeleted { activity_id, account_id, client_version: None };
    game.tell(early, first, &deleted).await;
    scores(&game, challenge, early, Some(3_000_000)).await;
    let (after, _) = state(&game, challenge, early).await;
    assert!(before < after, "the newer value wins");

    takes_part(&game.app.journal, participation::Event::Left { challenge, account: early }).await;
    scores(&game, challenge, early, None).await;
    let (_, told) = state(&game, challenge, early).await;
    assert_eq!((told.state.as_str(), told.score.unwrap().scored), ("left", false));
    takes_part(&game.app.journal, joins(challenge, early, 1)).await;
    scores(&game, challenge, early, Some(3_000_000)).await;
    game.stop().await;

    // The outbox has been published: nothing waits, and a new start changes nothing.
    let game = start(&ground).await;
    scores(&game, challenge, late, Some(7_000_000)).await;
    let waiting = async || game.db.fetch("SELECT key FROM es_outbox", vec![]).await.unwrap().len();
    eventually("an empty outbox", waiting, |waiting| *waiting == 0).await;
    game.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_against_an_activity_or_told_by_another_takes_it_off_the_board_until_it_is_not() {
    let ground = Ground::fresh();
    let game = start(&ground).await;
    let account = AccountId::random();
    let challenge = opened(&game.app.journal, "distance", terms("distance_m")).await;
    takes_part(&game.app.journal, joins(challenge, account, 1)).await;
    let first = game.records(account, "first", run_on("2026-05-08", 5_000.0)).await;
    game.records(account, "second", run_on("2026-05-09", 3_000.0)).await;
    scores(&game, challenge, account, Some(8_000_000)).await;
    let (activity_id, account_id) = (bytes_of(first), bytes_of(account));
    let facts = Some(run_on("2026-05-08", 5_000.0));
    let flagged = told::ActivityFlagged {
        activity_id: activity_id.clone(),
        account_id: account_id.clone(),
        facts: facts.clone(),
        marks: Some(told::Marks { verdict: "flagged".to_owned(), ..Default::default() }),
        ..Default::default()
    };
    game.tell(account, first, &flagged).await;
    scores(&game, challenge, account, Some(3_000_000)).await;
    // A new name brings nothing back: what is held is said with it.
    let edited = told::ActivityEdited {
        activity_id: activity_id.clone(),
        account_id: account_id.clone(),
        facts: facts.clone(),
        marks: flagged.marks.clone(),
        ..Default::default()
    };
    game.tell(account, first, &edited).await;
    let cleared = told::ActivityCleared {
        activity_id: activity_id.clone(),
        account_id: account_id.clone(),
        facts: facts.clone(),
        ..Default::default()
    };
    game.tell(account, first, &cleared).await;
    scores(&game, challenge, account, Some(8_000_000)).await;
    let linked = told::ActivityLinked {
        activity_id: activity_id.clone(),
        account_id: account_id.clone(),
        facts: facts.clone(),
        marks: Some(told::Marks { duplicate_of: bytes_of(account), ..Default::default() }),
        ..Default::default()
    };
    game.tell(account, first, &linked).await;
    scores(&game, challenge, account, Some(3_000_000)).await;
    let unlinked = told::ActivityUnlinked { activity_id, account_id, facts, ..Default::default() };
    game.tell(account, first, &unlinked).await;
    scores(&game, challenge, account, Some(8_000_000)).await;
    game.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_cuts_what_starts_later_and_an_extension_brings_in_what_lay_behind() {
    let ground = Ground::fresh();
    let game = start(&ground).await;
    let account = AccountId::random();
    let journal = &game.app.journal;
    let stopped = opened(journal, "stopped", terms("count")).await;
    let short = crate::contest::written("count");
    let short = challenge::terms::Written { end: "2026-05-05T00:00:00".to_owned(), ..short };
    let extended = opened(journal, "extended", challenge::Terms::parse(&short).unwrap()).await;
    for challenge in [stopped, extended] {
        takes_part(journal, joins(challenge, account, 1)).await;
    }
    for day in ["2026-05-04", "2026-05-05", "2026-05-06"] {
        game.records(account, day, run_on(day, 1_000.0)).await;
    }
    scores(&game, stopped, account, Some(3_000)).await;
    scores(&game, extended, account, None).await;
    let by = account;
    // It was received on the 10th: the grace of a window that ends on the 5th is over, that of the longer one is not.
    let window = challenge::Terms::parse(&short).unwrap().window.extended("2026-05-10T00:00:00").unwrap();
    let longer = challenge::Event::Extended { challenge: extended, by, window, reason: String::new() };
    happens(journal, extended, longer).await;
    scores(&game, extended, account, Some(3_000)).await;
    let stopped_us = "2026-05-05T00:00:00Z".parse::<jiff::Timestamp>().unwrap().as_microsecond();
    let stop =
        challenge::Event::Stopped { challenge: stopped, by, reason: String::new(), stopped_us, opened: true };
    happens(journal, stopped, stop).await;
    scores(&game, stopped, account, Some(1_000)).await;
    game.stop().await;
}
