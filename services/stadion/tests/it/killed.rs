//! `kill -9` at any moment: what was acknowledged is there once, and the journey goes on.

use std::time::Duration;

use stadion::demo::journey::{Journey, STEPS, Step};

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

/// Steps that a client may send again after an answer that never came.
const REPEATABLE: [Step; 5] =
    [Step::Run, Step::SecondUpload, Step::Reservation, Step::Order, Step::SecondOrder];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_the_middle_of_a_step_it_is_sent_again_and_happens_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::start(folder.path());
    let mut journey = Journey::new(&process.base, folder.path().to_owned()).unwrap();
    for step in STEPS {
        let moments_ms: &[u64] = if REPEATABLE.contains(&step) { &[0, 4, 12, 30, 80] } else { &[] };
        for moment_ms in moments_ms {
            let killing = async {
                tokio::time::sleep(Duration::from_millis(*moment_ms)).await;
                process.kill();
            };
            // Answered or not: whoever got no answer sends it again.
            let (_, ()) = tokio::join!(journey.take(step), killing);
            process = Process::start(folder.path());
            journey.moved_to(&process.base).unwrap();
        }
        let said = journey.take(step).await;
        said.unwrap_or_else(|error| panic!("{}: {error:#}", step.name()));
    }
    journey.holds().await.unwrap_or_else(|error| panic!("{error:#}"));
}
