//! What nobody should ask of others, through public HTTP: each gets its fixed code, and nothing changes.

use futures::future::join_all;
use serde_json::{Value, json};
use stadion::demo::{cast::Person, door::Ask};

use crate::{hostile::refused, hostile_contest::Stage};

impl Stage {
    fn friend(&self, one: &Person, other: &Person, query: &str) -> Ask {
        let path = format!("/v1/me/friends/{}{query}", other.account_id);
        self.cast.door.put(&path).with(&one.token).json(&json!({}))
    }

    async fn friends_of(&self, one: &Person, state: &str) -> usize {
        let ask = self.cast.door.get(&format!("/v1/me/friends?state={state}")).with(&one.token);
        ask.expect(200).await.unwrap().items().len()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pair_befriended_fifty_times_from_both_sides_is_one_friendship() {
    let stage = Stage::set().await;
    let (dana, marat) = (stage.athlete("Dana").await, stage.athlete("Marat").await);
    let wish = |n: usize| {
        let (one, other) = if n.is_multiple_of(2) { (&dana, &marat) } else { (&marat, &dana) };
        stage.friend(one, other, "").send()
    };
    for answer in join_all((0..50).map(wish)).await {
        let answer = answer.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.json);
    }
    for one in [&dana, &marat] {
        assert_eq!(stage.friends_of(one, "friend").await, 1);
        assert_eq!(stage.friends_of(one, "invited").await + stage.friends_of(one, "received").await, 0);
    }
    stage.running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_friendship_that_cannot_be_is_refused() {
    let stage = Stage::set().await;
    let (dana, marat) = (stage.athlete("Dana").await, stage.athlete("Marat").await);
    let nobody = Person { account_id: uuid::Uuid::new_v4().to_string(), ..Person::default() };
    let told = async |ask: Ask| ask.send().await.unwrap();
    refused(&told(stage.friend(&dana, &dana, "")).await, 422, "invalid_field", "with oneself");
    refused(&told(stage.friend(&dana, &nobody, "")).await, 404, "not_found", "with nobody");
    let accept = stage.friend(&dana, &marat, "?if=received");
    refused(&told(accept).await, 409, "conflict", "accepting what was never sent");
    assert_eq!(stage.friends_of(&marat, "received").await, 0, "and nothing was sent by it");
    stage.friend(&dana, &marat, "").expect(200).await.unwrap();
    let block = format!("/v1/me/blocks/{}", dana.account_id);
    let block = || stage.cast.door.put(&block).with(&marat.token).json(&json!({}));
    block().expect(200).await.unwrap();
    block().expect(200).await.unwrap();
    refused(&told(stage.friend(&dana, &marat, "?if=received")).await, 404, "not_found", "after a block");
    assert_eq!(stage.friends_of(&dana, "invited").await, 0, "the block took the invitation away");
    let myself = stage.cast.door.put(&format!("/v1/me/blocks/{}", dana.account_id)).with(&dana.token);
    refused(&told(myself.json(&json!({}))).await, 422, "invalid_field", "blocking oneself");
    stage.running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_that_are_too_long_or_not_to_be_seen_are_refused() {
    let stage = Stage::set().await;
    let dana = stage.athlete("Dana").await;
    let megabyte = "x".repeat(1 << 20);
    let group = |name: &str| {
        let ask = stage.cast.door.post("/v1/groups").with(&dana.token);
        ask.json(&json!({ "name": name, "kind": "open", "sports": ["running"] }))
    };
    for (about, name) in
        [("a megabyte", megabyte.as_str()), ("nothing", ""), ("invisible", "\u{200b}\u{2060}")]
    {
        let answer = group(name).send().await.unwrap();
        assert!([413, 422].contains(&answer.status), "{about}: {} {}", answer.status, answer.json);
    }
    let listed = stage.cast.door.get("/v1/groups?mine=true").with(&dana.token).expect(200).await.unwrap();
    assert_eq!(listed.items().len(), 0, "no group was made");
    let entry = json!({ "sport": "running", "start_at": "2026-05-01T06:00:00Z", "elapsed_time_s": 60, "distance_m": 100 });
    let run =
        stage.cast.door.post("/v1/activities").with(&dana.token).json(&entry).expect(201).await.unwrap();
    let path = format!("/v1/activities/{}/comments", run.text("/id").unwrap());
    let comment = |text: &str| stage.cast.door.post(&path).with(&dana.token).json(&json!({ "text": text }));
    let answer = comment(&megabyte).send().await.unwrap();
    assert!([413, 422].contains(&answer.status), "{}", answer.json);
    refused(&comment(" ").send().await.unwrap(), 422, "invalid_field", "an empty comment");
    comment("жарайсың!").expect(201).await.unwrap();
    let read = stage.cast.door.get(&path).with(&dana.token).expect(200).await.unwrap();
    assert_eq!(read.items().len(), 1, "{}", read.json);
    stage.running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_from_right_to_left_and_lookalikes_confuse_nobody() {
    let stage = Stage::set().await;
    let dana = stage.athlete("Dana").await;
    let rename = |name: &str, handle: &str| {
        let ask = stage.cast.door.ask(reqwest::Method::PATCH, "/v1/me").with(&dana.token);
        ask.json(&json!({ "display_name": name, "handle": handle }))
    };
    for name in ["Да\u{200b}на", "\u{202e}анаД", "\u{feff}"] {
        let answer = rename(name, "dana_one").send().await.unwrap();
        let kept = answer.json.get("display_name").and_then(Value::as_str).unwrap_or_default();
        let clean = !kept.chars().any(|one| ['\u{200b}', '\u{202e}', '\u{feff}'].contains(&one));
        assert!(answer.status == 422 || (answer.status == 200 && clean), "{name:?}: {}", answer.json);
    }
    rename("دانا", "dana_one").expect(200).await.unwrap();
    let marat = stage.athlete("Marat").await;
    let ask = stage.cast.door.ask(reqwest::Method::PATCH, "/v1/me").with(&marat.token);
    let twin = ask.json(&json!({ "handle": "dana_0ne" })).send().await.unwrap();
    let cyrillic = stage.cast.door.ask(reqwest::Method::PATCH, "/v1/me").with(&marat.token);
    let cyrillic = cyrillic.json(&json!({ "handle": "d\u{430}na_one" })).send().await.unwrap();
    assert!(twin.status >= 400, "a handle that looks alike: {}", twin.json);
    assert!(cyrillic.status >= 400, "a handle of two scripts: {}", cyrillic.json);
    stage.running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_keeps_an_owner() {
    let stage = Stage::set().await;
    let (dana, marat) = (stage.athlete("Dana").await, stage.athlete("Marat").await);
    let group =
        json!({ "name": "Medeu hill club", "kind": "open", "sports": ["running"], "region": "KZ-75" });
    let made = stage.cast.door.post("/v1/groups").with(&dana.token).json(&group).expect(201).await.unwrap();
    let members = format!("/v1/groups/{}/members", made.text("/id").unwrap());
    let me = format!("{members}/me");
    let alone = stage.cast.door.delete(&me).with(&dana.token).send().await.unwrap();
    refused(&alone, 409, "conflict", "the owner leaves");
    stage.cast.door.put(&me).with(&marat.token).json(&json!({})).expect(200).await.unwrap();
    let leave = format!("{me}?successor={}", marat.account_id);
    stage.cast.door.delete(&leave).with(&dana.token).expect(204).await.unwrap();
    let seen = stage.cast.door.get(&format!("/v1/groups/{}", made.text("/id").unwrap())).with(&marat.token);
    let seen = seen.expect(200).await.unwrap();
    assert_eq!(seen.text("/my_role").unwrap(), "owner", "{}", seen.json);
    stage.running.stop().await.unwrap();
}
