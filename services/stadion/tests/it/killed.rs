//! `kill -9` at any moment: what was acknowledged is there once, and the journey goes on.

use stadion::demo::journey::{Journey, STEPS};

use crate::embedded::Process;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_after_each_step_the_journey_goes_on_and_nothing_is_lost_or_doubled() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::start(folder.path());
    let mut journey = Journey::new(&process.base, folder.path().to_owned()).unwrap();
    for step in STEPS {
        let said = journey.take(step).await;
        said.unwrap_or_else(|error| panic!("{}: {error:#}", step.name()));
        process.kill();
        process = Process::start(folder.path());
        journey.moved_to(&process.base).unwrap();
        let held = journey.holds().await;
        held.unwrap_or_else(|error| panic!("killed after {:?}: {error:#}", step.name()));
    }
}
