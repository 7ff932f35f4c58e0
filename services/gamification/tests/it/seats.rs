//! Many want a seat at once: nobody gets one that is not there, and none is lost.

use std::collections::{BTreeMap, BTreeSet};

use eventing::{Command, Loaded, StreamId, args};
use futures::future::join_all;
use gamification::{
    app::challenges::{join::Shown, seating::Wish},
    domain::{
        ChallengeId, Participation,
        participation::{self, Frozen},
        seats::Seats,
    },
};
use kernel::{AccountId, Code};
use platform::context::Ambient;
use proptest::prelude::*;
use proto::gamification as wire;
use testkit::fleet::Ground;

use crate::arena::{Arena, code, may};

fn with(capacity: u32) -> wire::ChallengeTerms {
    wire::ChallengeTerms { capacity: Some(capacity), ..may() }
}

fn id_of(bytes: &[u8]) -> ChallengeId {
    ChallengeId::new(uuid::Uuid::from_slice(bytes).unwrap())
}

async fn members(arena: &Arena<'_>, id: &[u8]) -> BTreeSet<u32> {
    let sql = "SELECT member FROM participation WHERE challenge_id = $1 AND standing = 'active'";
    let rows = arena.db.fetch(sql, args![id_of(id)]).await.unwrap();
    let all: Vec<u32> = rows.iter().map(|row| row.get(0).unwrap()).collect();
    let distinct: BTreeSet<u32> = all.iter().copied().collect();
    assert_eq!(distinct.len(), all.len(), "a number was given twice");
    distinct
}

