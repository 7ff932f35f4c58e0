//! A few HTTP/2 connections with prior knowledge, and many calls on each: ten thousand users need no ten thousand sockets.
//! One that broke is opened anew by the next call on it.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, ensure};
use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::Incoming,
    client::conn::http2::{self, SendRequest},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{net::TcpSocket, task::JoinSet};

use super::tally::Outcome;
use crate::calls::Ask;

/// Room for answers in flight on one connection, and on one call.
const CONNECTION_WINDOW: u32 = 4 << 20;
const STREAM_WINDOW: u32 = 256 << 10;

type Sender = SendRequest<Full<Bytes>>;

/// Open connections; calls take turns.
pub(crate) struct Lines {
    senders: Vec<Mutex<Sender>>,
    next: AtomicUsize,
    to: SocketAddr,
    authority: String,
    stream_window: u32,
    /// Whoever finds a connection broken opens the next one alone.
    renewing: tokio::sync::Mutex<()>,
    /// Each drives one connection; they end with this.
    driven: Mutex<JoinSet<()>>,
}

impl Lines {
    /// `address` as the server says it, `http://host:port`.
    ///
    /// # Errors
    /// Nobody listens there.
    pub(crate) async fn open(address: &str, count: usize) -> anyhow::Result<Self> {
        Self::with_window(address, count, STREAM_WINDOW).await
    }

    /// With so much room for what was not read yet of one answer, in bytes.
    ///
    /// # Errors
    /// As [`Lines::open`].
    pub(crate) async fn with_window(address: &str, count: usize, stream_window: u32) -> anyhow::Result<Self> {
        let authority = address.strip_prefix("http://").unwrap_or(address).trim_end_matches('/').to_owned();
        let to: SocketAddr = authority.parse().with_context(|| format!("{address} is no address"))?;
        ensure!(count > 0, "without a connection nothing can be called");
        let mut driven = JoinSet::new();
        let mut senders = Vec::with_capacity(count);
        for _ in 0..count {
            let (sender, connection) = connect(to, stream_window).await?;
            driven.spawn(connection);
            senders.push(Mutex::new(sender));
        }
        Ok(Self {
            senders,
            next: AtomicUsize::new(0),
            to,
            authority,
            stream_window,
            renewing: tokio::sync::Mutex::default(),
            driven: Mutex::new(driven),
        })
    }

    async fn sender(&self, turn: usize) -> anyhow::Result<Sender> {
        let place = &self.senders[turn % self.senders.len()];
        let known = locked(place).clone();
        if !known.is_closed() {
            return Ok(known);
        }
        let _alone = self.renewing.lock().await;
        let known = locked(place).clone();
        if !known.is_closed() {
            return Ok(known);
        }
        let (sender, connection) = connect(self.to, self.stream_window).await?;
        *locked(place) = sender.clone();
        let mut driven = locked(&self.driven);
        while driven.try_join_next().is_some() {}
        driven.spawn(connection);
        Ok(sender)
    }

    /// Sends a call; the answer's body is still to be read.
    ///
    /// # Errors
    /// What the connection said.
    pub(crate) async fn send(&self, ask: &Ask) -> anyhow::Result<Response<Incoming>> {
        self.send_on(self.next.fetch_add(1, Ordering::Relaxed), ask).await
    }

    /// As [`Lines::send`], on the connection that `turn` falls on: answers without an end are to be spread evenly.
    ///
    /// # Errors
    /// What the connection said.
    pub(crate) async fn send_on(&self, turn: usize, ask: &Ask) -> anyhow::Result<Response<Incoming>> {
        let mut sender = self.sender(turn).await?;
        sender.ready().await?;
        let uri = format!("http://{}{}", self.authority, ask.path);
        let mut request = Request::builder().method(&ask.method).uri(uri);
        request = request.header(header::AUTHORIZATION, format!("Bearer {}", ask.token));
        if ask.body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = Full::new(ask.body.clone().unwrap_or_default());
        Ok(sender.send_request(request.body(body)?).await?)
    }

    /// Sends a call and reads its answer to the end.
    pub(crate) async fn call(&self, ask: &Ask, within: Duration) -> (Outcome, Bytes) {
        self.call_on(self.next.fetch_add(1, Ordering::Relaxed), ask, within).await
    }

    /// As [`Lines::call`], on the connection that `turn` falls on.
    pub(crate) async fn call_on(&self, turn: usize, ask: &Ask, within: Duration) -> (Outcome, Bytes) {
        let called = async {
            let answer = self.send_on(turn, ask).await?;
            let status = answer.status().as_u16();
            anyhow::Ok((status, answer.into_body().collect().await?.to_bytes()))
        };
        match tokio::time::timeout(within, called).await {
            Ok(Ok((status, body))) => (Outcome::Answered(status), body),
            Ok(Err(error)) => (Outcome::Failed(error.to_string()), Bytes::new()),
            Err(_) => (Outcome::Failed("timeout".to_owned()), Bytes::new()),
        }
    }
}

fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An open connection, and what drives it.
async fn connect(
    to: SocketAddr,
    stream_window: u32,
) -> anyhow::Result<(Sender, impl Future<Output = ()> + Send + 'static)> {
    let socket = match to.ip() {
        IpAddr::V4(_) => TcpSocket::new_v4(),
        IpAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    let stream = socket.connect(to).await.with_context(|| format!("nobody listens on {to}"))?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http2::Builder::new(TokioExecutor::new())
        .initial_connection_window_size(CONNECTION_WINDOW)
        .initial_stream_window_size(stream_window)
        .handshake(TokioIo::new(stream))
        .await?;
    let driver = async move {
        // What ends a connection is told by the calls on it.
        let _ = connection.await;
    };
    Ok((sender, driver))
}
