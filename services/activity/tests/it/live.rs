//! Live tracking: told beacon by beacon, watched as it happens, and an activity in the end.

mod track;
mod watching;

use activity::Config;
use eventing::args;
use kernel::{Code, time::micros};
use platform::context::acting_for;
use proto::activity::{GetActivityRequest, LivePoint, StartLiveSessionRequest, live_frame};
use testkit::fleet::{Ground, eventually};

use self::track::{HOME, METRES_PER_DEGREE, Track, at, count, fault, now_us, open_athlete, words};
use crate::world::{self, Accounts, app, by, bytes_of, fit, refused, refused_with, run, watch};

#[tokio::test]
async fn each_beacon_is_answered_for_itself_and_all_together_are_an_activity() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let track = Track::started(&world, app(aida)).await;
    let sent = track.send([0, 20, 10, 20].map(at).to_vec()).await.unwrap();
    assert_eq!(words(&sent.acks), ["stored", "stored", "late", "duplicate"]);
    assert_eq!((sent.points, sent.ends_us), (3, now_us() + 3_600_000_000));
    let unknown = || LivePoint { longitude: None, ..at(50) };
    let wild = || LivePoint { latitude: Some(f64::NAN), power_w: Some(-1.0), ..at(50) };
    let odd = vec![at(1_200), at(-1_200), unknown(), wild(), at(30), at(10)];
    let sent = track.send(odd).await.unwrap();
    assert_eq!(words(&sent.acks), ["refused", "refused", "refused", "refused", "stored", "duplicate"]);
    let place =
        |index: usize, code: &str, field: &str| (code.to_owned(), format!("/beacons/{index}/{field}"));
    assert_eq!(fault(&sent.acks[0]), place(0, "start_in_future", "at"));
    assert_eq!(fault(&sent.acks[1]), place(1, "invalid_field", "at"));
    assert_eq!(fault(&sent.acks[2]), place(2, "invalid_field", "latitude"));
    assert_eq!(fault(&sent.acks[3]), place(3, "invalid_field", "latitude"));
    world.later(600);
    track.tell((40..=600).step_by(10)).await;

    let finished = track.finish().await.unwrap();
    assert_eq!((finished.state.as_str(), finished.ended_by.as_str()), ("finished", "owner"));
    assert_eq!((finished.points, finished.ends_us), (Some(61), None));
    let mine = world.mine(aida).await;
    assert_eq!(mine.len(), 1);
    assert_eq!((&mine[0].id, mine[0].sport.as_str()), (&finished.activity_id, "running"));
    assert_eq!((mine[0].start_us, mine[0].elapsed_time_s), (Some(now_us()), Some(600.0)));
    assert_eq!(mine[0].sources, ["live"]);
    let distance_m = mine[0].distance_m.unwrap();
    assert!((distance_m - 1_800.0).abs() < 1.0, "{distance_m}");
    assert_eq!(mine[0].heart_rate_avg_bpm, Some(140.0));

    assert_eq!(track.finish().await.unwrap(), finished, "a session that has ended answers as it ended");
    refused_with(track.send(vec![at(610)]).await, Code::Conflict);
    let boris = Track { world: &world, teller: app(accounts.athlete("boris")), id: track.id.clone() };
    refused_with(boris.send(vec![at(1)]).await, Code::NotFound);
    refused_with(boris.finish().await, Code::NotFound);
    world.stop().await;
}

#[tokio::test]
async fn a_session_goes_on_after_a_restart_between_beacons() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let aida = accounts.athlete("aida");
    let first = world::start(&ground, &accounts).await;
    let before = Track::started(&first, app(aida)).await;
    before.tell([0, 10, 20]).await;
    let (id, teller) = (before.id.clone(), before.teller.clone());
    first.stop().await;
    let world = world::start(&ground, &accounts).await;
    let track = Track { world: &world, teller, id };
    let sent = track.send([20, 30, 40].map(at).to_vec()).await.unwrap();
    assert_eq!(words(&sent.acks), ["duplicate", "stored", "stored"], "what was answered is there");
    assert_eq!(track.again(&world).finish().await.unwrap().points, Some(5));
    assert_eq!(world.mine(aida).await[0].elapsed_time_s, Some(40.0));
    world.stop().await;
}

