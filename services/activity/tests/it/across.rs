//! What cannot be of several workouts together: two places at once, and one recording in two accounts.

use bytes::Bytes;
use jiff::Timestamp;
use kernel::AccountId;
use proto::activity::{
    CropRequest, DeleteActivityRequest, RestoreActivityRequest, StreamsView, SyncRequest, Upsert, Workout,
    upsert,
};
use testkit::fleet::{Ground, eventually};

use crate::{
    twins::sample,
    verdicts::{appeal, decide, moderator, verdict, view},
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
    println!("{:#?}", told.judgement);
    told.judgement.unwrap_or_default().reasons.into_iter().map(|reason| reason.rule).collect()
}

async fn delete(world: &World<'_>, account: AccountId, id: &Bytes) {
    let asked = DeleteActivityRequest { activity_id: id.clone(), expected_revision: None };
    world.client().delete_activity(by(account, asked)).await.unwrap();
}

async fn restore(world: &World<'_>, account: AccountId, id: &Bytes) {
    let asked = RestoreActivityRequest { activity_id: id.clone() };
    world.client().restore_activity(by(account, asked)).await.unwrap();
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
    let mut run = world::run("2026-05-01");
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
