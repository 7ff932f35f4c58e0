//! What cannot be of several workouts together: two places at once, and one recording in two accounts.

use activity::wire;
use bytes::Bytes;
use eventing::{StreamId, args};
use jiff::Timestamp;
use kernel::{AccountId, ActivityId};
use proto::activity::{CropRequest, StreamsView, SyncRequest, Upsert, Workout, upsert};
use testkit::fleet::{Ground, eventually};

use crate::{
    purge::{delete, restore},
    twins::sample,
    verdicts::{appeal, decide, moderator, verdict, view, waiting},
    world::{self, Accounts, World, by},
};

const LONDON: (f64, f64) = (51.5, -0.12);

/// A run of 5 km at six o'clock, of Almaty's morning, and so many hours later.
fn begins(hours: i64) -> Timestamp {
    let first: Timestamp = "2026-05-01T01:00:00Z".parse().unwrap();
    first + jiff::SignedDuration::from_hours(hours)
}

fn run_in(place: (f64, f64), start: Timestamp) -> Vec<u8> {
    let run = formats::synth::run_at(place, 7, start, 5_000.0, 360.0);
    formats::write(&formats::Activity { utc_offset_s: Some(0), ..run })
}

async fn uploaded(world: &World<'_>, account: AccountId, file: Vec<u8>) -> Bytes {
    world.uploaded(account, file).await.activity_ids.remove(0)
}

async fn becomes(world: &World<'_>, account: AccountId, id: &Bytes, state: &str) {
    let ask = || async { view(world, account, id).await.verdict };
    eventually("what is held against it", ask, |verdict| verdict == state).await;
}

async fn rules(world: &World<'_>, account: AccountId, id: &Bytes) -> Vec<String> {
    let told = verdict(world, account, id).await.unwrap();
    told.judgement.unwrap_or_default().reasons.into_iter().map(|reason| reason.rule).collect()
}

#[tokio::test]
async fn a_run_in_london_an_hour_after_one_in_almaty_is_flagged_until_the_other_is_gone() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let almaty = uploaded(&world, aida, run_in((43.24, 76.95), begins(0))).await;
    let london = uploaded(&world, aida, run_in(LONDON, begins(2))).await;
    let next_day = uploaded(&world, aida, run_in(LONDON, begins(20))).await;
    becomes(&world, aida, &london, "flagged").await;
    assert_eq!(rules(&world, aida, &london).await, ["travel"]);
    assert_eq!(view(&world, aida, &almaty).await.verdict, "clear");
    assert_eq!(view(&world, aida, &next_day).await.verdict, "clear");
    delete(&world, aida, &almaty).await;
    becomes(&world, aida, &london, "clear").await;
    restore(&world, aida, &almaty).await;
    becomes(&world, aida, &london, "flagged").await;
    // What a person decides stands, whoever looks again.
    let reviewer = moderator(&accounts, &[]);
    appeal(&world, aida, &london).await.unwrap();
    decide(&world, reviewer, &london, "cleared").await.unwrap();
    becomes(&world, aida, &london, "clear").await;
    delete(&world, aida, &next_day).await;
    delete(&world, aida, &almaty).await;
    restore(&world, aida, &almaty).await;
    world.make_anew().await;
    assert_eq!(view(&world, aida, &london).await.verdict, "clear");
    world.stop().await;
}

/// What was ever said of it.
async fn told(world: &World<'_>, id: &Bytes) -> Vec<String> {
    let id: ActivityId = wire::id(id, "id").unwrap();
    let page = world.journal.store().load(&StreamId::of("activity", id), 0, 100).await.unwrap();
    let word = |kind: &str| kind.rsplit('.').next().unwrap_or_default().to_owned();
    page.iter().map(|event| word(&event.kind)).collect()
}

#[tokio::test]
async fn a_look_from_where_the_evidence_cannot_be_seen_takes_nothing_back() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    uploaded(&world, aida, run_in((43.24, 76.95), begins(0))).await;
    let london = uploaded(&world, aida, run_in(LONDON, begins(2))).await;
    becomes(&world, aida, &london, "flagged").await;
    appeal(&world, aida, &london).await.unwrap();
    // London lies within 14 hours of this one, what is held against it does not.
    uploaded(&world, aida, run_in(LONDON, begins(15))).await;
    // One account's are looked at in their order: when this one is flagged, that one was looked at.
    let last = uploaded(&world, aida, run_in((43.24, 76.95), begins(17))).await;
    becomes(&world, aida, &last, "flagged").await;
    assert_eq!(view(&world, aida, &london).await.verdict, "appealed");
    let all = told(&world, &london).await;
    assert_eq!(all, ["ActivityRecorded", "ActivityFlagged", "ActivityAppealed"]);
    world.stop().await;
}

