//! Where everybody stood at a moment that is over.

use std::collections::BTreeMap;

use gamification::{
    domain::{ChallengeId, participation},
    store::past::Past,
};
use kernel::{AccountId, Code};
use platform::{actor::Actor, context::acting_for};
use proto::{activity as told, gamification as wire};
use testkit::fleet::Ground;

use crate::{
    contest::{joins, opened, takes_part, terms},
    fleet::{Game, by, bytes_of, run_on, start},
    scores::scores,
};

type Standing = BTreeMap<AccountId, i64>;

async fn all(game: &Game<'_>, id: ChallengeId, at_us: i64) -> Vec<Past> {
    let page = game.app.store.past(id, at_us, None).await.unwrap().unwrap();
    assert_eq!(page.next, None, "all of them fit");
    page.scores
}

async fn past(game: &Game<'_>, id: ChallengeId, at_us: i64) -> Standing {
    all(game, id, at_us).await.into_iter().map(|past| (past.row.account, past.score.value)).collect()
}

async fn now(game: &Game<'_>, id: ChallengeId) -> Standing {
    let rows = game.app.store.standing(id).await.unwrap();
    rows.into_iter().filter_map(|row| Some((row.account, row.score?.value))).collect()
}

/// The clock goes on; what the board is now is noted.
async fn note(game: &Game<'_>, id: ChallengeId, noted: &mut Vec<(i64, Standing)>) {
    let at_us = game.clock_us();
    noted.push((at_us, now(game, id).await));
    game.clock.advance_s(3_600);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_past_is_what_the_board_was_then_whatever_was_changed_since() {
    let ground = Ground::fresh();
    let game = start(&ground).await;
    game.clock.set("2026-05-10T00:00:00Z".parse().unwrap());
    let (aida, boris) = (AccountId::random(), AccountId::random());
    let id = opened(&game.app.journal, "distance", terms("distance_m")).await;
    let mut noted = Vec::new();
    takes_part(&game.app.journal, joins(id, aida, 1)).await;
    note(&game, id, &mut noted).await;
    let first = game.records(aida, "first", run_on("2026-05-08", 5_000.0)).await;
    scores(&game, id, aida, Some(5_000_000)).await;
    note(&game, id, &mut noted).await;
    takes_part(&game.app.journal, joins_at(id, boris, 2, game.clock_us())).await;
    game.records(boris, "first", run_on("2026-05-09", 4_000.0)).await;
    scores(&game, id, boris, Some(4_000_000)).await;
    note(&game, id, &mut noted).await;
    game.records(aida, "second", run_on("2026-05-09", 2_500.0)).await;
    scores(&game, id, aida, Some(7_500_000)).await;
    note(&game, id, &mut noted).await;
    let deleted = told::ActivityDeleted {
        activity_id: bytes_of(first),
        account_id: bytes_of(aida),
        client_version: None,
    };
    game.tell(aida, first, &deleted).await;
    scores(&game, id, aida, Some(2_500_000)).await;
    note(&game, id, &mut noted).await;

    for (at_us, standing) in &noted {
        assert_eq!(past(&game, id, *at_us).await, *standing, "at {at_us}");
    }
    let heard: Vec<u64> = {
        let mut newest = Vec::new();
        for (at_us, _) in &noted {
            newest.push(all(&game, id, *at_us).await.iter().map(|past| past.heard).max().unwrap_or_default());
        }
        newest
    };
    assert!(heard.is_sorted() && heard[4] > heard[1], "{heard:?}");

    takes_part(&game.app.journal, participation::Event::Left { challenge: id, account: aida }).await;
    scores(&game, id, aida, None).await;
    assert_eq!(past(&game, id, noted[3].0).await, Standing::from([(boris, 4_000_000)]), "who left is gone");
    game.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_and_xp_of_the_past_are_counted_as_they_were() {
    let ground = Ground::fresh();
    let game = start(&ground).await;
    game.clock.set("2026-05-10T00:00:00Z".parse().unwrap());
    let aida = AccountId::random();
    let xp = opened(&game.app.journal, "xp", terms("xp")).await;
    takes_part(&game.app.journal, joins(xp, aida, 1)).await;
    game.records(aida, "first", run_on("2026-05-08", 5_000.0)).await;
    let before = eventually_scored(&game, xp).await;
    let at_us = game.clock_us();
    game.clock.advance_s(60);
    game.records(aida, "second", run_on("2026-05-09", 5_000.0)).await;
    let more = || async { now(&game, xp).await };
    testkit::fleet::eventually("more XP", more, |standing| standing[&aida] > before[&aida]).await;
    assert_eq!(past(&game, xp, at_us).await, before);
    game.stop().await;
}

async fn eventually_scored(game: &Game<'_>, id: ChallengeId) -> Standing {
    testkit::fleet::eventually("scored", || now(game, id), |standing| !standing.is_empty()).await
}

#[tokio::test]
async fn the_past_is_told_to_services_page_by_page() {
    let ground = Ground::fresh();
    let game = start(&ground).await;
    let aida = AccountId::random();
    let id = opened(&game.app.journal, "distance", terms("distance_m")).await;
    takes_part(&game.app.journal, joins(id, aida, 7)).await;
    game.records(aida, "first", run_on("2026-05-08", 5_000.0)).await;
    scores(&game, id, aida, Some(5_000_000)).await;
    let asked = |challenge: ChallengeId| wire::PastScoresRequest {
        challenge_id: bytes_of(challenge),
        at_us: game.clock_us(),
        ..Default::default()
    };
    let refused = game.client().past_scores(by(aida, asked(id))).await.unwrap_err();
    assert_eq!(platform::refusal(&refused).code, Code::Forbidden);
    let service = || Actor::Service { name: "leaderboard".to_owned() };
    let page = game.client().past_scores(acting_for(service(), asked(id))).await.unwrap().into_inner();
    assert_eq!((page.scores.len(), page.scores[0].member, page.scores[0].value), (1, 7, 5_000_000));
    assert_eq!((page.scores[0].segments.as_slice(), page.next.len()), (&["region:KZ-75".to_owned()][..], 0));
    let behind = wire::PastScoresRequest { after: bytes_of(aida), ..asked(id) };
    let page = game.client().past_scores(acting_for(service(), behind)).await.unwrap().into_inner();
    assert!(page.scores.is_empty());
    let unknown = game.client().past_scores(acting_for(service(), asked(ChallengeId::random()))).await;
    assert_eq!(platform::refusal(&unknown.unwrap_err()).code, Code::NotFound);
    game.stop().await;
}

fn joins_at(id: ChallengeId, account: AccountId, member: u32, at_us: i64) -> participation::Event {
    match joins(id, account, member) {
        participation::Event::Joined {
            challenge, account, member, show_as, count_private, frozen, ..
        } => participation::Event::Joined {
            challenge,
            account,
            member,
            show_as,
            count_private,
            joined_us: at_us,
            frozen,
        },
        other => other,
    }
}