async fn seats(arena: &Arena<'_>, id: &[u8]) -> Seats {
    arena.app.journal.load::<Seats>(&StreamId::of("seats", id_of(id))).await.unwrap().state
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_want_the_last_place_and_one_gets_it() {
    let ground = Ground::fresh();
    let arena = Arena::on(&ground).await;
    let id = arena.running(with(2)).await;
    arena.join(arena.athlete("first", "KZ-75"), &id).await.unwrap();
    let crowd: Vec<AccountId> = (0..50).map(|nth| arena.athlete(&format!("crowd {nth}"), "KZ-75")).collect();
    let heard = join_all(crowd.iter().map(|account| arena.join(*account, &id))).await;
    let (taken, refused): (Vec<_>, Vec<_>) = heard.into_iter().partition(Result::is_ok);
    assert_eq!(taken.into_iter().map(|part| part.unwrap().member).collect::<Vec<_>>(), [2]);
    assert_eq!(refused.len(), 49);
    assert!(refused.into_iter().all(|answer| code(answer) == Code::ChallengeFull));
    assert_eq!(seats(&arena, &id).await.taken, 2);
    assert_eq!(members(&arena, &id).await, BTreeSet::from([1, 2]));

    // A seat that gets free is the next one's.
    arena.leave(arena.athlete("first", "KZ-75"), &id).await.unwrap();
    assert_eq!(arena.join(arena.athlete("late", "KZ-75"), &id).await.unwrap().member, 3);
    arena.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_account_that_joins_fifty_times_at_once_has_one_seat() {
    let ground = Ground::fresh();
    let arena = Arena::on(&ground).await;
    let id = arena.running(with(10)).await;
    let eager = arena.athlete("eager", "KZ-75");
    for part in join_all((0..50).map(|_| arena.join(eager, &id))).await {
        assert_eq!(part.unwrap().member, 1);
    }
    assert_eq!((seats(&arena, &id).await.taken, members(&arena, &id).await.len()), (1, 1));
    arena.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_the_one_seat_hears_so_however_often_they_ask_at_once() {
    let ground = Ground::fresh();
    let arena = Arena::on(&ground).await;
    let crowd: Vec<AccountId> = (0..4).map(|nth| arena.athlete(&format!("eager {nth}"), "KZ-75")).collect();
    for _ in 0..6 {
        let id = arena.running(with(1)).await;
        let asking: Vec<AccountId> = (0..12).map(|nth| crowd[nth % 4]).collect();
        let heard = join_all(asking.iter().map(|account| arena.join(*account, &id))).await;
        let mut seated = BTreeMap::<AccountId, usize>::new();
        for (account, answer) in asking.into_iter().zip(heard) {
            match answer {
                Ok(part) => {
                    assert_eq!(part.member, 1);
                    *seated.entry(account).or_default() += 1;
                }
                refused => assert_eq!(code(refused), Code::ChallengeFull),
            }
        }
        assert_eq!(seated.into_values().collect::<Vec<_>>(), [3], "one has the seat, and hears so each time");
        assert_eq!(seats(&arena, &id).await.taken, 1);
    }
    arena.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_answered_by_a_part_that_has_moved_since_it_was_read() {
    let ground = Ground::fresh();
    let arena = Arena::on(&ground).await;
    let id = id_of(&arena.running(with(1)).await);
    let (one, other) = (arena.athlete("one", "KZ-75"), arena.athlete("other", "KZ-75"));
    let part = async |account| {
        arena.app.journal.load::<Participation>(&participation::stream_of(id, account)).await.unwrap()
    };
    let wants = async |account: AccountId, wish: Wish, read: &Loaded<Participation>| {
        let command = Command::by(format!("account:{account}"));
        arena.app.seating.seat(&command, id, account, wish, read.clone()).await
    };
    let frozen = Frozen { segments: Vec::new(), time_zone: "Asia/Almaty".to_owned() };
    let join = || Wish::Join { shown: Shown::default(), frozen: frozen.clone() };
    let never = part(one).await;
    assert_eq!(wants(one, join(), &never).await.unwrap().part.member, 1);
    assert_eq!(wants(one, join(), &never).await.unwrap().part.member, 1, "theirs already");
    let not_there = part(other).await;
    assert_eq!(wants(other, join(), &not_there).await.unwrap_err().code, Code::ChallengeFull);

    let seated = part(one).await;
    assert!(
        !wants(one, Wish::Leave, &never).await.unwrap().part.is_active(),
        "left, and not as if never there"
    );
    let head = arena.app.journal.load::<Seats>(&StreamId::of("seats", id)).await.unwrap().state;
    assert_eq!(head.taken, 0);
    let shown = Wish::BeShown(Shown::default());
    assert_eq!(wants(one, shown, &seated).await.unwrap_err().code, Code::Conflict);
    assert_eq!(wants(other, join(), &not_there).await.unwrap().part.member, 2);
    arena.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_answered_answers_the_same_whoever_waits_beside_it() {
    let ground = Ground::fresh();
    let arena = Arena::on(&ground).await;
    let id = arena.running(with(100)).await;
    let keyed = async |account: AccountId, key: &str, show_as: &str| {
        let key =
            eventing::command::Key { key: key.to_owned(), request_hash: show_as.as_bytes().to_vec().into() };
        let ambient = Ambient { idempotency: Some(key), ..Ambient::new() };
        let request = wire::JoinChallengeRequest {
            challenge_id: id.clone(),
            show_as: show_as.to_owned(),
            count_private: None,
            ..Default::default()
        };
        let request = crate::fleet::by(account, request);
        ambient.scope(arena.client().join_challenge(request)).await.map(tonic::Response::into_inner)
    };
    let crowd: Vec<AccountId> = (0..20).map(|nth| arena.athlete(&format!("keyed {nth}"), "KZ-75")).collect();
    let first = join_all(crowd.iter().map(|account| keyed(*account, "k", "name"))).await;
    let head = arena.app.journal.store().head().await.unwrap();
    // All of them again, and some newcomers in between.
    let late: Vec<AccountId> = (0..5).map(|nth| arena.athlete(&format!("late {nth}"), "KZ-75")).collect();
    let (again, newcomers) = futures::join!(
        join_all(crowd.iter().map(|account| keyed(*account, "k", "name"))),
        join_all(late.iter().map(|account| arena.join(*account, &id)))
    );
    for (first, again) in first.iter().zip(&again) {
        assert_eq!(first.as_ref().unwrap().member, again.as_ref().unwrap().member);
    }
    assert!(newcomers.iter().all(Result::is_ok));
    assert_eq!(seats(&arena, &id).await.taken, 25);
    let events = arena.app.journal.store().read_all(head, 1_000).await.unwrap();
    assert!(events.iter().filter(|event| event.stream.kind() == "participation").count() == 5);
    assert_eq!(code(keyed(crowd[0], "k", "anonymous").await), Code::IdempotencyMismatch);
    // One key, many times at once.
    let same = join_all((0..20).map(|_| keyed(late[0], "once", "anonymous"))).await;
    assert!(same.iter().all(|part| part.as_ref().unwrap().show_as == "anonymous"));
    arena.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_whose_keys_are_gone_keeps_nobody_from_a_seat() {
    let ground = Ground::fresh();
    let arena = Arena::on(&ground).await;
    let id = arena.running(with(100)).await;
    let gone = arena.athlete("gone", "KZ-75");
    ground.keys.destroy(gone.uuid(), eventing::Class::Identity);
    let mut crowd: Vec<AccountId> =
        (0..20).map(|nth| arena.athlete(&format!("crowd {nth}"), "KZ-75")).collect();
    crowd.insert(7, gone);
    let heard = join_all(crowd.iter().map(|account| arena.join(*account, &id))).await;
    for (account, answer) in crowd.iter().zip(heard) {
        if *account == gone {
            assert_eq!(code(answer), Code::NotFound);
        } else {
            assert!(answer.is_ok());
        }
    }
    assert_eq!(seats(&arena, &id).await.taken, 20);
    arena.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_and_a_rush_of_joins_agree_on_who_takes_part() {
    let ground = Ground::fresh();
    let arena = Arena::on(&ground).await;
    let id = arena.running(may()).await;
    let operator = arena.operator();
    let crowd: Vec<AccountId> = (0..40).map(|nth| arena.athlete(&format!("rush {nth}"), "KZ-75")).collect();
    let rush = join_all(crowd.iter().map(|account| arena.join(*account, &id)));
    let (heard, stopped) = futures::join!(rush, arena.stop_challenge(operator, &id));
    stopped.unwrap();
    let joined = heard.iter().filter(|answer| answer.is_ok()).count();
    for answer in heard.into_iter().filter(Result::is_err) {
        assert_eq!(code(answer), Code::ChallengeClosed);
    }
    assert_eq!(seats(&arena, &id).await.taken as usize, joined);
    // Behind the stop nobody joined.
    let events = arena.app.journal.store().read_all(0, 10_000).await.unwrap();
    let stop = events.iter().find(|event| event.kind.ends_with(".ChallengeStopped")).unwrap().position;
    assert!(!events.iter().any(|event| event.position > stop && event.kind.ends_with(".ParticipantJoined")));
    arena.stop().await;
}

/// One step of a crowd: these join, those leave, all at once.
type Step = (Vec<u8>, Vec<u8>);

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whoever_joins_and_leaves_at_once_the_seats_taken_are_the_members(
        capacity in 1_u32..12,
        steps in prop::collection::vec(
            (prop::collection::vec(0_u8..16, 0..16), prop::collection::vec(0_u8..16, 0..12)), 1..5),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(crowd(capacity, steps));
    }
}

async fn crowd(capacity: u32, steps: Vec<Step>) {
    let ground = Ground::fresh();
    let mut arena = Arena::on(&ground).await;
    let id = arena.running(with(capacity)).await;
    let accounts: Vec<AccountId> = (0..16).map(|nth| arena.athlete(&format!("one {nth}"), "KZ-75")).collect();
    for (joining, leaving) in steps {
        let joins = join_all(joining.iter().map(|nth| arena.join(accounts[usize::from(*nth)], &id)));
        let leaves = join_all(leaving.iter().map(|nth| arena.leave(accounts[usize::from(*nth)], &id)));
        let (joined, left) = futures::join!(joins, leaves);
        for refused in joined.into_iter().filter(Result::is_err) {
            let code = code(refused);
            // Who changes how they are shown while they leave is asked to try again.
            assert!(matches!(code, Code::ChallengeFull | Code::Conflict), "{code}");
        }
        assert!(left.iter().all(Result::is_ok));
        // As after a kill: nothing is remembered but the journal.
        arena = arena.again(&ground).await;
        let head = arena.app.journal.store().head().await.unwrap();
        let projected = async || arena.get(accounts[0], &id).await.unwrap().participants;
        let taken = seats(&arena, &id).await.taken;
        testkit::fleet::eventually("projected", projected, |seen| *seen == taken).await;
        assert!(taken <= capacity);
        assert_eq!(members(&arena, &id).await.len(), taken as usize, "at {head}");
    }
    arena.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_at_once_are_a_few_appends_and_the_seats_go_out_exactly() {
    let ground = Ground::fresh();
    let arena = Arena::on(&ground).await;
    let id = id_of(&arena.running(with(1_500)).await);
    let crowd: Vec<AccountId> = (0..2_000_u32).map(|nth| AccountId::derived(&[&nth.to_be_bytes()])).collect();
    let frozen = Frozen { segments: vec!["region:KZ-75".to_owned()], time_zone: "Asia/Almaty".to_owned() };
    let heard = join_all(crowd.iter().map(|account| {
        let wish = Wish::Join { shown: Shown::default(), frozen: frozen.clone() };
        let nothing = Loaded {
            state: Participation::default(),
            version: 0,
            stream: participation::stream_of(id, *account),
        };
        let command = Command::by(format!("account:{account}"));
        let seating = arena.app.seating.clone();
        async move { seating.seat(&command, id, *account, wish, nothing).await }
    }))
    .await;
    let members: BTreeSet<u32> = heard.iter().flatten().map(|seated| seated.part.member).collect();
    assert_eq!((members.len(), members.first(), members.last()), (1_500, Some(&1), Some(&1_500)));
    let refused = heard.iter().filter_map(|answer| answer.as_ref().err());
    assert!(refused.clone().all(|refusal| refusal.code == Code::ChallengeFull));
    assert_eq!(refused.count(), 500);
    let told = arena.app.journal.store().load(&StreamId::of("seats", id), 0, 10_000).await.unwrap();
    assert!(told.len() <= 200, "{} appends for 2 000 joins", told.len());
    // Each event says who did it, though one append decided many.
    let joined =
        arena.app.journal.store().load(&participation::stream_of(id, crowd[7]), 0, 10).await.unwrap();
    assert_eq!(joined[0].meta.actor, format!("account:{}", crowd[7]));
    arena.stop().await;
}
