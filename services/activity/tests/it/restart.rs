use kernel::Code;
use proto::activity::GetUploadRequest;
use testkit::fleet::{Ground, eventually};

use crate::world::{self, Accounts, app, by, fit, refused_with};

#[tokio::test]
async fn an_upload_left_unread_is_read_after_a_restart() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let aida = accounts.athlete("aida");
    let world = world::start(&ground, &accounts).await;
    // Without auth nobody knows whether health may be kept: the file waits.
    accounts.fall_silent(true);
    let view = world.upload(app(aida), fit("2026-05-01"), 0).await.unwrap();
    assert!(["queued", "parsing"].contains(&view.status.as_str()), "{}", view.status);
    world.stop().await;

    accounts.fall_silent(false);
    let world = world::start(&ground, &accounts).await;
    let ask = || async {
        let asked = GetUploadRequest { upload_id: view.id.clone() };
        world.client().get_upload(by(aida, asked)).await.unwrap().into_inner().status
    };
    eventually("is the upload read", ask, |status| status == "ready").await;
    assert_eq!(world.mine(aida).await.len(), 1);
    let again = world.uploaded(aida, fit("2026-05-01")).await;
    assert_eq!(again.status, "duplicate");
    world.stop().await;
}

#[tokio::test]
async fn while_auth_is_silent_nothing_of_others_is_shown_and_ones_own_is() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let (aida, boris) = (accounts.athlete("aida"), accounts.athlete("boris"));
    accounts.shows(aida, "summary", &["everyone"]);
    let run = world.uploaded(aida, fit("2026-05-01")).await.activity_ids.remove(0);
    accounts.fall_silent(true);
    let asked = proto::activity::GetActivityRequest { activity_id: run };
    refused_with(world.client().get_activity(by(boris, asked.clone())).await, Code::Unavailable);
    assert!(world.client().get_activity(by(aida, asked)).await.is_ok());
    world.stop().await;
}
