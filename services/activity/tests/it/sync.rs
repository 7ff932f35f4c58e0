use eventing::args;
use kernel::{AccountId, Code};
use platform::context::{Ambient, acting_for};
use proto::activity::{
    Ack, ChangeActivityRequest, Column, DailyValue, Delete, DeleteActivityRequest, Sample, StreamsRequest,
    StreamsView, SyncRequest, Upsert, Workout, upsert::Record,
};
use testkit::fleet::{Ground, eventually};

use crate::world::{self, Accounts, World, by, refused_with, watch};

const START: &str = "2026-05-01T01:00:00Z";

fn us(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_microsecond()
}

fn run(distance_m: f64) -> Workout {
    Workout {
        sport: "running".to_owned(),
        start_us: us(START),
        utc_offset_s: Some(18_000),
        elapsed_time_s: 1_800.0,
        timer_time_s: Some(1_790.0),
        distance_m: Some(distance_m),
        heart_rate_avg_bpm: Some(151.0),
        ..Workout::default()
    }
}

fn upsert(key: &str, version: i64, record: Record) -> Upsert {
    Upsert { key: key.to_owned(), version, record: Some(record) }
}

fn hrv(value: f64) -> Record {
    Record::Sample(Sample { r#type: "hrv_rmssd".to_owned(), at_us: us(START), value, ..Sample::default() })
}

fn steps(value: f64) -> Record {
    Record::Daily(DailyValue {
        r#type: "steps".to_owned(),
        date: "2026-05-01".to_owned(),
        value,
        ..DailyValue::default()
    })
}

fn gone(key: &str, version: i64) -> Delete {
    Delete { key: key.to_owned(), version, ..Delete::default() }
}

async fn sync(world: &World<'_>, account: AccountId, upserts: Vec<Upsert>, deletes: Vec<Delete>) -> Vec<Ack> {
    let asked = SyncRequest { source: "healthkit".to_owned(), upserts, deletes, ..SyncRequest::default() };
    world.client().sync(acting_for(watch(account, "watch"), asked)).await.unwrap().into_inner().acks
}

fn words(acks: &[Ack]) -> Vec<&str> {
    acks.iter().map(|ack| ack.status.as_str()).collect()
}

async fn values(world: &World<'_>, sql: &str) -> Vec<f64> {
    world.db.fetch(sql, args![]).await.unwrap().iter().map(|row| row.get(0).unwrap()).collect()
}

#[tokio::test]
async fn a_higher_version_replaces_an_equal_one_is_a_duplicate_a_lower_one_stale() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let version = |version, distance_m| vec![upsert("A1", version, Record::Workout(run(distance_m)))];
    let stored = sync(&world, aida, version(3, 5_000.0), vec![]).await;
    assert_eq!(words(&stored), ["stored"]);
    assert_eq!(words(&sync(&world, aida, version(3, 9_000.0), vec![]).await), ["duplicate"]);
    assert_eq!(words(&sync(&world, aida, version(2, 9_000.0), vec![]).await), ["stale"]);
    assert_eq!(words(&sync(&world, aida, version(4, 5_012.3), vec![]).await), ["stored"]);
    let [activity] = &world.mine(aida).await[..] else { panic!("one run") };
    assert_eq!((activity.distance_m, activity.revision), (Some(5_012.3), 2));
    assert_eq!(
        (&activity.id, &activity.sources[..]),
        (&stored[0].activity_id, &["healthkit".to_owned()][..])
    );
    assert_eq!((activity.timer_time_s, activity.heart_rate_avg_bpm), (Some(1_790.0), Some(151.0)));
    world.stop().await;
}

#[tokio::test]
async fn versions_of_one_key_in_one_changeset_are_taken_in_order() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let of = |version, distance_m| upsert("A1", version, Record::Workout(run(distance_m)));
    let acks =
        sync(&world, aida, vec![of(1, 1.0), of(3, 3.0), of(2, 2.0), of(3, 4.0)], vec![gone("A1", 2)]).await;
    assert_eq!(words(&acks), ["stored", "stored", "stale", "duplicate", "stale"]);
    assert_eq!(world.mine(aida).await[0].distance_m, Some(3.0));
    world.stop().await;
}

