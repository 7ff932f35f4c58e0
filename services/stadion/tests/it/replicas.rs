//! Two processes of every service: the stories hold, and each may be restarted while people go on.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use serde_json::json;
use stadion::demo::{
    cast::{ALMATY, Cast, Person},
    contest::Contest,
    journey::Journey,
};

use crate::{
    fleet::{Engines, Fleet, PARTS, Part},
    serve::play,
};

const REPLICAS: usize = 2;
const PAUSE: Duration = Duration::from_millis(20);

fn start_all(fleet: &Fleet) -> Vec<Vec<Part>> {
    let start = |part| (0..REPLICAS).map(|replica| fleet.start(part, replica)).collect::<Vec<_>>();
    let mut parts: Vec<Vec<Part>> = (0..PARTS.len()).map(start).collect();
    parts.iter_mut().flatten().for_each(|part| {
        part.ready();
    });
    parts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_stories_hold_with_two_replicas_of_everything() {
    let Some(engines) = Engines::of("both stories with two replicas of everything") else { return };
    let fleet = Fleet::on(engines, REPLICAS);
    let parts = start_all(&fleet);
    play::<Journey>(&fleet).await;
    play::<Contest>(&fleet).await;
    drop(parts);
}

/// The gateway stays: who calls it from outside has a balancer of its own. Somebody writes and somebody else looks on: who
/// reads what they wrote a moment ago may be told `unavailable` while a replica's part of the projections changes hands.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_service_is_restarted_replica_by_replica_and_no_request_fails() {
    let Some(engines) = Engines::of("a rolling restart") else { return };
    let fleet = Fleet::on(engines, REPLICAS);
    let mut parts = start_all(&fleet);
    let cast = Cast::new(&fleet.base(), fleet.data()).unwrap();
    let runner = cast.sign_up("runner", ALMATY, &["terms", "health_data"]).await.unwrap();
    let friend = cast.sign_up("friend", ALMATY, &["terms", "health_data"]).await.unwrap();
    let over = AtomicBool::new(false);
    let asked = AtomicUsize::new(0);
    let restarts = async {
        for part in (0..PARTS.len()).filter(|part| *part != fleet.part_of("gateway")) {
            for replica in 0..REPLICAS {
                let old = parts[part].remove(0);
                let ended = tokio::task::spawn_blocking(move || old.stop()).await.unwrap();
                assert!(ended.success(), "{:?}: {ended}", PARTS[part]);
                let mut new = fleet.start(part, replica);
                let became_ready = tokio::task::spawn_blocking(move || {
                    new.ready();
                    new
                });
                parts[part].push(became_ready.await.unwrap());
            }
        }
        over.store(true, Ordering::Relaxed);
    };
    tokio::join!(restarts, go_on(&cast, &runner, &over, &asked), look_on(&cast, &friend, &over, &asked));
    assert!(asked.load(Ordering::Relaxed) > 50, "there was something to lose");
}

/// Writes, each with a key, as an app sends it; never twice.
async fn go_on(cast: &Cast, athlete: &Person, over: &AtomicBool, asked: &AtomicUsize) {
    let mut written = 0;
    while !over.load(Ordering::Relaxed) {
        let run = json!({
            "sport": "running", "name": format!("round {written}"), "elapsed_time_s": 600, "distance_m": 1_500,
            "start_at": format!("2026-05-{:02}T{:02}:{:02}:00+05:00", 1 + written / 1_440 % 28, written / 60 % 24, written % 60),
        });
        let ask = cast.door.post("/v1/activities").with(&athlete.token);
        let key = uuid::Uuid::new_v4().to_string();
        ask.header("idempotency-key", &key).json(&run).expect(201).await.unwrap();
        written += 1;
        asked.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(PAUSE).await;
    }
}

async fn look_on(cast: &Cast, athlete: &Person, over: &AtomicBool, asked: &AtomicUsize) {
    const PAGES: [&str; 5] = ["/v1/me", "/v1/activities", "/v1/me/progress", "/v1/feed", "/v1/me/offers"];
    for page in PAGES.iter().cycle() {
        if over.load(Ordering::Relaxed) {
            return;
        }
        cast.door.get(page).with(&athlete.token).expect(200).await.unwrap();
        asked.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(PAUSE).await;
    }
}
