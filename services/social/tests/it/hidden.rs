//! What of people who are hidden comes out at the sides: as a place in a challenge, as an id on a list, as a cursor, as
//! another answer; and a block that comes while something is written.

use eventing::StreamId;
use kernel::{AccountId, ActivityId, Code, Id};
use proto::{auth, gamification, social as p};
use testkit::fleet::{Ground, eventually, tell};

use crate::world::{World, by, bytes_of, code};

impl World<'_> {
    async fn unlocked(&self, account: AccountId, badge: &str, private: bool) -> bytes::Bytes {
        let achievement_id = bytes_of(Id::<()>::random());
        let event = gamification::BadgeUnlocked {
            achievement_id: achievement_id.clone(),
            account_id: bytes_of(account),
            badge: badge.to_owned(),
            private,
            ..Default::default()
        };
        self.achieves(account, &event).await;
        achievement_id
    }

    async fn achieves(&self, account: AccountId, event: &impl proto::Name) {
        let stream = StreamId::of("progress", account);
        tell(&self.gamification, &stream, &account.to_string(), event).await;
    }

    async fn rewarded(&self, account: AccountId, badge: &str, anonymous: bool) {
        let event = gamification::RewardBadgeGiven {
            achievement_id: bytes_of(Id::<()>::random()),
            account_id: bytes_of(account),
            badge: badge.to_owned(),
            challenge_id: bytes_of(Id::<()>::random()),
            anonymous,
            ..Default::default()
        };
        self.achieves(account, &event).await;
    }

    /// Kind, author and badge of all that is in the feed.
    async fn told(&self, viewer: AccountId) -> Vec<(String, bytes::Bytes, String)> {
        let feed = self.social().feed(by(viewer, p::FeedRequest::default())).await.unwrap().into_inner();
        let mut told: Vec<_> =
            feed.items.into_iter().map(|item| (item.kind, item.account_id, item.badge)).collect();
        told.sort();
        told
    }

    /// Only friends may see the profile.
    fn hide(&self, account: AccountId) {
        self.privacy(account, |privacy| {
            privacy.audiences.retain(|audience| audience.data_class != "profile");
            let members = vec!["friends".to_owned()];
            privacy.audiences.push(auth::Audience { data_class: "profile".to_owned(), members });
        });
    }

    async fn comment(&self, author: AccountId, under: (ActivityId, AccountId)) -> Result<i64, tonic::Status> {
        let request = p::WriteCommentRequest {
            activity_id: bytes_of(under.0),
            owner_id: bytes_of(under.1),
            text: "nice".to_owned(),
        };
        self.social().write_comment(by(author, request)).await.map(|answer| position(&answer))
    }

    async fn comments(
        &self,
        viewer: AccountId,
        run: ActivityId,
        cursor: &str,
        limit: u32,
    ) -> p::ListCommentsResponse {
        let request = p::ListCommentsRequest { activity_id: bytes_of(run), cursor: cursor.to_owned(), limit };
        self.social().list_comments(by(viewer, request)).await.unwrap().into_inner()
    }

    async fn members(
        &self,
        viewer: AccountId,
        group: &p::Group,
        cursor: &str,
        limit: u32,
    ) -> p::ListMembersResponse {
        let request = p::ListMembersRequest {
            group_id: group.id.clone(),
            cursor: cursor.to_owned(),
            limit,
            ..Default::default()
        };
        self.social().list_members(by(viewer, request)).await.unwrap().into_inner()
    }
}

