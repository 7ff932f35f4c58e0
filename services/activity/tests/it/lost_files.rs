//! Files that are not where they should be: elsewhere, or lost.

use activity::{Config, MIGRATIONS, config::Files};
use kernel::AccountId;
use proto::activity::{GetUploadRequest, UploadView};
use testkit::{fleet::eventually, ground::Ground};

use crate::world::{self, Accounts, World, app, by, fit};

fn config(missing_wait_s: u32) -> Config {
    let files = Files { missing_wait_s, ..Files::default() };
    Config { sweep_every_ms: 50, files, ..Config::default() }
}

async fn upload_of(world: &World<'_>, account: AccountId, id: &bytes::Bytes) -> UploadView {
    let asked = GetUploadRequest { upload_id: id.clone() };
    world.client().get_upload(by(account, asked)).await.unwrap().into_inner()
}

/// Uploads a file that waits unread, and stops.
async fn left_unread(ground: &Ground, accounts: &Accounts, account: AccountId) -> bytes::Bytes {
    accounts.fall_silent(true);
    let world = world::start_with(ground, accounts, config(3_600)).await;
    let view = world.upload(app(account), fit("2026-05-01"), 0).await.unwrap();
    world.stop().await;
    accounts.fall_silent(false);
    view.id
}

#[tokio::test]
async fn a_file_that_is_not_to_be_seen_for_a_while_is_read_when_it_is() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let aida = accounts.athlete("aida");
    let id = left_unread(&ground, &accounts, aida).await;
    let originals = ground.folder().join("activity/blobs/original");
    let aside = ground.folder().join("aside");
    std::fs::rename(&originals, &aside).unwrap();

    let world = world::start_with(&ground, &accounts, config(3_600)).await;
    let looks = || async { world.metric("files_missing_total") };
    eventually("was the file looked for", looks, |looks| *looks > 1.0).await;
    // It waits, or is being looked for once more.
    let status = upload_of(&world, aida, &id).await.status;
    assert!(["queued", "parsing"].contains(&status.as_str()), "{status}");
    std::fs::rename(&aside, &originals).unwrap();
    let ask = || async { upload_of(&world, aida, &id).await.status };
    eventually("is the upload read", ask, |status| status == "ready").await;
    world.stop().await;
}

#[tokio::test]
async fn a_file_that_stays_lost_fails_its_upload_and_may_be_sent_again() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let aida = accounts.athlete("aida");
    let id = left_unread(&ground, &accounts, aida).await;
    std::fs::remove_dir_all(ground.folder().join("activity/blobs/original")).unwrap();
    let world = world::start_with(&ground, &accounts, config(0)).await;
    let ask = || async { upload_of(&world, aida, &id).await };
    let upload = eventually("has the upload failed", ask, |upload| upload.status == "failed").await;
    assert_eq!(upload.problem.unwrap().code, "file_unreadable");
    assert_eq!(world.uploaded(aida, fit("2026-05-01")).await.status, "ready");
    world.stop().await;
}

#[tokio::test]
async fn a_process_that_keeps_files_elsewhere_does_not_start() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    world::start_with(&ground, &accounts, config(0)).await.stop().await;
    let elsewhere = format!("file://{}", ground.folder().join("elsewhere").display());
    let files = Files { url: elsewhere, ..Files::default() };
    let fleet = ground.fleet(&["activity"]).await;
    let resources = fleet.resources("activity").await;
    MIGRATIONS.apply(&resources.db).await.unwrap();
    let other = Config { files: files.clone(), ..Config::default() };
    let refused = activity::module(resources.clone(), other, None).await.err().unwrap().to_string();
    assert!(refused.contains("the same folder or bucket"), "{refused}");
    // Unless somebody says that they were moved; then this is the place.
    let moved = Config { files: Files { moved: true, ..files.clone() }, ..Config::default() };
    activity::module(resources.clone(), moved, None).await.unwrap();
    let there = Config { files, ..Config::default() };
    activity::module(resources, there, None).await.unwrap();
    fleet.stop().await;
}