#[tokio::test]
async fn who_waits_for_a_reviewer_keeps_the_place_whatever_else_is_said() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let [aida, boris, carla] = ["aida", "boris", "carla"].map(|name| accounts.athlete(name));
    let reviewer = moderator(&accounts, &[]);
    let london = uploaded(&world, boris, run_in(LONDON, begins(2))).await;
    delete(&world, boris, &london).await;
    let file = run_in((43.24, 76.95), begins(0));
    uploaded(&world, aida, file.clone()).await;
    let mut copies = Vec::new();
    for thief in [boris, carla] {
        let copy = uploaded(&world, thief, file.clone()).await;
        becomes(&world, thief, &copy, "flagged").await;
        appeal(&world, thief, &copy).await.unwrap();
        world.later(60);
        copies.push(copy);
    }
    assert_eq!(waiting(&world, reviewer).await.unwrap(), copies);
    restore(&world, boris, &london).await;
    let ask = || async { rules(&world, boris, &copies[0]).await };
    eventually("what is held against it", ask, |rules| rules == &["clone", "travel"]).await;
    let ask = || async { told(&world, &copies[0]).await };
    eventually("what was said", ask, |told| told.len() == 4).await;
    let sql = "SELECT revision FROM activity_start WHERE activity_id = $1";
    let id: ActivityId = wire::id(&copies[0], "id").unwrap();
    let ask = || async { world.db.fetch_one(sql, args![id]).await.unwrap().unwrap().get::<i64>(0).unwrap() };
    eventually("how far the rows are", ask, |revision| *revision == 4).await;
    assert_eq!(waiting(&world, reviewer).await.unwrap(), copies);
    world.stop().await;
}

#[tokio::test]
async fn who_puts_anothers_track_under_an_old_key_is_the_copy() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let (aida, boris) = (accounts.athlete("aida"), accounts.athlete("boris"));
    let rows = world::run("2026-05-01").streams.len();
    // One that is known by something, and one that is too short for that: neither has a place for what comes later.
    for (thief, before) in [(boris, rows), (accounts.athlete("carla"), 20)] {
        synced_of("2026-04-01", &world, thief, 1, before).await;
    }
    let first = uploaded(&world, aida, world::fit("2026-05-01")).await;
    for thief in [boris, accounts.athlete("carla")] {
        let copy = synced(&world, thief, 2, rows).await;
        becomes(&world, thief, &copy, "flagged").await;
        assert_eq!(rules(&world, thief, &copy).await, ["clone"]);
    }
    assert_eq!(view(&world, aida, &first).await.verdict, "clear");
    assert_eq!(told(&world, &first).await, ["ActivityRecorded"]);
    // What was deleted keeps its place for when it comes back.
    delete(&world, aida, &first).await;
    restore(&world, aida, &first).await;
    let copy = synced(&world, boris, 3, rows).await;
    becomes(&world, boris, &copy, "flagged").await;
    assert_eq!(view(&world, aida, &first).await.verdict, "clear");
    world.make_anew().await;
    world.stop().await;
}

#[tokio::test]
async fn an_account_is_erased_also_where_a_copy_of_it_cannot_be_released() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let [aida, boris, carla] = ["aida", "boris", "carla"].map(|name| accounts.athlete(name));
    for (at, thief) in [boris, carla].into_iter().enumerate() {
        let file = run_in((43.24, 76.95), begins(100 * at as i64));
        uploaded(&world, aida, file.clone()).await;
        let copy = uploaded(&world, thief, file).await;
        becomes(&world, thief, &copy, "flagged").await;
    }
    let sql = "UPDATE activity_start SET trace = $1 WHERE account_id = $2";
    world.db.execute(sql, args![vec![0xff_u8], boris]).await.unwrap();
    world.erase(aida).await;
    let ask = || async { world.mine(carla).await[0].verdict.clone() };
    eventually("what is held against the other copy", ask, |verdict| verdict == "clear").await;
    assert_eq!(world.mine(aida).await, []);
    world.stop().await;
}

