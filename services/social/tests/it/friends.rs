//! Friends, followers, blocks through the contract: on both engines, in parallel, before and after a restart.

use std::sync::Arc;

use bytes::Bytes;
use kernel::{AccountId, Code};
use proto::social as p;
use testkit::fleet::Ground;

use crate::world::{World, by, bytes_of, code, id_of, keyed};

#[tokio::test(flavor = "multi_thread")]
async fn people_become_friends_and_part() {
    let ground = &Ground::fresh();
    let world = World::on(ground).await;
    let (anna, bek) = (world.person("Anna").await, world.person("Bek").await);
    assert_eq!(code(world.befriend(anna, anna).await), Code::InvalidField);
    assert_eq!(code(world.befriend(anna, AccountId::random()).await), Code::NotFound);
    assert_eq!(code(world.accept(bek, anna).await), Code::Conflict, "nothing was sent");

    assert_eq!(world.befriend(anna, bek).await.unwrap().into_inner().state, "invited");
    assert_eq!(world.befriend(anna, bek).await.unwrap().into_inner().state, "invited", "once is enough");
    let received = world.listed(bek, "received").await;
    assert_eq!(received.items[0].person.as_ref().unwrap().display_name, "Anna");
    assert_eq!(world.accept(bek, anna).await.unwrap().into_inner().state, "friend");
    assert_eq!(world.listed(anna, "invited").await.count, 0);
    for (one, other) in [(anna, bek), (bek, anna)] {
        let friends = world.listed(one, "").await;
        assert_eq!((friends.items.len(), friends.count), (1, 1));
        let relation = friends.items[0].person.as_ref().unwrap().relation.unwrap();
        assert!(relation.friend && relation.follows && relation.followed_by);
        let told = world.relation(one, other).await;
        assert!(told.friend && told.follower && told.followed_by && !told.blocked);
    }

    world.unfriend(bek, anna).await;
    let told = world.relation(anna, bek).await;
    assert!(!told.friend && told.follower && told.followed_by, "both still follow");
    world.unfriend(bek, anna).await;

    world.befriend(anna, bek).await.unwrap();
    world.unfriend(bek, anna).await;
    assert_eq!(code(world.befriend(anna, bek).await), Code::Conflict, "declined a moment ago");
    world.fleet.clock.advance_s(31 * 24 * 3600);
    assert_eq!(world.befriend(anna, bek).await.unwrap().into_inner().state, "invited");
    world.unfriend(anna, bek).await;
    assert_eq!(
        world.befriend(anna, bek).await.unwrap().into_inner().state,
        "invited",
        "withdrawn, not declined"
    );

    let world = world.again(ground).await;
    assert_eq!(world.accept(bek, anna).await.unwrap().into_inner().state, "friend", "after a restart too");
    let friends = p::FriendsOfRequest { account_id: bytes_of(anna) };
    let friends = world.social().friends_of(friends).await.unwrap().into_inner();
    assert_eq!(friends.account_ids, [bytes_of(bek)]);
    world.fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_befriend_in_parallel_from_both_sides_and_there_is_one_friendship() {
    let ground = Ground::fresh();
    let world = Arc::new(World::on(&ground).await);
    let (anna, bek) = (world.person("Anna").await, world.person("Bek").await);
    let calls = (0..50).map(|index| {
        let world = &world;
        async move {
            let (from, to) = if index % 2 == 0 { (anna, bek) } else { (bek, anna) };
            world.befriend(from, to).await.unwrap().into_inner().state
        }
    });
    let states = futures::future::join_all(calls).await;
    assert!(states.iter().all(|state| state == "friend" || state == "invited"), "{states:?}");
    for one in [anna, bek] {
        let friends = world.listed(one, "friend").await;
        assert_eq!((friends.count, friends.items.len()), (1, 1));
        assert_eq!(world.listed(one, "invited").await.count + world.listed(one, "received").await.count, 0);
    }
    assert!(world.relation(anna, bek).await.friend);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_approves_followers_is_asked_first() {
    let ground = Ground::fresh();
    let world = World::on(&ground).await;
    let (anna, bek, child) =
        (world.person("Anna").await, world.person("Bek").await, world.minor("Child").await);
    assert_eq!(world.follow(anna, bek).await.unwrap().into_inner().state, "following");
    world.privacy(bek, |privacy| privacy.follow_approval = true);
    assert_eq!(world.follow(anna, bek).await.unwrap().into_inner().state, "following", "followers stay");
    assert_eq!(world.follow(anna, child).await.unwrap().into_inner().state, "requested", "minors are asked");
    assert!(!world.relation(anna, child).await.follower);

    let approve = |account| p::PutFollowerRequest { account_id: bytes_of(account) };
    assert_eq!(code(world.social().put_follower(by(child, approve(bek))).await), Code::Conflict);
    let asked = p::ListEdgesRequest { state: "requested".to_owned(), ..Default::default() };
    let asked = world.social().list_followers(by(child, asked)).await.unwrap().into_inner();
    assert_eq!(id_of::<kernel::id::Account>(&asked.items[0].person.as_ref().unwrap().account_id), anna);
    let approved = world.social().put_follower(by(child, approve(anna))).await.unwrap().into_inner();
    assert_eq!(approved.state, "following");
    assert!(world.relation(anna, child).await.follower);

    let remove = p::DeleteFollowerRequest { account_id: bytes_of(anna) };
    world.social().delete_follower(by(child, remove)).await.unwrap();
    assert!(!world.relation(anna, child).await.follower);
    let unknown = p::ListEdgesRequest { state: "friend".to_owned(), ..Default::default() };
    assert_eq!(code(world.social().list_followers(by(child, unknown)).await), Code::InvalidField);
}

async fn hidden(world: &World<'_>, account: AccountId, among: &[AccountId]) -> Vec<Bytes> {
    let among_ids = among.iter().copied().map(bytes_of).collect();
    let request = p::HiddenRequest { account_id: bytes_of(account), among_ids };
    world.social().hidden(request).await.unwrap().into_inner().account_ids
}

#[tokio::test(flavor = "multi_thread")]
async fn of_those_who_are_named_all_that_share_a_block_are_told_however_many_share_one() {
    let ground = &Ground::fresh();
    let world = World::on(ground).await;
    let (anna, bek, sana) =
        (world.person("Anna").await, world.person("Bek").await, world.person("Sana").await);
    assert!(hidden(&world, anna, &[bek, sana]).await.is_empty());
    world.block(bek, anna).await;
    assert_eq!(hidden(&world, anna, &[bek, sana]).await, [bytes_of(bek)]);
    for number in 0..100 {
        let other = world.person(&format!("Other {number}")).await;
        world.block(anna, other).await;
    }
    assert_eq!(hidden(&world, anna, &[]).await.len(), 101);
    assert_eq!(hidden(&world, anna, &[bek, sana]).await, [bytes_of(bek)]);
    assert!(hidden(&world, anna, &[sana]).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_hides_both_ways_from_its_answer_on() {
    let ground = &Ground::fresh();
    let world = World::on(ground).await;
    let (anna, bek) = (world.person("Anna").await, world.person("Bek").await);
    world.friends(anna, bek).await;
    assert_eq!(world.look(anna, bek).await.unwrap().into_inner().display_name, "Bek");
    world.block(bek, anna).await;
    world.block(bek, anna).await;
    for (one, other) in [(anna, bek), (bek, anna)] {
        assert_eq!(code(world.look(one, other).await), Code::NotFound);
        assert_eq!(code(world.befriend(one, other).await), Code::NotFound);
        assert_eq!(code(world.accept(one, other).await), Code::NotFound);
        assert_eq!(code(world.follow(one, other).await), Code::NotFound);
        let told = world.relation(one, other).await;
        assert!(told.blocked && !told.friend && !told.follower);
        assert_eq!(world.listed(one, "friend").await.count, 0);
        assert_eq!(hidden(&world, one, &[]).await, [bytes_of(other)]);
    }
    let blocks =
        world.social().list_blocks(by(bek, p::ListEdgesRequest::default())).await.unwrap().into_inner();
    let person = blocks.items[0].person.as_ref().unwrap();
    assert_eq!((&person.account_id, person.display_name.as_str()), (&bytes_of(anna), ""), "the id alone");
    let none =
        world.social().list_blocks(by(anna, p::ListEdgesRequest::default())).await.unwrap().into_inner();
    assert_eq!(none.count, 0, "the blocked one is not told");
    let as_anna = p::ViewAsRequest { account_id: bytes_of(anna) };
    let seen = world.social().view_as(by(bek, as_anna)).await.unwrap().into_inner();
    assert!(
        seen.person.is_none() && seen.classes.iter().all(|class| class.rule == "blocked" && !class.shown)
    );
    let as_bek = p::ViewAsRequest { account_id: bytes_of(bek) };
    assert_eq!(code(world.social().view_as(by(anna, as_bek)).await), Code::NotFound);

    world.block(anna, bek).await;
    world.unblock(bek, anna).await;
    assert!(world.relation(bek, anna).await.blocked, "it was mutual");
    world.unblock(anna, bek).await;
    let told = world.relation(anna, bek).await;
    assert!(!told.blocked && !told.friend && !told.follower && !told.followed_by, "nothing comes back");
    assert_eq!(world.befriend(anna, bek).await.unwrap().into_inner().state, "invited");
    world.fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_shown_to_whom_it_is_meant() {
    let ground = Ground::fresh();
    let world = World::on(&ground).await;
    let (anna, bek) = (world.person("Anna").await, world.person("Bek").await);
    let own = world.look(anna, anna).await.unwrap().into_inner();
    assert_eq!((own.display_name.as_str(), own.region.as_deref()), ("Anna", Some("KZ-75")));
    world.privacy(bek, |privacy| {
        let audience =
            proto::auth::Audience { data_class: "profile".to_owned(), members: vec!["friends".to_owned()] };
        privacy.audiences.push(audience);
    });
    let hidden = world.look(anna, bek).await.unwrap().into_inner();
    assert_eq!((hidden.display_name.as_str(), hidden.handle, hidden.region), ("", None, None));
    world.befriend(anna, bek).await.unwrap();
    let invited = world.listed(anna, "invited").await;
    assert_eq!(invited.items[0].person.as_ref().unwrap().display_name, "", "in lists too");
    world.accept(bek, anna).await.unwrap();
    assert_eq!(world.look(anna, bek).await.unwrap().into_inner().display_name, "Bek");
    let as_anna = p::ViewAsRequest { account_id: bytes_of(anna) };
    let seen = world.social().view_as(by(bek, as_anna)).await.unwrap().into_inner();
    assert_eq!(seen.person.unwrap().display_name, "Bek");
    let profile = seen.classes.iter().find(|class| class.data_class == "profile").unwrap();
    assert_eq!(
        (profile.shown, profile.rule.as_str(), &profile.audience),
        (true, "class_setting", &vec!["friends".to_owned()])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_command_answers_as_it_did_and_limits_are_kept() {
    let ground = Ground::fresh();
    let world = World::on(&ground).await;
    let (anna, bek) = (world.person("Anna").await, world.person("Bek").await);
    let first = keyed("k", b"1", world.befriend(anna, bek)).await.unwrap();
    assert!(
        first.metadata().get("stadion-replayed").is_none() && first.metadata().get("stadion-seen").is_some()
    );
    world.accept(bek, anna).await.unwrap();
    let again = keyed("k", b"1", world.befriend(anna, bek)).await.unwrap();
    assert_eq!(again.metadata().get("stadion-replayed").unwrap(), "true");
    assert_eq!(again.into_inner().state, "friend", "as it is now");
    let other = keyed("k", b"2", world.befriend(anna, bek)).await;
    assert_eq!(code(other), Code::IdempotencyMismatch);

    for index in 0..49 {
        let stranger = world.person(&format!("Stranger {index}")).await;
        world.befriend(anna, stranger).await.unwrap();
    }
    let stranger = world.person("One more").await;
    let refused = world.befriend(anna, stranger).await.unwrap_err();
    let refused = platform::refusal(&refused);
    assert_eq!(refused.code, Code::RateLimited);
    assert!(refused.retry_after_s.is_some());
    world.fleet.clock.advance_s(24 * 3600 + 1);
    world.befriend(anna, stranger).await.unwrap();

    let mut cursor = String::new();
    let mut seen = Vec::new();
    loop {
        let request = p::ListEdgesRequest { state: "invited".to_owned(), cursor, limit: 7 };
        let page = world.social().list_friends(by(anna, request)).await.unwrap().into_inner();
        assert_eq!(page.count, 50);
        seen.extend(page.items.into_iter().map(|edge| edge.person.unwrap().account_id));
        cursor = page.next_cursor;
        if cursor.is_empty() {
            break;
        }
    }
    let all = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!((all, seen.len()), (50, 50), "each once, over pages");
    let bad = p::ListEdgesRequest { cursor: "x".to_owned(), ..Default::default() };
    assert_eq!(code(world.social().list_friends(by(anna, bad)).await), Code::BadCursor);
}

#[tokio::test(flavor = "multi_thread")]
async fn friends_of_friends_are_known() {
    let ground = Ground::fresh();
    let world = World::on(&ground).await;
    let (anna, bek, chin) =
        (world.person("Anna").await, world.person("Bek").await, world.person("Chin").await);
    world.friends(anna, bek).await;
    world.friends(bek, chin).await;
    assert!(world.relation(anna, chin).await.friend_of_friend);
    world.unfriend(bek, chin).await;
    assert!(!world.relation(anna, chin).await.friend_of_friend);
}
