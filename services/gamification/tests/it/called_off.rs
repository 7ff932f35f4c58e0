//! A challenge that was opened and is stopped before its window begins: it never opened to anybody.

use eventing::{StateTables, StreamId, Topic, args, store::DueTimer};
use gamification::{
    app::{challenges::SETTLE, settle},
    domain::ChallengeId,
};
use kernel::Code;
use platform::{actor::Actor, context::acting_for};
use prost::Message;
use proto::gamification as wire;
use testkit::fleet::{Ground, eventually};

use crate::{
    arena::{Arena, code, may},
    fleet::by,
};

const BEFORE: &str = "2026-04-20T00:00:00Z";
const WITHIN: &str = "2026-05-10T12:00:00Z";
const AFTER_THE_GRACE: &str = "2026-06-05T00:00:00Z";

/// Opened and stopped in April; its window is May.
async fn called_off(arena: &Arena<'_>, terms: wire::ChallengeTerms) -> bytes::Bytes {
    let operator = arena.operator();
    arena.at(BEFORE);
    let id = arena.create(operator, terms).await.unwrap().id;
    assert_eq!(arena.open(operator, &id).await.unwrap().state, "scheduled");
    assert_eq!(waiting_timers(arena).await, 1);
    let stopped = arena.stop_challenge(operator, &id).await.unwrap();
    assert_eq!(stopped.state, "stopped");
    assert!(stopped.stopped_us > 0);
    id
}

async fn waiting_timers(arena: &Arena<'_>) -> i64 {
    let sql = "SELECT COUNT(*) FROM es_timer WHERE command_id = $1 AND state = 'waiting'";
    arena.db.fetch_one(sql, args![SETTLE]).await.unwrap().unwrap().get(0).unwrap()
}

async fn published(arena: &Arena<'_>) -> String {
    let page = arena.app.page(&Topic::state("gamification", "challenges").name, "", 10).await.unwrap();
    let value = page[0].value.clone().unwrap();
    wire::ChallengeState::decode(value.payload).unwrap().state
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_never_settled() {
    let ground = Ground::fresh();
    let arena = Arena::on(&ground).await;
    let id = called_off(&arena, may()).await;
    let athlete = arena.athlete("athlete", "KZ-75");
    assert_eq!(waiting_timers(&arena).await, 0, "nothing is to be settled");
    eventually("it is told", || published(&arena), |state| state == "stopped").await;
    let challenge = ChallengeId::new(uuid::Uuid::from_slice(&id).unwrap());
    for now in [BEFORE, WITHIN, AFTER_THE_GRACE] {
        arena.at(now);
        // Of a timer that was under way while it was stopped.
        let late = DueTimer {
            due_us: 0,
            stream: StreamId::of("challenge", challenge),
            command_id: SETTLE.to_owned(),
            payload: bytes::Bytes::new(),
        };
        settle::settle(&arena.app, &late).await.unwrap();
        let seen = arena.get(athlete, &id).await.unwrap();
        assert_eq!((seen.state.as_str(), seen.revision), ("stopped", 3), "at {now}");
        assert_eq!(code(arena.join(athlete, &id).await), Code::ChallengeClosed);
        let request = wire::SettlementRequest { challenge_id: id.clone(), ..Default::default() };
        assert_eq!(code(arena.client().settlement(by(athlete, request)).await), Code::NotFound);
        for (state, count) in [("stopped", 1), ("scheduled", 0), ("settling", 0), ("settled", 0)] {
            let request = wire::ListChallengesRequest { state: state.to_owned(), ..Default::default() };
            assert_eq!(arena.list(athlete, request).await.unwrap().items.len(), count, "{state} at {now}");
        }
    }
    assert_eq!((waiting_timers(&arena).await, published(&arena).await.as_str()), (0, "stopped"));
    arena.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_still_reads_that_a_public_one_is_off() {
    let ground = Ground::fresh();
    let arena = Arena::on(&ground).await;
    let id = called_off(&arena, wire::ChallengeTerms { public: true, ..may() }).await;
    let stranger = || Actor::anonymous("192.0.2.1");
    let get = wire::GetChallengeRequest { challenge_id: id.clone() };
    let seen = arena.client().get_challenge(acting_for(stranger(), get)).await.unwrap().into_inner();
    assert_eq!(seen.state, "stopped");
    assert!(seen.stopped_us > 0);
    let order = wire::SettlementRequest { challenge_id: id, ..Default::default() };
    assert_eq!(code(arena.client().settlement(acting_for(stranger(), order)).await), Code::NotFound);
    // A draft that was stopped is nobody's to know of.
    let draft = arena.create(arena.operator(), wire::ChallengeTerms { public: true, ..may() }).await.unwrap();
    assert_eq!(arena.stop_challenge(arena.operator(), &draft.id).await.unwrap().state, "stopped");
    let get = wire::GetChallengeRequest { challenge_id: draft.id };
    assert_eq!(code(arena.client().get_challenge(acting_for(stranger(), get)).await), Code::NotFound);
    arena.stop().await;
}