#[tokio::test]
async fn one_bad_record_never_blocks_the_rest() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let uneven = StreamsView {
        time: vec![0.0, 1.0],
        columns: vec![Column { r#type: "power".to_owned(), values: vec![1.0] }],
        ..StreamsView::default()
    };
    let acks = sync(
        &world,
        aida,
        vec![
            upsert("A1", 1, Record::Workout(Workout { sport: "quidditch".to_owned(), ..run(1.0) })),
            upsert("A2", 1, Record::Workout(Workout { start_us: us("9999-01-01T00:00:00Z"), ..run(1.0) })),
            upsert("A3", 1, Record::Workout(Workout { streams: Some(uneven), ..run(1.0) })),
            upsert("A4", 1, Record::Workout(run(f64::NAN))),
            upsert("", 1, hrv(41.0)),
            upsert("S1", 1, hrv(-4.0)),
            Upsert { key: "X".to_owned(), version: 1, record: None },
            upsert("A5", 1, Record::Workout(run(5_000.0))),
            upsert("S9", 1, hrv(41.0)),
        ],
        vec![gone("", 1)],
    )
    .await;
    let refused = ["refused"; 7].into_iter().chain(["stored", "stored", "refused"]);
    assert_eq!(words(&acks), refused.collect::<Vec<_>>());
    let codes: Vec<_> = acks[..4].iter().map(|ack| ack.problem.as_ref().unwrap().code.as_str()).collect();
    assert_eq!(codes, ["invalid_field", "start_in_future", "invalid_field", "invalid_field"]);
    assert_eq!(acks[0].problem.as_ref().unwrap().fields[0].pointer, "/upserts/0/workout/sport");
    assert_eq!(acks[2].problem.as_ref().unwrap().fields[0].pointer, "/upserts/2/workout/streams");
    assert_eq!(world.mine(aida).await.len(), 1);
    world.stop().await;
}

#[tokio::test]
async fn a_deleted_key_is_a_tombstone_also_when_nobody_knew_it() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let workout = |version| upsert("A1", version, Record::Workout(run(1_000.0)));
    assert_eq!(words(&sync(&world, aida, vec![], vec![gone("A1", 4)]).await), ["stored"]);
    assert_eq!(words(&sync(&world, aida, vec![workout(3)], vec![]).await), ["stale"]);
    assert!(world.mine(aida).await.is_empty());
    assert_eq!(words(&sync(&world, aida, vec![workout(5)], vec![]).await), ["stored"]);
    assert_eq!(world.mine(aida).await.len(), 1);
    assert_eq!(words(&sync(&world, aida, vec![], vec![gone("A1", 5)]).await), ["stored"]);
    assert_eq!(words(&sync(&world, aida, vec![], vec![gone("A1", 5)]).await), ["duplicate"]);
    assert_eq!(words(&sync(&world, aida, vec![workout(5)], vec![gone("A1", 2)]).await), ["stale", "stale"]);
    assert!(world.mine(aida).await.is_empty());
    world.stop().await;
}

#[tokio::test]
async fn a_deletion_without_a_version_is_of_the_newest_one_and_a_later_one_comes_back() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let gone = |key: &str| vec![Delete { key: key.to_owned(), newest: true, ..Delete::default() }];
    let workout = |version| vec![upsert("A1", version, Record::Workout(run(1_000.0)))];
    sync(&world, aida, workout(7), vec![]).await;
    let acks = sync(&world, aida, vec![], gone("A1")).await;
    assert_eq!((acks[0].status.as_str(), acks[0].version), ("stored", 7));
    assert!(world.mine(aida).await.is_empty());
    assert_eq!(words(&sync(&world, aida, workout(7), gone("A1")).await), ["stale", "duplicate"]);
    assert_eq!(words(&sync(&world, aida, workout(8), vec![]).await), ["stored"]);
    assert_eq!(world.mine(aida).await.len(), 1);

    let (value, day) = (upsert("S1", 3, hrv(41.0)), upsert("D1", 4, steps(9_000.0)));
    sync(&world, aida, vec![value.clone(), day.clone()], vec![]).await;
    let acks = sync(&world, aida, vec![], [gone("S1"), gone("D1"), gone("nobody's")].concat()).await;
    assert_eq!(words(&acks), ["stored"; 3]);
    assert_eq!(acks.iter().map(|ack| ack.version).collect::<Vec<_>>(), [3, 4, 0]);
    sync(&world, aida, vec![value, day], vec![]).await;
    let live = async |table: &str| values(&world, &format!("SELECT value FROM {table} WHERE live = 1")).await;
    assert!(live("metric").await.is_empty());
    eventually("is the day gone", || live("daily"), |days| days.is_empty()).await;
    sync(&world, aida, vec![upsert("S1", 4, hrv(43.0)), upsert("D1", 5, steps(9_500.0))], vec![]).await;
    assert_eq!(live("metric").await, [43.0]);
    eventually("is the day back", || live("daily"), |days| *days == [9_500.0]).await;
    let late = upsert("nobody's", 1, hrv(44.0));
    assert_eq!(words(&sync(&world, aida, vec![late], vec![]).await), ["stored"]);
    assert_eq!(live("metric").await.len(), 2);
    world.stop().await;
}

