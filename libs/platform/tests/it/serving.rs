use std::{convert::Infallible, net::SocketAddr, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::ConnectInfo,
    http::StatusCode,
    routing::{get, post},
};
use futures::{StreamExt, stream};
use platform::{
    Tasks,
    config::Http,
    serve::{Bounds, serve},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;

const BLOCK: Result<Bytes, Infallible> = Ok(Bytes::from_static(&[0; 64 * 1024]));

struct Served {
    address: SocketAddr,
    drain: CancellationToken,
    tasks: Tasks,
    ended: tokio::task::JoinHandle<()>,
}

fn app() -> Router {
    Router::new()
        .route("/who", get(|ConnectInfo(who): ConnectInfo<SocketAddr>| async move { who.ip().to_string() }))
        .route(
            "/slow",
            get(|| async {
                tokio::time::sleep(Duration::from_millis(300)).await;
                "done"
            }),
        )
        .route("/refused", post(|| async { StatusCode::CONFLICT }))
        .route(
            "/some",
            post(|body: Body| async {
                let _ = body.into_data_stream().next().await;
                StatusCode::CONFLICT
            }),
        )
        .route("/endless", get(|| async { Body::from_stream(stream::repeat(BLOCK)) }))
        .route(
            "/echo",
            post(|body: Result<Bytes, axum::extract::rejection::BytesRejection>| async move {
                body.map_or_else(|_| "stalled".to_owned(), |body| body.len().to_string())
            }),
        )
}

#[expect(clippy::disallowed_methods, reason = "the test itself runs the listener")]
async fn served(change: impl FnOnce(&mut Bounds)) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let drain = CancellationToken::new();
    let tasks = Tasks::new(CancellationToken::new());
    let mut bounds = Bounds::of(&Http::default());
    change(&mut bounds);
    let ended = tokio::spawn(serve(listener, app(), bounds, tasks.clone(), drain.clone()));
    Served { address, drain, tasks, ended }
}

async fn say(address: SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // Being cut off while bytes of ours are unread is a reset.
    if let Err(error) = stream.read_to_end(&mut answer).await {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_request_knows_its_clients_address() {
    let served = served(|_| {}).await;
    let answer = say(served.address, "GET /who HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(answer.ends_with("127.0.0.1"), "{answer}");
}

#[tokio::test]
async fn an_open_request_is_answered_before_the_listener_ends() {
    let served = served(|_| {}).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    served.drain.cancel();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("done"), "{answer}");
    served.ended.await.unwrap();
    assert!(served.tasks.ended_within(Duration::from_secs(10)).await);
    assert!(TcpStream::connect(served.address).await.is_err());
}

#[tokio::test]
async fn who_says_nothing_is_hung_up_on() {
    let served = served(|bounds| bounds.header_timeout = Duration::from_millis(50)).await;
    for start in ["", "P", "PRI * HT", "GET /who HT"] {
        let answer = say(served.address, start).await;
        assert!(answer.is_empty() || answer.contains("408"), "{start:?}: {answer}");
    }
}

#[tokio::test]
async fn a_body_that_stops_in_the_middle_ends_in_an_error() {
    let served = served(|bounds| bounds.body_silence = Duration::from_millis(50)).await;
    let answer = say(
        served.address,
        "POST /echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 10\r\n\r\nhalf",
    )
    .await;
    assert!(answer.contains("stalled"), "{answer}");
}

/// Megabytes, so that they fit in no buffer of the kernel.
#[tokio::test]
async fn a_refusal_before_the_body_was_read_arrives_and_the_connection_goes_on() {
    const LONG: usize = 16 << 20;
    let served = served(|_| {}).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    for _ in 0..3 {
        let head = format!("POST /refused HTTP/1.1\r\nhost: x\r\ncontent-length: {LONG}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&vec![7; LONG]).await.unwrap();
    }
    stream.write_all(b"GET /who HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).await.unwrap();
    assert_eq!(answers.matches("409 Conflict").count(), 3, "{answers}");
    assert!(answers.ends_with("127.0.0.1"), "{answers}");
}

#[tokio::test]
async fn who_waits_to_be_told_to_continue_is_refused_without_sending_a_body() {
    let served = served(|_| {}).await;
    let head = "POST /refused HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 100\r\n\r\n";
    let answer = say(served.address, head).await;
    assert!(answer.starts_with("HTTP/1.1 409"), "{answer}");
}

#[tokio::test]
async fn who_was_told_to_continue_and_is_refused_in_the_middle_reads_why() {
    const LONG: usize = 16 << 20;
    let served = served(|_| {}).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let head =
        format!("POST /some HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: {LONG}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut told = [0; 25];
    stream.read_exact(&mut told).await.unwrap();
    assert_eq!(&told, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(&vec![7; LONG]).await.unwrap();
    stream.write_all(b"GET /who HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).await.unwrap();
    assert!(answers.starts_with("HTTP/1.1 409") && answers.ends_with("127.0.0.1"), "{answers}");
}

#[tokio::test]
async fn who_takes_nothing_of_an_answer_is_hung_up_on() {
    let served = served(|bounds| {
        bounds.connections_max = 1;
        bounds.unread_max = Duration::from_millis(100);
    })
    .await;
    let mut unread = TcpStream::connect(served.address).await.unwrap();
    unread.write_all(b"GET /endless HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let answer = say(served.address, "GET /who HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(answer.ends_with("127.0.0.1"), "its place is somebody else's: {answer}");
}
