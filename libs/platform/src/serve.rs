//! Listening: HTTP/1.1 and HTTP/2 without TLS (prior knowledge) on one port, bounded in every direction, drained at
//! the end.

use std::{
    future::Future,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{Router, body::Body, extract::ConnectInfo};
use bytes::Bytes;
use http::{Request, Version, header};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use kernel::{Code, Refusal};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{Instant, Sleep, sleep},
};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use tracing::{debug, info, warn};

use crate::{config::Http, status::status, tasks::Tasks};

const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADERS_MAX: usize = 100;
const HEADER_BYTES_MAX: usize = 64 * 1024;
const PING_EACH: Duration = Duration::from_secs(20);
const PEEK_EACH: Duration = Duration::from_millis(10);
/// After an accept that failed (out of file descriptors, say) we wait, or it fails again at once.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);
/// How long the rest of a body that nobody read may still arrive, and how much of it.
const REST_WITHIN: Duration = Duration::from_secs(30);
const REST_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What bounds a listener.
#[derive(Clone, Debug)]
pub struct Bounds {
    pub connections_max: usize,
    pub streams_max: u32,
    pub header_timeout: Duration,
    /// The longest silence inside a request's body.
    pub body_silence: Duration,
    /// How long an answer waits for a peer that takes nothing more.
    pub unread_max: Duration,
    pub drain: Duration,
}

impl Bounds {
    pub fn of(http: &Http) -> Self {
        Self {
            connections_max: http.connections_max,
            streams_max: http.streams_max,
            header_timeout: http.header_timeout(),
            body_silence: http.body_silence(),
            unread_max: http.unread_max(),
            drain: http.drain(),
        }
    }
}

/// Serves `app` until `drain` is cancelled and the open requests have ended, or the drain time is over. Requests
/// carry `ConnectInfo<SocketAddr>`.
pub async fn serve(
    listener: TcpListener,
    app: Router,
    bounds: Bounds,
    tasks: Tasks,
    drain: CancellationToken,
) {
    let room = Arc::new(Semaphore::new(bounds.connections_max.clamp(1, Semaphore::MAX_PERMITS)));
    let graceful = GracefulShutdown::new();
    let cut = CancellationToken::new();
    loop {
        // A place first: whoever finds none waits in the kernel's bounded backlog.
        let place = tokio::select! {
            () = drain.cancelled() => break,
            place = room.clone().acquire_owned() => place,
        };
        let Ok(place) = place else { break };
        let accepted = tokio::select! {
            () = drain.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                warn!(%error, "a connection was not accepted");
                sleep(ACCEPT_AGAIN).await;
                continue;
            }
        };
        let bounds = bounds.clone();
        let connection = connection(stream, address, app.clone(), bounds, tasks.clone(), graceful.watcher());
        let cut = cut.clone();
        tasks.spawn_one("connection", async move {
            tokio::select! {
                () = cut.cancelled() => {}
                () = connection => {}
            }
            drop(place);
        });
    }
    drop(listener);
    let open = graceful.count();
    if tokio::time::timeout(bounds.drain, graceful.shutdown()).await.is_err() {
        info!(open, "the drain time is over: connections are cut");
    }
    cut.cancel();
}

