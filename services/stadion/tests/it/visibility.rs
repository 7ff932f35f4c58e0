//! Who must not see somebody sees nothing of them: every route that can name or show a person, walked through public
//! HTTP with values that stand in nothing else.

use jiff::ToSpan;
use kernel::{Clock, SystemClock};
use reqwest::Method;
use serde_json::{Value, json};
use stadion::demo::{
    cast::Person,
    door::{Answer, until},
    live::{Frame, Live},
};

use crate::{hostile::refused, hostile_contest::Stage};

const NAME: &str = "Zhuldyz Canaryeva";
const HANDLE: &str = "canary_zhuldyz";
/// A heart rate that nobody else has, and the two ways in which there could be one at all.
const BEATS: [&str; 4] = ["187.25", "193.75", "\"heart_rate\":[", "\"heart_rate_avg_bpm\""];

/// A town in which Dana, whom the canaries are planted in, does everything that could show her.
struct Town {
    stage: Stage,
    dana: Person,
    timur: Person,
    marat: Person,
    run: String,
    marats_run: String,
    group: String,
    challenge: String,
    /// Dana's on the board.
    member: String,
}

impl Town {
    async fn built() -> Self {
        let stage = Stage::set().await;
        let (dana, timur) = (stage.athlete("Dana").await, stage.athlete("Timur").await);
        let marat = stage.athlete("Marat").await;
        let challenge = stage.open(json!({})).await;
        let mut town = Self {
            stage,
            dana,
            timur,
            marat,
            run: String::new(),
            marats_run: String::new(),
            group: String::new(),
            challenge,
            member: String::new(),
        };
        let name = json!({ "display_name": NAME, "handle": HANDLE });
        let rename = town.stage.cast.door.ask(Method::PATCH, "/v1/me").with(&town.dana.token);
        rename.json(&name).expect(200).await.unwrap();
        for (one, other) in [(&town.dana, &town.timur), (&town.marat, &town.timur), (&town.dana, &town.marat)]
        {
            town.befriend(one, other).await;
        }
        let follow = format!("/v1/me/follows/{}", town.dana.account_id);
        town.put(&town.timur, &follow).await;
        let follow = format!("/v1/me/follows/{}", town.timur.account_id);
        town.put(&town.dana, &follow).await;
        town.gather().await;
        town.compete().await;
        town.talk().await;
        town
    }

    async fn put(&self, by: &Person, path: &str) -> Answer {
        self.stage.cast.door.put(path).with(&by.token).json(&json!({})).expect(200).await.unwrap()
    }

    async fn befriend(&self, one: &Person, other: &Person) {
        self.put(one, &format!("/v1/me/friends/{}", other.account_id)).await;
        self.put(other, &format!("/v1/me/friends/{}", one.account_id)).await;
    }

    async fn gather(&mut self) {
        let group = json!({ "name": "Medeu hill club", "kind": "open", "sports": ["running"] });
        let made = self.stage.cast.door.post("/v1/groups").with(&self.marat.token).json(&group);
        self.group = made.expect(201).await.unwrap().text("/id").unwrap();
        let path = format!("/v1/groups/{}/members/me", self.group);
        for member in [&self.dana, &self.timur] {
            self.put(member, &path).await;
        }
    }

    async fn compete(&mut self) {
        for who in [&self.dana, &self.timur, &self.marat] {
            let joined = self.stage.join(&self.challenge, who).expect(200).await.unwrap();
            if who.account_id == self.dana.account_id {
                self.member = joined.text("/member").unwrap();
            }
        }
        self.run = self.runs(&self.dana, 9_000.0, true).await;
        self.marats_run = self.runs(&self.marat, 7_000.0, false).await;
        self.runs(&self.timur, 5_000.0, false).await;
        let top = format!("/v1/boards/{}/top", self.challenge);
        let all = |board: &Answer| {
            [&self.dana, &self.timur, &self.marat].iter().all(|one| shows(board, &one.account_id))
        };
        until(|| self.stage.cast.door.get(&top).with(&self.timur.token), all).await.unwrap();
    }

    /// Runs in the hour before this one; the activity.
    async fn runs(&self, who: &Person, distance_m: f64, beats: bool) -> String {
        let start = SystemClock.now().checked_sub(1.hour()).unwrap();
        let mut workout = json!({
            "sport": "running", "name": format!("a run of {distance_m} m"), "start_at": start.to_string(),
            "elapsed_time_s": 3000, "timer_time_s": 3000, "distance_m": distance_m,
            "streams": { "time": [0, 60], "latlng": [[43.2, 76.9], [43.202, 76.9]], "heart_rate": [null, null] },
        });
        if beats {
            workout["heart_rate_avg_bpm"] = json!(187.25);
            workout["heart_rate_max_bpm"] = json!(193.75);
            workout["streams"]["heart_rate"] = json!([188, 189]);
        }
        let changes = json!({ "source": "healthkit", "upserts": [
            { "key": "W", "version": 1, "kind": "workout", "workout": workout },
        ] });
        let ask = self.stage.cast.door.post("/v1/sync").with(&who.token).json(&changes);
        ask.expect(200).await.unwrap().text("/acks/0/activity_id").unwrap()
    }

