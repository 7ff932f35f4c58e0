//! Two processes of every service: the stories hold.

use std::time::{Duration, Instant};

use platform::installation::InstallationKey;
use proto::leaderboard::TopRequest;
use stadion::demo::{
    cast::{ALMATY, Cast},
    contest::Contest,
    journey::Journey,
};

use crate::{
    fleet::{Engines, Fleet, PARTS, Part},
    serve::play,
};

pub(crate) const REPLICAS: usize = 2;

pub(crate) fn start_all(fleet: &Fleet) -> Vec<Vec<Part>> {
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
    both_show_the_same_board(&fleet).await;
    drop(parts);
}

/// Boards are in memory, and no owner's: each replica has made its own of the same records, with the same sequence.
async fn both_show_the_same_board(fleet: &Fleet) {
    let cast = Cast::new(&fleet.base(), fleet.data()).unwrap();
    let viewer = cast.sign_up("viewer", ALMATY, &["terms"]).await.unwrap();
    let settled =
        cast.door.get("/v1/challenges?state=settled").with(&viewer.token).expect(200).await.unwrap();
    let id: uuid::Uuid = settled.text("/items/0/id").unwrap().parse().unwrap();
    let key = InstallationKey::load_or_create(&fleet.key_file()).unwrap();
    let tried_until = Instant::now() + Duration::from_secs(30);
    // One may be a step behind the other.
    loop {
        let mut shown = Vec::new();
        for replica in 0..REPLICAS {
            let leaderboard = fleet.replica("leaderboard", replica, &key);
            let ask = TopRequest {
                challenge_id: id.as_bytes().to_vec().into(),
                limit: 100,
                ..TopRequest::default()
            };
            let page = leaderboard.peers.leaderboard().top(ask).await.unwrap().into_inner();
            assert!(page.entries.len() > 1 && page.sequence > 0, "{page:?}");
            shown.push((page.entries, page.sequence, page.participants));
        }
        if shown[0] == shown[1] {
            return;
        }
        assert!(Instant::now() < tried_until, "they show different boards: {shown:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
