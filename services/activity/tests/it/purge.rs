//! Deleted means deleted: after the time in which it could be restored nothing of an activity is kept outside the journal,
//! whenever the process that destroys it dies.

use activity::{
    Config,
    domain::activity::{Activity, Change, Event},
    wire,
};
use bytes::Bytes;
use eventing::{Command, StreamId, args};
use kernel::{AccountId, ActivityId, Code};
use proto::activity::{
    Delete, DeleteActivityRequest, GetActivityRequest, HistoryRequest, OriginalRequest,
    RestoreActivityRequest, SyncRequest, UploadView, Upsert, Workout, upsert::Record,
};
use testkit::fleet::{Ground, eventually};

use crate::recompute::recompute;
use crate::world::{self, Accounts, World, by, fit, refused_with};

const DAY_S: i64 = 86_400;

pub(crate) async fn delete(world: &World<'_>, account: AccountId, id: &Bytes) {
    let asked = DeleteActivityRequest { activity_id: id.clone(), expected_revision: None };
    world.client().delete_activity(by(account, asked)).await.unwrap();
}

pub(crate) async fn restore(world: &World<'_>, account: AccountId, id: &Bytes) {
    let asked = RestoreActivityRequest { activity_id: id.clone() };
    world.client().restore_activity(by(account, asked)).await.unwrap();
}

/// Rows of an account in the tables of activities.
async fn rows(world: &World<'_>, account: AccountId) -> i64 {
    let sql = "SELECT (SELECT COUNT(*) FROM activity WHERE account_id = $1)
         + (SELECT COUNT(*) FROM activity_stream)
         + (SELECT COUNT(*) FROM activity_start WHERE account_id = $1 AND start_us <> 0)
         + (SELECT COUNT(*) FROM contribution WHERE account_id = $1)";
    world.db.fetch_one(sql, args![account]).await.unwrap().unwrap().get(0).unwrap()
}

/// Files of an account: originals, and columns.
fn files(ground: &Ground, account: AccountId) -> [usize; 2] {
    ["original", "streams"].map(|room| {
        let folder = ground.folder().join("activity/blobs").join(room).join(account.to_string());
        std::fs::read_dir(folder).map(Iterator::count).unwrap_or_default()
    })
}

async fn revisions(world: &World<'_>, id: &Bytes) -> Vec<Change> {
    let id: ActivityId = wire::id(id, "id").unwrap();
    let page = world.journal.store().load(&StreamId::of("activity", id), 0, 100).await.unwrap();
    let plains = world.journal.sealer().open(&page).await.unwrap();
    plains
        .iter()
        .map(|plain| eventing::DomainEvent::decode(plain).map(|event: Event| event.change).unwrap())
        .collect()
}

async fn is_purged(world: &World<'_>, id: &Bytes) {
    let last = || async { revisions(world, id).await.pop() };
    eventually("is it purged", last, |last| *last == Some(Change::Purged)).await;
}

async fn is_not_found(world: &World<'_>, account: AccountId, id: &Bytes) {
    let activity_id = id.clone();
    let asked = RestoreActivityRequest { activity_id: activity_id.clone() };
    refused_with(world.client().restore_activity(by(account, asked)).await, Code::NotFound);
    let asked = GetActivityRequest { activity_id: activity_id.clone() };
    refused_with(world.client().get_activity(by(account, asked)).await, Code::NotFound);
    let asked = HistoryRequest { activity_id: activity_id.clone(), ..HistoryRequest::default() };
    refused_with(world.client().history(by(account, asked)).await, Code::NotFound);
    let asked = OriginalRequest { activity_id };
    refused_with(world.client().original(by(account, asked)).await.map(drop), Code::NotFound);
}

#[tokio::test]
async fn what_was_deleted_can_be_restored_for_thirty_days_and_then_is_gone() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let id = world.uploaded(aida, fit("2026-05-01")).await.activity_ids.remove(0);
    delete(&world, aida, &id).await;
    world.later(29 * DAY_S);
    restore(&world, aida, &id).await;
    assert_eq!(world.mine(aida).await.len(), 1);
    delete(&world, aida, &id).await;
    // The first deletion's time is over, the second's is not.
    world.later(2 * DAY_S);
    restore(&world, aida, &id).await;
    delete(&world, aida, &id).await;
    assert!(rows(&world, aida).await > 0 && files(&ground, aida) == [1, 1]);
    world.later(30 * DAY_S + 1);
    is_purged(&world, &id).await;
    eventually("are the rows gone", || rows(&world, aida), |rows| *rows == 0).await;
    assert_eq!(files(&ground, aida), [0, 0]);
    is_not_found(&world, aida, &id).await;
    let purged = || async { world.metric("purged_total") };
    eventually("is it counted", purged, |purged| *purged == 1.0).await;
    world.make_anew().await;
    assert_eq!(rows(&world, aida).await, 0);
    world.make_statistics_anew().await;
    assert_eq!(rows(&world, aida).await, 0);
    world.stop().await;
}

