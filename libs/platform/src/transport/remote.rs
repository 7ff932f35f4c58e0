//! A peer elsewhere: its endpoints, which of them takes a call, and what is sent again when one fails.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::future::join_all;
use http::{Request, Response, request::Parts};
use http_body_util::{BodyExt, Full};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status, body::Body};
use tracing::{debug, info, warn};

use super::{
    Address,
    budget::Budget,
    endpoint::{Endpoint, Failure, Looked},
    late,
    methods::{self, Kind},
    unreachable,
};
use crate::{metrics::Metrics, tasks::Task};

/// A call is sent at most so often.
const TRIES_MAX: usize = 3;
const LOOK_EACH: Duration = Duration::from_secs(1);
/// Until a peer has been reached for the first time.
const LOOK_EARLY: Duration = Duration::from_millis(200);
/// Names are resolved again after so many looks.
const RESOLVE_EACH: u32 = 5;

/// A peer elsewhere. Cheap to clone; run [`Remote::watch`] beside it.
#[derive(Clone)]
pub struct Remote(Arc<Inner>);

struct Inner {
    service: &'static str,
    addresses: Vec<Address>,
    endpoints: RwLock<Arc<[Arc<Endpoint>]>>,
    /// Who is asked first among equals.
    turn: AtomicUsize,
    budget: Mutex<Budget>,
    reached: AtomicBool,
    /// What the last look saw, for operators.
    seen: Mutex<String>,
    metrics: PeerMetrics,
}

/// What is counted of all peers of the process.
#[derive(Clone)]
pub struct PeerMetrics {
    retries: Family<Peer, Counter>,
    refused: Family<Peer, Counter>,
    failed: Family<Peer, Counter>,
    endpoints: Family<Peer, Gauge>,
    open: Family<Peer, Gauge>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Peer {
    peer: &'static str,
}

impl PeerMetrics {
    pub fn register(metrics: &Metrics) -> Self {
        Self {
            retries: metrics.counters("peer_retries", "Calls sent again, by the peer that was called"),
            refused: metrics.counters("peer_retries_refused", "Calls not sent again: too many were already"),
            failed: metrics.counters("peer_calls_failed", "Calls that brought no answer from any endpoint"),
            endpoints: metrics.register("peer_endpoints", "Addresses that a peer has now", Family::default()),
            open: metrics.register(
                "peer_circuits_open",
                "Addresses of a peer that are left alone because they failed",
                Family::default(),
            ),
        }
    }

    /// From zero: what is not there before its first event has no rate.
    fn begin(&self, peer: &'static str) {
        for counted in [&self.retries, &self.refused, &self.failed] {
            counted.get_or_create(&Peer { peer }).inc_by(0);
        }
    }
}

impl Remote {
    /// A peer at these addresses. Names are resolved by [`Remote::watch`]; until then they have no endpoint.
    pub fn new(service: &'static str, addresses: Vec<Address>, metrics: PeerMetrics) -> Self {
        metrics.begin(service);
        let remote = Self(Arc::new(Inner {
            service,
            endpoints: RwLock::new(Arc::new([])),
            turn: AtomicUsize::new(0),
            budget: Mutex::new(Budget::new(Instant::now())),
            reached: AtomicBool::new(false),
            seen: Mutex::new("has not been looked for yet".to_owned()),
            addresses,
            metrics,
        }));
        let known = &remote.0.addresses;
        remote.settle(known.iter().filter_map(|named| Some((named.clone(), named.literal()?))).collect());
        remote
    }

    pub fn service(&self) -> &'static str {
        self.0.service
    }

