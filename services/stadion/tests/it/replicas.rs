//! Two processes of every service: the stories hold, and each may be restarted while people go on.

use std::{
    future::Future,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use serde_json::json;
use stadion::demo::{
    cast::{ALMATY, Cast, Person},
    contest::Contest,
    door::Answer,
    journey::Journey,
};

use crate::{
    fleet::{Engines, Fleet, PARTS, Part},
    serve::play,
};

const REPLICAS: usize = 2;
const PAUSE: Duration = Duration::from_millis(20);
const AGAIN_AFTER: Duration = Duration::from_millis(200);

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

/// The gateway stays: who calls it from outside has a balancer of its own. An answer `503` is asked for again, as apps do it
/// and with the same key; how many there were is said, and nothing acknowledged may be missing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_service_is_restarted_replica_by_replica_and_nothing_is_lost() {
    let Some(engines) = Engines::of("a rolling restart") else { return };
    let fleet = Fleet::on(engines, REPLICAS);
    let mut parts = start_all(&fleet);
    let cast = Cast::new(&fleet.base(), fleet.data()).unwrap();
    let runner = cast.sign_up("runner", ALMATY, &["terms", "health_data"]).await.unwrap();
    let friend = cast.sign_up("friend", ALMATY, &["terms", "health_data"]).await.unwrap();
    let over = AtomicBool::new(false);
    let asked = AtomicUsize::new(0);
    let refused = AtomicUsize::new(0);
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
    let counts = (&asked, &refused);
    let (_, written, ()) =
        tokio::join!(restarts, go_on(&cast, &runner, &over, counts), look_on(&cast, &friend, &over, counts));
    let (asked, refused) = (asked.load(Ordering::Relaxed), refused.load(Ordering::Relaxed));
    println!("{asked} requests, {refused} of them had to be asked again");
    assert!(asked > 20, "there was something to lose");
    let mut kept: Vec<String> = Vec::new();
    let mut page = "/v1/activities?limit=100".to_owned();
    loop {
        let answer = cast.door.get(&page).with(&runner.token).expect(200).await.unwrap();
        let items = answer.json["items"].as_array().unwrap();
        kept.extend(items.iter().map(|one| one["id"].as_str().unwrap().to_owned()));
        let Some(cursor) = answer.json["next_cursor"].as_str() else { break };
        page = format!("/v1/activities?limit=100&cursor={cursor}");
    }
    kept.sort();
    let mut written = written;
    written.sort();
    assert_eq!(kept, written, "every acknowledged workout once, and no other");
}

/// Asks, and asks again for a while what is answered with `503`.
async fn patiently<F, Fut>(refused: &AtomicUsize, ask: F) -> Answer
where
    F: Fn() -> Fut,
    Fut: Future<Output = anyhow::Result<Answer>>,
{
    for _ in 0..100 {
        match ask().await {
            Ok(answer) => return answer,
            Err(error) => assert!(error.to_string().contains("answered 503"), "{error:#}"),
        }
        refused.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(AGAIN_AFTER).await;
    }
    panic!("nobody answers any more")
}

/// Writes, each with a key; what was written.
async fn go_on(
    cast: &Cast,
    athlete: &Person,
    over: &AtomicBool,
    (asked, refused): (&AtomicUsize, &AtomicUsize),
) -> Vec<String> {
    let mut ids = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let written = ids.len();
        let run = json!({
            "sport": "running", "name": format!("round {written}"), "elapsed_time_s": 600, "distance_m": 1_500,
            "start_at": format!("2026-05-{:02}T{:02}:{:02}:00+05:00", 1 + written / 1_440 % 28, written / 60 % 24, written % 60),
        });
        let key = uuid::Uuid::new_v4().to_string();
        let answer = patiently(refused, || {
            let ask = cast.door.post("/v1/activities").with(&athlete.token);
            ask.header("idempotency-key", &key).json(&run).expect(201)
        });
        ids.push(answer.await.json["id"].as_str().unwrap().to_owned());
        asked.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(PAUSE).await;
    }
    ids
}

async fn look_on(
    cast: &Cast,
    athlete: &Person,
    over: &AtomicBool,
    (asked, refused): (&AtomicUsize, &AtomicUsize),
) {
    const PAGES: [&str; 5] = ["/v1/me", "/v1/activities", "/v1/me/progress", "/v1/feed", "/v1/me/offers"];
    for page in PAGES.iter().cycle() {
        if over.load(Ordering::Relaxed) {
            return;
        }
        patiently(refused, || cast.door.get(page).with(&athlete.token).expect(200)).await;
        asked.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(PAUSE).await;
    }
}