#[tokio::test]
async fn a_file_that_is_sent_again_after_its_purge_is_a_new_one() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let first = world.uploaded(aida, fit("2026-05-01")).await;
    let id = &first.activity_ids[0];
    delete(&world, aida, id).await;
    world.later(30 * DAY_S + 1);
    is_purged(&world, id).await;
    let again = world.uploaded(aida, fit("2026-05-01")).await;
    assert_eq!((again.status.as_str(), &again.activity_ids), ("ready", &first.activity_ids));
    let [run] = &world.mine(aida).await[..] else { panic!("it is there again") };
    assert!(run.distance_m.is_some() && files(&ground, aida) == [1, 1]);
    assert_eq!(world.uploaded(aida, fit("2026-05-01")).await.status, "duplicate");
    world.stop().await;
}

/// Two runs in one file.
async fn chained(world: &World<'_>, account: AccountId) -> (Vec<u8>, UploadView) {
    let file = [fit("2026-05-01"), fit("2026-05-03")].concat();
    let upload = world.uploaded(account, file.clone()).await;
    assert_eq!((upload.status.as_str(), upload.activity_ids.len()), ("ready", 2), "{upload:?}");
    (file, upload)
}

#[tokio::test]
async fn a_file_of_two_activities_goes_with_the_last_of_them() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let (file, upload) = chained(&world, aida).await;
    let [one, two] = &upload.activity_ids[..] else { panic!("two") };
    delete(&world, aida, one).await;
    world.later(30 * DAY_S + 1);
    is_purged(&world, one).await;
    assert_eq!(files(&ground, aida), [1, 1], "the other is in the same file");
    // Sent again, the one that was purged comes in anew, and the other stays as it was.
    let again = world.uploaded(aida, file).await;
    assert_eq!(again.status, "ready");
    let mine = || async { world.mine(aida).await.len() };
    eventually("are both there", mine, |mine| *mine == 2).await;
    assert_eq!((revisions(&world, two).await.len(), files(&ground, aida)), (1, [1, 2]));
    // Both at once, in whatever order their timers fire.
    delete(&world, aida, one).await;
    delete(&world, aida, two).await;
    world.later(30 * DAY_S + 1);
    is_purged(&world, one).await;
    is_purged(&world, two).await;
    assert_eq!(files(&ground, aida), [0, 0]);
    world.stop().await;
}

/// What a process leaves behind that dies after the first step, and after the second.
async fn broken_off(after_blobs: bool) {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let id = world.uploaded(aida, fit("2026-05-01")).await.activity_ids.remove(0);
    delete(&world, aida, &id).await;
    let activity_id: ActivityId = wire::id(&id, "id").unwrap();
    let loaded = world.journal.load::<Activity>(&StreamId::of("activity", activity_id)).await.unwrap();
    let mut batch = world.journal.batch(&Command::by("service:test"));
    let started = Event { activity_id, account_id: aida, change: Change::PurgeStarted };
    batch.write(&loaded, &aida.to_string(), vec![started]);
    batch.commit().await.unwrap();
    eventually("are the rows gone", || rows(&world, aida), |rows| *rows == 0).await;
    is_not_found(&world, aida, &id).await;
    let busy = world.upload(world::app(aida), fit("2026-05-01"), 30).await;
    refused_with(busy, Code::Unavailable);
    world.stop().await;
    if after_blobs {
        for room in ["original", "streams"] {
            let folder = ground.folder().join("activity/blobs").join(room).join(aida.to_string());
            std::fs::remove_dir_all(folder).unwrap();
        }
    }
    let world = world::start(&ground, &accounts).await;
    world.later(30 * DAY_S + 1);
    is_purged(&world, &id).await;
    assert_eq!(files(&ground, aida), [0, 0]);
    assert_eq!(world.uploaded(aida, fit("2026-05-01")).await.status, "ready", "its claim was given back");
    world.stop().await;
}

#[tokio::test]
async fn a_purge_that_was_broken_off_before_its_blobs_were_deleted_goes_on() {
    broken_off(false).await;
}

#[tokio::test]
async fn a_purge_that_was_broken_off_after_its_blobs_were_deleted_goes_on() {
    broken_off(true).await;
}

