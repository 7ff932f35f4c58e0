use kernel::Sport;

use super::*;
use crate::domain::facts::{Facts, Start};

fn run(version: i64) -> Record {
    let start = Start { start_us: version * 1_000_000, utc_offset_s: 0, time_zone: None };
    Record {
        origin: Origin::Sync { source: "healthkit".to_owned(), client_version: version },
        streams_blob: None,
        visibility: None,
        facts: Some(Facts::new(Sport::Running, start, 1800.0)),
        health: None,
        name: Some(format!("version {version}")),
        devices: Vec::new(),
        explained: Vec::new(),
        marks: Default::default(),
        judgement: None,
        trace: None,
    }
}

fn owner() -> AccountId {
    AccountId::derived(&[b"owner"])
}

fn given(changes: Vec<Change>) -> Activity {
    let mut activity = Activity::default();
    for change in changes {
        activity.evolve(&Event { activity_id: ActivityId::derived(&[b"a"]), account_id: owner(), change });
    }
    activity
}

fn recorded(version: i64) -> Change {
    Change::Recorded(Box::new(run(version)))
}

#[test]
fn a_higher_version_replaces_an_equal_one_is_a_duplicate_a_lower_one_stale() {
    let activity = given(vec![recorded(3)]);
    assert_eq!(activity.sync(run(2), 2), Synced::Stale);
    assert_eq!(activity.sync(run(3), 3), Synced::Duplicate);
    let Synced::Stored(changes) = activity.sync(run(4), 4) else { panic!("a higher version is stored") };
    assert!(matches!(&changes[..], [Change::Replaced { previous_start_us: 3_000_000, deleted: false, .. }]));
}

#[test]
fn a_deleted_key_comes_back_only_with_a_higher_version() {
    let activity = given(vec![recorded(3), Change::Deleted { client_version: Some(4) }]);
    assert_eq!(activity.sync(run(4), 4), Synced::Stale);
    assert!(matches!(activity.sync(run(5), 5), Synced::Stored(_)));
    let back = given(vec![
        recorded(3),
        Change::Deleted { client_version: Some(4) },
        Change::Replaced { record: Box::new(run(5)), previous_start_us: 0, deleted: false },
    ]);
    assert!(back.is_live());
}

#[test]
fn deleting_an_unknown_key_makes_older_versions_stale() {
    let Synced::Stored(changes) = given(vec![]).sync_delete(4) else { panic!("a tombstone is stored") };
    let activity = given(changes);
    assert_eq!(activity.sync(run(3), 3), Synced::Stale);
    assert_eq!(activity.sync(run(4), 4), Synced::Stale);
    assert_eq!(activity.sync_delete(4), Synced::Duplicate);
    assert_eq!(activity.sync_delete(3), Synced::Stale);
    assert!(
        matches!(activity.sync(run(5), 5), Synced::Stored(changes) if matches!(changes[..], [Change::Recorded(_)]))
    );
}

#[test]
fn what_its_owner_deleted_is_updated_but_stays_deleted() {
    let activity = given(vec![recorded(3), Change::Deleted { client_version: None }]);
    let Synced::Stored(changes) = activity.sync(run(4), 4) else { panic!("the newer version is kept") };
    let mut after = activity.clone();
    for change in changes {
        after.evolve(&Event { activity_id: ActivityId::derived(&[b"a"]), account_id: owner(), change });
    }
    assert!(!after.is_live());
    assert_eq!(after.sync(run(4), 4), Synced::Duplicate);
    assert!(
        matches!(&after.restore(owner()).unwrap()[..], [Change::Restored(record)] if record.name.as_deref() == Some("version 4"))
    );
}

#[test]
fn the_owners_name_outlives_newer_versions_from_the_device() {
    let mut renamed = run(3);
    renamed.name = Some("My run".to_owned());
    let activity = given(vec![
        recorded(3),
        Change::Edited { record: Box::new(renamed), previous_start_us: 0, changed: vec!["name".to_owned()] },
    ]);
    let Synced::Stored(changes) = activity.sync(run(4), 4) else { panic!("stored") };
    assert!(
        matches!(&changes[..], [Change::Replaced { record, .. }] if record.name.as_deref() == Some("My run"))
    );
}

#[test]
fn uploading_what_was_deleted_restores_it_and_what_is_there_stays() {
    assert!(given(vec![recorded(1)]).record(run(1)).is_empty());
    let deleted = given(vec![recorded(1), Change::Deleted { client_version: None }]);
    assert!(
        matches!(&deleted.record(run(9))[..], [Change::Restored(record)] if record.name.as_deref() == Some("version 1"))
    );
}

