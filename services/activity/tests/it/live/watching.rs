//! What watchers are shown, and when no more.

use kernel::Code;
use proto::{
    activity::{LivePoint, StartLiveSessionRequest, Visibility},
    social::Relation,
};
use testkit::fleet::Ground;

use super::track::{HOME, SPEED_MPS, Track, at, hide_home, open_athlete, seconds};
use crate::world::{self, Accounts, app, refused_with};

#[tokio::test]
async fn a_watcher_is_told_what_was_and_what_comes_and_goes_on_where_they_were() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let (aida, boris) = (open_athlete(&accounts), accounts.athlete("boris"));
    let track = Track::started(&world, app(aida)).await;
    let mut watch = track.watch(app(boris), None).await.unwrap();
    let (session, points) = watch.snapshot().await;
    assert_eq!((session.state.as_str(), session.sport.as_str(), points.len()), ("open", "running", 0));
    assert_eq!(
        (session.started_us, session.points, session.ends_us),
        (None, None, None),
        "the owner's alone"
    );
    track.tell([0, 10]).await;
    assert_eq!(seconds(&watch.points().await), [0, 10]);
    track.tell([30]).await;
    let point = watch.points().await.remove(0);
    assert_eq!((point.heart_rate_bpm, point.distance_m), (Some(140.0), Some(90.0)));
    let read = watch.sequence;
    drop(watch);
    track.tell([20, 40]).await;
    let mut again = track.watch(app(boris), Some(read)).await.unwrap();
    assert_eq!(seconds(&again.points().await), [20, 40], "in the order in which they came");
    for unknown in [Some(read + 1_000_000_000), Some(0), None] {
        let mut anew = track.watch(app(boris), unknown).await.unwrap();
        assert_eq!(seconds(&anew.snapshot().await.1), [0, 10, 30, 20, 40], "{unknown:?}");
    }
    let finished = track.finish().await.unwrap();
    assert_eq!(again.closed().await, ("finished".to_owned(), finished.activity_id));
    let mut late = track.watch(app(boris), Some(read)).await.unwrap();
    assert_eq!(seconds(&late.points().await), [20, 40], "who comes back after the end misses nothing");
    assert_eq!(late.closed().await.0, "finished");
    world.stop().await;
}

#[tokio::test]
async fn more_than_a_frame_holds_comes_in_several() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let track = Track::started(&world, app(aida)).await;
    world.later(1_200);
    track.tell(0..700).await;
    track.tell(700..1_200).await;
    let mut watch = track.watch(app(aida), None).await.unwrap();
    let mut all = seconds(&watch.snapshot().await.1);
    while all.len() < 1_200 {
        all.extend(seconds(&watch.points().await));
    }
    assert_eq!(all, (0..1_200).collect::<Vec<_>>());
    world.stop().await;
}

#[tokio::test]
async fn what_lies_in_a_zone_is_shown_to_its_owner_alone() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let (aida, boris) = (open_athlete(&accounts), accounts.athlete("boris"));
    hide_home(&accounts, aida, 200.0);
    let track = Track::started(&world, app(aida)).await;
    let (mut own, mut watch) =
        (track.watch(app(aida), None).await.unwrap(), track.watch(app(boris), None).await.unwrap());
    assert_eq!((own.snapshot().await.1.len(), watch.snapshot().await.1.len()), (0, 0));
    world.later(600);
    track.tell((0..=500).step_by(10)).await;
    assert_eq!(own.points().await.len(), 51);
    let shown = watch.points().await;
    let hidden = 51 - shown.len();
    assert!((7..=40).contains(&hidden), "200 m at 3 m/s and more: {hidden}");
    let first = seconds(&shown)[0];
    assert_eq!(seconds(&shown), (first..=500).step_by(10).collect::<Vec<_>>(), "the first outside is shown");
    assert_eq!((shown[0].distance_m, shown[1].distance_m), (Some(0.0), Some(30.0)), "counted from there");
    // Without a position nobody can say where it lies.
    let nowhere = LivePoint { latitude: None, longitude: None, ..at(510) };
    track.send(vec![nowhere, at(520)]).await.unwrap();
    assert_eq!((own.points().await.len(), seconds(&watch.points().await)), (2, vec![520]));
    // Back home: nothing comes, and the next that is shown tells nothing of it.
    track
        .send((525..=530).map(|second| LivePoint { latitude: Some(HOME.0), ..at(second) }).collect())
        .await
        .unwrap();
    track.tell([540]).await;
    assert_eq!(seconds(&watch.points().await), [540]);

    let mut anew = track.watch(app(boris), None).await.unwrap();
    assert_eq!(anew.snapshot().await.1.len(), shown.len() + 2);
    let mut again = track.watch(app(boris), Some(anew.sequence - 1)).await.unwrap();
    assert_eq!(again.points().await[0].distance_m, Some((540 - first) as f64 * SPEED_MPS));
    let finished = track.finish().await.unwrap();
    assert_eq!(watch.closed().await.1, finished.activity_id);
    world.stop().await;
}

