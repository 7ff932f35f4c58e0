//! Connections that mean harm, byte by byte: those that never read, and floods of headers and frames. What they cost is
//! bounded, and others are served meanwhile.

use std::{net::SocketAddr, time::Duration};

use futures::future::join_all;
use jiff::SignedDuration;
use kernel::{Clock, SystemClock};
use serde_json::json;
use stadion::demo::{
    cast::{ALMATY, Cast, Person},
    door::until,
    live::Live,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{embedded::Process, hostile_contest::terms};

const PATIENCE: Duration = Duration::from_secs(60);
/// How long a flood goes on that may be borne.
const BORNE: Duration = Duration::from_secs(5);
const UNREAD: usize = 1_000;
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Nobody may make the server keep as much.
const MEMORY_KB_MAX: u64 = 300 * 1024;

/// A server that is a process of its own, with a challenge in which somebody takes part.
struct Scene {
    process: Process,
    cast: Cast,
    dana: Person,
    challenge: String,
    _folder: TempDir,
}

impl Scene {
    async fn set() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let process = Process::set(folder.path(), &[("STADION_LIMITS__WRITES_PER_S", "0")]);
        let cast = Cast::new(&process.base, folder.path().to_owned()).unwrap();
        let operator = cast.make_operator().await.unwrap();
        let marketer = cast.appoint_marketer("organiser", &operator, ALMATY.region).await.unwrap();
        let dana = cast.sign_up("Dana", ALMATY, &["terms", "health_data"]).await.unwrap();
        let draft = cast.door.post("/v1/challenges").with(&marketer.token).json(&terms(json!({})));
        let challenge = draft.expect(201).await.unwrap().text("/id").unwrap();
        let path = format!("/v1/challenges/{challenge}");
        let open = cast.door.post(&format!("{path}/open")).with(&marketer.token).json(&json!({}));
        open.expect(200).await.unwrap();
        let join = cast.door.put(&format!("{path}/participants/me")).with(&dana.token).json(&json!({}));
        join.expect(200).await.unwrap();
        Self { process, cast, dana, challenge, _folder: folder }
    }

    fn address(&self) -> SocketAddr {
        self.process.base.strip_prefix("http://").unwrap().parse().unwrap()
    }

    async fn runs(&self, version: u32, distance_m: u32) {
        let an_hour_ago = (SystemClock.now() - SignedDuration::from_hours(1)).to_string();
        let workout = json!({ "sport": "running", "start_at": an_hour_ago, "elapsed_time_s": 3_000,
            "distance_m": distance_m });
        let body = json!({ "source": "watch", "upserts": [
            { "key": "run", "version": version, "kind": "workout", "workout": workout } ] });
        let ask = self.cast.door.post("/v1/sync").with(&self.dana.token).json(&body);
        assert_eq!(ask.expect(200).await.unwrap().json["acks"][0]["status"], json!("stored"));
    }

    async fn live(&self) -> Live {
        let path = format!("/v1/boards/{}/live", self.challenge);
        let mut live = Live::open(self.cast.door.get(&path)).await.unwrap();
        live.until("begun", |frame| frame.event == "snapshot").await.unwrap();
        live
    }

    fn resident_kb(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    async fn has_not_grown(&self, before: u64, by: &str) {
        let grown = self.resident_kb().saturating_sub(before);
        assert!(grown < MEMORY_KB_MAX, "{grown} KB more after {by}");
        self.cast.door.get("/healthz").expect(200).await.unwrap();
    }
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
    [&head, payload].concat()
}

/// `GET /` over http, for anybody, in HPACK.
fn request() -> Vec<u8> {
    [&[0x82, 0x86, 0x84, 0x41, 1][..], b"a"].concat()
}

/// Sends all of this and reads nothing meanwhile; ends when the server hangs up.
async fn flood(address: SocketAddr, opening: Vec<u8>, mut next: impl FnMut(u32) -> Vec<u8>, times: u32) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let sending = async {
        stream.write_all(&opening).await?;
        for nth in 0..times {
            stream.write_all(&next(nth)).await?;
        }
        // Whoever hangs up only now does so for what it has been sent.
        let mut answer = vec![0; 64 * 1024];
        while stream.read(&mut answer).await? > 0 {}
        std::io::Result::Ok(())
    };
    // A connection that is reset has ended too.
    let _ = sending.await;
}