    async fn talk(&self) {
        for (by, run) in [(&self.dana, &self.marats_run), (&self.dana, &self.run), (&self.timur, &self.run)] {
            let path = format!("/v1/activities/{run}/comments");
            let text = json!({ "text": "Well run!" });
            self.stage.cast.door.post(&path).with(&by.token).json(&text).expect(201).await.unwrap();
        }
        let feed = || self.stage.cast.door.get("/v1/feed").with(&self.timur.token);
        until(feed, |feed| shows(feed, &self.run) && shows(feed, &self.marats_run)).await.unwrap();
        let found = || self.stage.cast.door.get("/v1/people?q=Zhuldyz").with(&self.timur.token);
        until(found, |found| shows(found, NAME)).await.unwrap();
    }

    /// Every GET that can name or show Dana to somebody, and whether it does to a friend of hers.
    fn routes(&self) -> Vec<(String, bool)> {
        let (dana, run, challenge) = (&self.dana.account_id, &self.run, &self.challenge);
        let routes = [
            (format!("/v1/people/{dana}"), true),
            ("/v1/people?q=Zhuldyz%20Canaryeva".to_owned(), true),
            (format!("/v1/people?q={HANDLE}"), true),
            ("/v1/people?q=Zhuldyz&region=KZ-75".to_owned(), true),
            ("/v1/feed".to_owned(), true),
            ("/v1/feed?limit=1".to_owned(), false),
            ("/v1/me/friends".to_owned(), true),
            ("/v1/me/friends?state=invited".to_owned(), false),
            ("/v1/me/friends?state=received".to_owned(), false),
            ("/v1/me/followers".to_owned(), true),
            ("/v1/me/followers?state=requested".to_owned(), false),
            ("/v1/me/following".to_owned(), true),
            ("/v1/me/blocks".to_owned(), false),
            ("/v1/groups?mine=true".to_owned(), false),
            (format!("/v1/groups/{}", self.group), false),
            (format!("/v1/groups/{}/members", self.group), true),
            (format!("/v1/activities?account={dana}"), true),
            (format!("/v1/activities/{run}"), true),
            (format!("/v1/activities/{run}/streams"), false),
            (format!("/v1/activities/{run}/streams?types=heart_rate"), false),
            (format!("/v1/activities/{run}/explanation"), false),
            (format!("/v1/activities/{run}/comments"), true),
            (format!("/v1/activities/{}/comments", self.marats_run), true),
            ("/v1/challenges".to_owned(), false),
            (format!("/v1/challenges/{challenge}"), false),
            (format!("/v1/boards/{challenge}/top"), true),
            (format!("/v1/boards/{challenge}/top?segment=friends"), true),
            (format!("/v1/boards/{challenge}/top?segment=region:KZ-75"), true),
            (format!("/v1/boards/{challenge}/around?span=5"), true),
            (format!("/v1/boards/{challenge}/around?segment=friends&span=5"), true),
            (format!("/v1/boards/{challenge}/ranks?accounts={dana}"), true),
            (format!("/v1/boards/{challenge}/history?at={}", SystemClock.now()), true),
            (format!("/v1/me/privacy/view-as?account={dana}"), false),
            (format!("/v1/me/privacy/explain?account={dana}"), false),
            ("/v1/me/achievements".to_owned(), false),
        ];
        routes.into_iter().collect()
    }

    async fn asked(&self, by: &Person, path: &str) -> Answer {
        self.stage.cast.door.get(path).with(&by.token).send().await.unwrap()
    }

    /// What stands on the live board when it is opened: its first snapshot, and the names that come with it.
    async fn live(&self, by: &Person) -> (Live, Frame) {
        let path = format!("/v1/boards/{}/live", self.challenge);
        let mut live = Live::open(self.stage.cast.door.get(&path).with(&by.token)).await.unwrap();
        let names = |frame: &Frame| frame.event == "names" && frame.data.get(&self.member).is_some();
        let frame = live.until("the names", names).await.unwrap();
        (live, frame)
    }

    async fn shows_heart_rate_to(&self, audience: Value) {
        let settings = self.stage.cast.door.get("/v1/me/privacy").with(&self.dana.token);
        let tag = settings.expect(200).await.unwrap().headers["etag"].to_str().unwrap().to_owned();
        let ask = self.stage.cast.door.put("/v1/me/privacy").with(&self.dana.token).header("If-Match", &tag);
        ask.json(&json!({ "audiences": { "heart_rate": audience } })).expect(200).await.unwrap();
    }

