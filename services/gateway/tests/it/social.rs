//! `/v1/me/friends` and its siblings, `/v1/groups`, `/v1/feed`, kudos and comments.

use bytes::Bytes;
use kernel::Refusal;
use proto::{activity, social};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{fleet::Fleet, world::world_of};

fn id(n: u128) -> Bytes {
    Bytes::copy_from_slice(Uuid::from_u128(n).as_bytes())
}

fn person(n: u128, name: &str) -> social::Person {
    social::Person {
        account_id: id(n),
        display_name: name.to_owned(),
        relation: Some(social::PersonRelation { friend: true, ..Default::default() }),
        ..Default::default()
    }
}

fn them(n: u128, under: &str) -> String {
    format!("/v1/me/{under}/{}", Uuid::from_u128(n))
}

#[tokio::test]
async fn a_friend_is_invited_or_only_accepted() {
    let fleet = Fleet::default();
    let edge =
        social::EdgeView { account_id: id(2), state: "invited".to_owned(), since_us: 1_777_597_200_000_000 };
    fleet.answers("PutFriend", &edge);
    let world = world_of(&fleet);
    let answer = world.ask("PUT", &them(2, "friends"), &Value::Null).await;
    let expected = json!({"id": Uuid::from_u128(2), "state": "invited", "since": "2026-05-01T01:00:00Z"});
    assert_eq!((answer.status.as_u16(), answer.json()), (200, expected));
    world.ask("PUT", &format!("{}?if=received", them(2, "friends")), &Value::Null).await;
    let asked = fleet.asked::<social::PutFriendRequest>("PutFriend");
    assert_eq!((asked[0].only_if_received, asked[1].only_if_received), (false, true));
    let wrong = world.ask("PUT", &format!("{}?if=sent", them(2, "friends")), &Value::Null).await;
    assert_eq!(wrong.code(), "malformed_query");
}

#[tokio::test]
async fn every_edge_is_put_listed_and_taken_away() {
    let fleet = Fleet::default();
    for method in ["PutFollow", "PutFollower", "PutBlock"] {
        fleet.answers(method, &social::EdgeView { account_id: id(2), ..Default::default() });
    }
    for method in ["DeleteFriend", "DeleteFollow", "DeleteFollower", "DeleteBlock"] {
        fleet.answers(method, &social::DeleteEdgeResponse {});
    }
    let world = world_of(&fleet);
    for under in ["follows", "followers", "blocks"] {
        assert_eq!(world.ask("PUT", &them(2, under), &Value::Null).await.status, 200, "{under}");
    }
    for under in ["friends", "follows", "followers", "blocks"] {
        assert_eq!(world.ask("DELETE", &them(2, under), &Value::Null).await.status, 204, "{under}");
    }
    let edge = social::Edge { person: Some(person(2, "Aigerim")), state: "friend".to_owned(), since_us: 0 };
    let page = social::ListEdgesResponse { items: vec![edge], next_cursor: "x".to_owned(), count: 41 };
    for (under, method) in [
        ("friends?state=friend", "ListFriends"),
        ("followers?state=requested", "ListFollowers"),
        ("following", "ListFollowing"),
        ("blocks", "ListBlocks"),
    ] {
        fleet.answers(method, &page);
        let body = world.get_as_me(&format!("/v1/me/{under}")).await.json();
        assert_eq!(
            (&body["count"], &body["items"][0]["display_name"]),
            (&json!(41), &json!("Aigerim")),
            "{under}"
        );
        assert_eq!(
            body["items"][0]["relation"],
            json!({"friend": true, "follows": false, "followed_by": false})
        );
        assert!(body["next_cursor"].is_string());
    }
    assert_eq!(fleet.asked::<social::ListEdgesRequest>("ListFollowers")[0].state, "requested");
}

#[tokio::test]
async fn a_group_is_joined_as_oneself_or_managed_by_id() {
    let fleet = Fleet::default();
    let member = social::Member {
        person: Some(person(1, "Me")),
        state: "member".to_owned(),
        role: "member".to_owned(),
        since_us: 0,
    };
    fleet.answers("PutMember", &member).answers("DeleteMember", &social::DeleteMemberResponse {});
    let world = world_of(&fleet);
    let members = format!("/v1/groups/{}/members", Uuid::from_u128(7));
    let answer = world.ask("PUT", &format!("{members}/me"), &Value::Null).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["role"]), (200, &json!("member")));
    world.ask("PUT", &format!("{members}/{}", Uuid::from_u128(2)), &json!({"role": "admin"})).await;
    let leave = format!("{members}/me?successor={}", Uuid::from_u128(2));
    assert_eq!(world.ask("DELETE", &leave, &Value::Null).await.status, 204);
    let ban = format!("{members}/{}?ban=true", Uuid::from_u128(2));
    assert_eq!(world.ask("DELETE", &ban, &Value::Null).await.status, 204);
    let put = fleet.asked::<social::PutMemberRequest>("PutMember");
    assert_eq!((&put[0].account_id, put[0].role.as_str()), (&Bytes::new(), ""));
    assert_eq!((&put[1].account_id, put[1].role.as_str()), (&id(2), "admin"));
    let gone = fleet.asked::<social::DeleteMemberRequest>("DeleteMember");
    assert_eq!((&gone[0].account_id, gone[0].ban, &gone[0].successor_id), (&Bytes::new(), false, &id(2)));
    assert_eq!((&gone[1].account_id, gone[1].ban), (&id(2), true));
    assert_eq!(world.ask("PUT", &format!("{members}/you"), &Value::Null).await.code(), "not_found");
}

