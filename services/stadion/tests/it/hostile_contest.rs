//! What nobody should ask of a challenge and its board, through public HTTP: each gets its fixed code, and nothing
//! changes.

use std::sync::Arc;

use futures::future::join_all;
use jiff::ToSpan;
use kernel::{Clock, SystemClock};
use serde_json::{Value, json};
use stadion::demo::{
    cast::{ALMATY, BISHKEK, Cast, Person},
    door::until,
    live::Live,
};
use tempfile::TempDir;

use crate::{embedded::patient_at, hostile::refused};

/// An installation with somebody who may make challenges.
pub(crate) struct Stage {
    pub(crate) running: stadion::up::Running,
    pub(crate) cast: Cast,
    pub(crate) marketer: Person,
    pub(crate) clock: Arc<dyn Clock>,
    _folder: TempDir,
}

impl Stage {
    pub(crate) async fn set() -> Self {
        Self::at(Arc::new(SystemClock)).await
    }

    /// Where it is as late as this clock says.
    pub(crate) async fn at(clock: Arc<dyn Clock>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let running = patient_at(folder.path(), clock.clone()).await;
        let cast = Cast::new(&format!("http://{}", running.http), folder.path().to_owned()).unwrap();
        let operator = cast.make_operator().await.unwrap();
        let marketer = cast.appoint_marketer("organiser", &operator, ALMATY.region).await.unwrap();
        Self { running, cast, marketer, clock, _folder: folder }
    }

    pub(crate) async fn athlete(&self, who: &str) -> Person {
        self.cast.sign_up(who, ALMATY, &["terms", "health_data"]).await.unwrap()
    }

    /// A challenge with these terms changed, open.
    pub(crate) async fn open(&self, change: Value) -> String {
        let ask = self.cast.door.post("/v1/challenges").with(&self.marketer.token).json(&terms(change));
        let id = ask.expect(201).await.unwrap().text("/id").unwrap();
        let open = self.cast.door.post(&format!("/v1/challenges/{id}/open")).with(&self.marketer.token);
        open.json(&json!({})).expect(200).await.unwrap();
        id
    }

    pub(crate) fn join(&self, id: &str, who: &Person) -> stadion::demo::door::Ask {
        let path = format!("/v1/challenges/{id}/participants/me");
        self.cast.door.put(&path).with(&who.token).json(&json!({ "show_as": "name" }))
    }

    /// Waits until so many take part in it.
    pub(crate) async fn has(&self, id: &str, participants: u32) {
        let ask = || self.cast.door.get(&format!("/v1/challenges/{id}")).with(&self.marketer.token);
        until(ask, |seen| seen.json["participants"] == json!(participants)).await.unwrap();
    }
}

fn local(days: i64) -> String {
    let now = SystemClock.now().in_tz("Asia/Almaty").unwrap();
    let then = now.checked_add(days.days()).unwrap().datetime();
    then.round(jiff::Unit::Second).unwrap().to_string()
}

