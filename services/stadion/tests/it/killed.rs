//! `kill -9` at any moment: what was acknowledged is there once, and the story goes on.

use std::{path::Path, time::Duration};

use stadion::demo::{cast::Cast, contest::Contest, journey::Journey, story::Story};

use crate::embedded::Process;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_after_each_step_the_journey_goes_on_and_nothing_is_lost_or_doubled() {
    killed_after_each_step::<Journey>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_after_each_step_the_contest_goes_on_and_its_board_is_the_same() {
    killed_after_each_step::<Contest>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_the_middle_of_a_step_of_the_journey_it_is_sent_again_and_happens_once() {
    killed_in_the_middle::<Journey>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_the_middle_of_a_step_of_the_contest_it_is_sent_again_and_happens_once() {
    killed_in_the_middle::<Contest>().await;
}

/// Boards are kept often enough that what a killed process has left of them is older than the log.
fn start(data: &Path) -> Process {
    Process::set(data, &[("STADION_LEADERBOARD__SNAPSHOT_EACH_S", "1")])
}

async fn killed_after_each_step<S: Story>() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = start(folder.path());
    let mut story = S::begin(Cast::new(&process.base, folder.path().to_owned()).unwrap());
    for step in S::STEPS {
        let said = story.take(*step).await;
        said.unwrap_or_else(|error| panic!("{}: {error:#}", S::name(*step)));
        process.kill();
        process = start(folder.path());
        story.cast().moved_to(&process.base).unwrap();
        let held = story.holds().await;
        held.unwrap_or_else(|error| panic!("killed after {:?}: {error:#}", S::name(*step)));
    }
}

async fn killed_in_the_middle<S: Story>() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = start(folder.path());
    let mut story = S::begin(Cast::new(&process.base, folder.path().to_owned()).unwrap());
    for step in S::STEPS {
        let moments_ms: &[u64] = if S::REPEATABLE.contains(step) { &[0, 4, 12, 30, 80] } else { &[] };
        for moment_ms in moments_ms {
            let killing = async {
                tokio::time::sleep(Duration::from_millis(*moment_ms)).await;
                process.kill();
            };
            // Answered or not: whoever got no answer sends it again.
            let (_, ()) = tokio::join!(story.take(*step), killing);
            process = start(folder.path());
            story.cast().moved_to(&process.base).unwrap();
            story.cast().repeated = true;
        }
        let said = story.take(*step).await;
        said.unwrap_or_else(|error| panic!("{}: {error:#}", S::name(*step)));
        story.cast().repeated = false;
    }
    story.holds().await.unwrap_or_else(|error| panic!("{error:#}"));
}
