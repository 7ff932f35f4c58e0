//! A seat that is taken before the challenge begins: it is a seat like any other, and nothing counts before the window.

use gamification::domain::ChallengeId;
use kernel::{AccountId, Code};
use proto::gamification as wire;
use testkit::fleet::{Ground, eventually};

use crate::arena::{Arena, code, may};

const BEFORE: &str = "2026-04-20T00:00:00Z";
const WITHIN: &str = "2026-05-10T12:00:00Z";

/// Opened in April; its window is May.
async fn scheduled(arena: &Arena<'_>, terms: wire::ChallengeTerms) -> bytes::Bytes {
    let operator = arena.operator();
    arena.at(BEFORE);
    let id = arena.create(operator, terms).await.unwrap().id;
    assert_eq!(arena.open(operator, &id).await.unwrap().state, "scheduled");
    id
}

/// The score of one who takes part, once it is this one.
async fn stands(arena: &Arena<'_>, id: &bytes::Bytes, account: AccountId, value: Option<i64>) {
    let challenge = ChallengeId::new(uuid::Uuid::from_slice(id).unwrap());
    let score = || async {
        let rows = arena.app.store.standing(challenge).await.unwrap();
        rows.into_iter().find(|row| row.account == account)?.score.map(|score| score.value)
    };
    eventually(&format!("{value:?}"), score, |found| *found == value).await;
}

/// The challenge as this account sees it, once it is in that state with so many in it.
async fn sees(arena: &Arena<'_>, viewer: AccountId, id: &bytes::Bytes, (state, participants): (&str, u32)) {
    let so = |seen: &wire::Challenge| seen.state == state && seen.participants == participants;
    let ask = || async { arena.get(viewer, id).await.unwrap() };
    eventually(&format!("{state} with {participants}"), ask, so).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_joins_early_scores_from_the_start_of_the_window_in_their_own_zone() {
    let ground = Ground::fresh();
    let arena = Arena::on(&ground).await;
    let window = wire::ChallengeWindow { clock: "local".to_owned(), ..may().window.unwrap() };
    let terms = |count_from: &str| wire::ChallengeTerms {
        window: Some(window.clone()),
        count_from: count_from.to_owned(),
        ..may()
    };
    let ids = [scheduled(&arena, terms("window")).await, scheduled(&arena, terms("join")).await];
    let (athlete, islander) = (arena.athlete("athlete", "KZ-75"), arena.athlete("islander", "KZ-75"));
    arena.known.change(islander, |standing| standing.time_zone = "Pacific/Pago_Pago".to_owned());
    for account in [athlete, islander] {
        for id in &ids {
            arena.join(account, id).await.unwrap();
        }
        arena.runs(account, "2026-04-19", 4_000.0).await;
    }
    for id in &ids {
        sees(&arena, athlete, id, ("scheduled", 2)).await;
    }
    arena.at(WITHIN);
    // In the islander's zone it is still April when this begins.
    for account in [athlete, islander] {
        arena.runs(account, "2026-05-01", 5_000.0).await;
    }
    arena.runs(islander, "2026-05-08", 7_000.0).await;
    for id in &ids {
        stands(&arena, id, athlete, Some(5_000_000)).await;
        stands(&arena, id, islander, Some(7_000_000)).await;
        sees(&arena, athlete, id, ("open", 2)).await;
    }
    arena.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn seats_of_a_scheduled_challenge_are_counted_given_back_and_shown_otherwise() {
    let ground = Ground::fresh();
    let arena = Arena::on(&ground).await;
    let id = scheduled(&arena, wire::ChallengeTerms { capacity: Some(1), ..may() }).await;
    let (first, second) = (arena.athlete("first", "KZ-75"), arena.athlete("second", "KZ-75"));
    assert_eq!(arena.join(first, &id).await.unwrap().member, 1);
    assert_eq!(code(arena.join(second, &id).await), Code::ChallengeFull);
    arena.leave(first, &id).await.unwrap();
    assert_eq!(arena.join(second, &id).await.unwrap().member, 2);
    assert_eq!(code(arena.join(first, &id).await), Code::ChallengeFull);
    let mine =
        wire::ListChallengesRequest { mine: true, state: "scheduled".to_owned(), ..Default::default() };
    let listed = || async { arena.list(second, mine.clone()).await.unwrap().items };
    eventually("it is listed", listed, |items| items.len() == 1).await;
    arena.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_called_off_tells_those_who_wait_for_it() {
    let ground = Ground::fresh();
    let arena = Arena::on(&ground).await;
    let id = scheduled(&arena, may()).await;
    let athlete = arena.athlete("athlete", "KZ-75");
    arena.join(athlete, &id).await.unwrap();
    arena.stop_challenge(arena.operator(), &id).await.unwrap();
    arena.at(WITHIN);
    arena.runs(athlete, "2026-05-08", 7_000.0).await;
    let seen = || async { arena.get(athlete, &id).await.unwrap() };
    let stopped = eventually("it is off", seen, |seen| seen.state == "stopped").await;
    assert!(stopped.mine.is_some());
    let mine = wire::ListChallengesRequest { mine: true, ..Default::default() };
    let listed = arena.list(athlete, mine).await.unwrap().items;
    assert_eq!(listed.iter().map(|one| one.state.as_str()).collect::<Vec<_>>(), ["stopped"]);
    // What is run later is heard by a challenge that runs, and not by this one.
    let other = arena.running(may()).await;
    arena.join(athlete, &other).await.unwrap();
    stands(&arena, &other, athlete, Some(7_000_000)).await;
    stands(&arena, &id, athlete, None).await;
    let settlement = wire::SettlementRequest { challenge_id: id, ..Default::default() };
    assert_eq!(code(arena.client().settlement(crate::fleet::by(athlete, settlement)).await), Code::NotFound);
    arena.stop().await;
}
