//! The same workout told twice is shown once.

use std::path::PathBuf;

use bytes::Bytes;
use kernel::{AccountId, Code};
use proto::activity::{
    ActivityView, CreateActivityRequest, DeleteActivityRequest, Duplicate, DuplicatesRequest,
    ExplanationRequest, GetActivityRequest, HistoryRequest, LinkDuplicateRequest, RestoreActivityRequest,
    StreamsRequest, StreamsView, SyncRequest, Upsert, Workout, upsert,
};
use testkit::fleet::{self, Ground};

use crate::world::{self, Accounts, World, by, refused_with, run};

/// The file's bytes, or a word that there is no sample set.
pub(crate) fn sample(name: &str) -> Option<Vec<u8>> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/samples"));
    let bytes = std::fs::read(folder.join(name)).ok();
    if bytes.is_none() {
        println!("skipped: no sample set");
    }
    bytes
}

async fn duplicates(world: &World<'_>, account: AccountId, id: &Bytes) -> Vec<Duplicate> {
    let asked = DuplicatesRequest { activity_id: id.clone() };
    world.client().duplicates(by(account, asked)).await.unwrap().into_inner().items
}

async fn view(world: &World<'_>, account: AccountId, id: &Bytes) -> ActivityView {
    let asked = GetActivityRequest { activity_id: id.clone() };
    world.client().get_activity(by(account, asked)).await.unwrap().into_inner()
}

/// What happened to it, and by whom.
async fn deeds(world: &World<'_>, account: AccountId, id: &Bytes) -> Vec<(String, String)> {
    let asked = HistoryRequest { activity_id: id.clone(), ..HistoryRequest::default() };
    let items = world.client().history(by(account, asked)).await.unwrap().into_inner().items;
    items.into_iter().rev().map(|revision| (revision.kind, revision.actor)).collect()
}

async fn kinds(world: &World<'_>, account: AccountId, id: &Bytes) -> Vec<String> {
    deeds(world, account, id).await.into_iter().map(|(kind, _)| kind).collect()
}

async fn shown(world: &World<'_>, account: AccountId) -> Vec<Bytes> {
    world.mine(account).await.into_iter().map(|activity| activity.id).collect()
}

fn both(activity_id: &Bytes, other_id: &Bytes) -> LinkDuplicateRequest {
    LinkDuplicateRequest { activity_id: activity_id.clone(), other_id: other_id.clone() }
}

/// Syncs a workout of a phone: its times, figures and columns are those of the made-up run, but for what is changed.
async fn synced(
    world: &World<'_>,
    account: AccountId,
    source: &str,
    change: impl FnOnce(&mut Workout),
) -> Bytes {
    let run = run("2026-05-01");
    let (latitude, longitude) =
        run.streams.latlng.iter().map(|at| at.unwrap_or((f64::NAN, f64::NAN))).unzip();
    let mut workout = Workout {
        sport: "running".to_owned(),
        start_us: run.start.as_microsecond(),
        utc_offset_s: Some(18_000),
        elapsed_time_s: run.totals.elapsed_time_s.unwrap().value,
        distance_m: run.totals.distance_m.map(|total| total.value),
        streams: Some(StreamsView {
            time: run.streams.time_s.clone(),
            latitude,
            longitude,
            ..StreamsView::default()
        }),
        ..Workout::default()
    };
    change(&mut workout);
    let upsert = Upsert { key: "A1".to_owned(), version: 1, record: Some(upsert::Record::Workout(workout)) };
    let asked = SyncRequest { source: source.to_owned(), upserts: vec![upsert], ..SyncRequest::default() };
    let mut acks = world.client().sync(by(account, asked)).await.unwrap().into_inner().acks;
    assert_eq!(acks[0].status, "stored", "{acks:?}");
    acks.remove(0).activity_id
}