#[tokio::test]
async fn a_session_of_which_nothing_is_heard_ends_by_itself_and_loses_nothing() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let track = Track::started(&world, app(aida)).await;
    track.tell([0, 10]).await;
    world.later(3_000);
    track.tell((20..=60).step_by(10)).await;
    let mut watch = track.watch(app(aida), None).await.unwrap();
    assert_eq!(watch.snapshot().await.1.len(), 7);
    // The time that was set at the start is over; something has been heard since.
    world.later(1_000);
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    track.tell([70]).await;
    assert_eq!(watch.points().await.len(), 1);
    world.later(3_601);
    let (code, activity_id) = watch.closed().await;
    assert_eq!(code, "finished");
    let mine = eventually("is it listed", || world.mine(aida), |mine| mine.len() == 1).await;
    assert_eq!((&mine[0].id, mine[0].elapsed_time_s), (&activity_id, Some(70.0)));
    let finished = track.finish().await.unwrap();
    assert_eq!((finished.ended_by.as_str(), finished.points), ("silence", Some(8)));

    // What was told is kept for those who watch, and then no more.
    assert_eq!(count(&world, "live_point").await, 8);
    world.later(3_601);
    eventually("is it forgotten", || count(&world, "live_session"), |rows| *rows == 0).await;
    assert_eq!(count(&world, "live_point").await, 0);
    assert_eq!(track.finish().await.unwrap().activity_id, activity_id, "its journal remembers");
    refused_with(track.send(vec![at(80)]).await, Code::Conflict);
    refused_with(track.watch(app(aida), None).await.map(|_| ()), Code::NotFound);
    world.stop().await;
}

#[tokio::test]
async fn a_crash_while_a_session_ends_leaves_it_to_the_timer() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let track = Track::started(&world, app(aida)).await;
    track.tell([0, 10, 20]).await;
    // As whoever finishes leaves it, when he dies before his append.
    world.db.execute("UPDATE live_session SET state = 'ending'", args![]).await.unwrap();
    refused_with(track.send(vec![at(30)]).await, Code::Conflict);
    world.later(3_601);
    let mine = eventually("is it listed", || world.mine(aida), |mine| mine.len() == 1).await;
    assert_eq!(mine[0].elapsed_time_s, Some(20.0));
    world.stop().await;
}

#[tokio::test]
async fn while_auth_is_silent_a_silent_session_waits_and_no_other_waits_behind_it() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let told = Track::started(&world, app(aida)).await;
    told.tell([0, 10, 20]).await;
    let empty = Track::started(&world, app(aida)).await;
    let mut watch = empty.watch(app(aida), None).await.unwrap();
    watch.snapshot().await;
    accounts.fall_silent(true);
    world.later(3_601);
    assert_eq!(watch.closed().await.0, "discarded");
    assert_eq!(told.watch(app(aida), None).await.unwrap().snapshot().await.0.state, "open");
    accounts.fall_silent(false);
    world.later(61);
    eventually("is the other listed", || world.mine(aida), |mine| mine.len() == 1).await;
    world.stop().await;
}

#[tokio::test]
async fn a_session_that_told_nothing_is_discarded() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    for told in [vec![], vec![at(0)]] {
        let track = Track::started(&world, app(aida)).await;
        let watch = track.watch(app(aida), None).await.unwrap();
        track.send(told).await.unwrap();
        let finished = track.finish().await.unwrap();
        assert_eq!((finished.state.as_str(), finished.activity_id.len()), ("discarded", 0));
        let mut watch = watch;
        let mut last = watch.next().await;
        while !matches!(last, Some(live_frame::Frame::Closed(_)) | None) {
            last = watch.next().await;
        }
        assert!(matches!(last, Some(live_frame::Frame::Closed(closed)) if closed.code == "discarded"));
    }
    assert!(world.mine(aida).await.is_empty());
    world.stop().await;
}

#[tokio::test]
async fn a_paired_watch_may_neither_tell_nor_look() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let track = Track::started(&world, app(aida)).await;
    track.tell([0, 10, 20]).await;
    let wrist = Track { world: &world, teller: watch(aida, "wrist"), id: track.id.clone() };
    let asked = StartLiveSessionRequest { sport: "running".to_owned(), ..StartLiveSessionRequest::default() };
    let started = world.client().start_live_session(acting_for(wrist.teller.clone(), asked)).await;
    refused_with(started.map(|_| ()), Code::InsufficientScope);
    refused_with(wrist.send(vec![at(30)]).await.map(|_| ()), Code::InsufficientScope);
    refused_with(wrist.finish().await.map(|_| ()), Code::InsufficientScope);
    refused_with(track.watch(wrist.teller, None).await.map(|_| ()), Code::InsufficientScope);
    assert_eq!(track.finish().await.unwrap().points, Some(3));
    world.stop().await;
}

#[tokio::test]
async fn an_erased_account_leaves_no_point_and_nobody_who_watches() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let (aida, boris) = (open_athlete(&accounts), accounts.athlete("boris"));
    let track = Track::started(&world, app(aida)).await;
    track.tell([0, 10]).await;
    let mut watch = track.watch(app(boris), None).await.unwrap();
    watch.snapshot().await;
    world.erase(aida).await;
    assert_eq!(watch.closed().await.0, "hidden");
    assert_eq!((count(&world, "live_point").await, count(&world, "live_session").await), (0, 0));
    assert_ne!(refused(track.send(vec![at(20)]).await).code, Code::Internal);
    assert_eq!(count(&world, "live_point").await, 0);
    accounts.change(aida, |standing| standing.erased = true);
    world.later(3_601);
    let state = || async { track.finish().await.map(|ended| ended.state) };
    let _ =
        eventually("has it ended", state, |state| matches!(state, Ok(state) if state == "discarded")).await;
    world.stop().await;
}