async fn connection(
    stream: TcpStream,
    address: SocketAddr,
    app: Router,
    bounds: Bounds,
    tasks: Tasks,
    watcher: hyper_util::server::graceful::Watcher,
) {
    // Who connects and says nothing must not hold a place.
    match tokio::time::timeout(bounds.header_timeout, spoken(&stream)).await {
        Ok(Ok(true)) => {}
        Ok(Ok(false) | Err(_)) | Err(_) => return,
    }
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "TCP_NODELAY could not be set");
    }
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.header_timeout)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEADER_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(bounds.streams_max)
        .max_header_list_size(u32::try_from(HEADER_BYTES_MAX).unwrap_or(u32::MAX))
        .keep_alive_interval(PING_EACH)
        .keep_alive_timeout(PING_EACH);
    let silence_max = bounds.body_silence;
    let app = app.map_request(move |request: Request<Incoming>| {
        // HTTP/1 can only close, and closing on bytes of the client's resets what it has not read yet: a refusal.
        let rest = (request.version() < Version::HTTP_2).then(|| tasks.clone());
        let waits = request.headers().contains_key(header::EXPECT);
        let mut request = request.map(|body| Body::new(Patient::new(body, silence_max, rest, waits)));
        request.extensions_mut().insert(ConnectInfo(address));
        request
    });
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(bounds.unread_max));
    let stream = TokioIo::new(Box::pin(stream));
    let served = builder.serve_connection_with_upgrades(stream, TowerToHyperService::new(app));
    if let Err(error) = watcher.watch(served.into_owned()).await {
        debug!(%address, %error, "a connection ended badly");
    }
}

/// Whether the client has said enough to tell its protocol; `false`: it has gone.
async fn spoken(stream: &TcpStream) -> std::io::Result<bool> {
    let mut head = [0; HTTP2_PREFACE.len()];
    loop {
        let said = stream.peek(&mut head).await?;
        if said == 0 {
            return Ok(false);
        }
        if said == head.len() || !HTTP2_PREFACE.starts_with(&head[..said]) {
            return Ok(true);
        }
        sleep(PEEK_EACH).await;
    }
}

/// A body whose silences are bounded, and whose rest is taken off the connection when nobody wants it.
struct Patient {
    body: Option<Incoming>,
    silence_max: Duration,
    silence: Pin<Box<Sleep>>,
    rest: Option<Tasks>,
    /// For `100 Continue`, which is said when the body is asked for: until then nothing of it is on its way.
    waits: bool,
}

/// A body that stopped in the middle.
#[derive(Debug, thiserror::Error)]
#[error("the body took too long to arrive")]
pub struct Stalled {
    /// What a gRPC caller is told: the request was not read, so another replica may be asked.
    #[source]
    told: tonic::Status,
}

impl Stalled {
    fn new() -> Self {
        let refusal = Refusal::new(Code::Unavailable, "the request took too long to arrive").retry_after_s(1);
        Self { told: status(refusal) }
    }
}

impl Patient {
    fn new(body: Incoming, silence_max: Duration, rest: Option<Tasks>, waits: bool) -> Self {
        Self { body: Some(body), silence_max, silence: Box::pin(sleep(silence_max)), rest, waits }
    }
}

impl Drop for Patient {
    fn drop(&mut self) {
        let unread = self.body.take().filter(|body| !http_body::Body::is_end_stream(body));
        if let (Some(body), Some(tasks), false) = (unread, self.rest.take(), self.waits) {
            tasks.spawn_one("the rest of a body", take_rest(body, self.silence_max));
        }
    }
}

async fn take_rest(mut body: Incoming, silence_max: Duration) {
    let taken = async {
        let mut bytes = 0;
        while let Ok(Some(Ok(frame))) = tokio::time::timeout(silence_max, body.frame()).await
            && bytes < REST_BYTES_MAX
        {
            bytes += frame.data_ref().map_or(0, Bytes::len);
        }
    };
    // However it ends, the connection does with it when there is more.
    let _ = tokio::time::timeout(REST_WITHIN, taken).await;
}

impl http_body::Body for Patient {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        this.waits = false;
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        if let Poll::Ready(frame) = Pin::new(body).poll_frame(cx) {
            this.silence.as_mut().reset(Instant::now() + this.silence_max);
            if frame.is_none() {
                this.body = None;
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        match this.silence.as_mut().poll(cx) {
            Poll::Ready(()) => {
                // Who stalls is not waited for a second time.
                this.body = None;
                Poll::Ready(Some(Err(Stalled::new().into())))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(http_body::Body::size_hint).unwrap_or_default()
    }
}