#[tokio::test]
async fn only_who_may_see_the_map_the_start_and_the_summary_may_watch() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let (aida, boris) = (accounts.athlete("aida"), accounts.athlete("boris"));
    for class in ["summary", "map", "start_time"] {
        accounts.shows(aida, class, &["friends"]);
    }
    accounts.shows(aida, "heart_rate", &[]);
    let track = Track::started(&world, app(aida)).await;
    track.tell([0, 10]).await;
    let tries = || async { track.watch(app(boris), None).await.map(|_| ()) };
    refused_with(tries().await, Code::NotFound);
    let friend = Relation { friend: true, follower: true, ..Relation::default() };
    accounts.relate(boris, aida, friend);
    let mut watch = track.watch(app(boris), None).await.unwrap();
    assert!(
        watch.snapshot().await.1.iter().all(|point| point.heart_rate_bpm.is_none()),
        "a class of its own"
    );
    for class in ["summary", "map", "start_time"] {
        accounts.shows(aida, class, &[]);
        refused_with(tries().await, Code::NotFound);
        accounts.shows(aida, class, &["friends"]);
    }
    // A stricter setting ends what runs, without another point.
    accounts.shows(aida, "map", &[]);
    track.tell([20]).await;
    assert_eq!(watch.closed().await.0, "hidden");
    accounts.shows(aida, "map", &["friends"]);

    accounts.part(true);
    refused_with(tries().await, Code::NotFound);
    accounts.part(false);
    accounts.fall_silent(true);
    refused_with(tries().await, Code::Unavailable);
    accounts.fall_silent(false);

    let alone = Visibility { audiences: Vec::new() };
    let how =
        StartLiveSessionRequest { visibility: Some(alone.clone()), ..StartLiveSessionRequest::default() };
    let private = Track::started_as(&world, app(aida), how).await;
    refused_with(private.watch(app(boris), None).await.map(|_| ()), Code::NotFound);
    private.tell([0, 10]).await;
    private.finish().await.unwrap();
    assert_eq!(world.mine(aida).await[0].visibility, Some(alone), "and so is its activity");
    world.stop().await;
}

#[tokio::test]
async fn a_block_ends_what_is_watched() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let (aida, boris) = (open_athlete(&accounts), accounts.athlete("boris"));
    let track = Track::started(&world, app(aida)).await;
    track.tell([0, 10]).await;
    let (mut busy, mut idle) =
        (track.watch(app(boris), None).await.unwrap(), track.watch(app(boris), None).await.unwrap());
    busy.snapshot().await;
    idle.snapshot().await;
    accounts.relate(boris, aida, Relation { blocked: true, ..Relation::default() });
    // Also while nothing is told.
    assert_eq!(idle.closed().await.0, "hidden");
    track.tell([20]).await;
    assert_eq!(busy.closed().await.0, "hidden");
    refused_with(track.watch(app(boris), None).await.map(|_| ()), Code::NotFound);
    world.stop().await;
}