#[tokio::test]
async fn a_comment_or_a_groups_name_of_a_megabyte_changes_nothing() {
    let fleet = Fleet::default();
    let world = world_of(&fleet);
    let long = "я".repeat(512 * 1024);
    let comments = format!("/v1/activities/{}/comments", Uuid::from_u128(5));
    let answer = world.post_as_me(&comments, &json!({"text": long})).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (413, "payload_too_large"));
    let answer = world.post_as_me("/v1/groups", &json!({"name": long})).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (413, "payload_too_large"));
    assert!(
        ["GetActivity", "WriteComment", "CreateGroup"].iter().all(|method| fleet.actors(method).is_empty())
    );
}

#[tokio::test]
async fn nothing_is_said_under_an_activity_that_i_do_not_see() {
    let fleet = Fleet::default();
    fleet.refuses("GetActivity", Refusal::not_found());
    let world = world_of(&fleet);
    let activity = format!("/v1/activities/{}", Uuid::from_u128(5));
    for (method, under, body) in [
        ("PUT", "kudos", Value::Null),
        ("DELETE", "kudos", Value::Null),
        ("GET", "comments", Value::Null),
        ("POST", "comments", json!({"text": "What a climb!"})),
    ] {
        fleet.refuses("GetActivity", Refusal::not_found());
        let answer = world.ask(method, &format!("{activity}/{under}"), &body).await;
        assert_eq!(answer.code(), "not_found", "{method} {under}");
    }
    let social = ["PutKudos", "DeleteKudos", "ListComments", "WriteComment"];
    assert!(social.iter().all(|method| fleet.actors(method).is_empty()), "social was never asked");
}

#[tokio::test]
async fn a_comment_goes_to_the_activity_of_its_owner() {
    let fleet = Fleet::default();
    let view = activity::ActivityView { id: id(5), account_id: id(3), ..Default::default() };
    fleet.answers("GetActivity", &view);
    let comment =
        social::Comment { id: id(6), author: Some(person(1, "Me")), text: "!".to_owned(), at_us: 1 };
    fleet.answers("WriteComment", &comment).answers("PutKudos", &social::KudosView { count: 3, mine: true });
    let world = world_of(&fleet);
    let activity = format!("/v1/activities/{}", Uuid::from_u128(5));
    let answer = world.post_as_me(&format!("{activity}/comments"), &json!({"text": "!"})).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("location"), format!("{activity}/comments/{}", Uuid::from_u128(6)));
    assert_eq!(fleet.asked::<social::WriteCommentRequest>("WriteComment")[0].owner_id, id(3));
    let kudos = world.ask("PUT", &format!("{activity}/kudos"), &Value::Null).await.json();
    assert_eq!((&kudos["count"], &kudos["mine"]), (&json!(3), &json!(true)));
}

#[tokio::test]
async fn a_comment_of_somebody_hidden_says_nothing_of_them() {
    let fleet = Fleet::default();
    let view = activity::ActivityView { id: id(5), account_id: id(3), ..Default::default() };
    fleet.answers("GetActivity", &view);
    let said = |n, author| social::Comment { id: id(n), author, text: "!".to_owned(), at_us: 1 };
    let items = vec![said(6, Some(person(1, "Me"))), said(7, Some(social::Person::default())), said(8, None)];
    fleet.answers("ListComments", &social::ListCommentsResponse { items, ..Default::default() });
    let world = world_of(&fleet);
    let path = format!("/v1/activities/{}/comments", Uuid::from_u128(5));
    let items = world.get_as_me(&path).await.json()["items"].clone();
    assert_eq!(items[0]["account"]["id"], json!(Uuid::from_u128(1)));
    assert_eq!((&items[1]["account"], &items[2]["account"]), (&json!({}), &json!({})));
}

fn row(n: u128, kind: &str) -> social::FeedItem {
    let activity_id = if kind == "activity" { id(100 + n) } else { Bytes::new() };
    let badge = if kind == "achievement" { "first_run" } else { "" };
    social::FeedItem {
        id: id(n),
        kind: kind.to_owned(),
        account_id: id(2),
        at_us: 1_777_597_200_000_000,
        activity_id,
        badge: badge.to_owned(),
        ..Default::default()
    }
}

