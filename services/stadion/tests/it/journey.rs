//! Both stories through public HTTP, on an installation in this process.

use stadion::demo::{cast::Cast, contest::Contest, journey::Journey, story::Story};

use crate::embedded::serving;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn register_workout_achievement_promo_purchase() {
    play::<Journey>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn challenge_join_live_board_friends_block_settlement() {
    play::<Contest>().await;
}

async fn play<S: Story>() {
    let folder = tempfile::tempdir().unwrap();
    let running = serving(folder.path()).await;
    let base = format!("http://{}", running.http);
    let mut story = S::begin(Cast::new(&base, folder.path().to_owned()).unwrap());
    for step in S::STEPS {
        let said = story.take(*step).await;
        said.unwrap_or_else(|error| panic!("{}: {error:#}", S::name(*step)));
    }
    story.holds().await.unwrap_or_else(|error| panic!("{error:#}"));
    running.stop().await.unwrap();
}
