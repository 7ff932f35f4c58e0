//! `/v1/boards/{challenge_id}/live`: a stream, and what ends it.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use http::{Request, header};
use http_body_util::BodyExt;
use kernel::{Code, Id, Refusal};
use proto::leaderboard::{LiveFrame, LiveRequest};
use serde_json::Value;
use stadion_gateway::Config;
use tokio::sync::mpsc::Sender;
use tokio_tungstenite::tungstenite::Message;
use tower::ServiceExt;
use uuid::Uuid;

use crate::{
    fleet::{Fleet, framed},
    world::{World, built, world, world_of},
};

const LIVE: &str = "/v1/boards/00000000-0000-0000-0000-000000000009/live";

fn frame(event: &str, sequence: u64, data: &str) -> Bytes {
    framed(&LiveFrame { event: event.to_owned(), sequence, data: Bytes::copy_from_slice(data.as_bytes()) })
}

/// Somebody who reads a stream, event by event.
pub(crate) struct Reader {
    body: axum::body::BodyDataStream,
    pub(crate) headers: http::HeaderMap,
    /// Read, and not given yet.
    read: String,
}

impl Reader {
    pub(crate) async fn open(world: &World, request: http::request::Builder) -> Self {
        let response = world.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), 200);
        let (head, body) = response.into_parts();
        Self { body: body.into_data_stream(), headers: head.headers, read: String::new() }
    }

    /// The next event, whatever piece it came with.
    pub(crate) async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.read.find("\n\n") {
                let rest = self.read.split_off(end + 2);
                return Some(std::mem::replace(&mut self.read, rest));
            }
            let piece = self.body.next().await?.unwrap();
            self.read.push_str(std::str::from_utf8(&piece).unwrap());
        }
    }

    /// The code of the last frame, after which nothing comes.
    pub(crate) async fn closed(&mut self) -> String {
        let event = self.next().await.unwrap();
        let data = event.strip_prefix("event: closed\ndata: ").unwrap_or_else(|| panic!("{event}"));
        let data: Value = serde_json::from_str(data.trim()).unwrap();
        assert!(data["retry_ms"].as_u64().is_some_and(|ms| (1_000..5_000).contains(&ms)), "{data}");
        assert_eq!(self.next().await, None);
        data["code"].as_str().unwrap().to_owned()
    }
}

async fn mine(fleet: &Fleet) -> (World, Sender<Bytes>, Reader) {
    let frames = fleet.streams("Live");
    let world = world_of(fleet);
    let reader = Reader::open(&world, world.signed(Request::get(LIVE))).await;
    (world, frames, reader)
}

