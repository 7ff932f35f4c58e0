//! The feed of those one follows; kudos and comments under what is in it.

use eventing::StreamId;
use kernel::{AccountId, ActivityId, Code, Id};
use proto::{activity, auth, gamification, social as p};
use testkit::fleet::{Ground, eventually, tell};

use crate::world::{World, by, bytes_of, code, keyed};

impl World<'_> {
    async fn runs(&self, account: AccountId) -> ActivityId {
        let activity = ActivityId::random();
        let recorded = activity::ActivityRecorded {
            activity_id: bytes_of(activity),
            account_id: bytes_of(account),
            facts: Some(activity::Facts { sport: "running".to_owned(), ..Default::default() }),
            ..Default::default()
        };
        let stream = StreamId::of("activity", activity);
        tell(&self.activity, &stream, &account.to_string(), &recorded).await;
        activity
    }

    async fn feed_page(&self, viewer: AccountId, cursor: &str, limit: u32) -> p::FeedResponse {
        let request = p::FeedRequest { cursor: cursor.to_owned(), limit };
        self.social().feed(by(viewer, request)).await.unwrap().into_inner()
    }

    async fn feed(&self, viewer: AccountId) -> Vec<p::FeedItem> {
        self.feed_page(viewer, "", 0).await.items
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workout_that_another_activity_tells_of_is_shown_once() {
    let ground = &Ground::fresh();
    let world = World::on(ground).await;
    let (anna, bek) = (world.person("Anna").await, world.person("Bek").await);
    world.friends(anna, bek).await;
    let run = world.runs(bek).await;
    let feed = || world.feed(anna);
    eventually("the run", feed, |items| !items.is_empty()).await;
    let stream = StreamId::of("activity", run);
    let marks = activity::Marks { duplicate_of: bytes_of(bek), ..Default::default() };
    let linked = activity::ActivityLinked {
        activity_id: bytes_of(run),
        account_id: bytes_of(bek),
        marks: Some(marks),
        ..Default::default()
    };
    tell(&world.activity, &stream, &bek.to_string(), &linked).await;
    eventually("told of by another", feed, Vec::is_empty).await;
    let unlinked = activity::ActivityUnlinked {
        activity_id: bytes_of(run),
        account_id: bytes_of(bek),
        ..Default::default()
    };
    tell(&world.activity, &stream, &bek.to_string(), &unlinked).await;
    eventually("by itself again", feed, |items| !items.is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_holds_what_those_one_follows_did() {
    let ground = &Ground::fresh();
    let world = World::on(ground).await;
    let (anna, bek, stranger) =
        (world.person("Anna").await, world.person("Bek").await, world.person("Stranger").await);
    world.friends(anna, bek).await;
    let run = world.runs(bek).await;
    world.runs(stranger).await;
    world.runs(anna).await;
    let feed = || world.feed(anna);
    let items = eventually("the run", feed, |items| !items.is_empty()).await;
    assert_eq!((items.len(), items[0].kind.as_str()), (1, "activity"), "not one's own, not a stranger's");
    assert_eq!((&items[0].activity_id, &items[0].account_id), (&bytes_of(run), &bytes_of(bek)));

    let deleted = activity::ActivityDeleted {
        activity_id: bytes_of(run),
        account_id: bytes_of(bek),
        ..Default::default()
    };
    let stream = StreamId::of("activity", run);
    tell(&world.activity, &stream, &bek.to_string(), &deleted).await;
    eventually("gone", feed, Vec::is_empty).await;
    let restored = activity::ActivityRestored {
        activity_id: bytes_of(run),
        account_id: bytes_of(bek),
        ..Default::default()
    };
    tell(&world.activity, &stream, &bek.to_string(), &restored).await;
    let back = eventually("back", feed, |items| !items.is_empty()).await;
    assert_eq!(back[0].at_us, items[0].at_us, "when it was first seen");

    let challenge: Id<()> = Id::random();
    let places = gamification::PlacementsFixed {
        challenge_id: bytes_of(challenge),
        placements: vec![
            gamification::Placement { account_id: bytes_of(bek), rank: 2, ..Default::default() },
            gamification::Placement {
                account_id: bytes_of(stranger),
                rank: 1,
                anonymous: true,
                ..Default::default()
            },
        ],
    };
    let stream = StreamId::of("challenge", challenge);
    tell(&world.gamification, &stream, &challenge.to_string(), &places).await;
    let badge = gamification::BadgeUnlocked {
        achievement_id: bytes_of(Id::<()>::random()),
        account_id: bytes_of(bek),
        badge: "first_run".to_owned(),
        ..Default::default()
    };
    tell(&world.gamification, &StreamId::of("progress", bek), &bek.to_string(), &badge).await;
    let all = eventually("three kinds", feed, |items| items.len() == 3).await;
    let result = all.iter().find(|item| item.kind == "challenge_result").unwrap();
    assert_eq!((&result.challenge_id, result.rank), (&bytes_of(challenge), 2));
    assert_eq!(all.iter().find(|item| item.kind == "achievement").unwrap().badge, "first_run");
    world.follow(anna, stranger).await.unwrap();
    assert_eq!(world.feed(anna).await.len(), 4, "a follow shows what is there, but no anonymous place");

    world.privacy(bek, |privacy| {
        privacy.audiences.push(auth::Audience { data_class: "summary".to_owned(), members: Vec::new() });
    });
    assert_eq!(world.feed(anna).await.len(), 2, "achievements and places are a summary");
    world.block(bek, anna).await;
    assert_eq!(world.feed(anna).await.len(), 1, "a block empties the feed at once");
    world.fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_a_feed_hold_each_item_once_and_the_newest_first() {
    let ground = Ground::fresh();
    let world = World::on(&ground).await;
    let (anna, bek) = (world.person("Anna").await, world.person("Bek").await);
    world.follow(anna, bek).await.unwrap();
    let mut runs = Vec::new();
    for days in [0, 0, 0, 1, 20, 300, 300] {
        world.fleet.clock.advance_s(days * 24 * 3600);
        runs.push(bytes_of(world.runs(bek).await));
    }
    let all = || async { world.feed(anna).await.len() };
    eventually("all there", all, |count| *count == 7).await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = world.feed_page(anna, &cursor, 2).await;
        seen.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_empty() {
            break;
        }
    }
    assert!(seen.is_sorted_by_key(|item| std::cmp::Reverse(item.at_us)));
    let mut ids: Vec<_> = seen.into_iter().map(|item| item.activity_id).collect();
    ids.sort();
    runs.sort();
    assert_eq!(ids, runs);
}

#[tokio::test(flavor = "multi_thread")]
async fn kudos_count_once_and_comments_are_said_and_deleted() {
    let ground = &Ground::fresh();
    let world = World::on(ground).await;
    let (owner, anna, bek) =
        (world.person("Owner").await, world.person("Anna").await, world.person("Bek").await);
    let run = ActivityId::random();
    let kudos = || p::KudosRequest { activity_id: bytes_of(run), owner_id: bytes_of(owner) };
    for _ in 0..2 {
        let given = world.social().put_kudos(by(anna, kudos())).await.unwrap().into_inner();
        assert_eq!((given.count, given.mine), (1, true));
    }
    assert_eq!(code(world.social().put_kudos(by(owner, kudos())).await), Code::Forbidden);
    let given = world.social().put_kudos(by(bek, kudos())).await.unwrap().into_inner();
    assert_eq!(given.count, 2);
    let taken = world.social().delete_kudos(by(anna, kudos())).await.unwrap().into_inner();
    assert_eq!((taken.count, taken.mine), (1, false));

    let say = |text: &str| p::WriteCommentRequest {
        activity_id: bytes_of(run),
        owner_id: bytes_of(owner),
        text: text.to_owned(),
    };
    let first = keyed("c", b"1", world.social().write_comment(by(anna, say(" Жарайсың! ")))).await.unwrap();
    let first = first.into_inner();
    assert_eq!(
        (first.text.as_str(), first.author.as_ref().unwrap().display_name.as_str()),
        ("Жарайсың!", "Anna")
    );
    let again = keyed("c", b"1", world.social().write_comment(by(anna, say(" Жарайсың! ")))).await.unwrap();
    assert_eq!(again.into_inner().id, first.id, "said once");
    let second = world.social().write_comment(by(bek, say("nice"))).await.unwrap().into_inner();
    for text in ["", " \n", "a\u{202e}b", &"x".repeat(2_001), &"x".repeat(1 << 20)] {
        assert_eq!(code(world.social().write_comment(by(bek, say(text))).await), Code::InvalidField);
    }
    let list = || p::ListCommentsRequest { activity_id: bytes_of(run), ..Default::default() };
    let texts = |viewer| {
        let world = &world;
        async move {
            let listed = world.social().list_comments(by(viewer, list())).await.unwrap().into_inner();
            listed.items.into_iter().map(|comment| comment.text).collect::<Vec<_>>()
        }
    };
    assert_eq!(texts(owner).await.len(), 2);
    world.block(bek, anna).await;
    assert_eq!(texts(anna).await, ["Жарайсың!"], "blocked authors are left out");
    assert_eq!(texts(bek).await, ["nice"]);
    let delete = |comment: &p::Comment| p::DeleteCommentRequest {
        activity_id: bytes_of(run),
        comment_id: comment.id.clone(),
    };
    assert_eq!(code(world.social().delete_comment(by(bek, delete(&first))).await), Code::Forbidden);
    world.social().delete_comment(by(anna, delete(&first))).await.unwrap();
    world.social().delete_comment(by(owner, delete(&second))).await.unwrap();
    assert_eq!(texts(owner).await, Vec::<String>::new());
    world.block(owner, anna).await;
    assert_eq!(code(world.social().write_comment(by(anna, say("hello"))).await), Code::NotFound);
    assert_eq!(code(world.social().put_kudos(by(anna, kudos())).await), Code::NotFound);
    world.fleet.stop().await;
}