#[tokio::test]
async fn a_deletion_that_could_not_be_read_is_refused_alone() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let problem = proto::envelope::Problem { code: "invalid_field".to_owned(), ..Default::default() };
    let bad = Delete { unreadable: Some(problem), ..gone("A1", 0) };
    let record = upsert("A1", 1, Record::Workout(run(1_000.0)));
    let acks = sync(&world, aida, vec![record], vec![bad, gone("other", 1)]).await;
    assert_eq!(words(&acks), ["stored", "refused", "stored"]);
    assert_eq!(acks[1].problem.as_ref().map(|problem| problem.code.as_str()), Some("invalid_field"));
    assert_eq!(world.mine(aida).await.len(), 1, "nothing was deleted");
    world.stop().await;
}

#[tokio::test]
async fn samples_are_always_stored_and_the_higher_version_wins() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let kept = "SELECT value FROM metric WHERE live = 1 ORDER BY key";
    sync(&world, aida, vec![upsert("S9", 2, hrv(41.0))], vec![]).await;
    let acks = sync(&world, aida, vec![upsert("S9", 1, hrv(1.0)), upsert("S9", 3, hrv(43.0))], vec![]).await;
    assert_eq!(words(&acks), ["stored", "stored"]);
    assert_eq!(values(&world, kept).await, [43.0]);
    assert_eq!(words(&sync(&world, aida, vec![], vec![gone("S9", 3)]).await), ["stored"]);
    assert!(values(&world, kept).await.is_empty());
    sync(&world, aida, vec![upsert("S9", 3, hrv(44.0))], vec![]).await;
    assert!(values(&world, kept).await.is_empty(), "deleted at this version");
    world.stop().await;
}

#[tokio::test]
async fn days_are_replaced_by_newer_versions() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let version = |version, value| vec![upsert("D1", version, steps(value))];
    assert_eq!(words(&sync(&world, aida, version(7, 10_432.0), vec![]).await), ["stored"]);
    assert_eq!(words(&sync(&world, aida, version(6, 1.0), vec![]).await), ["stale"]);
    assert_eq!(words(&sync(&world, aida, version(8, 10_500.0), vec![]).await), ["stored"]);
    assert_eq!(values(&world, "SELECT value FROM daily WHERE live = 1").await, [10_500.0]);
    world.stop().await;
}

#[tokio::test]
async fn streams_of_a_workout_come_back_as_they_were_sent() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let streams = StreamsView {
        time: vec![0.0, 1.0, 2.0],
        latitude: vec![43.2, f64::NAN, 43.2001],
        longitude: vec![76.9, f64::NAN, 76.91],
        columns: vec![Column { r#type: "heart_rate".to_owned(), values: vec![120.0, f64::NAN, 0.0] }],
    };
    let workout = Workout { streams: Some(streams), ..run(5_000.0) };
    let acks = sync(&world, aida, vec![upsert("A1", 1, Record::Workout(workout))], vec![]).await;
    let asked = StreamsRequest {
        activity_id: acks[0].activity_id.clone(),
        types: vec!["latlng".to_owned(), "heart_rate".to_owned()],
        points_max: 0,
    };
    let back = world.client().streams(by(aida, asked)).await.unwrap().into_inner();
    assert_eq!((back.time.clone(), back.latitude[0], back.longitude[2]), (vec![0.0, 1.0, 2.0], 43.2, 76.91));
    assert!(back.latitude[1].is_nan());
    let [heart] = &back.columns[..] else { panic!("one column") };
    assert_eq!(heart.values[0], 120.0);
    assert!(heart.values[1].is_nan() && heart.values[2].is_nan(), "no beat is no value");
    world.stop().await;
}

#[tokio::test]
async fn what_the_owner_wrote_outlives_newer_versions_and_deletion_stays() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let version = |version| vec![upsert("A1", version, Record::Workout(run(1_000.0 * version as f64)))];
    let activity_id = sync(&world, aida, version(1), vec![]).await.remove(0).activity_id;
    let edit = ChangeActivityRequest {
        activity_id: activity_id.clone(),
        expected_revision: 1,
        name: Some("Mine".to_owned()),
        ..ChangeActivityRequest::default()
    };
    world.client().change_activity(by(aida, edit)).await.unwrap();
    sync(&world, aida, version(2), vec![]).await;
    let [run] = &world.mine(aida).await[..] else { panic!("one run") };
    assert_eq!((run.name.as_str(), run.distance_m), ("Mine", Some(2_000.0)));
    let asked = DeleteActivityRequest { activity_id, expected_revision: None };
    world.client().delete_activity(by(aida, asked)).await.unwrap();
    assert_eq!(words(&sync(&world, aida, version(3), vec![]).await), ["stored"]);
    assert!(world.mine(aida).await.is_empty(), "a device does not undo its owner's deletion");
    world.stop().await;
}