#[tokio::test]
async fn what_i_may_not_see_is_left_out_of_the_feed_and_the_page_is_filled_up() {
    let fleet = Fleet::default();
    let page = |rows: Vec<social::FeedItem>, next: &str| social::FeedResponse {
        items: rows,
        next_cursor: next.to_owned(),
    };
    let named = |n, kind| social::FeedItem { person: Some(person(2, "Aigerim")), ..row(n, kind) };
    fleet.answers("Feed", &page(vec![named(1, "activity"), named(2, "activity")], "a"));
    fleet.answers("Feed", &page(vec![named(3, "achievement")], "b"));
    let shown = activity::ActivityView {
        id: id(101),
        account_id: id(2),
        sport: "running".to_owned(),
        ..Default::default()
    };
    fleet.answers("ShowActivities", &activity::ShowActivitiesResponse { items: vec![shown] });
    let body = world_of(&fleet).get_as_me("/v1/feed?limit=2").await.json();
    let items = body["items"].as_array().unwrap();
    assert_eq!(items.len(), 2, "{body}");
    assert_eq!(
        (&items[0]["activity"]["sport"], &items[0]["account"]["display_name"]),
        (&json!("running"), &json!("Aigerim"))
    );
    assert_eq!((&items[1]["kind"], &items[1]["badge"]), (&json!("achievement"), &json!("first_run")));
    let asked = fleet.asked::<social::FeedRequest>("Feed");
    assert_eq!(
        asked.iter().map(|one| (one.cursor.as_str(), one.limit)).collect::<Vec<_>>(),
        [("", 2), ("a", 1)]
    );
    assert!(body["next_cursor"].is_string(), "of the last row that was looked at");
}

#[tokio::test]
async fn behind_a_wall_of_hidden_things_the_feed_is_short_and_goes_on() {
    let fleet = Fleet::default();
    for _ in 0..2 {
        let rows = vec![row(1, "activity"), row(2, "activity")];
        fleet.answers("Feed", &social::FeedResponse { items: rows, next_cursor: "more".to_owned() });
    }
    fleet.answers(
        "Feed",
        &social::FeedResponse { items: vec![row(1, "activity")], next_cursor: "more".to_owned() },
    );
    fleet.answers("ShowActivities", &activity::ShowActivitiesResponse::default());
    let body = world_of(&fleet).get_as_me("/v1/feed").await.json();
    assert_eq!(body["items"], json!([]));
    assert!(body["next_cursor"].is_string());
    assert_eq!(fleet.actors("Feed").len(), 5);
}

#[tokio::test]
async fn whose_profile_is_hidden_is_an_id_in_the_feed() {
    let fleet = Fleet::default();
    fleet.answers("Feed", &social::FeedResponse { items: vec![row(2, "achievement")], ..Default::default() });
    let body = world_of(&fleet).get_as_me("/v1/feed").await.json();
    assert_eq!(body["items"][0]["account"], json!({"id": Uuid::from_u128(2)}));
    assert!(body.get("next_cursor").is_none(), "this was all");
}

#[tokio::test]
async fn i_see_how_i_look_to_another_and_why() {
    let fleet = Fleet::default();
    let class = |shown, has_audience| social::ClassExplained {
        data_class: "heart_rate".to_owned(),
        shown,
        rule: "class_setting".to_owned(),
        has_audience,
        audience: vec![],
    };
    let reply = social::ViewAsResponse {
        person: None,
        relation: Some(social::PersonRelation { follows: true, ..Default::default() }),
        classes: vec![class(false, true), class(true, false)],
    };
    fleet.answers("ViewAs", &reply);
    fleet.answers("ListActivities", &activity::ListActivitiesResponse::default());
    let world = world_of(&fleet);
    let who = Uuid::from_u128(2);
    let body = world.get_as_me(&format!("/v1/me/privacy/view-as?account={who}")).await.json();
    let hidden = json!({"class": "heart_rate", "shown": false, "rule": "class_setting", "audience": []});
    let shown = json!({"class": "heart_rate", "shown": true, "rule": "class_setting"});
    assert_eq!(body["classes"], json!([hidden, shown]));
    assert!(body.get("person").is_none() && body["relation"]["follows"] == json!(true), "{body}");
    let asked = fleet.asked::<activity::ListActivitiesRequest>("ListActivities").remove(0);
    assert_eq!((asked.as_account_id, asked.account_id, asked.limit), (id(2), Bytes::new(), 20));
    let why = world.get_as_me(&format!("/v1/me/privacy/explain?account={who}")).await.json();
    assert_eq!(why["items"], json!([hidden, shown]));
    let of = activity::ExplainVisibilityResponse {
        classes: vec![activity::ClassExplained { data_class: "map".to_owned(), ..Default::default() }],
    };
    fleet.answers("ExplainVisibility", &of);
    let path = format!("/v1/me/privacy/explain?account={who}&activity={}", Uuid::from_u128(5));
    assert_eq!(world.get_as_me(&path).await.json()["items"][0]["class"], "map");
    assert_eq!(world.get_as_me("/v1/me/privacy/view-as").await.code(), "malformed_query");
}