    /// How many of the beats are said to somebody, on all routes together.
    async fn beats_said_to(&self, who: &Person) -> usize {
        let mut said = String::new();
        for (path, _) in self.routes() {
            let answer = self.asked(who, &path).await;
            said += &answer.json.to_string();
        }
        said += &self.live(who).await.1.data.to_string();
        BEATS.iter().filter(|beat| said.contains(**beat)).count()
    }
}

fn shows(answer: &Answer, what: &str) -> bool {
    answer.json.to_string().contains(what)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_block_nothing_that_a_person_can_ask_names_or_shows_the_other() {
    let town = Town::built().await;
    let canaries = [NAME, HANDLE, &town.dana.account_id, &town.run];
    for (path, named) in town.routes() {
        let answer = town.asked(&town.timur, &path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.json);
        let found = canaries.iter().any(|canary| shows(&answer, canary));
        assert!(found || !named, "{path} shows a friend: {}", answer.json);
    }
    let (mut open, before) = town.live(&town.timur).await;
    assert_eq!(before.data[&town.member]["display_name"], NAME);

    let block = format!("/v1/me/blocks/{}", town.timur.account_id);
    town.put(&town.dana, &block).await;
    // At the first asking, not after a while.
    for (path, _) in town.routes() {
        let answer = town.asked(&town.timur, &path).await;
        if answer.status == 200 {
            for canary in canaries {
                assert!(!shows(&answer, canary), "{path} still says {canary}: {}", answer.json);
            }
        } else {
            refused(&answer, 404, "not_found", &path);
            assert!(!shows(&answer, NAME) && !shows(&answer, HANDLE), "{path}: {}", answer.json);
        }
    }
    for path in [
        format!("/v1/people/{}", town.dana.account_id),
        format!("/v1/activities/{}", town.run),
        format!("/v1/activities/{}/streams", town.run),
        format!("/v1/activities/{}/comments", town.run),
        format!("/v1/me/privacy/view-as?account={}", town.dana.account_id),
        format!("/v1/me/privacy/explain?account={}", town.dana.account_id),
    ] {
        refused(&town.asked(&town.timur, &path).await, 404, "not_found", &path);
    }
    let hidden = |frame: &Frame| frame.event == "names" && frame.data.get(&town.member) == Some(&Value::Null);
    open.until("that her name leaves the open stream", hidden).await.unwrap();
    let (_, anew) = town.live(&town.timur).await;
    assert_eq!(anew.data[&town.member], Value::Null, "{}", anew.data);
    settled_hides_her(&town).await;
    town.stage.running.stop().await.unwrap();
}

/// The last list stays as open, and as closed, as the board was.
async fn settled_hides_her(town: &Town) {
    let stop = town.stage.cast.door.post(&format!("/v1/challenges/{}/stop", town.challenge));
    stop.with(&town.stage.marketer.token).json(&json!({ "reason": "rain" })).expect(200).await.unwrap();
    let path = format!("/v1/challenges/{}/settlement", town.challenge);
    let places = |answer: &Answer| answer.json.to_string().contains(&town.marat.account_id);
    let ask = |who: &Person| town.stage.cast.door.get(&path).with(&who.token);
    let blocked = until(|| ask(&town.timur), places).await.unwrap();
    assert!(!shows(&blocked, NAME) && !shows(&blocked, &town.dana.account_id), "{}", blocked.json);
    let friend = ask(&town.marat).expect(200).await.unwrap();
    assert!(shows(&friend, NAME), "her friend still reads her name: {}", friend.json);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_heart_rate_that_its_owner_hides_is_on_no_surface() {
    let town = Town::built().await;
    assert_eq!(town.beats_said_to(&town.timur).await, 0, "nobody's, unless she says otherwise");
    let own = town.asked(&town.dana, &format!("/v1/activities/{}", town.run)).await;
    assert!(shows(&own, "187.25") && shows(&own, "193.75"), "she sees it herself: {}", own.json);

    town.shows_heart_rate_to(json!(["friends"])).await;
    assert_eq!(town.beats_said_to(&town.timur).await, BEATS.len(), "the walk finds what there is");
    let view = format!("/v1/me/privacy/view-as?account={}", town.timur.account_id);
    let seen = town.asked(&town.dana, &view).await;
    assert!(shows(&seen, &town.run) && shows(&seen, "187.25"), "as he sees her: {}", seen.json);

    town.shows_heart_rate_to(json!([])).await;
    assert_eq!(town.beats_said_to(&town.timur).await, 0, "at once, and of the past too");
    let seen = town.asked(&town.dana, &view).await;
    assert!(shows(&seen, &town.run) && !shows(&seen, "187.25"), "{}", seen.json);
    let stranger = town.stage.athlete("Saule").await;
    town.shows_heart_rate_to(json!(["friends"])).await;
    assert_eq!(town.beats_said_to(&stranger).await, 0, "a stranger is no friend");
    for path in ["history", "original"] {
        let path = format!("/v1/activities/{}/{path}", town.run);
        refused(&town.asked(&town.timur, &path).await, 404, "not_found", &path);
    }
    town.stage.running.stop().await.unwrap();
}
