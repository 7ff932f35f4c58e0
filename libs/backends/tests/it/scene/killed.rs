//! kill -9 at any moment, and at every named point: what was acknowledged is there once, and so are its effects.

use std::time::Duration;

use super::{
    Scene,
    actor::Actor,
    points::POINTS,
    stage::{QUICK, Stage},
    until,
};

const ROUNDS: u64 = 7;

/// On SQLite one process at a time; in the fleet two, of which one dies.
async fn killed_at_random(name: &'static str, stage: Stage) {
    let mut scene = Scene::begin(name, stage);
    let enter = async |scene: &Scene, name: &str| {
        let actor = Actor::enters(&scene.stage, name, QUICK, "").await;
        scene.joins(&actor);
        actor
    };
    let mut standby = None;
    if scene.stage.is_shared() {
        standby = Some(enter(&scene, "standby").await);
    }
    for round in 0..ROUNDS {
        let before = scene.answered();
        let victim = enter(&scene, "victim").await;
        // It has done something; and then any moment is as good as another.
        let some = 6 + usize::try_from(round).expect("small");
        until("it answers", async || (scene.answered() > before + some).then_some(())).await;
        tokio::time::sleep(Duration::from_millis(round * 83 % 400)).await;
        victim.kill();
        scene.leaves(&victim);
        scene.deaths += 1;
        if round % 3 == 2
            && let Some(old) = standby.take()
        {
            // The one that has seen the others die.
            standby = Some(enter(&scene, "standby").await);
            old.kill();
            scene.leaves(&old);
            scene.deaths += 1;
        }
    }
    let last = enter(&scene, "last").await;
    scene.ends().await;
    drop(last);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_nothing_is_lost_or_doubled_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    killed_at_random("killed at any moment, SQLite", Stage::on_sqlite(&folder).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_nothing_is_lost_or_doubled_on_postgres_and_kafka() {
    let Some(stage) = Stage::on_postgres_and_kafka().await else { return };
    killed_at_random("killed at any moment, PostgreSQL and Kafka", stage).await;
}

/// A process dies at the named point, when it comes by there for the first time or later; the next goes on.
async fn killed_at_every_point(name: &'static str, stage: Stage) {
    let mut scene = Scene::begin(name, stage);
    for (nth, point) in POINTS.iter().enumerate() {
        let times = if nth == 0 { 1 } else { 1 + nth % 3 };
        let victim = Actor::enters(&scene.stage, "victim", QUICK, &format!("die {times} {point}")).await;
        scene.joins(&victim);
        let ended = until(point, async || victim.ended()).await;
        assert!(!ended.success(), "it died at «{point}»: {ended}");
        scene.leaves(&victim);
        scene.deaths += 1;
    }
    let last = Actor::enters(&scene.stage, "last", QUICK, "").await;
    scene.joins(&last);
    until("the last serves", async || (scene.answered() > 100).then_some(())).await;
    scene.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_named_point_nothing_is_lost_or_doubled_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    killed_at_every_point("killed at every point, SQLite", Stage::on_sqlite(&folder).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_named_point_nothing_is_lost_or_doubled_on_postgres_and_kafka() {
    let Some(stage) = Stage::on_postgres_and_kafka().await else { return };
    killed_at_every_point("killed at every point, PostgreSQL and Kafka", stage).await;
}
