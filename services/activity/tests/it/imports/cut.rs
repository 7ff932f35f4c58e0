//! Archives that broke off on the way: what is there is taken, and what is not is said.

use testkit::{fleet::Ground, zip::stored as zip};

use super::{export, fates, health::DAYS, health::archive as health_archive, health::document};
use crate::world::{self, Accounts, fit};

/// Up to so many bytes behind the beginning of the file of that name.
fn cut(archive: &[u8], name: &str, behind: usize) -> Vec<u8> {
    let at = archive.windows(name.len()).position(|piece| piece == name.as_bytes()).unwrap();
    archive[..at + name.len() + behind].to_vec()
}

#[tokio::test]
async fn of_a_cut_archive_the_files_before_the_cut_are_imported_and_the_rest_is_said_to_be_lost() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let cut_off = cut(&export(), "activities/4.tcx", 1_000);
    let finished = world.imported(aida, cut_off.clone()).await;
    assert_eq!(
        fates(&finished),
        [
            ("activities.csv", "ignored", ""),
            ("1.fit", "new", "recorded"),
            ("7.gpx", "new", "recorded"),
            ("4.tcx", "refused", ""),
            ("activities.csv#8", "new", "recorded"),
            ("activities.csv#9", "refused", ""),
            ("archive#rest", "refused", ""),
        ]
    );
    let problem = |number: usize| finished.files[number].problem.clone().unwrap();
    assert_eq!(problem(3).code, "file_unreadable");
    assert!(problem(3).detail.contains("cut off"), "{}", problem(3).detail);
    assert!(problem(6).detail.contains(" 1000 bytes"), "{}", problem(6).detail);
    let names: Vec<_> = world.mine(aida).await.into_iter().map(|activity| activity.name).collect();
    assert_eq!(names, ["Weights", "Morning in the park", ""]);
    // Whole, it brings what was missing and knows the rest.
    let whole = world.imported(aida, export()).await;
    let recorded = whole.outcomes.iter().find(|count| count.word == "recorded").unwrap().count;
    assert_eq!((recorded, world.mine(aida).await.len()), (1, 4));
    world.stop().await;
}

#[tokio::test]
async fn an_upload_that_lost_the_list_of_its_files_is_partial_though_all_are_there() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let mut archive = zip(&[("a.fit", fit("2026-05-01")), ("b.fit", fit("2026-05-02"))]);
    archive.truncate(archive.len() - 30);
    let upload = world.uploaded(aida, archive).await;
    assert_eq!((upload.status.as_str(), upload.activity_ids.len()), ("partial", 2), "{upload:?}");
    world.stop().await;
}

#[tokio::test]
async fn a_health_export_that_is_cut_in_its_document_is_read_up_to_there() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let before = document();
    let before =
        &before[..before.find("<Workout workoutActivityType=\"HKWorkoutActivityTypeCycling").unwrap()];
    let archive = health_archive(&document());
    let upload = world.uploaded(aida, cut(&archive, "导出.xml", before.len() + 10)).await;
    assert_eq!(upload.status, "partial", "{upload:?}");
    let sports: Vec<_> = world.mine(aida).await.into_iter().map(|activity| activity.sport).collect();
    assert_eq!(sports, ["strength", "running"]);
    world.days_become(aida, DAYS).await;
    world.stop().await;
}
