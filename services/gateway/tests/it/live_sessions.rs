//! `/v1/live-sessions`: told, and watched.

use axum::body::Body;
use bytes::Bytes;
use http::{Request, header};
use proto::activity::{
    BeaconAck, FinishLiveSessionRequest, LiveClosed, LiveFrame, LivePoint, LivePoints, LiveSessionView,
    LiveSnapshot, SendBeaconsRequest, SendBeaconsResponse, StartLiveSessionRequest, WatchLiveSessionRequest,
    beacon::Told, live_frame,
};
use serde_json::{Value, json};
use tokio::sync::mpsc::Sender;
use uuid::Uuid;

use crate::{
    fleet::{Fleet, framed},
    live::Reader,
    world::{World, claims, world, world_of},
};

const SESSIONS: &str = "/v1/live-sessions";
const ONE: &str = "/v1/live-sessions/00000000-0000-0000-0000-000000000009";
/// 2026-05-01T01:00:00Z.
const START_US: i64 = 1_777_597_200_000_000;

fn id(number: u128) -> Bytes {
    Bytes::copy_from_slice(Uuid::from_u128(number).as_bytes())
}

fn session() -> LiveSessionView {
    LiveSessionView {
        id: id(9),
        account_id: id(1),
        sport: "running".to_owned(),
        state: "open".to_owned(),
        started_us: Some(START_US),
        points: Some(0),
        ends_us: Some(START_US + 3_600_000_000),
        ..LiveSessionView::default()
    }
}

fn stream() -> String {
    format!("{ONE}/stream")
}

#[tokio::test]
async fn a_session_is_started_told_and_finished() {
    let fleet = Fleet::default();
    fleet.answers("StartLiveSession", &session());
    let acks = vec![
        BeaconAck { at_us: Some(START_US), status: "stored".to_owned(), problem: None },
        BeaconAck { status: "refused".to_owned(), problem: Some(Default::default()), at_us: None },
    ];
    let sent = SendBeaconsResponse { acks, points: 1, ends_us: START_US + 1_000_000, notices: Vec::new() };
    fleet.answers("SendBeacons", &sent);
    let finished = LiveSessionView {
        state: "finished".to_owned(),
        ended_by: "owner".to_owned(),
        activity_id: id(7),
        ends_us: None,
        ..session()
    };
    fleet.answers("FinishLiveSession", &finished);
    let world = world_of(&fleet);

    let start =
        json!({"sport": "running", "start_at": "2026-05-01T06:00:00+05:00", "visibility": ["friends"]});
    let answer = world.post_as_me(SESSIONS, &start).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (201, stream().as_str()));
    let told = answer.json();
    assert_eq!((&told["state"], &told["started_at"]), (&json!("open"), &json!("2026-05-01T01:00:00Z")));
    assert!(told.get("activity_id").is_none(), "{told}");
    let asked = fleet.asked::<StartLiveSessionRequest>("StartLiveSession").remove(0);
    assert_eq!((asked.start_us, asked.utc_offset_s), (Some(START_US), Some(18_000)));
    assert_eq!(asked.visibility.unwrap().audiences, ["friends"]);

    let beacons = json!({"beacons": [
        {"at": "2026-05-01T06:00:00+05:00", "latlng": [43.2, 76.9], "heart_rate_bpm": 140, "mood": "fine"},
        {"at": "yesterday"},
    ]});
    let answer = world.post_as_me(&format!("{ONE}/beacons"), &beacons).await;
    assert_eq!(answer.status, 200);
    let told = answer.json();
    assert_eq!(told["acks"][0], json!({"at": "2026-05-01T01:00:00Z", "status": "stored"}));
    assert_eq!((&told["acks"][1]["status"], &told["points"]), (&json!("refused"), &json!(1)));
    let asked = fleet.asked::<SendBeaconsRequest>("SendBeacons").remove(0);
    assert_eq!(asked.session_id, id(9));
    let point = LivePoint {
        at_us: START_US,
        latitude: Some(43.2),
        longitude: Some(76.9),
        heart_rate_bpm: Some(140.0),
        ..LivePoint::default()
    };
    assert_eq!(asked.beacons[0].told, Some(Told::Point(point)));
    let Some(Told::Unreadable(problem)) = &asked.beacons[1].told else { panic!("unreadable") };
    assert_eq!(problem.fields[0].pointer, "/beacons/1/at");

    let answer = world.post_as_me(&format!("{ONE}/finish"), &json!({})).await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()["activity_id"].clone()),
        (200, json!(Uuid::from_u128(7)))
    );
    assert_eq!(fleet.asked::<FinishLiveSessionRequest>("FinishLiveSession")[0].session_id, id(9));
}