#[tokio::test]
async fn without_the_consent_the_heart_is_not_kept_and_withdrawing_it_takes_it_away() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let track = Track::started(&world, app(aida)).await;
    track.tell([0, 10]).await;
    let hearts = "live_point WHERE heart_rate_bpm IS NOT NULL";
    assert_eq!(count(&world, hearts).await, 2);
    let withdrawn = proto::auth::ConsentWithdrawn {
        account_id: bytes_of(aida),
        purpose: "health_data".to_owned(),
        ..Default::default()
    };
    accounts.change(aida, |standing| standing.consents.retain(|purpose| purpose != "health_data"));
    let stream = eventing::StreamId::of("account", aida);
    testkit::fleet::tell(&world.auth, &stream, &aida.to_string(), &withdrawn).await;
    eventually("is the heart gone", || count(&world, hearts), |rows| *rows == 0).await;
    let sent = track.send(vec![at(20)]).await.unwrap();
    assert_eq!((sent.notices, count(&world, hearts).await), (vec!["health_consent_missing".to_owned()], 0));
    track.finish().await.unwrap();
    assert_eq!(world.mine(aida).await[0].heart_rate_avg_bpm, None);
    world.stop().await;
}

#[tokio::test]
async fn sessions_are_bounded() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let config = Config { live_points_max: 3, live_beacons_max: 5, live_open_max: 2, ..Config::default() };
    let world = world::start_with(&ground, &accounts, config).await;
    let aida = accounts.athlete("aida");
    let track = Track::started(&world, app(aida)).await;
    refused_with(track.send((0..6).map(at).collect()).await, Code::PayloadTooLarge);
    let sent = track.send([0, 10, 20, 30, 10].map(at).to_vec()).await.unwrap();
    assert_eq!(words(&sent.acks), ["stored", "stored", "stored", "refused", "duplicate"]);
    assert_eq!(fault(&sent.acks[3]).0, "payload_too_large");
    let second = Track::started(&world, app(aida)).await;
    let asked = StartLiveSessionRequest { sport: "running".to_owned(), ..Default::default() };
    refused_with(world.client().start_live_session(by(aida, asked.clone())).await, Code::Conflict);
    second.finish().await.unwrap();
    world.client().start_live_session(by(aida, asked)).await.unwrap();
    for bad in [
        StartLiveSessionRequest { sport: "quidditch".to_owned(), ..Default::default() },
        StartLiveSessionRequest {
            sport: "running".to_owned(),
            start_us: Some(i64::MAX),
            ..Default::default()
        },
        StartLiveSessionRequest {
            sport: "running".to_owned(),
            time_zone: "Moon/Sea".to_owned(),
            ..Default::default()
        },
    ] {
        let code = refused(world.client().start_live_session(by(aida, bad)).await).code;
        assert!(matches!(code, Code::InvalidField | Code::StartInFuture), "{code}");
    }
    world.stop().await;
}

#[tokio::test]
async fn what_was_told_live_is_judged_and_shown_once_as_any_workout() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    // The watch's file of the same run comes first.
    world.uploaded(aida, fit("2026-05-01")).await;
    let run = run("2026-05-01");
    let start_us = micros(run.start);
    let how = StartLiveSessionRequest { start_us: Some(start_us), ..StartLiveSessionRequest::default() };
    let track = Track::started_as(&world, app(aida), how).await;
    let points: Vec<LivePoint> = run
        .streams
        .samples()
        .step_by(5)
        .map(|sample| LivePoint {
            at_us: start_us + (sample.time_s * 1e6) as i64,
            latitude: sample.latlng.map(|at| at.0),
            longitude: sample.latlng.map(|at| at.1),
            distance_m: sample.distance_m,
            ..LivePoint::default()
        })
        .collect();
    for batch in points.chunks(1_000) {
        track.send(batch.to_vec()).await.unwrap();
    }
    let finished = track.finish().await.unwrap();
    assert_eq!(finished.state, "finished");
    let mine = world.mine(aida).await;
    assert_eq!(mine.len(), 1, "the same run is shown once");
    let asked = GetActivityRequest { activity_id: finished.activity_id };
    let told = world.client().get_activity(by(aida, asked)).await.unwrap().into_inner();
    assert_eq!(told.duplicate_of, mine[0].id, "the file knows more of it");

    let car = Track::started(&world, app(aida)).await;
    world.later(600);
    let fast = |second: i64| LivePoint {
        latitude: Some(HOME.0 + second as f64 * 30.0 / METRES_PER_DEGREE),
        distance_m: Some(second as f64 * 30.0),
        ..at(second)
    };
    car.send((0..600).map(fast).collect()).await.unwrap();
    let driven = car.finish().await.unwrap().activity_id;
    let mine = world.mine(aida).await;
    let driven = mine.iter().find(|one| one.id == driven).unwrap();
    assert_eq!(driven.verdict, "flagged");
    world.stop().await;
}