    /// Whether some endpoint has answered since this process began; else what is in the way. Losing it later is told by
    /// each call, and must not make everybody else unready with it.
    pub fn reached(&self) -> Result<(), String> {
        if self.0.reached.load(Ordering::Relaxed) {
            return Ok(());
        }
        Err(self.0.seen.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Resolves names, asks endpoints how they are, and notices who comes and goes, until `stop`.
    pub fn watch(&self, stop: CancellationToken) -> Task {
        let remote = self.clone();
        Task::new(format!("peer {}", self.0.service), async move {
            let mut looks = 0_u32;
            while !stop.is_cancelled() {
                if looks.is_multiple_of(RESOLVE_EACH) || remote.endpoints().is_empty() {
                    remote.resolve().await;
                }
                remote.look().await;
                looks = looks.wrapping_add(1);
                let pause = if remote.reached().is_ok() { LOOK_EACH } else { LOOK_EARLY };
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(pause) => {}
                }
            }
            Ok(())
        })
    }

    fn endpoints(&self) -> Arc<[Arc<Endpoint>]> {
        self.0.endpoints.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn resolve(&self) {
        let mut found = Vec::new();
        for named in &self.0.addresses {
            match named.resolve().await {
                Ok(places) => found.extend(places.into_iter().map(|place| (named.clone(), place))),
                Err(error) => {
                    debug!(service = self.0.service, address = %named, %error, "a name was not resolved");
                    // A resolver that is away takes nobody with it.
                    return self.saw(format!("{named} is not resolved: {error}"));
                }
            }
        }
        self.settle(found);
    }

    /// From now on these are the endpoints; those that stay keep their connections.
    fn settle(&self, found: Vec<(Address, SocketAddr)>) {
        let old = self.endpoints();
        let known: HashMap<SocketAddr, &Arc<Endpoint>> = old.iter().map(|one| (one.address, one)).collect();
        let mut new: Vec<Arc<Endpoint>> = Vec::with_capacity(found.len());
        for (named, place) in found {
            if new.iter().any(|one| one.address == place) {
                continue;
            }
            match known.get(&place) {
                Some(endpoint) => new.push(Arc::clone(endpoint)),
                None => match Endpoint::new(&named, place) {
                    Ok(endpoint) => new.push(Arc::new(endpoint)),
                    Err(error) => warn!(service = self.0.service, %place, %error, "an address is not usable"),
                },
            }
        }
        let same = old.len() == new.len() && new.iter().all(|one| known.contains_key(&one.address));
        if !same {
            debug!(service = self.0.service, endpoints = new.len(), "a peer's addresses changed");
            *self.0.endpoints.write().unwrap_or_else(PoisonError::into_inner) = new.into();
        }
    }

    async fn look(&self) {
        let endpoints = self.endpoints();
        let looks = join_all(endpoints.iter().map(|one| one.look(self.0.service))).await;
        let mut silent = None;
        for (endpoint, looked) in endpoints.iter().zip(&looks) {
            match looked {
                Looked::Silent(why) => silent = Some(format!("http://{} {why}", endpoint.address)),
                Looked::Serving | Looked::Reluctant => {
                    if !self.0.reached.swap(true, Ordering::Relaxed) {
                        info!(service = self.0.service, address = %endpoint.address, "a peer is reached");
                    }
                }
            }
        }
        if let Some(silent) = silent {
            self.saw(silent);
        }
        let peer = Peer { peer: self.0.service };
        let open = endpoints.iter().filter(|one| one.is_open()).count();
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.0.metrics.endpoints.get_or_create(&peer).set(number(endpoints.len()));
        self.0.metrics.open.get_or_create(&peer).set(number(open));
    }

    fn saw(&self, what: String) {
        *self.0.seen.lock().unwrap_or_else(PoisonError::into_inner) = what;
    }

    /// The endpoint for the next call: of those that answered last, the least busy; those that say they are not ready,
    /// after them; those that failed, when nobody else is left. `not`: who has failed this call already.
    fn pick(&self, not: &[SocketAddr]) -> Option<Arc<Endpoint>> {
        let endpoints = self.endpoints();
        let first = self.0.turn.fetch_add(1, Ordering::Relaxed);
        let count = endpoints.len();
        let mut candidates: Vec<&Arc<Endpoint>> = (0..count)
            .map(|step| &endpoints[(first.wrapping_add(step)) % count])
            .filter(|one| !not.contains(&one.address))
            .collect();
        // Stable: among equals the turn decides.
        candidates.sort_by_cached_key(|one| one.rank());
        let now = Instant::now();
        // Asked last: to admit a trial uses it up.
        let admitted = candidates.iter().find(|one| one.admits(now)).copied();
        // Whoever was down may be back before a look has told: better asked than not, once the others have failed.
        let last = candidates.first().copied().filter(|_| !not.is_empty());
        admitted.or(last).cloned()
    }

    /// Sends a call to one endpoint, and to another where that is safe.
    pub(super) async fn call(&self, request: Request<Body>) -> Result<Response<Body>, Status> {
        let kind = methods::kind(request.uri().path());
        self.lock_budget().called();
        let outcome = match kind {
            Kind::Streamed => self.once(request).await,
            Kind::Read | Kind::Command => self.with_retries(kind, request).await,
        };
        if outcome.is_err() {
            self.0.metrics.failed.get_or_create(&Peer { peer: self.0.service }).inc();
        }
        outcome
    }

    async fn once(&self, request: Request<Body>) -> Result<Response<Body>, Status> {
        let Some(endpoint) = self.pick(&[]) else { return Err(unreachable(self.0.service)) };
        endpoint.send(request).await.map_err(|failure| self.told(&endpoint, &failure))
    }

    async fn with_retries(&self, kind: Kind, request: Request<Body>) -> Result<Response<Body>, Status> {
        let (parts, body) = request.into_parts();
        let message = body.collect().await?.to_bytes();
        let mut not = Vec::new();
        let mut last = Err(unreachable(self.0.service));
        for attempt in 0..TRIES_MAX {
            let Some(endpoint) = self.pick(&not) else { break };
            // The first is no retry.
            if attempt > 0 && !self.pays() {
                break;
            }
            let outcome = endpoint.send(again(&parts, &message)).await;
            let may_repeat = match &outcome {
                Ok(response) => kind == Kind::Read && says_unavailable(response),
                Err(Failure::NeverLeft(_)) => true,
                Err(Failure::Broken(_)) => kind == Kind::Read,
                Err(Failure::Late) => false,
            };
            // A connection that ended is made anew; who cannot be connected to, or says no, is not asked twice.
            let lost = matches!(&outcome, Err(Failure::Broken(_)));
            last = outcome.map_err(|failure| self.told(&endpoint, &failure));
            if !may_repeat {
                break;
            }
            if !(lost && self.endpoints().len() == 1) {
                not.push(endpoint.address);
            }
        }
        last
    }

    fn pays(&self) -> bool {
        let paid = self.lock_budget().retry(Instant::now());
        let peer = Peer { peer: self.0.service };
        let counted = if paid { &self.0.metrics.retries } else { &self.0.metrics.refused };
        counted.get_or_create(&peer).inc();
        paid
    }

    fn lock_budget(&self) -> std::sync::MutexGuard<'_, Budget> {
        self.0.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn told(&self, endpoint: &Endpoint, failure: &Failure) -> Status {
        match failure {
            Failure::Late => late(),
            Failure::NeverLeft(why) | Failure::Broken(why) => {
                debug!(service = self.0.service, address = %endpoint.address, why, "a peer did not answer");
                unreachable(self.0.service)
            }
        }
    }
}

/// The same request once more.
fn again(parts: &Parts, message: &Bytes) -> Request<Body> {
    Request::from_parts(parts.clone(), Body::new(Full::new(message.clone())))
}

/// An answer that another replica may better: this one is behind, full, or about to stop.
fn says_unavailable(response: &Response<Body>) -> bool {
    let code = response.headers().get(Status::GRPC_STATUS);
    code.is_some_and(|code| Code::from_bytes(code.as_bytes()) == Code::Unavailable)
}