async fn is_cut_off(what: &str, flood: impl Future<Output = ()>) {
    assert!(timeout(PATIENCE, flood).await.is_ok(), "never cut off: {what}");
}

fn http2() -> Vec<u8> {
    [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_connections_that_never_read_hold_up_nobody() {
    let scene = Scene::set().await;
    let before = scene.resident_kb();
    let path = format!("/v1/boards/{}/live", scene.challenge);
    let ask = format!("GET {path} HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n");
    let open = async || {
        let mut stream = TcpStream::connect(scene.address()).await.unwrap();
        stream.write_all(ask.as_bytes()).await.unwrap();
        stream
    };
    let mut unread = Vec::new();
    for _ in 0..UNREAD / 50 {
        unread.extend(join_all((0..50).map(|_| open())).await);
    }
    let mut live = scene.live().await;
    for version in 1..=20 {
        scene.runs(version, 4_000 + version).await;
    }
    let last = json!(4_020);
    live.until("the last score", |frame| frame.data["changes"][0]["score"] == last).await.unwrap();
    scene.has_not_grown(before, "a thousand connections").await;
    // One that reads after all is told of the end of it, not of everything between.
    let mut late = unread.pop().unwrap();
    let mut told = Vec::new();
    let mut piece = [0; 16 * 1024];
    let read = async {
        while !String::from_utf8_lossy(&told).contains("4020") {
            let count = late.read(&mut piece).await.unwrap();
            assert!(count > 0, "hung up: {}", String::from_utf8_lossy(&told));
            told.extend_from_slice(&piece[..count]);
        }
    };
    timeout(PATIENCE, read).await.unwrap();
    drop(unread);
    let top = || scene.cast.door.get(&format!("/v1/boards/{}/top", scene.challenge));
    until(top, |answer| answer.json["entries"][0]["score"] == last).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_of_headers_and_frames_are_cut_off_and_others_are_served_meanwhile() {
    let scene = Scene::set().await;
    let (address, before) = (scene.address(), scene.resident_kb());
    let line = |nth: u32| format!("x-{nth}: {}\r\n", "y".repeat(100)).into_bytes();
    let endless = vec![b'z'; 16 * 1024];
    let open = [http2(), frame(HEADERS, END_STREAM, 1, &request())].concat();
    // A header without indexing: its name and its value, 8 KB of it, in every frame anew.
    let header = [&[0, 1, b'x', 0x7f, 0x81, 0x3f][..], &[b'v'; 8_192]].concat();
    let reset = |nth: u32| {
        let stream = nth * 2 + 1;
        let asked = frame(HEADERS, END_HEADERS | END_STREAM, stream, &request());
        [asked, frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())].concat()
    };
    let floods = async {
        let lines = flood(address, b"GET / HTTP/1.1\r\nHost: a\r\n".to_vec(), line, 200_000);
        is_cut_off("lines of headers", lines).await;
        let one_line = flood(address, b"GET / HTTP/1.1\r\nx: ".to_vec(), |_| endless.clone(), 10_000);
        is_cut_off("a line without end", one_line).await;
        let continued = flood(address, open.clone(), |_| frame(CONTINUATION, 0, 1, &header), 20_000);
        is_cut_off("headers that go on for ever", continued).await;
        let empty = flood(address, open.clone(), |_| frame(CONTINUATION, 0, 1, &[]), 500_000);
        is_cut_off("headers that go on with nothing", empty).await;
        is_cut_off("requests taken back at once", flood(address, http2(), reset, 100_000)).await;
        let strange = flood(address, http2(), |_| frame(DATA, 0, 7, b"data of no request"), 10_000);
        is_cut_off("data of no request", strange).await;
        // Each asks for an answer that is not read: taken for as long as there is room for the answers.
        for kind in [PING, SETTINGS] {
            let payload: &[u8] = if kind == PING { &[7; 8] } else { &[] };
            let asked = flood(address, http2(), |_| frame(kind, 0, 0, payload).repeat(100), 5_000);
            let _ = timeout(BORNE, asked).await;
        }
    };
    let others = async {
        loop {
            scene.cast.door.get("/healthz").expect(200).await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = floods => {}
        () = others => {}
    }
    scene.has_not_grown(before, "the floods").await;
    scene.runs(1, 5_000).await;
    let mut live = scene.live().await;
    scene.runs(2, 5_001).await;
    live.until("a delta", |frame| frame.data["changes"][0]["score"] == json!(5_001)).await.unwrap();
}
