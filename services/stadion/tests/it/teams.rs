//! A challenge of groups through public HTTP, from its draft to what its settlement pays.

use jiff::{SignedDuration, Timestamp};
use kernel::{Clock, SystemClock};
use serde_json::{Value, json};
use stadion::demo::{cast::Person, door};

use crate::{
    hostile::refused,
    hostile_contest::{Stage, terms},
};

struct Relay {
    stage: Stage,
    id: String,
    hares: String,
    storks: String,
}

impl Stage {
    /// A group of this person, open to everybody.
    async fn group(&self, owner: &Person, name: &str) -> String {
        let group = json!({ "name": name, "kind": "open", "sports": ["running"] });
        let ask = self.cast.door.post("/v1/groups").with(&owner.token).json(&group);
        ask.expect(201).await.unwrap().text("/id").unwrap()
    }

    async fn enters(&self, person: &Person, group: &str) {
        let path = format!("/v1/groups/{group}/members/me");
        self.cast.door.put(&path).with(&person.token).json(&json!({})).expect(200).await.unwrap();
    }

    /// So many metres, so many hours ago; the activity's path.
    async fn ran(&self, person: &Person, hours: i64, distance_m: f64) -> String {
        let start: Timestamp = SystemClock.now() - SignedDuration::from_hours(hours);
        let run = json!({ "sport": "running", "start_at": start.to_string(), "elapsed_time_s": 3_000,
            "distance_m": distance_m });
        let ask = self.cast.door.post("/v1/activities").with(&person.token).json(&run);
        format!("/v1/activities/{}", ask.expect(201).await.unwrap().text("/id").unwrap())
    }
}

impl Relay {
    fn participant(&self, body: &Value, who: &Person) -> door::Ask {
        let path = format!("/v1/challenges/{}/participants/me", self.id);
        self.stage.cast.door.put(&path).with(&who.token).json(body)
    }

    fn board(&self, who: &Person, query: &str) -> door::Ask {
        self.stage.cast.door.get(&format!("/v1/boards/{}/{query}", self.id)).with(&who.token)
    }

    /// The board once its rows are these: (group or name, rank, score).
    async fn shows(&self, who: &Person, query: &str, wanted: &[(&str, u32, f64)]) -> Value {
        let rows = |body: &Value| -> Vec<(String, u64, f64)> {
            let row = |row: &Value| {
                let name = ["group_id", "display_name"].iter().find_map(|field| row[field].as_str());
                let name = name.unwrap_or_default().to_owned();
                (name, row["rank"].as_u64().unwrap(), row["score"].as_f64().unwrap())
            };
            body["entries"].as_array().map(|rows| rows.iter().map(row).collect()).unwrap_or_default()
        };
        let tagged = |name: &str| {
            let group = [&self.hares, &self.storks].into_iter().any(|group| group == name);
            if group { name.to_owned() } else { format!("{name} {}", self.stage.cast.tag) }
        };
        let wanted: Vec<(String, u64, f64)> =
            wanted.iter().map(|(name, rank, score)| (tagged(name), u64::from(*rank), *score)).collect();
        let seen = door::until(|| self.board(who, query), |answer| rows(&answer.json) == wanted).await;
        seen.unwrap_or_else(|error| panic!("{query} never showed {wanted:?}: {error}")).json
    }
}

/// Where everybody stands in a challenge that began yesterday: they were born in 1990.
fn in_their_age() -> String {
    let began = (SystemClock.now() - SignedDuration::from_hours(24)).in_tz("Asia/Almaty").unwrap();
    let decade = (began.year() - 1990) / 10 * 10;
    format!("age:{decade}-{}", decade + 9)
}

