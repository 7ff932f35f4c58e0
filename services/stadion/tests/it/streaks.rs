//! A streak, the freezes that carry it across a missed day, and its repair, through public HTTP.

use jiff::{
    ToSpan,
    civil::{Date, date},
};
use serde_json::{Value, json};
use stadion::demo::{cast::Person, door::until};

use crate::{embedded::Put, hostile_contest::Stage};

/// Today, far from its midnights in Almaty.
const NOON: &str = "2026-05-13T12:00:00+05:00";
const TODAY: Date = date(2026, 5, 13);

struct Diary {
    stage: Stage,
    dana: Person,
}

/// So many days ago, in Almaty.
fn day(ago: i64) -> Date {
    TODAY.checked_sub(ago.days()).unwrap()
}

impl Diary {
    async fn ran(&self, ago: i64) {
        let run = json!({ "sport": "running", "start_at": format!("{}T07:00:00+05:00", day(ago)),
            "elapsed_time_s": 1_200, "distance_m": 3_000 });
        let ask = self.stage.cast.door.post("/v1/activities").with(&self.dana.token);
        ask.json(&run).expect(201).await.unwrap();
    }

    /// A watch that was away tells what it has.
    async fn synced(&self, ago: i64) {
        let workout = json!({ "sport": "running", "start_at": format!("{}T06:30:00+05:00", day(ago)),
            "elapsed_time_s": 1_500, "distance_m": 4_000 });
        let body = json!({ "source": "watch", "upserts": [
            { "key": "late", "version": 1, "kind": "workout", "workout": workout } ] });
        let ask = self.stage.cast.door.post("/v1/sync").with(&self.dana.token);
        let told = ask.json(&body).expect(200).await.unwrap();
        assert_eq!(told.json["acks"][0]["status"], json!("stored"));
    }

    async fn stands_at(&self, days: u32, freezes: u32, frozen: &[Date]) {
        let ask = || self.stage.cast.door.get("/v1/me/progress").with(&self.dana.token);
        let wanted = (json!(days), json!(freezes), json!(frozen));
        let says = |body: &Value| {
            let of = |field: &str| body[field].clone();
            (of("streak_days"), of("streak_freezes"), of("streak_frozen_days")) == wanted
        };
        let seen = until(ask, |answer| says(&answer.json)).await;
        assert!(seen.is_ok(), "never {wanted:?}: {:?}", ask().send().await.unwrap().json);
    }

    /// Why the badge is held.
    async fn explained(&self, badge: &str) -> Value {
        let door = &self.stage.cast.door;
        let held = |body: &Value| {
            let items = body["items"].as_array().cloned().unwrap_or_default();
            items.into_iter().find(|item| item["badge"] == json!(badge))
        };
        let list = || door.get("/v1/me/achievements").with(&self.dana.token);
        let list = until(list, |answer| held(&answer.json).is_some()).await.unwrap();
        let id = held(&list.json).unwrap()["id"].as_str().unwrap().to_owned();
        let ask = door.get(&format!("/v1/achievements/{id}/explanation")).with(&self.dana.token);
        ask.expect(200).await.unwrap().json
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missed_day_is_covered_and_a_late_sync_gives_the_freeze_back() {
    let stage = Stage::at(Put::to(NOON)).await;
    let dana = stage.athlete("Dana").await;
    let diary = Diary { stage, dana };
    diary.stands_at(0, 0, &[]).await;
    for ago in (1..=32).filter(|ago| *ago != 25) {
        diary.ran(ago).await;
    }
    diary.stands_at(31, 2, &[day(25)]).await;
    let why = diary.explained("streak_30").await;
    assert_eq!((&why["rule_version"], &why["frozen_days"]), (&json!(3), &json!([day(25)])));
    assert_eq!(why["because"].as_array().unwrap().len(), 30, "what was frozen is no reason");

    diary.synced(25).await;
    diary.stands_at(32, 2, &[]).await;
    assert_eq!(diary.explained("streak_30").await["frozen_days"], Value::Null);
    diary.stage.running.stop().await.unwrap();
}
