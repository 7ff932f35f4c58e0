//! One address of a peer: its connection, how busy it is with our calls, and whether it answers.

use std::{
    net::SocketAddr,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{Request, Response};
use tokio::time::Instant;
use tonic::{Code, Status, TimeoutExpired, body::Body, transport::Channel};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tower::ServiceExt;

use super::{Address, breaker::Breaker};

const CONNECT_WITHIN: Duration = Duration::from_secs(2);
/// A peer that was stopped in the middle is noticed by its silence.
const PING_EACH: Duration = Duration::from_secs(5);
const PONG_WITHIN: Duration = Duration::from_secs(5);
/// Large uploads go at the network's speed.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
const ASKED_WITHIN: Duration = Duration::from_secs(1);

pub(super) struct Endpoint {
    pub(super) address: SocketAddr,
    channel: Channel,
    pending: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    breaker: Breaker,
    /// It says that it is not ready, or about to stop, or does not answer in time: others first.
    reluctant: bool,
}

/// Why a call brought no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// It certainly never reached the peer's service.
    NeverLeft(String),
    /// It may have.
    Broken(String),
    Late,
}

/// What an endpoint said when it was asked how it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Looked {
    Serving,
    /// It is there, and is not ready or stops.
    Reluctant,
    /// Nobody is there, or it does not serve what is asked for: why.
    Silent(String),
}

impl Endpoint {
    /// `at`: one of the places that `named` stands for.
    pub(super) fn new(named: &Address, at: SocketAddr) -> Result<Self, tonic::transport::Error> {
        let mut endpoint = tonic::transport::Endpoint::from_shared(format!("http://{at}"))?;
        if let Ok(origin) = named.to_string().parse() {
            endpoint = endpoint.origin(origin);
        }
        let endpoint = endpoint
            .connect_timeout(CONNECT_WITHIN)
            .tcp_nodelay(true)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .http2_keep_alive_interval(PING_EACH)
            .keep_alive_timeout(PONG_WITHIN)
            .keep_alive_while_idle(true);
        let channel = endpoint.connect_lazy();
        Ok(Self { address: at, channel, pending: AtomicUsize::new(0), state: Mutex::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Less is better: what speaks against sending the next call there, then how many are on their way.
    pub(super) fn rank(&self) -> (u8, bool, usize) {
        let state = self.state();
        (state.breaker.doubt(), state.reluctant, self.pending.load(Ordering::Relaxed))
    }

    pub(super) fn is_open(&self) -> bool {
        self.state().breaker.is_open()
    }

    /// Whether a call may be sent there now.
    pub(super) fn admits(&self, now: Instant) -> bool {
        self.state().breaker.admits(now)
    }

    /// Sends one call; the endpoint learns from how it ends.
    pub(super) async fn send(&self, request: Request<Body>) -> Result<Response<Body>, Failure> {
        let _busy = Busy::with(&self.pending);
        let outcome = self.channel.clone().oneshot(request).await.map_err(|error| classified(&error));
        match &outcome {
            Ok(_) => self.state().breaker.succeeded(),
            // Slow is not down: whoever is down is noticed by pings and looks.
            Err(Failure::Late) => {}
            Err(_) => self.state().breaker.failed(Instant::now()),
        }
        outcome
    }

    /// Asks how `service` is there, and remembers the answer.
    pub(super) async fn look(&self, service: &str) -> Looked {
        let mut client = HealthClient::new(self.channel.clone());
        let asked = client.check(HealthCheckRequest { service: service.to_owned() });
        let asked = tokio::time::timeout(ASKED_WITHIN, asked).await;
        let is_slow = asked.is_err();
        let looked = match asked {
            Err(_) => Looked::Silent("does not answer in time".to_owned()),
            Ok(Ok(said)) if said.get_ref().status() == ServingStatus::Serving => Looked::Serving,
            Ok(Ok(_)) => Looked::Reluctant,
            Ok(Err(status)) => understood(&status, service),
        };
        let mut state = self.state();
        state.reluctant = is_slow || looked == Looked::Reluctant;
        match looked {
            // Others first; but when all are slow, to ask none of them would turn a queue into an outage.
            Looked::Silent(_) if is_slow => {}
            Looked::Silent(_) => state.breaker.failed(Instant::now()),
            _ => state.breaker.succeeded(),
        }
        drop(state);
        looked
    }
}

fn understood(status: &Status, service: &str) -> Looked {
    match status.code() {
        Code::NotFound => Looked::Silent(format!("answers, but does not serve {service}")),
        // Something that answers and has no health: it is taken at its word.
        Code::Unimplemented => Looked::Serving,
        _ => Looked::Silent("cannot be connected to".to_owned()),
    }
}

/// One call on its way, however it ends.
struct Busy<'a>(&'a AtomicUsize);

impl<'a> Busy<'a> {
    fn with(pending: &'a AtomicUsize) -> Self {
        pending.fetch_add(1, Ordering::Relaxed);
        Self(pending)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn classified(error: &(dyn std::error::Error + 'static)) -> Failure {
    let mut words = String::new();
    let mut never_left = false;
    let mut cause = Some(error);
    while let Some(error) = cause {
        // tonic's own timer reads the same header as ours and may ring first.
        if error.is::<TimeoutExpired>() {
            return Failure::Late;
        }
        never_left |= error.is::<tonic::ConnectError>()
            || error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled)
            || error.downcast_ref::<h2::Error>().is_some_and(is_refused);
        words = error.to_string();
        cause = error.source();
    }
    if never_left { Failure::NeverLeft(words) } else { Failure::Broken(words) }
}

/// The peer says that it did not look at the request: it refused the stream, or had said goodbye before it came.
fn is_refused(error: &h2::Error) -> bool {
    let said_goodbye = error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR);
    error.is_remote()
        && (said_goodbye || (error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM)))
}