/// Dana and Marat are hares, Aru is a stork; each has run.
async fn a_relay(kind: &str, [dana, marat, aru]: [&Person; 3], stage: Stage) -> Relay {
    let (hares, storks) = (stage.group(dana, "Hares").await, stage.group(aru, "Storks").await);
    stage.enters(marat, &hares).await;
    let change = json!({ "kind": kind, "late_sync_grace_s": 0, "rewards": [
        { "places": [1, 1], "points": 500 }, { "percentile": [0, 0], "points": 7 }, { "reached": 9_000, "points": 20 },
    ]});
    let id = stage.open(change).await;
    Relay { stage, id, hares, storks }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_compete_from_the_draft_to_the_rewards_of_their_members() {
    let stage = Stage::set().await;
    let (dana, marat, aru) =
        (stage.athlete("Dana").await, stage.athlete("Marat").await, stage.athlete("Aru").await);
    let idle = stage.athlete("Idle").await;
    let relay = a_relay("group", [&dana, &marat, &aru], stage).await;
    let (hares, storks) = (relay.hares.as_str(), relay.storks.as_str());

    let alone = relay.participant(&json!({}), &idle).send().await.unwrap();
    refused(&alone, 403, "not_eligible", "in no group");
    assert_eq!(alone.json["reasons"], json!([{ "clause": { "kind": "group" }, "met": false }]));
    relay.stage.enters(&idle, hares).await;
    let age = in_their_age();
    for who in [&dana, &marat, &idle] {
        let mine = relay.participant(&json!({}), who).expect(200).await.unwrap().json;
        assert_eq!(mine["group_id"], json!(hares));
        let segments: Vec<&str> =
            mine["segments"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        for segment in [age.as_str(), "sex:f", "league:bronze", &format!("team:{hares}")] {
            assert!(segments.contains(&segment), "{segments:?}");
        }
    }
    relay.stage.enters(&aru, hares).await;
    refused(&relay.participant(&json!({}), &aru).send().await.unwrap(), 422, "invalid_field", "for which");
    let for_storks = json!({ "group_id": storks });
    relay.participant(&for_storks, &aru).expect(200).await.unwrap();
    let over = relay.participant(&json!({ "group_id": hares }), &aru).send().await.unwrap();
    refused(&over, 409, "conflict", "nobody goes over");
    refused(
        &relay.participant(&json!({ "group_id": "hares" }), &aru).send().await.unwrap(),
        422,
        "invalid_field",
        "no id",
    );

    relay.stage.ran(&dana, 5, 5_000.0).await;
    relay.stage.ran(&marat, 6, 4_000.0).await;
    relay.stage.ran(&aru, 7, 7_000.0).await;
    let doubtful = relay.stage.ran(&aru, 9, 3_000.0).await;
    relay.shows(&dana, "top", &[(storks, 1, 10_000.0), (hares, 2, 9_000.0)]).await;
    let before = SystemClock.now();
    relay.stage.cast.door.delete(&doubtful).with(&aru.token).expect(204).await.unwrap();
    let board = relay.shows(&dana, "top", &[(hares, 1, 9_000.0), (storks, 2, 7_000.0)]).await;
    assert_eq!((&board["segment"], &board["entries"][0]["members"]), (&json!("teams"), &json!(2)));
    assert_eq!(board["entries"][0]["display_name"], json!("Hares"), "a team is called what its group is");
    relay.shows(&aru, "around", &[(hares, 1, 9_000.0), (storks, 2, 7_000.0)]).await;
    let then = format!("history?at={before}");
    let past = relay.shows(&dana, &then, &[(storks, 1, 10_000.0), (hares, 2, 9_000.0)]).await;
    assert_eq!((&past["segment"], &past["entries"][1]["members"]), (&json!("teams"), &json!(2)));
    let members = [("Aru", 1, 10_000.0), ("Dana", 2, 5_000.0), ("Marat", 3, 4_000.0)];
    relay.shows(&dana, &format!("{then}&segment=all"), &members).await;
    let everybody = [("Aru", 1, 7_000.0), ("Dana", 2, 5_000.0), ("Marat", 3, 4_000.0)];
    relay.shows(&dana, "top?segment=all", &everybody).await;
    relay.shows(&dana, "top?segment=sex:f", &everybody).await;
    relay.shows(&dana, "top?segment=league:bronze", &everybody).await;
    relay.shows(&dana, "top?segment=league:platinum", &[]).await;
    for league in ["league", "league:", "league:Gold%20", "league:a:b"] {
        let answer = relay.board(&dana, &format!("top?segment={league}")).send().await.unwrap();
        refused(&answer, 422, "invalid_field", league);
    }
    relay.shows(&dana, "top?segment=age:20-29", &[]).await;
    let of_hares = format!("top?segment=team:{hares}");
    relay.shows(&dana, &of_hares, &[("Dana", 1, 5_000.0), ("Marat", 2, 4_000.0)]).await;
    it_is_settled(&relay, [&dana, &marat, &aru, &idle]).await;
    relay.stage.running.stop().await.unwrap();
}

async fn it_is_settled(relay: &Relay, [dana, marat, aru, idle]: [&Person; 4]) {
    let door = &relay.stage.cast.door;
    let stop = door.post(&format!("/v1/challenges/{}/stop", relay.id)).with(&relay.stage.marketer.token);
    stop.json(&json!({ "reason": "it is cold" })).expect(200).await.unwrap();
    let path = format!("/v1/challenges/{}/settlement", relay.id);
    let settled = door::until(|| door.get(&path).with(&dana.token), |answer| answer.status == 200).await;
    let settled = settled.unwrap().json;
    let teams: Vec<_> = settled["teams"].as_array().unwrap().to_vec();
    let team = |group: &str, rank: u32, score: u32, members: u32, percentile: u32| {
        json!({ "group_id": group, "rank": rank, "score": score, "members": members, "tied": false,
            "percentile": percentile })
    };
    assert_eq!(teams, [team(&relay.hares, 1, 9_000, 2, 50), team(&relay.storks, 2, 7_000, 1, 0)]);
    let items = settled["placements"]["items"].as_array().unwrap();
    assert_eq!((items.len(), &settled["participants"]), (3, &json!(4)));
    let first = (&items[0]["account_id"], &items[0]["group_id"], &items[0]["score"]);
    assert_eq!(first, (&json!(aru.account_id), &json!(relay.storks), &json!(7_000)));
    for (who, points) in [(dana, 520), (marat, 520), (aru, 7), (idle, 0)] {
        let ask = || door.get("/v1/me/progress").with(&who.token);
        let paid = door::until(ask, |answer| answer.json["points"] == json!(points)).await;
        assert!(paid.is_ok(), "{} has not got {points}", who.email);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn terms_of_teams_that_mean_nothing_are_told_so_with_their_place() {
    let stage = Stage::set().await;
    let dana = stage.athlete("Dana").await;
    let (one, other) = (stage.group(&dana, "One").await, stage.group(&dana, "Other").await);
    let named = json!({ "kind": "team", "teams": [one, other] });
    let draft = stage.cast.door.post("/v1/challenges").with(&stage.marketer.token);
    let made = draft.json(&terms(named)).expect(201).await.unwrap();
    assert_eq!(made.json["teams"].as_array().unwrap().len(), 2);
    for (about, pointer, change) in [
        ("a herd", "/kind", json!({ "kind": "herd" })),
        ("one team", "/teams", json!({ "kind": "team", "teams": [one] })),
        ("teams of none", "/teams", json!({ "kind": "individual", "teams": [one, other] })),
        (
            "beyond 100",
            "/rewards/0/percentile",
            json!({ "rewards": [{ "percentile": [90, 101], "points": 5 }] }),
        ),
        (
            "upside down",
            "/rewards/0/percentile",
            json!({ "rewards": [{ "percentile": [9, 1], "points": 5 }] }),
        ),
        ("no attempt", "/attempts", json!({ "attempts": 0 })),
        (
            "two at once",
            "/rewards/0",
            json!({ "rewards": [{ "percentile": [9, 10], "reached": 5, "points": 5 }] }),
        ),
    ] {
        let ask = stage.cast.door.post("/v1/challenges").with(&stage.marketer.token).json(&terms(change));
        let answer = ask.send().await.unwrap();
        refused(&answer, 422, "invalid_field", about);
        assert_eq!(answer.json["errors"][0]["pointer"], json!(pointer), "{about}");
    }
    stage.running.stop().await.unwrap();
}