/// Of the region, running since yesterday.
pub(crate) fn terms(change: Value) -> Value {
    let mut terms = json!({
        "name": { "en": "Apple city kilometres" }, "kind": "individual", "metric": "distance_m",
        "sports": ["running"], "eligibility": { "region_in": ["KZ-75"] }, "public": true, "ties": "first",
        "window": { "start": local(-1), "end": local(9), "clock": "instant", "time_zone": "Asia/Almaty" },
    });
    terms.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    terms
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_who_join_at_the_last_place_are_one_who_takes_it() {
    let stage = Stage::set().await;
    let id = stage.open(json!({ "capacity": 3 })).await;
    let people = join_all((0..52).map(|n| async move { format!("runner{n}") }).map(|name| {
        let stage = &stage;
        async move { stage.athlete(&name.await).await }
    }))
    .await;
    for early in &people[..2] {
        stage.join(&id, early).expect(200).await.unwrap();
    }
    let tries = join_all(people[2..].iter().map(|late| stage.join(&id, late).send())).await;
    let taken = tries.iter().filter(|answer| answer.as_ref().unwrap().status == 200).count();
    assert_eq!(taken, 1, "one seat was left");
    for answer in tries.iter().flatten().filter(|answer| answer.status != 200) {
        refused(answer, 409, "challenge_full", "one too many");
    }
    stage.has(&id, 3).await;
    let path = format!("/v1/challenges/{id}/participants/me");
    stage.cast.door.delete(&path).with(&people[0].token).expect(204).await.unwrap();
    let missed = tries.iter().position(|answer| answer.as_ref().unwrap().status != 200).unwrap();
    stage.join(&id, &people[2 + missed]).expect(200).await.unwrap();
    stage.running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_challenge_is_joined_from_its_opening_on_and_once() {
    let stage = Stage::set().await;
    let (dana, marat) = (stage.athlete("Dana").await, stage.athlete("Marat").await);
    let later = json!({ "window": { "start": local(2), "end": local(9), "clock": "instant", "time_zone": "Asia/Almaty" } });
    let ask = stage.cast.door.post("/v1/challenges").with(&stage.marketer.token);
    let draft = ask.json(&terms(later.clone())).expect(201).await.unwrap().text("/id").unwrap();
    refused(&stage.join(&draft, &dana).send().await.unwrap(), 404, "not_found", "a draft");
    let stop = stage.cast.door.post(&format!("/v1/challenges/{draft}/stop")).with(&stage.marketer.token);
    stop.json(&json!({})).expect(200).await.unwrap();
    let id = stage.open(later).await;
    stage.join(&id, &dana).expect(200).await.unwrap();
    let path = format!("/v1/challenges/{id}");
    let seen = || stage.cast.door.get(&path).with(&dana.token);
    let joined = until(seen, |seen| seen.json["participants"] == json!(1)).await.unwrap().json;
    assert_eq!(joined["state"], json!("scheduled"));
    stage.reports(&dana, 1, 5_000).await;
    let board = stage.shows(&id, &[]).await.json;
    assert_eq!(board["participants"], json!(0), "nobody has a place before it begins");
    for page in ["top", "live"] {
        let never_opened = stage.cast.door.get(&format!("/v1/boards/{draft}/{page}")).send().await.unwrap();
        refused(&never_opened, 404, "not_found", page);
    }
    let mut live = Live::open(stage.cast.door.get(&format!("/v1/boards/{id}/live"))).await.unwrap();
    live.until("an empty board", |frame| frame.event == "snapshot").await.unwrap();
    stage.cast.door.delete(&format!("{path}/participants/me")).with(&dana.token).expect(204).await.unwrap();
    stage.join(&id, &dana).expect(200).await.unwrap();
    let call_off = stage.cast.door.post(&format!("{path}/stop")).with(&stage.marketer.token);
    call_off.json(&json!({ "reason": "rain" })).expect(200).await.unwrap();
    let closed = live.until("the end", |frame| frame.event == "closed").await.unwrap();
    assert_eq!(closed.data["code"], json!("stopped"));
    // Who waited for it reads that it is off.
    until(seen, |seen| seen.json["state"] == json!("stopped")).await.unwrap();
    refused(&stage.join(&id, &marat).send().await.unwrap(), 409, "challenge_closed", "called off");
    let id = stage.open(json!({})).await;
    let first = stage.join(&id, &dana).expect(200).await.unwrap();
    let second = stage.join(&id, &dana).expect(200).await.unwrap();
    assert_eq!(first.text("/member").unwrap(), second.text("/member").unwrap());
    // Joined twice is joined once.
    stage.has(&id, 1).await;
    let elsewhere = stage.cast.sign_up("Bakyt", BISHKEK, &["terms"]).await.unwrap();
    let refusal = stage.join(&id, &elsewhere).send().await.unwrap();
    refused(&refusal, 403, "not_eligible", "of another region");
    assert_eq!(refusal.json["reasons"], json!([{ "clause": { "region_in": ["KZ-75"] }, "met": false }]));
    let stop = || {
        let ask = stage.cast.door.post(&format!("/v1/challenges/{id}/stop")).with(&stage.marketer.token);
        ask.json(&json!({ "reason": "rain" }))
    };
    let forbidden = stage.cast.door.post(&format!("/v1/challenges/{id}/stop")).with(&dana.token);
    refused(
        &forbidden.json(&json!({ "reason": "mine" })).send().await.unwrap(),
        403,
        "forbidden",
        "not hers",
    );
    stop().expect(200).await.unwrap();
    refused(&stop().send().await.unwrap(), 409, "challenge_closed", "stopped twice");
    refused(&stage.join(&id, &marat).send().await.unwrap(), 409, "challenge_closed", "after the end");
    stage.running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn terms_that_mean_nothing_are_told_so_with_their_place() {
    let stage = Stage::set().await;
    let deep = |levels: usize| -> Value {
        (0..levels).fold(json!({ "region_in": ["KZ-75"] }), |inner, _| json!({ "not": inner }))
    };
    let window = |start: &str, end: &str, zone: &str| json!({ "window": { "start": start, "end": end, "clock": "instant", "time_zone": zone } });
    let (start, end) = (local(-1), local(9));
    let cases = [
        ("capacity 0", json!({ "capacity": 0 })),
        ("a negative capacity", json!({ "capacity": -1 })),
        ("a region that does not exist", json!({ "eligibility": { "region_in": ["KZ-99"] } })),
        ("a clause that does not exist", json!({ "eligibility": { "shoe_size": 43 } })),
        ("a rule too deep", json!({ "eligibility": deep(12) })),
        ("what only shops know", json!({ "eligibility": { "not": { "purchased_within_days": 90 } } })),
        ("an unknown metric", json!({ "metric": "smiles" })),
        ("an unknown sport", json!({ "sports": ["quidditch"] })),
        ("an end before the start", window(&end, &start, "Asia/Almaty")),
        ("no such zone", window(&start, &end, "Mars/Olympus")),
        ("a date that is none", window("2026-02-30T00:00:00", &end, "Asia/Almaty")),
        ("no name", json!({ "name": {} })),
        ("an invisible name", json!({ "name": { "en": "\u{200b}\u{202e}" } })),
        ("points beyond measure", json!({ "rewards": [{ "places": [1, 1], "points": 4_000_000_000_u32 }] })),
        ("places upside down", json!({ "rewards": [{ "places": [3, 1], "points": 5 }] })),
    ];
    for (about, change) in cases {
        let ask = stage.cast.door.post("/v1/challenges").with(&stage.marketer.token).json(&terms(change));
        refused(&ask.send().await.unwrap(), 422, "invalid_field", about);
    }
    let bottomless = format!(
        "{{\"name\":{{\"en\":\"x\"}},\"metric\":\"distance_m\",\"eligibility\":{}{{}}{}}}",
        "{\"not\":".repeat(1_000),
        "}".repeat(1_000)
    );
    let ask = stage.cast.door.post("/v1/challenges").with(&stage.marketer.token);
    let answer = ask.body("application/json", bottomless.into_bytes()).send().await.unwrap();
    assert!([400, 422].contains(&answer.status), "1 000 deep: {}", answer.json);
    let purchases = json!({ "eligibility": { "not": { "purchased_within_days": 90 } } });
    let ask = stage.cast.door.post("/v1/challenges").with(&stage.marketer.token).json(&terms(purchases));
    let fault = ask.send().await.unwrap().json["errors"][0].clone();
    assert_eq!(
        (&fault["pointer"], &fault["code"]),
        (&json!("/eligibility/not/purchased_within_days"), &json!("not_for_challenges"))
    );
    let listed = stage.cast.door.get("/v1/challenges?state=draft").with(&stage.marketer.token);
    assert_eq!(listed.expect(200).await.unwrap().items().len(), 0, "nothing was made");
    // 02:30 does not exist on that night in Berlin: the first moment that does is meant.
    let gap = window("2026-03-29T02:30:00", "2027-01-01T00:00:00", "Europe/Berlin");
    let ask = stage.cast.door.post("/v1/challenges").with(&stage.marketer.token).json(&terms(gap));
    ask.expect(201).await.unwrap();
    let athlete = stage.athlete("Dana").await;
    let ask = stage.cast.door.post("/v1/challenges").with(&athlete.token).json(&terms(json!({})));
    refused(&ask.send().await.unwrap(), 403, "forbidden", "an athlete's own");
    stage.running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_begins_anew_when_its_place_is_not_known_and_ends_with_its_session() {
    let stage = Stage::set().await;
    let dana = stage.athlete("Dana").await;
    let id = stage.open(json!({})).await;
    stage.join(&id, &dana).expect(200).await.unwrap();
    let path = format!("/v1/boards/{id}/live");
    for last in ["9007199254740991", "0", "not-a-number", "-5"] {
        let ask = stage.cast.door.get(&path).with(&dana.token).header("Last-Event-ID", last);
        let mut live = Live::open(ask).await.unwrap();
        live.until("a snapshot", |frame| frame.event == "snapshot").await.unwrap();
    }
    let unread = stage.cast.door.get(&path).stream().await.unwrap();
    let nowhere = stage.cast.door.get(&format!("/v1/boards/{}/live", uuid::Uuid::new_v4())).send();
    refused(&nowhere.await.unwrap(), 404, "not_found", "no such board");
    let friends = stage.cast.door.get(&format!("{path}?segment=friends")).with(&dana.token).send();
    refused(&friends.await.unwrap(), 422, "invalid_field", "friends are not live");
    let mut live = Live::open(stage.cast.door.get(&path).with(&dana.token)).await.unwrap();
    live.until("a snapshot", |frame| frame.event == "snapshot").await.unwrap();
    stage.cast.door.delete("/v1/sessions/current").with(&dana.token).expect(204).await.unwrap();
    let closed = live.until("the end", |frame| frame.event == "closed").await.unwrap();
    assert_eq!(closed.data["code"], "revoked");
    drop(unread);
    stage.running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_board_is_shown_as_it_stood_and_no_board_of_the_future_is() {
    let stage = Stage::set().await;
    let dana = stage.athlete("Dana").await;
    let id = stage.open(json!({})).await;
    stage.join(&id, &dana).expect(200).await.unwrap();
    let runs = async |hours_ago: i64, distance_m: i64, sum: i64| {
        let start = SystemClock.now().checked_sub(hours_ago.hours()).unwrap();
        let entry = json!({ "sport": "running", "start_at": start, "elapsed_time_s": 1800, "distance_m": distance_m });
        let ask = stage.cast.door.post("/v1/activities").with(&dana.token).json(&entry);
        ask.expect(201).await.unwrap();
        let top = || stage.cast.door.get(&format!("/v1/boards/{id}/top")).with(&dana.token);
        until(top, |top| top.json["entries"][0]["score"] == json!(sum)).await.unwrap();
        SystemClock.now()
    };
    let before = SystemClock.now();
    let first = runs(5, 5_000, 5_000).await;
    let second = runs(3, 3_000, 8_000).await;
    let board = format!("/v1/boards/{id}/history");
    let asked = |query: String| stage.cast.door.get(&format!("{board}{query}")).with(&dana.token);
    for (at, scores) in [(before, json!([])), (first, json!([5_000])), (second, json!([8_000]))] {
        let told = asked(format!("?at={at}")).expect(200).await.unwrap().json;
        let found: Vec<&Value> =
            told["entries"].as_array().unwrap().iter().map(|entry| &entry["score"]).collect();
        assert_eq!((json!(found), told["sequence"].is_u64()), (scores, true), "{told}");
    }
    let ahead = second.checked_add(2.hours()).unwrap();
    for query in [String::new(), "?at=noon".to_owned()] {
        refused(&asked(query.clone()).send().await.unwrap(), 400, "malformed_query", &query);
    }
    refused(&asked(format!("?at={ahead}")).send().await.unwrap(), 422, "invalid_field", "the future");
    stage.running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_of_a_group_has_three_challenges_in_it_at_a_time_and_promises_nothing() {
    let stage = Stage::set().await;
    let (dana, marat) = (stage.athlete("Dana").await, stage.athlete("Marat").await);
    let group = json!({ "name": "Hares", "kind": "open", "sports": ["running"] });
    let ask = stage.cast.door.post("/v1/groups").with(&dana.token).json(&group);
    let group = ask.expect(201).await.unwrap().text("/id").unwrap();
    let draft = |change: Value| {
        let mut ours = terms(json!({ "eligibility": { "group": group }, "public": false }));
        ours.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        stage.cast.door.post("/v1/challenges").with(&marat.token).json(&ours)
    };
    refused(&draft(json!({})).send().await.unwrap(), 403, "forbidden", "no member");
    let path = format!("/v1/groups/{group}/members/me");
    stage.cast.door.put(&path).with(&marat.token).json(&json!({})).expect(200).await.unwrap();
    let rich = json!({ "rewards": [{ "places": [1, 3], "points": 500 }] });
    refused(&draft(rich).send().await.unwrap(), 422, "invalid_field", "with points");
    let id = draft(json!({})).expect(201).await.unwrap().text("/id").unwrap();
    for _ in 0..2 {
        draft(json!({})).expect(201).await.unwrap();
    }
    let fourth = draft(json!({})).send().await.unwrap();
    refused(&fourth, 422, "invalid_field", "a fourth");
    assert_eq!(fourth.json["errors"][0]["code"], json!("too_many_unfinished"));
    let open = stage.cast.door.post(&format!("/v1/challenges/{id}/open")).with(&marat.token);
    open.json(&json!({})).expect(200).await.unwrap();
    stage.join(&id, &dana).expect(200).await.unwrap();
    let stop = stage.cast.door.post(&format!("/v1/challenges/{id}/stop")).with(&dana.token);
    stop.json(&json!({ "reason": "rain" })).expect(200).await.unwrap();
    draft(json!({})).expect(201).await.unwrap();
    stage.running.stop().await.unwrap();
}
