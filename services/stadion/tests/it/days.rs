//! Days that phone and watch both tell, through public HTTP: from the changeset to the board.

use serde_json::{Value, json};
use stadion::demo::{
    cast::Person,
    door::{Answer, until},
};

use crate::{hostile::refused, hostile_contest::Stage};

struct Walker {
    stage: Stage,
    dana: Person,
    date: String,
}

impl Walker {
    fn span(&self, from: &str, to: &str, value: u32) -> Value {
        let at = |time: &str| format!("{}T{time}:00+05:00", self.date);
        json!({ "start_at": at(from), "end_at": at(to), "value": value })
    }

    async fn tells(&self, source: &str, version: u32, daily: Value) -> Value {
        let mut told = json!({ "type": "steps", "date": self.date });
        told.as_object_mut().unwrap().extend(daily.as_object().unwrap().clone());
        let changes = json!({ "source": source, "upserts":
            [{ "key": "D1", "version": version, "kind": "daily", "daily": told }] });
        let ask = self.stage.cast.door.post("/v1/sync").with(&self.dana.token).json(&changes);
        ask.expect(200).await.unwrap().json["acks"][0].clone()
    }

    async fn asks(&self, path: &str) -> Answer {
        self.stage.cast.door.get(&format!("/v1/me/days{path}")).with(&self.dana.token).send().await.unwrap()
    }

    async fn has_on_the_board(&self, challenge: &str, score: f64) {
        let path = format!("/v1/boards/{challenge}/around");
        let ask = || self.stage.cast.door.get(&path).with(&self.dana.token);
        let shown = |answer: &Answer| answer.json["entries"][0]["score"].as_f64() == Some(score);
        until(ask, shown).await.unwrap_or_else(|error| panic!("the board never showed {score}: {error}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn steps_of_phone_and_watch_count_once_on_the_board_and_say_where_each_minute_is_from() {
    let stage = Stage::set().await;
    let dana = stage.athlete("Dana").await;
    let now = kernel::Clock::now(&kernel::SystemClock).in_tz("Asia/Almaty").unwrap();
    let walker = Walker { stage, dana, date: now.date().yesterday().unwrap().to_string() };
    let window = json!({ "start": format!("{}T00:00:00", walker.date), "clock": "local", "time_zone": "Asia/Almaty",
        "end": format!("{}T00:00:00", now.date().saturating_add(jiff::ToSpan::days(3))) });
    let terms = json!({ "metric": "steps", "sports": [], "window": window });
    let challenge = walker.stage.open(terms).await;
    walker.stage.join(&challenge, &walker.dana).expect(200).await.unwrap();

    let phone = json!({ "value": 2_000, "device": "phone",
        "spans": [walker.span("08:00", "08:10", 1_000), walker.span("10:00", "10:10", 1_000)] });
    let watch = json!({ "value": 3_900, "device": "watch",
        "spans": [walker.span("10:00", "10:10", 900), walker.span("20:00", "20:30", 3_000)] });
    assert_eq!(walker.tells("healthkit", 1, phone).await["status"], "stored");
    walker.has_on_the_board(&challenge, 2_000.0).await;
    assert_eq!(walker.tells("watch", 1, watch).await["status"], "stored");
    walker.has_on_the_board(&challenge, 4_900.0).await;

    let list = walker.asks(&format!("?from={0}&to={0}&type=steps", walker.date)).await;
    let day = &list.json["items"][0];
    assert_eq!(
        (&day["value"], &day["unit"], &day["date"]),
        (&json!(4_900), &json!("count"), &json!(walker.date))
    );
    assert_eq!(
        day["sources"],
        json!([{ "source": "healthkit", "device": "phone", "value_raw": 2_000, "share": 1_000 },
            { "source": "watch", "device": "watch", "value_raw": 3_900, "share": 3_900 }])
    );
    let shown = walker.asks(&format!("/{}/steps", walker.date)).await.json;
    assert_eq!(shown["id"], day["id"]);
    let runs: Vec<_> = shown["minutes"].as_array().unwrap().iter().map(|run| &run["source"]).collect();
    assert_eq!(runs, ["healthkit", "watch", "watch"]);

    // The watch's day is corrected, then taken back.
    walker
        .tells(
            "watch",
            2,
            json!({ "value": 500, "device": "watch", "spans": [walker.span("10:00", "10:10", 500)] }),
        )
        .await;
    walker.has_on_the_board(&challenge, 1_500.0).await;
    let gone = json!({ "source": "watch", "deletes": [{ "key": 7 }, { "key": "D1" }] });
    let door = &walker.stage.cast.door;
    let told = door.post("/v1/sync").with(&walker.dana.token).json(&gone).expect(200).await.unwrap();
    let acks = told.json["acks"].as_array().unwrap();
    let said: Vec<_> = acks.iter().map(|ack| (&ack["status"], &ack["version"])).collect();
    assert_eq!(said, [(&json!("refused"), &json!(0)), (&json!("stored"), &json!(2))]);
    walker.has_on_the_board(&challenge, 2_000.0).await;

    for (path, status, code) in [
        ("?type=mood", 422, "invalid_field"),
        ("?from=2026-05-02&to=2026-05-01", 422, "invalid_field"),
        ("?from=someday", 400, "malformed_query"),
        ("?limit=0", 400, "malformed_query"),
        ("?cursor=none", 400, "bad_cursor"),
        ("/2026-05-01/steps", 404, "not_found"),
        ("/someday/steps", 404, "not_found"),
        ("/2026-05-01/mood", 404, "not_found"),
    ] {
        refused(&walker.asks(path).await, status, code, path);
    }
    walker.stage.running.stop().await.unwrap();
}
