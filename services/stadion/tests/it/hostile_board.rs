//! What nobody should do to a board that people watch, through public HTTP.

use auth::{key_store::KeyStore, secrets::Secrets};
use eventing::Class;
use serde_json::{Value, json};
use stadion::demo::{
    cast::Person,
    door::{Answer, until},
    live::Live,
};

use crate::{hostile::refused, hostile_contest::Stage};

impl Stage {
    /// So many metres, an hour ago; the next one takes the place of the one before.
    pub(crate) async fn reports(&self, person: &Person, version: u32, distance_m: u32) {
        let start = (self.clock.now() - jiff::SignedDuration::from_hours(1)).to_string();
        let workout = json!({ "sport": "running", "start_at": start, "elapsed_time_s": 3_000,
            "distance_m": distance_m });
        let body = json!({ "source": "watch", "upserts": [
            { "key": "run", "version": version, "kind": "workout", "workout": workout } ] });
        let told = self.cast.door.post("/v1/sync").with(&person.token).json(&body).expect(200).await.unwrap();
        assert_eq!(told.json["acks"][0]["status"], json!("stored"), "{}", told.json);
    }

    /// The top once these scores are all that is on it.
    pub(crate) async fn shows(&self, id: &str, scores: &[u32]) -> Answer {
        let wanted: Vec<f64> = scores.iter().copied().map(f64::from).collect();
        let is = |answer: &Answer| {
            let entries = answer.json["entries"].as_array().unwrap();
            entries.iter().map(|entry| entry["score"].as_f64().unwrap()).eq(wanted.iter().copied())
        };
        let top = || self.cast.door.get(&format!("/v1/boards/{id}/top"));
        until(top, is).await.unwrap_or_else(|error| panic!("never {scores:?}: {error}"))
    }

    /// As the beginning of every erasure does.
    async fn destroys_keys(&self, person: &Person) {
        let auth = self.running.installation.service("auth").unwrap();
        let secrets = Secrets::load_or_create(&auth::Config::default().kek_path(&auth.data)).unwrap();
        let keys = KeyStore::new(auth.db.clone(), secrets);
        let now_us = self.clock.now().as_microsecond();
        keys.destroy(person.account_id.parse().unwrap(), &[Class::Activity], now_us).await.unwrap();
    }

