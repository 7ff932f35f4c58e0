//! Other rules come into force with a restart, through public HTTP.

use kernel::{Clock, SystemClock};
use serde_json::{Value, json};
use stadion::{
    demo::{
        cast::{ALMATY, Cast},
        door::{Door, until},
    },
    settings,
    up::Running,
};

use crate::{
    embedded::{serving, sources},
    hostile::refused,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_rules_reach_every_account_and_operators_see_how_far_they_are() {
    let (data, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let running = serving(data.path()).await;
    let cast = Cast::new(&format!("http://{}", running.http), data.path().to_owned()).unwrap();
    let (operator, dana) =
        (cast.make_operator().await.unwrap(), cast.sign_up("Dana", ALMATY, &["terms"]).await.unwrap());
    let start = SystemClock.now() - jiff::SignedDuration::from_hours(3);
    let run = json!({ "sport": "running", "start_at": start.to_string(), "elapsed_time_s": 1_800, "distance_m": 5_100 });
    cast.door.post("/v1/activities").with(&dana.token).json(&run).expect(201).await.unwrap();
    let rules = |door: &Door| door.get("/v1/rules").with(&operator.token);
    let told = until(|| rules(&cast.door), |answer| answer.json["backfill"]["accounts"] == json!(1)).await;
    let mut document = told.unwrap().json;
    assert_eq!(
        document["backfill"],
        json!({ "version": 3, "accounts_done": 1, "accounts": 1, "finished": true })
    );
    refused(
        &cast.door.get("/v1/rules").with(&dana.token).send().await.unwrap(),
        403,
        "forbidden",
        "no operator",
    );

    // Five kilometres are six.
    let mut other = document["rules"].take();
    other["version"] = json!(4);
    let badges = other["badges"].as_array_mut().unwrap();
    let five = badges.iter_mut().find(|badge| badge["badge"] == json!("5k")).unwrap();
    five["earned_by"]["at_least"] = json!(6_000);
    let preview = cast.door.post("/v1/rules/preview").with(&operator.token).json(&json!({ "rules": other }));
    let preview = preview.expect(200).await.unwrap().json;
    assert_eq!(preview["badges"][0]["lost_account_ids"], json!([dana.account_id]));
    running.stop().await.unwrap();

    let sources =
        sources(data.path()).flag("--rules", "gamification.rules", Some(folder.path().display().to_string()));
    std::fs::write(folder.path().join("broken.json"), "{}").unwrap();
    let told = Running::start(settings::load(&sources).unwrap()).await.err().unwrap().to_string();
    assert!(told.contains("broken.json"), "{told}");
    std::fs::remove_file(folder.path().join("broken.json")).unwrap();
    std::fs::write(folder.path().join("v4.json"), other.to_string()).unwrap();
    let running = Running::start(settings::load(&sources).unwrap()).await.unwrap();
    let door = Door::new(&format!("http://{}", running.http)).unwrap();
    let done = json!({ "version": 4, "accounts_done": 1, "accounts": 1, "finished": true });
    until(|| rules(&door), |answer| answer.json["backfill"] == done).await.unwrap();
    let held = door.get("/v1/me/achievements").with(&dana.token).expect(200).await.unwrap().json;
    let held: Vec<&Value> = held["items"].as_array().unwrap().iter().map(|item| &item["badge"]).collect();
    assert_eq!(held.len(), 2, "{held:?}");
    assert!(!held.contains(&&json!("5k")), "what is earned no longer is taken back");
    running.stop().await.unwrap();
}
