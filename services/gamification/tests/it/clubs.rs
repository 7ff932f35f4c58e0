//! Challenges that members of a group write for it.

use kernel::{AccountId, Code};
use proto::gamification as wire;
use testkit::fleet::{Ground, eventually};

use crate::{
    arena::{Arena, code, may},
    fleet::by,
};

fn ours(group: &str) -> wire::ChallengeTerms {
    wire::ChallengeTerms { eligibility_json: format!(r#"{{"group":"{group}"}}"#), ..may() }
}

/// Pointer and code of what was wrong.
fn fault<T: std::fmt::Debug>(refused: Result<T, tonic::Status>) -> (String, String) {
    let refusal = platform::refusal(&refused.unwrap_err());
    assert_eq!(refusal.code, Code::InvalidField, "{refusal:?}");
    (refusal.fields[0].pointer.clone(), refusal.fields[0].code.clone())
}

async fn extend(arena: &Arena<'_>, by_whom: AccountId, id: &bytes::Bytes) -> Result<(), tonic::Status> {
    let request = wire::ExtendChallengeRequest {
        challenge_id: id.clone(),
        end: "2026-06-10T00:00:00".to_owned(),
        reason: String::new(),
    };
    arena.client().extend_challenge(by(by_whom, request)).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_writes_and_opens_one_and_who_runs_the_group_may_manage_it() {
    let ground = Ground::fresh();
    let arena = Arena::on(&ground).await;
    let people = ["captain", "member", "mate", "stranger"].map(|name| arena.athlete(name, "KZ-75"));
    let [captain, member, mate, stranger] = people;
    let group = arena.joins_group(captain, "runners", true);
    arena.joins_group(member, "runners", false);
    arena.joins_group(mate, "runners", false);

    let reward = wire::ChallengeReward { reached: Some(1.0), points: 500, ..Default::default() };
    let rich = wire::ChallengeTerms { rewards: vec![reward], ..ours(&group) };
    assert_eq!(fault(arena.create(member, rich).await), ("/rewards".to_owned(), "not_allowed".to_owned()));
    let id = arena.create(member, ours(&group)).await.unwrap().id;
    assert_eq!(code(arena.open(mate, &id).await), Code::NotFound, "another's draft");
    let look = || async { arena.get(captain, &id).await.map(|one| one.state) };
    eventually("known to who runs the group", look, |state| {
        state.as_deref().is_ok_and(|state| state == "draft")
    })
    .await
    .unwrap();
    assert_eq!(arena.open(member, &id).await.unwrap().state, "open");
    // Whoever heard no answer, has left since and asks again, is told the same.
    arena.joins_group(member, "chess", false);
    assert_eq!(arena.open(member, &id).await.unwrap().state, "open");
    // What runs is the group's: out of it, its author manages it no more.
    assert_eq!(code(extend(&arena, member, &id).await), Code::Forbidden);
    assert_eq!(code(arena.stop_challenge(member, &id).await), Code::Forbidden);
    let shown = wire::ChangeChallengeRequest {
        challenge_id: id.clone(),
        terms: Some(wire::ChallengeTerms { public: true, ..ours(&group) }),
        expected_revision: None,
    };
    assert_eq!(code(arena.client().change_challenge(by(member, shown)).await), Code::Forbidden);
    arena.joins_group(member, "runners", false);
    assert!(arena.join(mate, &id).await.is_ok());
    assert_eq!(code(arena.join(stranger, &id).await), Code::NotEligible);
    assert_eq!(code(extend(&arena, mate, &id).await), Code::Forbidden);
    assert_eq!(code(arena.stop_challenge(mate, &id).await), Code::Forbidden);
    assert_eq!(code(arena.get(stranger, &id).await), Code::NotFound);
    assert_eq!(code(extend(&arena, stranger, &id).await), Code::NotFound, "it does not hear that it exists");
    extend(&arena, captain, &id).await.unwrap();
    assert_eq!(arena.stop_challenge(captain, &id).await.unwrap().state, "settling");

    // Out of the group, its author opens nothing for it.
    let draft = arena.create(member, ours(&group)).await.unwrap().id;
    arena.joins_group(member, "chess", false);
    assert_eq!(code(arena.open(member, &draft).await), Code::Forbidden);
    assert_eq!(arena.stop_challenge(member, &draft).await.unwrap().state, "stopped");
    arena.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_has_three_at_a_time_in_a_group_however_fast_they_are_written() {
    let ground = Ground::fresh();
    let arena = Arena::on(&ground).await;
    let (captain, member) = (arena.athlete("captain", "KZ-75"), arena.athlete("member", "KZ-75"));
    let group = arena.joins_group(captain, "runners", true);
    arena.joins_group(member, "runners", false);
    let tries = futures::future::join_all((0..6).map(|_| arena.create(member, ours(&group)))).await;
    let (written, refused): (Vec<_>, Vec<_>) = tries.into_iter().partition(Result::is_ok);
    assert_eq!((written.len(), refused.len()), (3, 3));
    let too_many = ("/eligibility".to_owned(), "too_many_unfinished".to_owned());
    for answer in refused {
        assert_eq!(fault(answer), too_many);
    }
    // Who runs the group is not counted, nor is another group's.
    for _ in 0..4 {
        arena.create(captain, ours(&group)).await.unwrap();
    }
    let chess = arena.joins_group(member, "chess", false);
    let elsewhere = arena.create(member, ours(&chess)).await.unwrap().id;
    arena.joins_group(member, "runners", false);
    let moved = wire::ChangeChallengeRequest {
        challenge_id: elsewhere,
        terms: Some(ours(&group)),
        expected_revision: None,
    };
    assert_eq!(fault(arena.client().change_challenge(by(member, moved)).await), too_many);
    // One that is over makes room for another.
    let first = written.into_iter().next().unwrap().unwrap().id;
    arena.open(member, &first).await.unwrap();
    assert_eq!(fault(arena.create(member, ours(&group)).await), too_many, "it runs");
    arena.stop_challenge(member, &first).await.unwrap();
    arena.create(member, ours(&group)).await.unwrap();
    assert_eq!(fault(arena.create(member, ours(&group)).await), too_many);
    arena.stop().await;
}
