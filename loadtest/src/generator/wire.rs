//! A few HTTP/2 connections with prior knowledge, and many calls on each: ten thousand users need no ten thousand sockets.

use std::{
    net::{IpAddr, SocketAddr},
    sync::atomic::{AtomicUsize, Ordering},
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

/// Open connections; calls take turns.
pub(crate) struct Lines {
    senders: Vec<SendRequest<Full<Bytes>>>,
    next: AtomicUsize,
    authority: String,
    /// Each drives one connection; they end with this.
    _driven: JoinSet<()>,
}

impl Lines {
    /// `address` as the server says it, `http://host:port`.
    ///
    /// # Errors
    /// Nobody listens there.
    pub(crate) async fn open(address: &str, count: usize) -> anyhow::Result<Self> {
        let authority = address.strip_prefix("http://").unwrap_or(address).trim_end_matches('/').to_owned();
        let to: SocketAddr = authority.parse().with_context(|| format!("{address} is no address"))?;
        ensure!(count > 0, "without a connection nothing can be called");
        let mut driven = JoinSet::new();
        let mut senders = Vec::with_capacity(count);
        for _ in 0..count {
            senders.push(connect(to, &mut driven).await?);
        }
        Ok(Self { senders, next: AtomicUsize::new(0), authority, _driven: driven })
    }

    /// The next connection's sender.
    fn sender(&self) -> SendRequest<Full<Bytes>> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        self.senders[turn % self.senders.len()].clone()
    }

    /// Sends a call; the answer's body is still to be read.
    ///
    /// # Errors
    /// What the connection said.
    pub(crate) async fn send(&self, ask: &Ask) -> anyhow::Result<Response<Incoming>> {
        let mut sender = self.sender();
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
        let called = async {
            let answer = self.send(ask).await?;
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

async fn connect(to: SocketAddr, driven: &mut JoinSet<()>) -> anyhow::Result<SendRequest<Full<Bytes>>> {
    let socket = match to.ip() {
        IpAddr::V4(_) => TcpSocket::new_v4(),
        IpAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    let stream = socket.connect(to).await.with_context(|| format!("nobody listens on {to}"))?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http2::Builder::new(TokioExecutor::new())
        .initial_connection_window_size(CONNECTION_WINDOW)
        .initial_stream_window_size(STREAM_WINDOW)
        .handshake(TokioIo::new(stream))
        .await?;
    driven.spawn(async move {
        // What ends a connection is told by the calls on it.
        let _ = connection.await;
    });
    Ok(sender)
}