#[tokio::test]
async fn one_ride_in_a_watchs_file_and_in_two_exports_is_shown_once() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let files = [
        "gpx/PAIR-A-strava.gpx",
        "fit/PAIR-A-ride.fit",
        "gpx/PAIR-A-garmin-connect.gpx",
        "tcx/PAIR-A-garmin-connect.tcx",
    ];
    let mut ids = Vec::new();
    for file in files {
        let Some(bytes) = sample(file) else { return };
        let upload = world.uploaded(aida, bytes).await;
        assert_eq!(upload.status, "ready", "{file}: {upload:?}");
        ids.push(upload.activity_ids[0].clone());
        assert_eq!(shown(&world, aida).await.len(), 1, "after {file}, at once");
    }
    assert_eq!(shown(&world, aida).await, [ids[1].clone()], "the watch's own file has most to say");
    let told = duplicates(&world, aida, &ids[1]).await;
    assert_eq!(told.len(), 3);
    assert!(told.iter().all(|twin| twin.state == "linked" && twin.by == "found" && !twin.because.is_empty()));
    println!("{:?}", told[0].because);
    let of_export = duplicates(&world, aida, &ids[0]).await;
    assert_eq!(of_export.iter().filter(|twin| twin.state == "primary").count(), 1);
    let export = view(&world, aida, &ids[0]).await;
    assert_eq!((export.duplicate_of, export.verdict.as_str()), (ids[1].clone(), "clear"));
    let boris = accounts.athlete("boris");
    accounts.shows(aida, "summary", &["everyone"]);
    let asked = GetActivityRequest { activity_id: ids[0].clone() };
    refused_with(world.client().get_activity(by(boris, asked)).await, Code::NotFound);
    world.stop().await;
}

#[tokio::test]
async fn one_recording_is_shown_once_though_its_files_tell_other_lengths() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let same = [
        // 900 m by the points of the pause, 668 m by the device.
        ["gpx/PAIR-B-garmin-connect.gpx", "tcx/PAIR-B-garmin-connect.tcx", "fit/PAIR-B-ride-pauses.fit"],
        ["fit/derived/truncated-60pct.fit", "fit/derived/truncated-60pct.fit", "fit/run-fenix2-gps.fit"],
    ];
    for (files, (who, length_m)) in same.into_iter().zip([("aida", 668.19), ("boris", 9_008.22)]) {
        let account = accounts.athlete(who);
        for file in files {
            let Some(bytes) = sample(file) else { return };
            let upload = world.uploaded(account, bytes).await;
            assert!(!upload.activity_ids.is_empty(), "{file}: {upload:?}");
        }
        let are_one = |mine: &Vec<ActivityView>| match &mine[..] {
            [one] => (one.distance_m.unwrap_or_default() - length_m).abs() < 1.0,
            _ => false,
        };
        let what = format!("are {files:?} one");
        let mine = fleet::eventually(&what, || world.mine(account), are_one).await;
        let told = duplicates(&world, account, &mine[0].id).await;
        let why =
            told.iter().flat_map(|twin| &twin.because).any(|why| why.starts_with("they are one recording"));
        assert!(why, "{told:?}");
    }
    world.stop().await;
}