    async fn live(&self, id: &str, last: Option<u64>) -> Live {
        let mut ask = self.cast.door.get(&format!("/v1/boards/{id}/live"));
        if let Some(last) = last {
            ask = ask.header("Last-Event-ID", &last.to_string());
        }
        Live::open(ask).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_board_of_one_is_a_board_and_one_of_no_challenge_is_not_found() {
    let stage = Stage::set().await;
    let dana = stage.athlete("Dana").await;
    let nothing = uuid::Uuid::new_v4();
    let now = stage.clock.now();
    for what in ["top", "around", "ranks?accounts=", "live", &format!("history?at={now}")] {
        let path = format!("/v1/boards/{nothing}/{what}");
        let path = if what.ends_with('=') { format!("{path}{}", dana.account_id) } else { path };
        refused(&stage.cast.door.get(&path).with(&dana.token).send().await.unwrap(), 404, "not_found", what);
    }
    refused(&stage.join(&nothing.to_string(), &dana).send().await.unwrap(), 404, "not_found", "joined");

    let id = stage.open(json!({})).await;
    let empty = stage.shows(&id, &[]).await.json;
    assert_eq!((&empty["participants"], &empty["next_cursor"]), (&json!(0), &Value::Null));
    stage.join(&id, &dana).expect(200).await.unwrap();
    let mut live = stage.live(&id, None).await;
    let snapshot = live.until("an empty snapshot", |frame| frame.event == "snapshot").await.unwrap();
    assert_eq!(snapshot.data["entries"], json!([]));
    stage.reports(&dana, 1, 5_000).await;
    let top = stage.shows(&id, &[5_000]).await.json;
    let entry = &top["entries"][0];
    assert_eq!(
        (&entry["rank"], &entry["tied"], &entry["percentile"], &top["participants"]),
        (&json!(1), &json!(false), &json!(0), &json!(1)),
        "she has left nobody behind"
    );
    let named = format!("ranks?accounts={}", dana.account_id);
    for what in ["top?segment=region:KZ-75", "top?segment=friends", "around?span=100", named.as_str()] {
        let shown = stage.cast.door.get(&format!("/v1/boards/{id}/{what}")).with(&dana.token);
        let shown = shown.expect(200).await.unwrap().json;
        assert_eq!(shown["entries"].as_array().map(Vec::len), Some(1), "{what}: {shown}");
    }
    live.until("her", |frame| frame.data["changes"][0]["rank"] == json!(1)).await.unwrap();
    stage.running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scores_that_are_all_the_same_and_all_of_one_member_are_ranked() {
    let stage = Stage::set().await;
    let people = futures::future::join_all((0..6).map(|nth| {
        let stage = &stage;
        async move { stage.athlete(&format!("runner{nth}")).await }
    }))
    .await;
    for (ties, ranks) in [("first", [1, 2, 3, 4, 5, 6]), ("shared", [1; 6]), ("dense", [1; 6])] {
        let id = stage.open(json!({ "ties": ties })).await;
        for person in &people {
            stage.join(&id, person).expect(200).await.unwrap();
        }
        if ties == "first" {
            for person in &people {
                stage.reports(person, 1, 4_000).await;
            }
        }
        let top = stage.shows(&id, &[4_000; 6]).await.json;
        let seen: Vec<_> =
            top["entries"].as_array().unwrap().iter().map(|entry| entry["rank"].clone()).collect();
        assert_eq!(seen, ranks.map(|rank| json!(rank)), "{ties}");
    }

    // One reports again and again: who watches is told where it ended, in far fewer frames.
    let id = stage.open(json!({})).await;
    for person in &people[..2] {
        stage.join(&id, person).expect(200).await.unwrap();
    }
    stage.shows(&id, &[4_000; 2]).await;
    let mut live = stage.live(&id, None).await;
    live.until("begun", |frame| frame.event == "snapshot").await.unwrap();
    for version in 2..=60 {
        stage.reports(&people[0], version, 4_000 + version).await;
    }
    let last = |frame: &stadion::demo::live::Frame| {
        let changes = frame.data["changes"].as_array();
        frame.event == "delta"
            && changes.is_some_and(|changes| changes.iter().any(|one| one["score"] == json!(4_060)))
    };
    live.until("the last of her scores", last).await.unwrap();
    stage.shows(&id, &[4_060, 4_000]).await;
    stage.running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_on_another_board_is_none_on_this_and_a_closed_one_says_how_it_ended() {
    let stage = Stage::set().await;
    let dana = stage.athlete("Dana").await;
    let (one, other) = (stage.open(json!({})).await, stage.open(json!({ "late_sync_grace_s": 0 })).await);
    for id in [&one, &other] {
        stage.join(id, &dana).expect(200).await.unwrap();
    }
    stage.reports(&dana, 1, 5_000).await;
    let mut sequences = Vec::new();
    for id in [&one, &other] {
        stage.shows(id, &[5_000]).await;
        let snapshot =
            stage.live(id, None).await.until("begun", |frame| frame.event == "snapshot").await.unwrap();
        assert_eq!(snapshot.data["entries"][0]["score"], json!(5_000));
        sequences.push(snapshot.id.unwrap());
    }
    for (id, last) in [(&one, sequences[1]), (&other, sequences[0])] {
        let mut live = stage.live(id, Some(last)).await;
        let first = live.until("anything", |_| true).await.unwrap();
        assert_eq!((first.event.as_str(), &first.data["entries"][0]["rank"]), ("snapshot", &json!(1)));
    }

    let path = format!("/v1/challenges/{other}");
    let stop = stage.cast.door.post(&format!("{path}/stop")).with(&stage.marketer.token);
    stop.json(&json!({ "reason": "rain" })).expect(200).await.unwrap();
    let settlement = || stage.cast.door.get(&format!("{path}/settlement")).with(&dana.token);
    until(settlement, |answer| answer.status == 200).await.unwrap();
    for last in [None, Some(sequences[1]), Some(u64::MAX / 2)] {
        let mut live = stage.live(&other, last).await;
        let closed = live.until("the end", |frame| frame.event == "closed").await.unwrap();
        assert_eq!(closed.data["code"], json!("settled"));
    }
    let after = stage.shows(&other, &[5_000]).await.json;
    assert_eq!(after["entries"][0]["rank"], json!(1), "the board is still there");
    stage.running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_erased_while_shown_is_off_the_board_and_the_streams() {
    let stage = Stage::set().await;
    let (dana, marat) = (stage.athlete("Dana").await, stage.athlete("Marat").await);
    let id = stage.open(json!({})).await;
    let mut members = Vec::new();
    for (person, distance_m) in [(&dana, 9_000), (&marat, 5_000)] {
        members.push(stage.join(&id, person).expect(200).await.unwrap().text("/member").unwrap());
        stage.reports(person, 1, distance_m).await;
    }
    stage.shows(&id, &[9_000, 5_000]).await;
    let mut live = stage.live(&id, None).await;
    live.until("begun", |frame| frame.event == "snapshot").await.unwrap();
    stage.destroys_keys(&dana).await;

    let left = json!([members[0]]);
    live.until("that she is gone", |frame| frame.event == "delta" && frame.data["left"] == left)
        .await
        .unwrap();
    let top = stage.shows(&id, &[5_000]).await.json;
    assert_eq!((&top["entries"][0]["rank"], &top["participants"]), (&json!(1), &json!(1)));
    let named = format!("/v1/boards/{id}/ranks?accounts={}", dana.account_id);
    let ranks = stage.cast.door.get(&named).with(&marat.token).expect(200).await.unwrap();
    assert_eq!(ranks.json["entries"], json!([]));
    stage.running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_board_that_is_public_no_more_is_closed_to_strangers_while_they_look() {
    let stage = Stage::set().await;
    let dana = stage.athlete("Dana").await;
    let id = stage.open(json!({})).await;
    stage.join(&id, &dana).expect(200).await.unwrap();
    stage.reports(&dana, 1, 5_000).await;
    stage.shows(&id, &[5_000]).await;
    let mut strangers = stage.live(&id, None).await;
    let path = format!("/v1/boards/{id}/live");
    let mut hers = Live::open(stage.cast.door.get(&path).with(&dana.token)).await.unwrap();
    for live in [&mut strangers, &mut hers] {
        live.until("begun", |frame| frame.event == "snapshot").await.unwrap();
    }
    let challenge = format!("/v1/challenges/{id}");
    let private = stage.cast.door.ask(reqwest::Method::PATCH, &challenge).with(&stage.marketer.token);
    private.json(&json!({ "public": false })).expect(200).await.unwrap();
    let closed = strangers.until("the end", |frame| frame.event == "closed").await.unwrap();
    assert_eq!(closed.data["code"], json!("revoked"));
    refused(&stage.cast.door.get(&path).send().await.unwrap(), 401, "unauthenticated", "come again");
    stage.reports(&dana, 2, 6_000).await;
    let goes_on =
        |frame: &stadion::demo::live::Frame| frame.event == "me" && frame.data["score"] == json!(6_000);
    hers.until("her own new score", goes_on).await.unwrap();
    stage.running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_badge_of_a_challenge_is_explained_by_the_challenge_and_the_place() {
    let stage = Stage::set().await;
    let dana = stage.athlete("Dana").await;
    let rewards = json!([{ "places": [1, 3], "badge": "podium" }, { "reached": 1_000, "badge": "finisher" }]);
    let id = stage.open(json!({ "rewards": rewards, "late_sync_grace_s": 0 })).await;
    stage.join(&id, &dana).expect(200).await.unwrap();
    stage.reports(&dana, 1, 5_000).await;
    stage.shows(&id, &[5_000]).await;
    let stop = stage.cast.door.post(&format!("/v1/challenges/{id}/stop")).with(&stage.marketer.token);
    stop.json(&json!({ "reason": "rain" })).expect(200).await.unwrap();
    let held = || stage.cast.door.get("/v1/me/achievements").with(&dana.token);
    let both = |answer: &Answer| {
        let badges: Vec<_> = answer.items().iter().filter_map(|one| one["badge"].as_str()).collect();
        badges.contains(&"podium") && badges.contains(&"finisher")
    };
    let held = until(held, both).await.unwrap();
    for (badge, place) in [("podium", json!(1)), ("finisher", Value::Null)] {
        let one = held.items().iter().find(|one| one["badge"] == json!(badge)).unwrap();
        let path = format!("/v1/achievements/{}/explanation", one["id"].as_str().unwrap());
        let why = stage.cast.door.get(&path).with(&dana.token).expect(200).await.unwrap().json;
        assert_eq!((&why["rule"], &why["rule_version"]), (&json!("challenge"), &Value::Null));
        let cause = &why["because"][0];
        assert_eq!((&cause["challenge_id"], &cause["place"]), (&json!(id), &place), "{badge}");
        assert_eq!((&cause["activity_id"], &cause["value"]), (&Value::Null, &Value::Null));
    }
    stage.running.stop().await.unwrap();
}
