//! Whether all that was received has been read: what a settlement asks before it counts.

use kernel::Code;
use proto::activity::{SettledRequest, SettledResponse, UploadView};
use testkit::fleet::{Ground, eventually};
use tonic::Request;

use crate::world::{self, Accounts, World, app, by, fit, refused_with};

async fn settled(world: &World<'_>, position: u64) -> SettledResponse {
    world.client().settled(Request::new(SettledRequest { position })).await.unwrap().into_inner()
}

/// A file whose reading waits for auth.
async fn in_flight(world: &World<'_>, accounts: &Accounts, day: &str) -> UploadView {
    accounts.fall_silent(true);
    world.upload(app(accounts.athlete("aida")), fit(day), 0).await.unwrap()
}

#[tokio::test]
async fn an_upload_in_flight_keeps_what_came_before_settled_and_itself_not() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let nothing = settled(&world, 0).await;
    assert!(nothing.settled && nothing.waiting == 0);
    world.uploaded(accounts.athlete("aida"), fit("2026-05-01")).await;
    let before = settled(&world, 0).await;
    assert!(before.settled && before.head > nothing.head);

    in_flight(&world, &accounts, "2026-05-02").await;
    let now = settled(&world, 0).await;
    assert_eq!((now.settled, now.waiting, now.head), (false, 1, before.head + 1));
    assert!(!settled(&world, now.head).await.settled);
    assert!(settled(&world, before.head).await.settled, "what came before it is read");

    accounts.fall_silent(false);
    let done = eventually("it is read", || settled(&world, now.head), |answer| answer.settled).await;
    assert!(done.head > now.head, "what it came to lies at or below the head that is told");
    world.stop().await;
}

#[tokio::test]
async fn a_failed_file_and_a_repeated_one_are_settled() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    assert_eq!(world.uploaded(aida, b"no workout".to_vec()).await.status, "failed");
    world.uploaded(aida, fit("2026-05-01")).await;
    assert_eq!(world.uploaded(aida, fit("2026-05-01")).await.status, "duplicate");
    assert!(settled(&world, 0).await.settled);
    world.stop().await;
}

#[tokio::test]
async fn what_was_in_flight_at_a_stop_is_in_flight_after_it() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    in_flight(&world, &accounts, "2026-05-01").await;
    let before = settled(&world, 0).await;
    world.stop().await;
    let world = world::start(&ground, &accounts).await;
    let after = settled(&world, before.head).await;
    assert_eq!((after.settled, after.head), (false, before.head));
    accounts.fall_silent(false);
    eventually("it is read", || settled(&world, before.head), |answer| answer.settled).await;
    world.stop().await;
}

#[tokio::test]
async fn the_future_is_never_settled_and_only_siblings_ask() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let head = settled(&world, 0).await.head;
    for position in [head + 1, u64::MAX] {
        assert!(!settled(&world, position).await.settled);
    }
    let asked = by(accounts.athlete("aida"), SettledRequest { position: 0 });
    refused_with(world.client().settled(asked).await, Code::Forbidden);
    world.stop().await;
}