async fn watched(fleet: &Fleet) -> (World, Sender<Bytes>, Reader) {
    let frames = fleet.streams("WatchLiveSession");
    let world = world_of(fleet);
    let request = Request::get(stream()).header(header::ACCEPT, "text/event-stream");
    let reader = Reader::open(&world, world.signed(request).header("last-event-id", "8100")).await;
    (world, frames, reader)
}

fn said(event: &str) -> Value {
    let data = event.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    serde_json::from_str(data).unwrap()
}

#[tokio::test]
async fn a_watcher_reads_a_snapshot_points_and_the_end() {
    let fleet = Fleet::default();
    let (_world, frames, mut reader) = watched(&fleet).await;
    assert_eq!(reader.headers["content-type"], "text/event-stream");
    let point =
        LivePoint { at_us: START_US, latitude: Some(43.2), longitude: Some(76.9), ..LivePoint::default() };
    let snapshot = LiveSnapshot { session: Some(session()), points: vec![point] };
    let frame = |sequence, frame| framed(&LiveFrame { sequence, frame: Some(frame) });
    frames
        .send(frame(0, live_frame::Frame::Snapshot(LiveSnapshot { points: vec![], ..snapshot.clone() })))
        .await
        .unwrap();
    let event = reader.next().await.unwrap();
    assert!(event.starts_with("event: snapshot\ndata: "), "nothing was told, so there is no id: {event}");
    frames.send(frame(8123, live_frame::Frame::Snapshot(snapshot))).await.unwrap();
    let event = reader.next().await.unwrap();
    assert!(event.starts_with("event: snapshot\nid: 8123\n"), "{event}");
    assert_eq!(
        (&said(&event)["sequence"], &said(&event)["session"]["state"]),
        (&json!(8123), &json!("open"))
    );
    let shown = json!([{"at": "2026-05-01T01:00:00Z", "latlng": [43.2, 76.9]}]);
    assert_eq!(said(&event)["points"], shown);
    frames.send(frame(8124, live_frame::Frame::Points(LivePoints { points: vec![point] }))).await.unwrap();
    let event = reader.next().await.unwrap();
    assert!(event.starts_with("event: points\nid: 8124\n"), "{event}");
    assert_eq!(said(&event), json!({"sequence": 8124, "points": shown}));
    let closed = LiveClosed { code: "finished".to_owned(), activity_id: id(7) };
    frames.send(frame(0, live_frame::Frame::Closed(closed))).await.unwrap();
    let last = reader.next().await.unwrap();
    assert!(last.starts_with("event: closed\n"), "{last}");
    assert_eq!(
        (&said(&last)["code"], &said(&last)["activity_id"]),
        (&json!("finished"), &json!(Uuid::from_u128(7)))
    );
    assert!(said(&last)["retry_ms"].as_u64().is_some());
    assert_eq!(reader.next().await, None);
    let asked = fleet.asked::<WatchLiveSessionRequest>("WatchLiveSession").remove(0);
    assert_eq!((asked.session_id, asked.last_sequence), (id(9), Some(8100)));
}

#[tokio::test]
async fn a_watcher_is_sent_away_with_their_session() {
    let fleet = Fleet::default();
    let (world, _frames, reader) = watched(&fleet).await;
    let end = async { world.gate.end_session(kernel::Id::new(Uuid::from_u128(2))) };
    let mut reader = reader;
    let (code, ()) = tokio::join!(reader.closed(), end);
    assert_eq!(code, "revoked");
}

#[tokio::test]
async fn nobody_watches_unknown_and_a_paired_device_has_no_part_in_it() {
    let world = world();
    assert_eq!(world.get(&stream()).await.code(), "unauthenticated");
    let mut ingest = claims();
    ingest["scope"] = json!("activity:ingest");
    ingest["client_id"] = json!("stadion-device");
    let token = world.token_of(&ingest);
    let by_device = |method: &'static str, path: String, body: &'static str| {
        let request = Request::builder().method(method).uri(path);
        let request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        world.send(request.header(header::CONTENT_TYPE, "application/json").body(Body::from(body)).unwrap())
    };
    for (path, body) in [
        (SESSIONS.to_owned(), r#"{"sport":"running"}"#),
        (format!("{ONE}/beacons"), r#"{"beacons":[]}"#),
        (format!("{ONE}/finish"), ""),
    ] {
        assert_eq!(by_device("POST", path, body).await.code(), "insufficient_scope");
    }
    assert_eq!(by_device("GET", stream(), "").await.code(), "insufficient_scope");
    let bad = world.post_as_me(&format!("{ONE}/beacons"), &json!({"beacons": "many"})).await;
    assert_eq!(bad.fault().0, "/beacons");
    let json = Request::get(stream()).header(header::ACCEPT, "application/json");
    assert_eq!(world.send(world.signed(json).body(Body::empty()).unwrap()).await.code(), "not_acceptable");
}