#[tokio::test]
async fn frames_are_passed_on_as_they_come() {
    let fleet = Fleet::default();
    let frames = fleet.streams("Live");
    let world = world_of(&fleet);
    let request = Request::get(format!("{LIVE}?limit=500&segment=region:KZ-75"))
        .header(header::ACCEPT, "text/event-stream")
        .header(header::ACCEPT_ENCODING, "gzip")
        .header("last-event-id", "8100");
    let mut reader = Reader::open(&world, request).await;
    assert_eq!(reader.headers["content-type"], "text/event-stream");
    assert_eq!(reader.headers["cache-control"], "no-store");
    assert!(!reader.headers.contains_key("content-encoding"), "compression would hold frames back");
    frames.send(frame("snapshot", 8123, r#"{"sequence":8123}"#)).await.unwrap();
    frames.send(frame("names", 0, r#"{"m9":null}"#)).await.unwrap();
    assert_eq!(reader.next().await.unwrap(), "event: snapshot\nid: 8123\ndata: {\"sequence\":8123}\n\n");
    assert_eq!(reader.next().await.unwrap(), "event: names\ndata: {\"m9\":null}\n\n");
    frames.send(frame("closed", 0, r#"{"code":"settled","retry_ms":3000}"#)).await.unwrap();
    assert_eq!(
        reader.next().await.unwrap(),
        "event: closed\ndata: {\"code\":\"settled\",\"retry_ms\":3000}\n\n"
    );
    assert_eq!(reader.next().await, None, "nothing comes after it, though the service has not hung up");
    let asked = fleet.asked::<LiveRequest>("Live").remove(0);
    assert_eq!((asked.limit, asked.segment.as_str(), asked.last_sequence), (500, "region:KZ-75", Some(8100)));
    assert!(fleet.actors("Live")[0].starts_with("anonymous"));
}

#[tokio::test]
async fn the_snapshot_of_a_board_that_nobody_is_on_is_one_to_come_back_to() {
    let fleet = Fleet::default();
    let (_world, frames, mut reader) = mine(&fleet).await;
    frames.send(frame("snapshot", 0, "{}")).await.unwrap();
    assert_eq!(reader.next().await.unwrap(), "event: snapshot\nid: 0\ndata: {}\n\n");
}

#[tokio::test]
async fn a_last_event_id_that_is_no_sequence_counts_as_none() {
    let fleet = Fleet::default();
    for sent in ["m9", "-1", "", "184467440737095516160", "8100"] {
        let _frames = fleet.streams("Live");
        let world = world_of(&fleet);
        Reader::open(&world, Request::get(LIVE).header("last-event-id", sent)).await;
    }
    let asked = fleet.asked::<LiveRequest>("Live");
    let seen: Vec<_> = asked.iter().map(|asked| asked.last_sequence).collect();
    assert_eq!(seen, [None, None, None, None, Some(8100)]);
}

#[tokio::test]
async fn what_is_wrong_is_said_before_the_stream_begins() {
    let fleet = Fleet::default();
    fleet.refuses("Live", Refusal::not_found());
    let world = world_of(&fleet);
    assert_eq!(world.get(LIVE).await.code(), "not_found");
    fleet.refuses("Live", Refusal::new(Code::Unauthenticated, "sign in first"));
    assert_eq!(world.get(LIVE).await.code(), "unauthenticated");
    assert_eq!(world.get(&format!("{LIVE}?segment=friends")).await.fault().0, "segment");
    assert_eq!(world.get(&format!("{LIVE}?limit=501")).await.code(), "malformed_query");
    let bad = Request::get(LIVE).header(header::AUTHORIZATION, "Bearer abc").body(Body::empty()).unwrap();
    assert_eq!(world.send(bad).await.code(), "unauthenticated");
    let json = Request::get(LIVE).header(header::ACCEPT, "application/json").body(Body::empty()).unwrap();
    assert_eq!(world.send(json).await.code(), "not_acceptable");
    let elsewhere = Request::get("/v1/feed").header(header::ACCEPT, "text/event-stream");
    let answer = world.send(world.signed(elsewhere).body(Body::empty()).unwrap()).await;
    assert_eq!(answer.code(), "not_acceptable");
    assert_eq!(self::world().get(LIVE).await.code(), "unavailable", "while the service is away");
}

#[tokio::test(start_paused = true)]
async fn silence_is_filled_with_comments_and_no_timeout_ends_it() {
    let fleet = Fleet::default();
    let _frames = fleet.streams("Live");
    let world = world_of(&fleet);
    let mut reader = Reader::open(&world, Request::get(LIVE)).await;
    let begun = tokio::time::Instant::now();
    for _ in 0..20 {
        assert_eq!(reader.next().await.unwrap(), ": \n\n");
    }
    assert_eq!(begun.elapsed().as_secs(), 300);
}

#[tokio::test(start_paused = true)]
async fn a_stream_outlives_its_token_by_a_minute() {
    let fleet = Fleet::default();
    let (_world, _frames, mut reader) = mine(&fleet).await;
    let begun = tokio::time::Instant::now();
    // The token lives 590 s more.
    for _ in 0..43 {
        assert_eq!(reader.next().await.unwrap(), ": \n\n");
    }
    assert_eq!(reader.closed().await, "token_expired");
    assert_eq!(begun.elapsed().as_secs(), 650);
}

#[tokio::test]
async fn a_stream_ends_with_its_session() {
    let fleet = Fleet::default();
    let (world, frames, mut reader) = mine(&fleet).await;
    frames.send(frame("snapshot", 1, "{}")).await.unwrap();
    assert!(reader.next().await.unwrap().starts_with("event: snapshot"));
    world.gate.end_session(Id::new(Uuid::from_u128(77)));
    frames.send(frame("delta", 2, "{}")).await.unwrap();
    assert!(reader.next().await.unwrap().starts_with("event: delta"), "another session is not mine");
    let (code, ()) =
        tokio::join!(reader.closed(), async { world.gate.end_session(Id::new(Uuid::from_u128(2))) });
    assert_eq!(code, "revoked");
}

#[tokio::test]
async fn a_stream_ends_with_its_account_and_a_strangers_does_not() {
    let fleet = Fleet::default();
    let (world, _frames, mut reader) = mine(&fleet).await;
    let open = fleet.streams("Live");
    let mut stranger = Reader::open(&world, Request::get(LIVE)).await;
    world.gate.end_account(Id::new(Uuid::from_u128(1)));
    assert_eq!(reader.closed().await, "revoked");
    open.send(frame("delta", 2, "{}")).await.unwrap();
    assert!(stranger.next().await.unwrap().starts_with("event: delta"));
}

#[tokio::test]
async fn a_process_that_goes_says_so() {
    let fleet = Fleet::default();
    let (world, frames, mut reader) = mine(&fleet).await;
    let later = fleet.streams("Live");
    let mut other = Reader::open(&world, Request::get(LIVE)).await;
    drop(later);
    assert_eq!(other.closed().await, "shutdown", "the service went without a word");
    world.drain.cancel();
    assert_eq!(reader.closed().await, "shutdown");
    drop(frames);
}

#[tokio::test]
async fn a_reader_that_goes_is_let_go() {
    let fleet = Fleet::default();
    let (_world, frames, reader) = mine(&fleet).await;
    drop(reader);
    frames.closed().await;
}

#[tokio::test]
async fn there_are_only_so_many_streams_at_once() {
    let fleet = Fleet::default();
    let world = built(Config { live_streams_max: 1, ..Config::default() }, Some(&fleet));
    let _first = fleet.streams("Live");
    let reader = Reader::open(&world, Request::get(LIVE)).await;
    let second = fleet.streams("Live");
    let answer = world.get(LIVE).await;
    assert_eq!((answer.code().as_str(), answer.header("retry-after")), ("overloaded", "3"));
    drop(reader);
    Reader::open(&world, Request::get(LIVE)).await;
    drop(second);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_does_not_read_is_let_go_and_told_so_should_it_read_again() {
    let fleet = Fleet::default();
    let world = built(Config { live_streams_max: 2, ..Config::default() }, Some(&fleet));
    let silent = fleet.streams("Live");
    let mut unread = Reader::open(&world, Request::get(LIVE)).await;
    let told = fleet.streams("Live");
    let mut reads = Reader::open(&world, Request::get(LIVE)).await;
    for _ in 0..6 {
        assert_eq!(reads.next().await.unwrap(), ": \n\n");
    }
    silent.closed().await;
    let _third = fleet.streams("Live");
    Reader::open(&world, Request::get(LIVE)).await;
    assert_eq!(unread.closed().await, "slow_reader");
    told.send(frame("delta", 2, "{}")).await.unwrap();
    assert!(reads.next().await.unwrap().starts_with("event: delta"), "who reads stays");
}

/// The router behind a real port, for what begins as HTTP and goes on as something else.
async fn served(world: &World) -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let bounds = platform::serve::Bounds {
        connections_max: 16,
        streams_max: 16,
        header_timeout: Duration::from_secs(5),
        body_silence: Duration::from_secs(5),
        unread_max: Duration::from_secs(5),
        drain: Duration::from_secs(5),
    };
    let tasks = platform::Tasks::new(tokio_util::sync::CancellationToken::new());
    let serving =
        platform::serve::serve(listener, world.router.clone(), bounds, tasks.clone(), world.drain.clone());
    tasks.spawn_one("listener", serving);
    address
}

#[tokio::test]
async fn the_same_frames_come_over_a_socket() {
    let fleet = Fleet::default();
    let frames = fleet.streams("Live");
    let world = world_of(&fleet);
    let address = served(&world).await;
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let url = format!("ws://{address}{LIVE}?limit=3&last_event_id=7");
    let (mut socket, response) = tokio_tungstenite::client_async(url, stream).await.unwrap();
    assert_eq!(response.status(), 101);
    assert!(response.headers().contains_key("x-request-id"));
    frames.send(frame("snapshot", 8123, r#"{"entries":[]}"#)).await.unwrap();
    let text =
        |message: Option<Result<Message, _>>| message.unwrap().unwrap().into_text().unwrap().to_string();
    assert_eq!(text(socket.next().await), r#"{"event":"snapshot","id":8123,"data":{"entries":[]}}"#);
    socket.send(Message::text("what readers say is not heard")).await.unwrap();
    socket.send(Message::Ping(Bytes::from_static(b"here?"))).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::Pong(Bytes::from_static(b"here?")));
    // As large as frames get.
    let names = format!(r#"{{"m1":"{}"}}"#, "я".repeat(100_000));
    frames.send(frame("names", 0, &names)).await.unwrap();
    assert_eq!(text(socket.next().await).len(), names.len() + r#"{"event":"names","data":}"#.len());
    world.drain.cancel();
    let closed: Value = serde_json::from_str(&text(socket.next().await)).unwrap();
    assert_eq!((&closed["event"], &closed["data"]["code"]), (&"closed".into(), &"shutdown".into()));
    assert!(matches!(socket.next().await, Some(Ok(Message::Close(_)))));
    assert_eq!(fleet.asked::<LiveRequest>("Live")[0].last_sequence, Some(7));
}

#[tokio::test]
async fn a_socket_is_refused_as_any_request_is() {
    let fleet = Fleet::default();
    fleet.refuses("Live", Refusal::not_found());
    let world = world_of(&fleet);
    let upgrade = |version: &'static str| {
        Request::get(LIVE)
            .header(header::UPGRADE, "websocket")
            .header(header::CONNECTION, "keep-alive, Upgrade")
            .header(header::SEC_WEBSOCKET_VERSION, version)
            .header(header::SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ==")
            .body(Body::empty())
            .unwrap()
    };
    assert_eq!(world.send(upgrade("12")).await.fault().0, "Sec-WebSocket-Version");
    assert_eq!(world.send(upgrade("13")).await.code(), "invalid_field", "nothing here can be upgraded");
    let address = served(&world).await;
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let refused = tokio_tungstenite::client_async(format!("ws://{address}{LIVE}"), stream).await;
    let Err(tokio_tungstenite::tungstenite::Error::Http(response)) = refused else { panic!("{refused:?}") };
    assert_eq!(response.status(), 404);
}

#[tokio::test]
async fn a_stream_is_told_over_a_real_connection_before_anything_happens() {
    let fleet = Fleet::default();
    let frames = fleet.streams("Live");
    let world = world_of(&fleet);
    let address = served(&world).await;
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut client, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
    let tasks = platform::Tasks::new(tokio_util::sync::CancellationToken::new());
    tasks.spawn_one("client", async move {
        let _ = connection.await;
    });
    let request = Request::get(LIVE).header(header::HOST, "x").body(Body::empty()).unwrap();
    let mut response = client.send_request(request).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream", "the head does not wait for a frame");
    frames.send(frame("me", 5, r#"{"rank":1}"#)).await.unwrap();
    let data = response.body_mut().frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(data, "event: me\nid: 5\ndata: {\"rank\":1}\n\n");
}