fn synced(version: i64) -> Upsert {
    let workout = Workout {
        sport: "running".to_owned(),
        start_us: "2026-05-01T01:00:00Z".parse::<jiff::Timestamp>().unwrap().as_microsecond(),
        elapsed_time_s: 1_800.0,
        distance_m: Some(5_000.0),
        ..Workout::default()
    };
    Upsert { key: "w".to_owned(), version, record: Some(Record::Workout(workout)) }
}

async fn sync(world: &World<'_>, account: AccountId, asked: SyncRequest) -> (String, Bytes) {
    let answer = world.client().sync(by(account, asked)).await.unwrap().into_inner();
    (answer.acks[0].status.clone(), answer.acks[0].activity_id.clone())
}

#[tokio::test]
async fn a_device_brings_back_what_it_deleted_and_not_what_its_owner_did() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let config = Config { restore_days: 0, sweep_every_ms: 100, ..Config::default() };
    let world = world::start_with(&ground, &accounts, config).await;
    let (aida, boris) = (accounts.athlete("aida"), accounts.athlete("boris"));
    let brought = |version| SyncRequest { upserts: vec![synced(version)], ..SyncRequest::default() };
    let (_, id) = sync(&world, aida, brought(1)).await;
    delete(&world, aida, &id).await;
    world.later(1);
    is_purged(&world, &id).await;
    assert_eq!(sync(&world, aida, brought(2)).await.0, "stored");
    assert_eq!(sync(&world, aida, brought(2)).await.0, "duplicate");
    assert!(world.mine(aida).await.is_empty());
    eventually("are the rows gone", || rows(&world, aida), |rows| *rows == 0).await;
    let (_, id) = sync(&world, boris, brought(1)).await;
    let deletes = vec![Delete { key: "w".to_owned(), version: 2, ..Delete::default() }];
    sync(&world, boris, SyncRequest { deletes, ..SyncRequest::default() }).await;
    world.later(1);
    is_purged(&world, &id).await;
    assert_eq!(sync(&world, boris, brought(2)).await.0, "stale");
    assert_eq!(sync(&world, boris, brought(3)).await.0, "stored");
    assert_eq!(world.mine(boris).await.len(), 1);
    world.stop().await;
}

#[tokio::test]
async fn deletions_of_before_are_purged_when_the_past_is_worked_out_anew() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let id = world.uploaded(aida, fit("2026-05-01")).await.activity_ids.remove(0);
    // As it was written when nothing was ever purged.
    let activity_id: ActivityId = wire::id(&id, "id").unwrap();
    let loaded = world.journal.load::<Activity>(&StreamId::of("activity", activity_id)).await.unwrap();
    let mut batch = world.journal.batch(&Command::by("service:test"));
    let deleted = Event { activity_id, account_id: aida, change: Change::Deleted { client_version: None } };
    batch.write(&loaded, &aida.to_string(), vec![deleted]);
    batch.commit().await.unwrap();
    world.later(31 * DAY_S);
    assert_eq!(files(&ground, aida), [1, 1]);
    recompute(&world, "purge", 0).await;
    is_purged(&world, &id).await;
    assert_eq!(files(&ground, aida), [0, 0]);
    world.stop().await;
}

#[tokio::test]
async fn a_sample_and_a_day_that_were_deleted_leave_their_version_only() {
    use proto::activity::{DailyValue, Sample};
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let at_us = 1_777_600_800_000_000;
    let sample = Sample { r#type: "weight".to_owned(), at_us, value: 70.0, ..Sample::default() };
    let (r#type, date) = ("steps".to_owned(), "2026-05-01".to_owned());
    let daily = DailyValue { r#type, date, value: 9_000.0, ..DailyValue::default() };
    let upserts = [("s", Record::Sample(sample)), ("d", Record::Daily(daily))].map(|(key, record)| Upsert {
        key: key.to_owned(),
        version: 1,
        record: Some(record),
    });
    sync(&world, aida, SyncRequest { upserts: upserts.to_vec(), ..SyncRequest::default() }).await;
    let deletes =
        ["s", "d"].map(|key| Delete { key: key.to_owned(), version: 2, ..Delete::default() }).to_vec();
    sync(&world, aida, SyncRequest { deletes, ..SyncRequest::default() }).await;
    for (table, version) in [("metric", "version"), ("daily", "client_version")] {
        let sql = format!("SELECT type, value, {version} FROM {table} WHERE account_id = $1 AND live = 0");
        let row = world.db.fetch_one(&sql, args![aida]).await.unwrap().unwrap();
        let kept: (String, f64, i64) = (row.get(0).unwrap(), row.get(1).unwrap(), row.get(2).unwrap());
        assert_eq!(kept, (String::new(), 0.0, 2), "{table}");
    }
    world.make_anew().await;
    world.stop().await;
}
