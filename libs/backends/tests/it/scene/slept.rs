//! An owner of everything that is stopped past its leases' life and then goes on: another serves meanwhile, each kind of
//! work, and nothing is done twice.

use std::time::{Duration, Instant};

use eventing::{bus::Bus, conformance::Fresh};

use super::{
    GENEROUS, Scene,
    actor::Actor,
    points::STATE_UNSENT,
    stage::{PACE, QUICK, Stage},
    until,
};
use crate::ring::counts;

/// Each kind of work, and by what it is seen to go on: a number that only grows.
const KINDS: [(&str, &str); 5] = [
    ("relay", "SELECT MAX(source_pos) FROM es_cursor WHERE consumer = 'relay'"),
    ("timers", "SELECT COUNT(*) FROM es_event WHERE stream_id LIKE 'bell-%'"),
    ("projection of the journal", "SELECT COUNT(*) FROM effect WHERE reader = 'by the journal'"),
    ("projection's partition", "SELECT COUNT(*) FROM effect WHERE reader = 'by the log'"),
    ("reactor's partition", "SELECT COUNT(*) FROM es_event WHERE stream_id LIKE 'echo-%'"),
];

async fn number(fresh: &Fresh, sql: &str) -> i64 {
    let row = fresh.db.fetch_one(sql, vec![]).await.expect("read").expect("a row");
    row.get::<Option<i64>>(0).expect("a number").unwrap_or_default()
}

async fn published(bus: &dyn Bus) -> i64 {
    bus.ends(&counts()).await.expect("known").iter().sum()
}

/// Where each kind of work stands.
async fn marks(fresh: &Fresh, bus: &dyn Bus) -> Vec<i64> {
    let mut marks = vec![published(bus).await];
    for (_, sql) in KINDS {
        marks.push(number(fresh, sql).await);
    }
    marks
}

/// How long after `since` each kind of work went on, in its order.
async fn served(
    fresh: &Fresh,
    bus: &dyn Bus,
    since: Instant,
    behind: &[i64],
) -> Vec<(&'static str, Duration)> {
    let names: Vec<&'static str> = std::iter::once("outbox").chain(KINDS.map(|(name, _)| name)).collect();
    let mut served: Vec<Option<Duration>> = vec![None; names.len()];
    while served.iter().any(Option::is_none) {
        for (place, at) in marks(fresh, bus).await.into_iter().enumerate() {
            if at > behind[place] {
                served[place].get_or_insert(since.elapsed());
            }
        }
        assert!(since.elapsed() < GENEROUS, "somebody else serves: {names:?} {served:?}");
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    names.into_iter().zip(served.into_iter().flatten()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_owner_of_everything_is_replaced_and_does_nothing_twice_on_postgres_and_kafka() {
    let Some(stage) = Stage::on_postgres_and_kafka().await else { return };
    let (fresh, bus) = (stage.store().await, stage.bus().await);
    let mut scene = Scene::begin("stopped past every lease, PostgreSQL and Kafka", stage);
    let mut owner = Actor::enters(&scene.stage, "owner", PACE, "").await;
    scene.joins(&owner);
    for round in 1..=2 {
        until("it owns everything", async || (number(&fresh, KINDS[4].1).await > 3 * round).then_some(()))
            .await;
        let standby = Actor::enters(&scene.stage, "standby", PACE, "").await;
        // Asleep it is still asked: whoever gets no answer asks the other.
        owner.signal("-STOP");
        let since = Instant::now();
        // What it had sent already arrives.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let behind = marks(&fresh, &*bus).await;
        scene.joins(&standby);
        for (kind, after) in served(&fresh, &*bus, since, &behind).await {
            println!("round {round}, {kind}: another serves after {:.1} s", after.as_secs_f64());
        }
        owner.signal("-CONT");
        let before = scene.answered();
        until("both answer", async || (scene.answered() > before + 60).then_some(())).await;
        scene.leaves(&owner);
        owner.kill();
        scene.deaths += 1;
        owner = standby;
    }
    scene.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_owner_of_a_folder_goes_on_as_if_nothing_were_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    let scene = Scene::begin("stopped, SQLite", Stage::on_sqlite(&folder).await);
    let owner = Actor::enters(&scene.stage, "owner", QUICK, "").await;
    scene.joins(&owner);
    for round in 1..=3 {
        until("it answers", async || (scene.answered() > 30 * round).then_some(())).await;
        owner.signal("-STOP");
        tokio::time::sleep(QUICK.life + QUICK.renew_every).await;
        owner.signal("-CONT");
    }
    scene.ends().await;
}

/// Stopped between reading the outbox and publishing what it read; its successor publishes newer values; then it goes on.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_count_never_stands_last_on_kafka() {
    let Some(stage) = Stage::on_postgres_and_kafka().await else { return };
    let (fresh, bus) = (stage.store().await, stage.bus().await);
    let scene = Scene::begin("stopped before it sends state, PostgreSQL and Kafka", stage);
    for round in 1..=3 {
        let sleeper =
            Actor::enters(&scene.stage, "sleeper", QUICK, &format!("stop {round} {STATE_UNSENT}")).await;
        scene.joins(&sleeper);
        until("it stops before it sends", async || sleeper.sleeps().then_some(())).await;
        let next = Actor::enters(&scene.stage, "next", QUICK, "").await;
        let (behind, since) = (marks(&fresh, &*bus).await, Instant::now());
        scene.joins(&next);
        served(&fresh, &*bus, since, &behind).await;
        sleeper.signal("-CONT");
        // What it still sends arrives, and what was waiting for it is answered.
        let before = scene.answered();
        until("both answer", async || (scene.answered() > before + 20).then_some(())).await;
        scene.leaves(&sleeper);
        sleeper.kill();
        if round < 3 {
            scene.leaves(&next);
            next.kill();
        }
    }
    scene.ends().await;
}
