//! A workout that is told as it happens, through public HTTP: beacons, those who watch, and the activity in the end.

use jiff::{SignedDuration, Timestamp};
use kernel::{Clock, SystemClock};
use serde_json::{Value, json};
use stadion::demo::{cast::Person, live::Live};

use crate::{hostile::refused, hostile_contest::Stage};

const HOME: (f64, f64) = (43.2, 76.9);
const METRES_PER_DEGREE: f64 = 111_195.0;
/// What people run, told every ten seconds.
const STEP_M: f64 = 30.0;

/// The moment that many steps after the start: straight north from home.
fn beacon(start: Timestamp, step: u32) -> Value {
    let at = start + SignedDuration::from_secs(10 * i64::from(step));
    let away_m = f64::from(step) * STEP_M;
    json!({ "at": at.to_string(), "latlng": [HOME.0 + away_m / METRES_PER_DEGREE, HOME.1], "distance_m": away_m })
}

struct Course {
    stage: Stage,
    dana: Person,
    timur: Person,
    path: String,
    start: Timestamp,
}

impl Course {
    async fn tell(&self, steps: impl Iterator<Item = u32>) -> Value {
        let beacons: Vec<Value> = steps.map(|step| beacon(self.start, step)).collect();
        let ask = self.stage.cast.door.post(&format!("{}/beacons", self.path)).with(&self.dana.token);
        ask.json(&json!({ "beacons": beacons })).expect(200).await.unwrap().json
    }

    async fn watch(&self, who: &Person, last: Option<u64>) -> Live {
        let mut ask = self.stage.cast.door.get(&format!("{}/stream", self.path)).with(&who.token);
        if let Some(last) = last {
            ask = ask.header("Last-Event-ID", &last.to_string());
        }
        Live::open(ask).await.unwrap()
    }
}

async fn set() -> Course {
    let stage = Stage::set().await;
    let (dana, timur) = (stage.athlete("Dana").await, stage.athlete("Timur").await);
    let settings = stage.cast.door.get("/v1/me/privacy").with(&dana.token);
    let tag = settings.expect(200).await.unwrap().headers["etag"].to_str().unwrap().to_owned();
    let everyone = json!(["everyone"]);
    let choices = json!({
        "audiences": { "summary": everyone, "map": everyone, "start_time": everyone },
        "zones": [{ "name": "home", "latitude": HOME.0, "longitude": HOME.1, "radius_m": 200 }],
    });
    let ask = stage.cast.door.put("/v1/me/privacy").with(&dana.token).header("If-Match", &tag);
    ask.json(&choices).expect(200).await.unwrap();
    let start = SystemClock.now() - SignedDuration::from_secs(1_800);
    let wanted = json!({ "sport": "running", "name": "Along the Ile", "start_at": start.to_string() });
    let ask = stage.cast.door.post("/v1/live-sessions").with(&dana.token).json(&wanted);
    let id = ask.expect(201).await.unwrap().text("/id").unwrap();
    Course { stage, dana, timur, path: format!("/v1/live-sessions/{id}"), start }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_told_watched_finished_and_listed() {
    let course = set().await;
    let mut own = course.watch(&course.dana, None).await;
    let mut watch = course.watch(&course.timur, None).await;
    let snapshot = watch.until("the snapshot", |frame| frame.event == "snapshot").await.unwrap();
    assert_eq!(snapshot.data["session"]["name"], "Along the Ile");
    assert!(snapshot.data["session"].get("started_at").is_none(), "{}", snapshot.data);

    let told = course.tell(0..60).await;
    assert!(told["acks"].as_array().unwrap().iter().all(|ack| ack["status"] == "stored"), "{told}");
    let told = course.tell([59, 61, 60].into_iter()).await;
    let words: Vec<_> = told["acks"].as_array().unwrap().iter().map(|ack| ack["status"].clone()).collect();
    assert_eq!(words, ["duplicate", "stored", "late"]);
    let whole = own.until("her own points", |frame| frame.event == "points").await.unwrap();
    assert_eq!(whole.data["points"].as_array().unwrap().len(), 60);
    let shown = watch.until("points", |frame| frame.event == "points").await.unwrap();
    let first = &shown.data["points"][0];
    assert!(first["latlng"][0].as_f64().unwrap() > HOME.0 + 200.0 / METRES_PER_DEGREE, "{first}");
    assert_eq!(first["distance_m"], 0, "what lies in the zone is not counted for others");
    assert!(shown.data["points"].as_array().unwrap().len() < 54);
    let mut again = course.watch(&course.timur, shown.id).await;
    let next = again.until("the rest", |frame| frame.event == "points").await.unwrap();
    assert_eq!(next.data["points"].as_array().unwrap().len(), 2, "what was read does not come again");

    let door = &course.stage.cast.door;
    let finish = || door.post(&format!("{}/finish", course.path)).with(&course.dana.token).json(&json!({}));
    let finished = finish().expect(200).await.unwrap();
    let activity = finished.text("/activity_id").unwrap();
    let closed = watch.until("the end", |frame| frame.event == "closed").await.unwrap();
    assert_eq!((&closed.data["code"], &closed.data["activity_id"]), (&json!("finished"), &json!(activity)));
    assert_eq!(finish().expect(200).await.unwrap().text("/activity_id").unwrap(), activity);
    let listed = door.get("/v1/activities").with(&course.dana.token).expect(200).await.unwrap();
    let run = &listed.items()[0];
    assert_eq!(
        (listed.items().len(), &run["id"], &run["name"]),
        (1, &json!(activity), &json!("Along the Ile"))
    );
    assert!((run["distance_m"].as_f64().unwrap() - 61.0 * STEP_M).abs() < 1.0, "{run}");
    assert_eq!((&run["elapsed_time_s"], &run["verdict"]), (&json!(610), &json!("clear")));

    let late = door.post(&format!("{}/beacons", course.path)).with(&course.dana.token);
    let late = late.json(&json!({ "beacons": [beacon(course.start, 70)] })).send().await.unwrap();
    refused(&late, 409, "conflict", "told after the end");
    let theirs = door.post(&format!("{}/finish", course.path)).with(&course.timur.token);
    refused(&theirs.json(&json!({})).send().await.unwrap(), 404, "not_found", "not his");
    course.stage.running.stop().await.unwrap();
}