#[tokio::test]
async fn the_phones_track_gets_the_straps_pulse_and_gives_it_back_when_they_are_split() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let phone = synced(&world, aida, "healthkit", |_| {}).await;
    let strap = synced(&world, aida, "strap", |workout| {
        let streams = workout.streams.as_mut().unwrap();
        (streams.latitude, streams.longitude) = (Vec::new(), Vec::new());
        let values = streams.time.iter().map(|time| 120.0 + (time % 40.0)).collect();
        streams.columns = vec![proto::activity::Column { r#type: "heart_rate".to_owned(), values }];
        workout.distance_m = None;
    })
    .await;
    assert_eq!(shown(&world, aida).await, std::slice::from_ref(&phone));
    let seen = view(&world, aida, &phone).await;
    assert_eq!(seen.fused_from, std::slice::from_ref(&strap));
    assert!(seen.heart_rate_avg_bpm.unwrap() > 130.0 && seen.stream_types.contains(&"heart_rate".to_owned()));
    assert_eq!(seen.sources, ["healthkit", "strap"]);
    let asked = ExplanationRequest { activity_id: phone.clone() };
    let items = world.client().explanation(by(aida, asked)).await.unwrap().into_inner().items;
    let mean = items.iter().find(|item| item.field == "heart_rate_avg_bpm").unwrap();
    assert_eq!((mean.algorithm.as_str(), mean.version), ("fused-columns", 2));
    assert_eq!((mean.given_by_source.as_str(), &mean.given_by_activity_id), ("strap", &strap));
    assert!(items.iter().filter(|item| item.given_by_activity_id.is_empty()).count() > 2);
    let told = duplicates(&world, aida, &phone).await;
    assert_eq!((told[0].gives.clone(), told[0].source.as_str()), (vec!["heart_rate".to_owned()], "strap"));
    let asked = StreamsRequest { activity_id: phone.clone(), ..StreamsRequest::default() };
    let columns = world.client().streams(by(aida, asked)).await.unwrap().into_inner();
    assert!(columns.columns.iter().any(|column| column.r#type == "heart_rate"));

    world.client().split_duplicate(by(aida, both(&phone, &strap))).await.unwrap();
    let apart = view(&world, aida, &phone).await;
    assert_eq!((apart.heart_rate_avg_bpm, apart.fused_from.len()), (None, 0), "as it was before");
    assert_eq!(shown(&world, aida).await.len(), 2);
    assert_eq!(duplicates(&world, aida, &phone).await[0].state, "split");
    // It is remembered: whatever is written next, they stay two.
    let asked = DeleteActivityRequest { activity_id: strap.clone(), expected_revision: None };
    world.client().delete_activity(by(aida, asked)).await.unwrap();
    let asked = RestoreActivityRequest { activity_id: strap.clone() };
    world.client().restore_activity(by(aida, asked)).await.unwrap();
    assert_eq!(shown(&world, aida).await.len(), 2);

    world.client().link_duplicate(by(aida, both(&phone, &strap))).await.unwrap();
    assert_eq!(
        shown(&world, aida).await,
        std::slice::from_ref(&phone),
        "and are one again when their owner says so"
    );
    assert_eq!(duplicates(&world, aida, &phone).await[0].by, "owner");
    assert_eq!(view(&world, aida, &phone).await.fused_from, std::slice::from_ref(&strap));
    let told = deeds(&world, aida, &strap).await;
    let links: Vec<_> = told.iter().filter(|(kind, _)| kind.ends_with("linked")).collect();
    let by = |kind: &str, actor: &str| (kind.to_owned(), actor.to_owned());
    assert_eq!(links[..2], [&by("linked", "system"), &by("unlinked", "owner")], "{told:?}");
    assert_eq!(links.last(), Some(&&by("linked", "owner")), "{told:?}");
    assert_eq!(kinds(&world, aida, &phone).await.first().map(String::as_str), Some("recorded"));
    assert!(kinds(&world, aida, &phone).await.contains(&"fused".to_owned()));
    world.stop().await;
}

#[tokio::test]
async fn whoever_comes_first_the_same_one_is_shown_with_the_same_figures() {
    let accounts = Accounts::default();
    let mut ends = Vec::new();
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let ground = Ground::fresh();
        let world = world::start(&ground, &accounts).await;
        let aida = accounts.athlete("aida");
        for which in order {
            match which {
                0 => drop(world.uploaded(aida, world::fit("2026-05-01")).await),
                1 => drop(synced(&world, aida, "healthkit", |workout| workout.start_us += 20_000_000).await),
                _ => {
                    let bare = |workout: &mut Workout| {
                        workout.streams = None;
                        workout.power_avg_w = Some(250.0);
                        workout.elapsed_time_s += 30.0;
                    };
                    drop(synced(&world, aida, "export", bare).await);
                }
            }
        }
        let mine = world.mine(aida).await;
        assert_eq!(mine.len(), 1, "{order:?}");
        ends.push(ActivityView { revision: 0, ..mine[0].clone() });
        world.stop().await;
    }
    assert_eq!(ends[0].power_avg_w, Some(250.0), "what only the export says");
    assert!(ends.iter().all(|end| *end == ends[0]), "{ends:#?}");
}

#[tokio::test]
async fn when_the_one_that_is_shown_is_deleted_the_other_is_shown() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let watch = world.uploaded(aida, world::fit("2026-05-01")).await.activity_ids.remove(0);
    let phone = synced(&world, aida, "healthkit", |_| {}).await;
    assert_eq!(shown(&world, aida).await, std::slice::from_ref(&watch));
    let asked = DeleteActivityRequest { activity_id: watch.clone(), expected_revision: None };
    world.client().delete_activity(by(aida, asked)).await.unwrap();
    assert_eq!(shown(&world, aida).await, std::slice::from_ref(&phone));
    let asked = RestoreActivityRequest { activity_id: watch.clone() };
    world.client().restore_activity(by(aida, asked)).await.unwrap();
    assert_eq!(shown(&world, aida).await, std::slice::from_ref(&watch));
    // The rows made anew from the journal say the same.
    world.make_anew().await;
    assert_eq!(shown(&world, aida).await, [watch]);
    world.stop().await;
}

#[tokio::test]
async fn two_rides_of_one_day_and_two_entries_by_hand_stay_two() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let morning = world::run("2026-05-01");
    let evening = formats::synth::run(8, "2026-05-01T13:00:00Z".parse().unwrap(), 5_000.0, 360.0);
    for ride in [morning, evening] {
        world.uploaded(aida, formats::write(&ride)).await;
    }
    let entry = CreateActivityRequest {
        sport: "walking".to_owned(),
        start_us: 1_777_000_000_000_000,
        elapsed_time_s: 1_800.0,
        ..CreateActivityRequest::default()
    };
    for _ in 0..2 {
        world.client().create_activity(by(aida, entry.clone())).await.unwrap();
    }
    assert_eq!(shown(&world, aida).await.len(), 4);
    world.stop().await;
}