#[tokio::test]
async fn without_the_consent_workouts_lose_the_heart_and_body_data_is_refused() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    accounts.change(aida, |standing| standing.consents.clear());
    let records = vec![
        upsert("A1", 1, Record::Workout(run(5_000.0))),
        upsert("S1", 1, hrv(41.0)),
        upsert("D1", 1, steps(9_000.0)),
    ];
    let acks = sync(&world, aida, records, vec![]).await;
    assert_eq!(words(&acks), ["stored", "refused", "stored"]);
    assert_eq!(acks[0].notices, ["health_consent_missing"]);
    assert_eq!(world.mine(aida).await[0].heart_rate_avg_bpm, None);
    world.stop().await;
}

#[tokio::test]
async fn a_senders_mark_is_kept_and_told_to_one_that_lost_it() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let ask = |cursor: &str| {
        let asked = SyncRequest { cursor: cursor.to_owned(), ..SyncRequest::default() };
        let mut client = world.client();
        async move { client.sync(acting_for(watch(aida, "watch"), asked)).await.unwrap().into_inner().cursor }
    };
    assert!(!ask("").await.is_empty());
    assert_eq!(ask("anchor-17").await, "anchor-17");
    assert_eq!(ask("").await, "anchor-17");
    world.stop().await;
}

#[tokio::test]
async fn a_changeset_sent_again_under_its_key_takes_nothing_that_came_since() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let changeset = || SyncRequest {
        source: "healthkit".to_owned(),
        upserts: vec![upsert("A1", 1, Record::Workout(run(5_000.0)))],
        deletes: vec![Delete { key: "D1".to_owned(), newest: true, ..Delete::default() }],
        ..SyncRequest::default()
    };
    let keyed = |hash: &'static [u8]| {
        let key = eventing::command::Key { key: "POST /v1/sync k".to_owned(), request_hash: hash.into() };
        let ambient = Ambient { idempotency: Some(key), ..Ambient::new() };
        let mut client = world.client();
        async move { ambient.scope(client.sync(acting_for(watch(aida, "watch"), changeset()))).await }
    };
    sync(&world, aida, vec![upsert("D1", 1, steps(4_000.0))], vec![]).await;
    let first = keyed(b"one").await.unwrap();
    assert!(first.metadata().get("stadion-replayed").is_none());
    let first = first.into_inner().acks;
    assert_eq!(words(&first), ["stored", "stored"]);
    sync(&world, aida, vec![upsert("D1", 2, steps(9_000.0))], vec![]).await;
    let again = keyed(b"one").await.unwrap();
    assert_eq!(again.metadata().get("stadion-replayed").unwrap(), "true");
    let again = again.into_inner().acks;
    assert_eq!(words(&again), ["duplicate", "duplicate"]);
    assert_eq!(again[0].activity_id, first[0].activity_id);
    let kept = sync(&world, aida, vec![upsert("D1", 2, steps(9_000.0))], vec![]).await;
    assert_eq!(words(&kept), ["duplicate"], "the day that came back is still there");
    refused_with(keyed(b"two").await, Code::IdempotencyMismatch);
    world.stop().await;
}

#[tokio::test]
async fn too_many_records_at_once_are_refused_whole() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let deletes = (0..1_001).map(|key| gone(&key.to_string(), 1)).collect();
    let asked = SyncRequest { deletes, ..SyncRequest::default() };
    refused_with(world.client().sync(by(aida, asked)).await, Code::PayloadTooLarge);
    let asked = SyncRequest { source: "manual".to_owned(), ..SyncRequest::default() };
    refused_with(world.client().sync(by(aida, asked)).await, Code::InvalidField);
    world.stop().await;
}
