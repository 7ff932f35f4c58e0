//! What an athlete's activities add up to, through public HTTP.

use serde_json::{Value, json};
use stadion::demo::cast::{ALMATY, Cast, Person};

use crate::{
    embedded::{binary, serving},
    hostile::refused,
    hostile_contest::Stage,
};

/// One athlete's door to their own figures.
struct Diary {
    stage: Stage,
    dana: Person,
}

impl Diary {
    async fn wrote(&self, start_at: &str, sport: &str, distance_m: f64) -> Value {
        let entry =
            json!({ "sport": sport, "start_at": start_at, "elapsed_time_s": 5400, "distance_m": distance_m });
        let ask = self.stage.cast.door.post("/v1/activities").with(&self.dana.token).json(&entry);
        ask.expect(201).await.unwrap().json
    }

    async fn ask(&self, path: &str) -> Value {
        self.stage.cast.door.get(path).with(&self.dana.token).expect(200).await.unwrap().json
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sums_records_and_comparisons_follow_what_counts() {
    let stage = Stage::set().await;
    let dana = stage.athlete("Dana").await;
    let diary = Diary { stage, dana };
    let farthest = diary.wrote("2026-05-03T07:00:00+05:00", "running", 12_000.0).await;
    diary.wrote("2026-05-04T07:00:00+05:00", "running", 5_000.0).await;
    diary.wrote("2026-05-05T07:00:00+05:00", "cycling", 40_000.0).await;

    let weeks = "/v1/me/statistics?interval=week&from=2026-04-27&to=2026-05-10&sport=running";
    let told = diary.ask(weeks).await;
    assert_eq!((&told["week_start"], &told["time_zone"]), (&json!("monday"), &json!("Asia/Almaty")));
    let first = json!({ "from": "2026-04-27", "to": "2026-05-03", "count": 1, "active_days": 1,
        "elapsed_time_s": 5400, "moving_time_s": 5400, "distance_m": 12_000 });
    assert_eq!((&told["items"][0], &told["items"][1]["distance_m"]), (&first, &json!(5_000)));
    assert_eq!(told["streaks"]["days"]["longest"], json!(2));
    let month =
        "/v1/me/statistics?interval=month&from=2026-05-01T00:00:00%2B05:00&to=2026-06-01T00:00:00%2B05:00";
    let told = diary.ask(month).await;
    assert_eq!((told["items"].as_array().unwrap().len(), &told["total"]["distance_m"]), (1, &json!(57_000)));

    let best = |told: &Value| told["items"][0].clone();
    let records = "/v1/me/records?sport=running";
    let record = best(&diary.ask(records).await);
    assert_eq!((&record["kind"], &record["unit"]), (&json!("longest_distance"), &json!("m")));
    assert_eq!((&record["value"], &record["activity_id"]), (&json!(12_000), &farthest["id"]));

    let compared = diary.ask("/v1/me/comparison?with=self&from=2026-05-04&to=2026-05-06").await;
    assert_eq!(compared["current"]["distance_m"], json!(45_000));
    assert_eq!(compared["previous"]["distance_m"], json!(12_000));

    let path = format!("/v1/activities/{}", farthest["id"].as_str().unwrap());
    diary.stage.cast.door.delete(&path).with(&diary.dana.token).expect(204).await.unwrap();
    assert_eq!(best(&diary.ask(records).await)["value"], json!(5_000));
    assert_eq!(diary.ask(weeks).await["items"][0]["count"], json!(0));
    let restore = diary.stage.cast.door.post(&format!("{path}/restore")).with(&diary.dana.token);
    restore.json(&json!({})).expect(200).await.unwrap();
    assert_eq!(diary.ask(weeks).await["items"][0], first);
    assert_eq!(best(&diary.ask(records).await)["history"].as_array().unwrap().len(), 1);
    bad_questions_are_refused(&diary).await;
    the_region_is_compared_with_by_who_agreed(&diary).await;
    diary.stage.running.stop().await.unwrap();
}

async fn bad_questions_are_refused(diary: &Diary) {
    for (query, status, code) in [
        ("statistics?interval=fortnight", 422, "invalid_field"),
        ("statistics?sport=quidditch", 422, "invalid_field"),
        ("statistics?week_start=someday", 422, "invalid_field"),
        ("statistics?from=2026-02-30", 400, "malformed_query"),
        ("statistics?interval=day&from=1990-01-01", 422, "invalid_field"),
        ("statistics?from=2026-05-02&to=2026-05-01", 422, "invalid_field"),
        ("records?sport=quidditch", 422, "invalid_field"),
        ("comparison?with=nobody", 422, "invalid_field"),
        ("comparison?from=2026-05-01", 422, "invalid_field"),
        ("comparison?with=region", 403, "not_eligible"),
    ] {
        let ask = diary.stage.cast.door.get(&format!("/v1/me/{query}")).with(&diary.dana.token);
        refused(&ask.send().await.unwrap(), status, code, query);
    }
    let stranger = diary.stage.cast.door.get("/v1/me/statistics");
    refused(&stranger.send().await.unwrap(), 401, "unauthenticated", "nobody");
}

async fn the_region_is_compared_with_by_who_agreed(diary: &Diary) {
    let consent = diary.stage.cast.door.put("/v1/me/consents/region_comparison").with(&diary.dana.token);
    consent.json(&json!({ "text_version": "1" })).expect(200).await.unwrap();
    let told = diary.ask("/v1/me/comparison?with=region&from=2026-05-03").await;
    let said = (&told["with"], &told["interval"], &told["region"]);
    assert_eq!(said, (&json!("region"), &json!("month"), &json!("KZ-75")));
    assert_eq!((&told["current"]["count"], &told["typical"]), (&json!(3), &Value::Null), "one is too few");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_past_is_worked_out_anew_by_a_tool_and_comes_out_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let running = serving(folder.path()).await;
    let cast = Cast::new(&format!("http://{}", running.http), folder.path().to_owned()).unwrap();
    let dana = cast.sign_up("Dana", ALMATY, &["terms", "health_data"]).await.unwrap();
    let start = "2026-05-01T01:00:00Z".parse().unwrap();
    let file = formats::write(&formats::synth::run(7, start, 5_000.0, 360.0));
    let upload = cast.door.post("/v1/uploads?wait_s=30").with(&dana.token);
    let upload = upload.body("application/octet-stream", file).expect(200).await.unwrap();
    let history = format!("/v1/activities/{}/history", upload.text("/activity_ids/0").unwrap());
    let data = folder.path().to_owned();
    for (arguments, told) in [
        ("recompute --dry-run", "1 read again, 0 would change, 0 could not be read"),
        ("recompute --run first", "first: 1 read again, 0 changed, 0 could not be read"),
        ("recompute --run first", "first: 0 read again, 0 changed, 0 could not be read"),
    ] {
        let data = data.clone();
        let output = tokio::task::spawn_blocking(move || binary(arguments, &data).output().unwrap());
        let output = output.await.unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.trim_end().ends_with(told), "{said} {}", String::from_utf8_lossy(&output.stderr));
    }
    let items = cast.door.get(&history).with(&dana.token).expect(200).await.unwrap();
    assert_eq!(items.items().len(), 1, "the same algorithms change nothing");
    running.stop().await.unwrap();
}