#[tokio::test]
async fn nobody_links_or_splits_what_is_not_theirs() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let (aida, boris) = (accounts.athlete("aida"), accounts.athlete("boris"));
    accounts.shows(aida, "summary", &["everyone"]);
    let theirs = world.uploaded(aida, world::fit("2026-05-01")).await.activity_ids.remove(0);
    let own = world.uploaded(boris, world::fit("2026-05-01")).await.activity_ids.remove(0);
    assert_eq!(
        shown(&world, boris).await,
        std::slice::from_ref(&own),
        "another's run is no twin of one's own"
    );
    for pair in [both(&own, &theirs), both(&theirs, &own)] {
        refused_with(world.client().link_duplicate(by(boris, pair.clone())).await, Code::NotFound);
        refused_with(world.client().split_duplicate(by(boris, pair)).await, Code::NotFound);
    }
    let asked = DuplicatesRequest { activity_id: theirs };
    refused_with(world.client().duplicates(by(boris, asked)).await, Code::NotFound);
    refused_with(world.client().link_duplicate(by(boris, both(&own, &own))).await, Code::InvalidField);
    world.stop().await;
}

#[tokio::test]
async fn two_that_come_at_the_same_moment_find_each_other() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    for day in 1..=5 {
        let day = format!("2026-04-{day:02}");
        let start_us = run(&day).start.as_microsecond();
        let uploaded = world.uploaded(aida, world::fit(&day));
        let phone = synced(&world, aida, &day, |workout| workout.start_us = start_us);
        tokio::join!(uploaded, phone);
    }
    fleet::eventually("five workouts", || shown(&world, aida), |shown| shown.len() == 5).await;
    world.stop().await;
}
