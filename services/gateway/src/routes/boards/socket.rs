//! The same over a WebSocket (RFC 6455): the handshake, and the loop that passes frames on.
//!
//! Sockets are for those who cannot read an event stream. Buffers are small and grow to a bound: a board has many.

use std::time::Duration;

use axum::{
    extract::OptionalFromRequestParts,
    response::{IntoResponse, Response},
};
use futures::{SinkExt, StreamExt};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use kernel::{Code, Refusal};
use platform::Tasks;
use tokio::time::timeout;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message, Utf8Bytes,
        handshake::derive_accept_key,
        protocol::{Role, WebSocketConfig},
    },
};

use crate::{
    body::refuse,
    live::{Live, Step, as_message},
};

/// Who does not read for so long is left.
const SEND_WITHIN: Duration = Duration::from_secs(30);
const UPGRADE_WITHIN: Duration = Duration::from_secs(10);
/// The names of 500 places, each as long as names get.
const FRAME_BYTES_MAX: usize = 256 * 1024;
/// Readers have nothing to say here.
const MESSAGE_BYTES_MAX: usize = 4 * 1024;

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// A client's wish to go on as a WebSocket.
pub(super) struct Handshake {
    accept: HeaderValue,
    upgrade: OnUpgrade,
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Handshake {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, Response> {
        if !names(&parts.headers, &header::UPGRADE, "websocket") {
            return Ok(None);
        }
        Self::read(parts).map(Some).map_err(refuse)
    }
}

impl Handshake {
    /// RFC 6455 §4.2.1.
    fn read(parts: &mut Parts) -> Result<Self, Refusal> {
        let wrong = |name: &str, detail: &str| Err(Refusal::field(name, "invalid", detail));
        if !names(&parts.headers, &header::CONNECTION, "upgrade") {
            return wrong("Connection", "a WebSocket begins with `Connection: Upgrade`");
        }
        if parts.headers.get(header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
            return wrong("Sec-WebSocket-Version", "version 13 is spoken here");
        }
        let key = parts.headers.get(header::SEC_WEBSOCKET_KEY).filter(|key| key.len() == 24);
        let accept = key.map(|key| HeaderValue::try_from(derive_accept_key(key.as_bytes())));
        let Some(Ok(accept)) = accept else {
            return wrong("Sec-WebSocket-Key", "16 bytes in base64 are needed");
        };
        let Some(upgrade) = parts.extensions.remove::<OnUpgrade>() else {
            return Err(Refusal::new(Code::InvalidField, "this connection cannot become a WebSocket"));
        };
        Ok(Self { accept, upgrade })
    }
}

/// Whether a header that lists words has this one.
fn names(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    headers.get_all(name).iter().any(|value| {
        let words = value.to_str().unwrap_or_default().split(',');
        words.map(str::trim).any(|said| said.eq_ignore_ascii_case(word))
    })
}

/// 101, and the frames from then on.
pub(super) fn upgrade(tasks: &Tasks, handshake: Handshake, live: Live) -> Response {
    let upgrade = handshake.upgrade;
    tasks.spawn_one("live socket", async move {
        match timeout(UPGRADE_WITHIN, upgrade).await {
            Ok(Ok(upgraded)) => run(upgraded, live).await,
            Ok(Err(error)) => tracing::debug!(%error, "a socket was not opened"),
            Err(_) => tracing::debug!("a socket was not opened in time"),
        }
    });
    let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, handshake.accept);
    response
}

async fn run(upgraded: Upgraded, mut live: Live) {
    let config = WebSocketConfig::default()
        .read_buffer_size(2048)
        .write_buffer_size(0)
        .max_write_buffer_size(FRAME_BYTES_MAX)
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX));
    let mut socket = Socket::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
    loop {
        let step = tokio::select! {
            said = socket.next() => match said {
                // Pings are answered by the socket itself; what readers say besides is not for us.
                Some(Ok(said)) if !said.is_close() => continue,
                _ => return,
            },
            step = live.next() => step,
        };
        let message = match step {
            Some(Step::Frame(frame)) => match Utf8Bytes::try_from(as_message(&frame)) {
                Ok(text) => Message::Text(text),
                Err(_) => continue,
            },
            Some(Step::Beat) => Message::Ping(bytes::Bytes::new()),
            None => break,
        };
        if !matches!(timeout(SEND_WITHIN, socket.send(message)).await, Ok(Ok(()))) {
            return;
        }
    }
    // The last word was said in `closed`; whether the farewell arrives changes nothing.
    let _ = timeout(Duration::from_secs(1), socket.close(None)).await;
}