#[tokio::test]
async fn one_file_in_two_accounts_is_the_first_ones() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let (aida, boris) = (accounts.athlete("aida"), accounts.athlete("boris"));
    let file = world::fit("2026-05-01");
    let first = uploaded(&world, aida, file.clone()).await;
    let second = uploaded(&world, boris, file).await;
    becomes(&world, boris, &second, "flagged").await;
    assert_eq!(rules(&world, boris, &second).await, ["clone"]);
    assert_eq!(view(&world, aida, &first).await.verdict, "clear");
    // With its ends cut off it is the same recording.
    let asked = CropRequest { activity_id: second.clone(), from_s: Some(300.0), to_s: None };
    let cropped = world.client().crop(by(boris, asked)).await.unwrap().into_inner();
    assert_eq!(cropped.verdict, "flagged");
    // The first one was the mistake.
    delete(&world, aida, &first).await;
    becomes(&world, boris, &second, "clear").await;
    restore(&world, aida, &first).await;
    becomes(&world, boris, &second, "flagged").await;
    assert_eq!(view(&world, aida, &first).await.verdict, "clear");
    world.stop().await;
}

#[tokio::test]
async fn a_ride_from_somebody_elses_export_is_known_by_what_it_is_made_of() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let Some(file) = sample("fit/PAIR-A-ride.fit") else { return };
    uploaded(&world, aida, file).await;
    for copy in ["gpx/PAIR-A-garmin-connect.gpx", "tcx/PAIR-A-garmin-connect.tcx", "gpx/PAIR-A-strava.gpx"] {
        let thief = accounts.athlete(copy);
        let Some(file) = sample(copy) else { return };
        let id = uploaded(&world, thief, file).await;
        becomes(&world, thief, &id, "flagged").await;
        assert_eq!(rules(&world, thief, &id).await, ["clone"], "{copy}");
    }
    world.stop().await;
}

/// A workout of a phone, of so many of a run's seconds.
async fn synced(world: &World<'_>, account: AccountId, version: i64, seconds: usize) -> Bytes {
    synced_of("2026-05-01", world, account, version, seconds).await
}

async fn synced_of(day: &str, world: &World<'_>, account: AccountId, version: i64, seconds: usize) -> Bytes {
    let mut run = world::run(day);
    activity::streams::show::keep_rows(&mut run.streams, &(0..seconds));
    let streams = &run.streams;
    let (latitude, longitude) = streams.latlng.iter().map(|at| at.unwrap_or((f64::NAN, f64::NAN))).unzip();
    let workout = Workout {
        sport: "running".to_owned(),
        start_us: run.start.as_microsecond(),
        utc_offset_s: Some(18_000),
        elapsed_time_s: *streams.time_s.last().unwrap(),
        streams: Some(StreamsView {
            time: streams.time_s.clone(),
            latitude,
            longitude,
            ..StreamsView::default()
        }),
        ..Workout::default()
    };
    let record = Some(upsert::Record::Workout(workout));
    let upserts = vec![Upsert { key: "A1".to_owned(), version, record }];
    let asked = SyncRequest { source: "watch".to_owned(), upserts, ..SyncRequest::default() };
    let mut acks = world.client().sync(by(account, asked)).await.unwrap().into_inner().acks;
    assert_eq!(acks[0].status, "stored", "{acks:?}");
    acks.remove(0).activity_id
}

#[tokio::test]
async fn a_copy_that_is_told_as_it_grows_is_found_and_stays_held() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let (aida, boris) = (accounts.athlete("aida"), accounts.athlete("boris"));
    uploaded(&world, aida, world::fit("2026-05-01")).await;
    let rows = world::run("2026-05-01").streams.len();
    let id = synced(&world, boris, 1, 30).await;
    let whole = synced(&world, boris, 2, rows).await;
    assert_eq!(id, whole);
    becomes(&world, boris, &id, "flagged").await;
    appeal(&world, boris, &id).await.unwrap();
    synced(&world, boris, 3, rows - 10).await;
    assert_eq!(view(&world, boris, &id).await.verdict, "appealed", "a newer version takes nothing back");
    assert_eq!(rules(&world, boris, &id).await, ["clone"]);
    world.stop().await;
}
