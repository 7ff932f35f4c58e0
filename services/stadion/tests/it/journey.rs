//! The journey through public HTTP, on an installation in this process.

use stadion::demo::journey::{Journey, STEPS};

use crate::embedded::serving;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn register_workout_achievement_promo_purchase() {
    let folder = tempfile::tempdir().unwrap();
    let running = serving(folder.path()).await;
    let mut journey = Journey::new(&format!("http://{}", running.http), folder.path().to_owned()).unwrap();
    for step in STEPS {
        let said = journey.take(step).await;
        said.unwrap_or_else(|error| panic!("{}: {error:#}", step.name()));
    }
    journey.holds().await.unwrap_or_else(|error| panic!("{error:#}"));
    running.stop().await.unwrap();
}
