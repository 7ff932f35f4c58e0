//! Who competes for whom, and what the settlement gives to teams and to those who made them.

use gamification::domain::{
    ChallengeId, Terms, challenge,
    participation::{self, ShowAs},
};
use kernel::{AccountId, Code, Id};
use proto::{activity as told, auth, gamification as wire, social};
use testkit::fleet::{Ground, eventually};
use tonic::Response;

use crate::{
    arena::{Arena, code, may},
    contest::{joins_in, takes_part, written},
    fleet::{by, bytes_of, run_on},
    settling::{AFTER_THE_GRACE, World, world},
};

fn group(name: &str) -> Id<social::Group> {
    Id::derived(&[name.as_bytes()])
}

fn of(kind: &str) -> wire::ChallengeTerms {
    wire::ChallengeTerms { kind: kind.to_owned(), ..may() }
}

fn is_in(arena: &Arena<'_>, account: AccountId, groups: &[&str]) {
    arena.known.groups(social::AccountGroups {
        account_id: bytes_of(account),
        group_ids: groups.iter().map(|name| bytes_of(group(name))).collect(),
        staffed_group_ids: Vec::new(),
    });
}

async fn join_for(
    arena: &Arena<'_>,
    account: AccountId,
    id: &bytes::Bytes,
    name: &str,
) -> Result<wire::Participation, tonic::Status> {
    let group_id = bytes_of(group(name));
    let request = wire::JoinChallengeRequest { challenge_id: id.clone(), group_id, ..Default::default() };
    arena.client().join_challenge(by(account, request)).await.map(Response::into_inner)
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_competes_for_one_of_their_groups_and_stays_with_it() {
    let ground = Ground::fresh();
    let arena = Arena::on(&ground).await;
    let id = arena.running(of("group")).await;
    let [one, both, none] = ["one", "both", "none"].map(|name| arena.athlete(name, "KZ-75"));
    is_in(&arena, one, &["hares"]);
    is_in(&arena, both, &["hares", "storks"]);
    let mine = arena.join(one, &id).await.unwrap();
    assert_eq!(mine.group_id, bytes_of(group("hares")));
    assert!(mine.segments.contains(&format!("team:{}", group("hares"))), "{:?}", mine.segments);
    let refused = platform::refusal(&arena.join(none, &id).await.unwrap_err());
    assert_eq!(refused.code, Code::NotEligible);
    assert_eq!(refused.reasons, [r#"{"clause":{"kind":"group"},"met":false}"#]);
    assert_eq!(code(join_for(&arena, one, &id, "storks").await), Code::Conflict);
    let refused = platform::refusal(&arena.join(both, &id).await.unwrap_err());
    assert_eq!((refused.code, refused.fields[0].code.as_str()), (Code::InvalidField, "required"));
    assert_eq!(code(join_for(&arena, both, &id, "snails").await), Code::NotEligible);
    assert_eq!(join_for(&arena, both, &id, "storks").await.unwrap().group_id, bytes_of(group("storks")));

    // Who leaves and comes back does so for the same team, while it is in that group.
    arena.leave(both, &id).await.unwrap();
    assert_eq!(code(join_for(&arena, both, &id, "hares").await), Code::Conflict);
    is_in(&arena, both, &["hares"]);
    assert_eq!(code(arena.join(both, &id).await), Code::NotEligible);
    is_in(&arena, both, &["hares", "storks"]);
    let back = arena.join(both, &id).await.unwrap();
    assert_eq!((back.group_id, back.member), (bytes_of(group("storks")), 2));
    assert_eq!(arena.get(both, &id).await.unwrap().mine.unwrap().group_id, bytes_of(group("storks")));

    let alone = arena.running(may()).await;
    let refused = platform::refusal(&join_for(&arena, one, &alone, "hares").await.unwrap_err());
    assert_eq!((refused.code, refused.fields[0].pointer.as_str()), (Code::InvalidField, "/group_id"));
    assert!(arena.join(one, &alone).await.unwrap().group_id.is_empty());
    arena.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_teams_that_were_named_take_part_and_the_terms_say_which() {
    let ground = Ground::fresh();
    let arena = Arena::on(&ground).await;
    let teams = ["hares", "storks"].map(|name| group(name).to_string());
    let id = arena.running(wire::ChallengeTerms { teams: teams.to_vec(), ..of("team") }).await;
    let (member, outsider) = (arena.athlete("member", "KZ-75"), arena.athlete("outsider", "KZ-75"));
    is_in(&arena, member, &["snails", "storks"]);
    is_in(&arena, outsider, &["snails"]);
    assert_eq!(arena.join(member, &id).await.unwrap().group_id, bytes_of(group("storks")));
    let refused = platform::refusal(&join_for(&arena, member, &id, "snails").await.unwrap_err());
    assert_eq!(refused.code, Code::Conflict);
    let refused = platform::refusal(&join_for(&arena, outsider, &id, "snails").await.unwrap_err());
    assert_eq!((refused.code, refused.fields[0].code.as_str()), (Code::InvalidField, "unknown_value"));
    assert_eq!(code(arena.join(outsider, &id).await), Code::NotEligible);
    let seen = arena.get(outsider, &id).await.unwrap().terms.unwrap();
    let mut sorted = teams.to_vec();
    sorted.sort();
    assert_eq!((seen.kind.as_str(), seen.teams), ("team", sorted));
    arena.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sex_and_age_are_boards_of_adults_who_told_them() {
    let ground = Ground::fresh();
    let arena = Arena::on(&ground).await;
    let id = arena.running(may()).await;
    let joins = async |name: &str, sex: Option<&str>, birth_year: Option<i32>, minor: bool| {
        let account = AccountId::derived(&[name.as_bytes()]);
        arena.known.person(auth::AccountStanding {
            account_id: bytes_of(account),
            known: true,
            sex: sex.map(str::to_owned),
            birth_year,
            minor,
            ..Default::default()
        });
        arena.join(account, &id).await.unwrap().segments
    };
    assert_eq!(
        joins("told", Some("f"), Some(1990), false).await,
        ["age:30-39", "league:bronze", "level:1", "sex:f"]
    );
    assert_eq!(
        joins("young", Some("x"), Some(2007), false).await,
        ["age:18-19", "league:bronze", "level:1", "sex:x"]
    );
    assert_eq!(joins("silent", None, None, false).await, ["league:bronze", "level:1"]);
    assert_eq!(joins("child", Some("m"), Some(2010), true).await, ["league:bronze", "level:1"]);
    // Perhaps eighteen, perhaps not yet: not certain, so a minor to us.
    assert_eq!(joins("nearly", Some("m"), Some(2008), true).await, ["league:bronze", "level:1"]);
    arena.stop().await;
}

/// Two of the hares, two of the storks, one of the snails; a stork never runs.
struct Teams {
    id: ChallengeId,
    members: [AccountId; 5],
}

async fn teams(world: &World<'_>, kind: &str, ties: &str) -> Teams {
    let reward = |places, percentile, reached, points, badge: &str| challenge::terms::WrittenReward {
        places,
        percentile,
        reached,
        points,
        badge: badge.to_owned(),
    };
    let rewards = vec![
        reward(Some((1, 1)), None, None, 500, "relay"),
        reward(None, Some((0.0, 34.0)), None, 7, ""),
        reward(None, None, Some(8_000.0), 100, ""),
    ];
    let written = challenge::terms::Written {
        kind: kind.to_owned(),
        ties: ties.to_owned(),
        rewards,
        public: true,
        ..written("distance_m")
    };
    let id = world.opens("teams", Terms::parse(&written).unwrap()).await;
    let members = ["hare", "hare too", "stork", "idle stork", "snail"];
    let members = members.map(|name| AccountId::derived(&[name.as_bytes()]));
    for ((account, member), team) in
        members.into_iter().zip(1..).zip(["hares", "hares", "storks", "storks", "snails"])
    {
        let segment = format!("team:{}", group(team));
        takes_part(&world.app.journal, joins_in(id, account, member, &[&segment])).await;
    }
    Teams { id, members }
}

async fn settled(world: &World<'_>, id: ChallengeId) -> wire::SettlementResponse {
    world.clock.set(AFTER_THE_GRACE.parse().unwrap());
    world.settles(id).await;
    world.settlement(AccountId::derived(&[b"viewer"]), id).await.unwrap()
}

fn order(settlement: &wire::SettlementResponse) -> Vec<(bytes::Bytes, u32, i64, u32, bool)> {
    let team =
        |team: &wire::TeamPlacement| (team.team_id.clone(), team.rank, team.score, team.members, team.tied);
    settlement.teams.iter().map(team).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn teams_are_placed_by_what_their_members_have_together_and_each_who_helped_is_rewarded() {
    let ground = Ground::fresh();
    let world = world(&ground, "2026-05-21T00:00:00Z").await;
    let Teams { id, members: [hare, other_hare, stork, idle_stork, snail] } =
        teams(&world, "group", "first").await;
    for (account, metres) in [(hare, 5_000.0), (other_hare, 4_500.0), (stork, 9_000.0), (snail, 3_000.0)] {
        world.records(account, "run", run_on("2026-05-20", metres)).await;
    }
    // What is taken back before the end is taken back from the team.
    let doubtful = world.records(stork, "doubtful", run_on("2026-05-19", 2_000.0)).await;
    world.has_scores(id, 4).await;
    let (activity_id, account_id) = (bytes_of(doubtful), bytes_of(stork));
    let deleted = told::ActivityDeleted { activity_id, account_id, client_version: None };
    world.tell(stork, doubtful, &deleted).await;
    let scores = async || {
        let rows = world.app.store.standing(id).await.unwrap();
        rows.iter().find(|row| row.account == stork).unwrap().score.unwrap().value
    };
    eventually("taken back", scores, |value| *value == 9_000_000).await;

    let settlement = settled(&world, id).await;
    let expected = [("hares", 1, 9_500_000, 2), ("storks", 2, 9_000_000, 1), ("snails", 3, 3_000_000, 1)];
    let expected =
        expected.map(|(name, rank, score, members)| (bytes_of(group(name)), rank, score, members, false));
    assert_eq!((order(&settlement), settlement.of_teams), (expected.to_vec(), 3));
    assert_eq!(settlement.teams.iter().map(|team| team.behind).collect::<Vec<_>>(), [2, 1, 0]);
    // Members are placed by what they did themselves. Who is shown without a name is shown without a team.
    let places: Vec<u32> =
        settlement.placements.iter().map(|place| place.placement.as_ref().unwrap().rank).collect();
    assert_eq!((places, settlement.participants), (vec![1, 2, 3, 4], 5));
    assert!(settlement.placements.iter().all(|place| place.placement.as_ref().unwrap().team.is_none()));
    // A third stands behind the storks, nobody behind the snails: both are in the last 34 %.
    for (account, points) in [(hare, 600), (other_hare, 600), (stork, 107), (snail, 7), (idle_stork, 0)] {
        eventually("points", || world.points(account), |found| *found == points).await;
    }
    let badges = async || world.app.store.badges(other_hare).await.unwrap();
    eventually("a badge", badges, |held| held.iter().any(|badge| badge == "relay")).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_or_is_erased_takes_their_share_along_and_teams_that_are_even_share_a_place() {
    let ground = Ground::fresh();
    let world = world(&ground, "2026-05-21T00:00:00Z").await;
    let Teams { id, members: [hare, other_hare, stork, idle_stork, snail] } =
        teams(&world, "team", "shared").await;
    for account in [hare, other_hare, stork, idle_stork, snail] {
        world.records(account, "run", run_on("2026-05-20", 4_000.0)).await;
    }
    world.has_scores(id, 5).await;
    takes_part(&world.app.journal, participation::Event::Left { challenge: id, account: hare }).await;
    takes_part(&world.app.journal, participation::Event::Erased { challenge: id, account: idle_stork }).await;
    let nameless = participation::Event::Changed {
        challenge: id,
        account: snail,
        show_as: ShowAs::Anonymous,
        count_private: false,
    };
    takes_part(&world.app.journal, nameless).await;
    let standing = async || {
        let rows = world.app.store.standing(id).await.unwrap();
        rows.iter().filter(|row| row.score.is_some()).count()
    };
    eventually("three are left", standing, |count| *count == 3).await;
    let settlement = settled(&world, id).await;
    let teams = order(&settlement);
    let mut names: Vec<_> = teams.iter().map(|team| team.0.clone()).collect();
    let mut expected: Vec<_> = ["hares", "storks", "snails"].map(|name| bytes_of(group(name))).into();
    names.sort();
    expected.sort();
    assert_eq!(names, expected);
    assert!(
        teams.iter().all(|team| (team.1, team.2, team.3, team.4) == (1, 4_000_000, 1, true)),
        "{teams:?}"
    );
    for (account, points) in [(other_hare, 507), (stork, 507), (snail, 507), (hare, 0), (idle_stork, 0)] {
        eventually("points", || world.points(account), |found| *found == points).await;
    }
    world.stop().await;
}