/// Where in social's journal an answered command stands.
fn position<T>(answer: &tonic::Response<T>) -> i64 {
    let seen = answer.metadata().get("stadion-seen").unwrap().to_str().unwrap();
    seen.rsplit_once('.').unwrap().1.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_name_on_boards_is_not_told_of_by_place_or_reward() {
    let ground = Ground::fresh();
    let world = World::on(&ground).await;
    let viewer = world.person("Viewer").await;
    let (plain, nameless, child) =
        (world.person("Plain").await, world.person("Nameless").await, world.minor("Child").await);
    world.privacy(nameless, |privacy| privacy.board_name = "anonymous".to_owned());
    for account in [plain, nameless, child] {
        world.friends(viewer, account).await;
    }
    // All of them joined under their names.
    let placed = |(account, rank)| gamification::Placement {
        account_id: bytes_of(account),
        rank,
        ..Default::default()
    };
    let challenge: Id<()> = Id::random();
    let places = gamification::PlacementsFixed {
        challenge_id: bytes_of(challenge),
        placements: [(nameless, 1), (child, 2), (plain, 3)].map(placed).to_vec(),
    };
    let stream = StreamId::of("challenge", challenge);
    tell(&world.gamification, &stream, &challenge.to_string(), &places).await;
    for account in [nameless, child, plain] {
        world.rewarded(account, "winner", false).await;
    }
    // What is earned alone is nobody's board.
    world.unlocked(nameless, "first_run", false).await;
    let all = |told: &[(&str, AccountId, &str)]| {
        let mut all: Vec<_> = told
            .iter()
            .map(|(kind, account, badge)| ((*kind).to_owned(), bytes_of(*account), (*badge).to_owned()))
            .collect();
        all.sort();
        all
    };
    let mut expected = vec![
        ("achievement", plain, "winner"),
        ("challenge_result", plain, ""),
        ("achievement", nameless, "first_run"),
    ];
    let feed = || world.told(viewer);
    eventually("told of two", feed, |told| *told == all(&expected)).await;
    world.privacy(nameless, |privacy| privacy.board_name = "shown".to_owned());
    expected.extend([("achievement", nameless, "winner"), ("challenge_result", nameless, "")]);
    assert_eq!(feed().await, all(&expected), "settings hold at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_earned_in_private_or_without_a_name_is_not_posted() {
    let ground = Ground::fresh();
    let world = World::on(&ground).await;
    let (viewer, bek) = (world.person("Viewer").await, world.person("Bek").await);
    world.friends(viewer, bek).await;
    world.unlocked(bek, "secret", true).await;
    world.rewarded(bek, "nameless", true).await;
    let shown = world.unlocked(bek, "early_bird", false).await;
    world.rewarded(bek, "winner", false).await;
    let badges = || async {
        let told = world.told(viewer).await;
        told.into_iter().map(|(_, _, badge)| badge).collect::<Vec<_>>()
    };
    eventually("two", badges, |badges| *badges == ["early_bird", "winner"]).await;
    let again = |private| gamification::BadgeReexplained {
        achievement_id: shown.clone(),
        account_id: bytes_of(bek),
        badge: "early_bird".to_owned(),
        private,
        ..Default::default()
    };
    world.achieves(bek, &again(true)).await;
    eventually("taken back", badges, |badges| *badges == ["winner"]).await;
    world.achieves(bek, &again(false)).await;
    eventually("shown again", badges, |badges| *badges == ["early_bird", "winner"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hidden_people_are_no_id_under_comments_and_in_member_lists() {
    let ground = Ground::fresh();
    let world = World::on(&ground).await;
    let (owner, shy, viewer) =
        (world.person("Owner").await, world.person("Shy").await, world.person("Viewer").await);
    world.hide(shy);
    let run = ActivityId::random();
    world.comment(shy, (run, owner)).await.unwrap();
    let comment = world.comments(viewer, run, "", 0).await.items.remove(0);
    assert_eq!((comment.text.as_str(), comment.author), ("nice", Some(p::Person::default())));
    let own = world.comments(shy, run, "", 0).await.items.remove(0);
    assert_eq!(own.author.unwrap().account_id, bytes_of(shy));

    let group = world.create(owner, "open", None).await;
    for account in [shy, viewer] {
        world.fleet.clock.advance_s(1);
        world.put_member(account, &group, account, "").await.unwrap();
    }
    let listed = |who| {
        let (world, group) = (&world, &group);
        async move {
            let members = world.members(who, group, "", 0).await.items;
            members.into_iter().map(|member| member.person.unwrap().account_id).collect::<Vec<_>>()
        }
    };
    assert_eq!(listed(viewer).await, [owner, viewer].map(bytes_of));
    assert_eq!(listed(shy).await, [owner, shy, viewer].map(bytes_of), "oneself");
    assert_eq!(listed(owner).await, [owner, shy, viewer].map(bytes_of), "staff keep their group");
    world.friends(shy, viewer).await;
    assert_eq!(listed(viewer).await.len(), 3, "friends may see them");
    assert_eq!(
        world.comments(viewer, run, "", 0).await.items[0].author.as_ref().unwrap().display_name,
        "Shy"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_cursor_tells_that_hidden_rows_follow() {
    let ground = Ground::fresh();
    let world = World::on(&ground).await;
    let (owner, viewer, last) =
        (world.person("Owner").await, world.person("Viewer").await, world.person("Last").await);
    let group = world.create(owner, "open", None).await;
    let run = ActivityId::random();
    for index in 0..5 {
        let hidden = world.person(&format!("Hidden {index}")).await;
        world.fleet.clock.advance_s(1);
        world.put_member(hidden, &group, hidden, "").await.unwrap();
        world.comment(hidden, (run, owner)).await.unwrap();
        world.hide(hidden);
        world.block(viewer, hidden).await;
    }
    let comments = world.comments(viewer, run, "", 2).await;
    assert_eq!((comments.items.len(), comments.next_cursor.as_str()), (0, ""));
    let members = world.members(viewer, &group, "", 1).await;
    assert_eq!((members.items.len(), members.next_cursor.as_str()), (1, ""), "the owner alone");

    world.fleet.clock.advance_s(1);
    world.put_member(last, &group, last, "").await.unwrap();
    world.comment(last, (run, owner)).await.unwrap();
    let comments = world.comments(viewer, run, "", 1).await;
    assert_eq!((comments.items.len(), comments.next_cursor.as_str()), (1, ""), "who is seen is found");
    let members = world.members(viewer, &group, "", 1).await;
    assert_eq!(members.items.len(), 1);
    let members = world.members(viewer, &group, &members.next_cursor, 1).await;
    assert_eq!(members.items[0].person.as_ref().unwrap().display_name, "Last");
    assert_eq!(members.next_cursor, "");

    let found = |cursor: String| p::SearchPeopleRequest {
        q: "hidden".to_owned(),
        limit: 1,
        cursor,
        ..Default::default()
    };
    let search = || async {
        world.social().search_people(by(owner, found(String::new()))).await.unwrap().into_inner()
    };
    let (one, shown) = (world.person("Hidden One").await, world.person("Hidden Two").await);
    let both = eventually("indexed", search, |found| !found.next_cursor.is_empty()).await;
    assert_eq!(both.items.len(), 1);
    world.hide(one);
    let alone = search().await;
    assert_eq!(
        (alone.items[0].account_id.clone(), alone.next_cursor.as_str()),
        (bytes_of(shown), ""),
        "what follows is hidden"
    );
    world.hide(shown);
    assert_eq!(search().await, p::SearchPeopleResponse::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_blocks_hears_the_same_whether_or_not_the_other_blocks_too() {
    let ground = Ground::fresh();
    let world = World::on(&ground).await;
    let (anna, mutual, mild) =
        (world.person("Anna").await, world.person("Mutual").await, world.person("Mild").await);
    let group = world.create(anna, "open", None).await;
    for other in [mutual, mild] {
        world.block(anna, other).await;
    }
    world.block(mutual, anna).await;
    let hears = |other: AccountId| {
        let (world, group) = (&world, &group);
        async move {
            let run = ActivityId::derived(&[b"run"]);
            let refused = |status: tonic::Status| format!("{:?}", platform::refusal(&status));
            let mut client = world.social();
            let approve = p::PutFollowerRequest { account_id: bytes_of(other) };
            let approved = client.put_follower(by(anna, approve)).await;
            let as_other = p::ViewAsRequest { account_id: bytes_of(other) };
            let seen = client.view_as(by(anna, as_other)).await.unwrap().into_inner();
            assert!(seen.classes.iter().all(|class| class.rule == "blocked"));
            let wishes = [
                refused(world.befriend(anna, other).await.unwrap_err()),
                refused(world.accept(anna, other).await.unwrap_err()),
                refused(world.follow(anna, other).await.unwrap_err()),
                refused(approved.unwrap_err()),
                refused(world.look(anna, other).await.unwrap_err()),
                refused(world.comment(anna, (run, other)).await.unwrap_err()),
                refused(world.put_member(anna, group, other, "").await.unwrap_err()),
            ];
            (wishes, seen)
        }
    };
    let (wishes, seen) = hears(mild).await;
    assert_eq!((&wishes, &seen), (&hears(mutual).await.0, &hears(mutual).await.1));
    assert!(wishes[..4].iter().all(|wish| wish.contains("unblock")), "{wishes:?}");
    world.unblock(anna, mutual).await;
    let as_other = p::ViewAsRequest { account_id: bytes_of(mutual) };
    assert_eq!(code(world.social().view_as(by(anna, as_other)).await), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_behind_a_block_that_came_meanwhile() {
    let ground = Ground::fresh();
    let world = World::on(&ground).await;
    let owner = world.person("Owner").await;
    let group = world.create(owner, "approval", None).await;
    let (mut before, mut refused) = (0, 0);
    for index in 0..40 {
        let other = world.person(&format!("Other {index}")).await;
        let under = (ActivityId::random(), owner);
        let block = async {
            let request = p::PutBlockRequest { account_id: bytes_of(other) };
            position(&world.social().put_block(by(owner, request)).await.unwrap())
        };
        let kudos = async {
            let request = p::KudosRequest { activity_id: bytes_of(under.0), owner_id: bytes_of(under.1) };
            world.social().put_kudos(by(other, request)).await.map(|answer| position(&answer))
        };
        let invited =
            async { world.put_member(owner, &group, other, "").await.map(|answer| position(&answer)) };
        let (blocked, commented, kudos, invited) =
            tokio::join!(block, world.comment(other, under), kudos, invited);
        for written in [commented, kudos, invited] {
            match written {
                Ok(written) => {
                    assert!(written < blocked, "written at {written}, blocked at {blocked}");
                    before += 1;
                }
                Err(status) => {
                    assert_eq!(platform::refusal(&status).code, Code::NotFound);
                    refused += 1;
                }
            }
        }
    }
    assert_eq!(before + refused, 120);
}