#[test]
fn strangers_deleted_and_unknown_activities_are_alike_not_found() {
    let stranger = AccountId::derived(&[b"stranger"]);
    let live = given(vec![recorded(1)]);
    let deleted = given(vec![recorded(1), Change::Deleted { client_version: None }]);
    for refused in
        [live.delete(stranger, None), deleted.delete(owner(), None), given(vec![]).delete(owner(), None)]
    {
        assert_eq!(refused.unwrap_err(), Refusal::not_found());
    }
    assert_eq!(live.restore(stranger).unwrap_err(), Refusal::not_found());
    assert_eq!(given(vec![]).restore(owner()).unwrap_err(), Refusal::not_found());
}

#[test]
fn deleting_with_an_old_revision_is_refused() {
    let activity = given(vec![recorded(1)]);
    assert_eq!(activity.delete(owner(), Some(2)).unwrap_err().code, Code::VersionMismatch);
    assert_eq!(activity.delete(owner(), Some(1)).unwrap().len(), 1);
}

#[test]
fn restoring_what_was_not_deleted_changes_nothing() {
    assert!(given(vec![recorded(1)]).restore(owner()).unwrap().is_empty());
}

proptest::proptest! {
    /// Whatever order a key's versions come in, the highest counts in the end; a deletion wins over an equal version.
    #[test]
    fn any_order_of_versions_ends_alike(told in proptest::collection::vec((0..6_i64, proptest::bool::ANY), 1..12)) {
        let mut activity = Activity::default();
        for (version, deletes) in &told {
            let synced = if *deletes { activity.sync_delete(*version) } else { activity.sync(run(*version), *version) };
            if let Synced::Stored(changes) = synced {
                for change in changes {
                    activity.evolve(&Event { activity_id: ActivityId::derived(&[b"a"]), account_id: owner(), change });
                }
            }
        }
        let newest = told.iter().map(|(version, _)| *version).max().unwrap();
        let deleted = told.contains(&(newest, true));
        proptest::prop_assert_eq!(activity.client_version, Some(newest));
        proptest::prop_assert_eq!(activity.is_live(), !deleted);
        if !deleted {
            proptest::prop_assert_eq!(activity.record.unwrap().name, Some(format!("version {newest}")));
        }
    }
}

fn purged(by: Option<i64>) -> Activity {
    given(vec![recorded(3), Change::Deleted { client_version: by }, Change::PurgeStarted, Change::Purged])
}

#[test]
fn only_the_deletion_that_stands_is_the_beginning_of_a_purge() {
    let deleted = given(vec![recorded(3), Change::Deleted { client_version: None }]);
    assert_eq!(deleted.start_purge(2), [Change::PurgeStarted]);
    assert_eq!(deleted.start_purge(1), []);
    let back = Change::Restored(Box::new(run(3)));
    let again = vec![
        recorded(3),
        Change::Deleted { client_version: None },
        back,
        Change::Deleted { client_version: None },
    ];
    assert_eq!(given(again[..3].to_vec()).start_purge(2), []);
    assert_eq!((given(again.clone()).start_purge(2), given(again).start_purge(4).len()), (vec![], 1));
    assert_eq!(purged(None).start_purge(2), []);
}

#[test]
fn what_is_being_purged_is_neither_restored_nor_recorded_nor_deleted_again() {
    let purging = given(vec![recorded(3), Change::Deleted { client_version: None }, Change::PurgeStarted]);
    assert!(purging.is_being_purged() && purging.record.is_none());
    assert_eq!(purging.restore(owner()).unwrap_err(), Refusal::not_found());
    assert_eq!(purging.delete(owner(), None).unwrap_err(), Refusal::not_found());
    assert_eq!(purging.record(run(9)), []);
    assert_eq!(purging.recompute(&run(9)), []);
}

#[test]
fn what_its_owner_deleted_is_kept_away_from_devices_after_its_purge_and_not_from_its_owner() {
    let purged = purged(None);
    assert_eq!(purged.sync(run(3), 3), Synced::Duplicate);
    assert_eq!(purged.sync(run(4), 4), Synced::Stored(vec![Change::Tombstoned { client_version: 4 }]));
    assert!(matches!(&purged.record(run(9))[..], [Change::Recorded(_)]), "the file was sent again");
    assert_eq!(purged.restore(owner()).unwrap_err(), Refusal::not_found());
}

#[test]
fn what_a_changeset_deleted_comes_back_with_a_higher_version_after_its_purge() {
    let purged = purged(Some(4));
    assert_eq!(purged.sync(run(4), 4), Synced::Stale);
    assert!(
        matches!(purged.sync(run(5), 5), Synced::Stored(changes) if matches!(changes[..], [Change::Recorded(_)]))
    );
}
