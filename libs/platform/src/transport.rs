//! The way to a sibling: its routes called directly, or over the network. Callers cannot tell which.
//!
//! Both ways carry the same metadata (actor token, deadline, trace, locale, what was seen) and answer the same
//! statuses; the difference is one enum, [`Target`]. Over the network there are several endpoints to choose from:
//!
//! | file | what |
//! |---|---|
//! | `remote` | the endpoints of a peer, who takes a call, what is sent again |
//! | `endpoint`, `breaker` | one address: its connection, whether it answers, when it is left alone |
//! | `probe` | a look at a peer's addresses, for `stadion doctor` |
//! | `methods`, `budget` | what may be sent again, and how much of it |

mod address;
mod breaker;
mod budget;
mod dispatch;
mod endpoint;
mod methods;
mod peers;
mod probe;
mod remote;

use std::{
    convert::Infallible,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use futures::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use kernel::{Code, Refusal};
use tokio::time::Instant;
use tonic::{Status, body::Body};
use tower::Service;

pub use address::{Address, AddressError};
pub use dispatch::{dispatch, reflected};
pub use peers::{MESSAGE_BYTES_MAX, Peers, PeersBuilder};
pub use probe::{Looked, probe};
pub use remote::{PeerMetrics, Remote};

use crate::{
    actor::{self, Actor, ActorSigner},
    context::{Ambient, Answers},
    deadline,
    guard::Guarded,
    seen::{self, Seen},
    status::status,
    trace,
};

pub(crate) const CORRELATION: HeaderName = HeaderName::from_static("stadion-correlation");
pub(crate) const LOCALE: HeaderName = HeaderName::from_static("stadion-locale");
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("stadion-idempotency-key-bin");
pub(crate) const REQUEST_HASH: HeaderName = HeaderName::from_static("stadion-request-hash-bin");
/// On the answer to a repeated command: it is the first answer again.
pub const REPLAYED: &str = "stadion-replayed";
/// Which service is meant, where several answer on one address: their journals share one path.
pub(crate) const TO: HeaderName = HeaderName::from_static("stadion-to");

/// Where a sibling is. The slot lets modules be built in any order.
#[derive(Clone)]
pub enum Target {
    Sibling(Arc<OnceLock<Guarded>>),
    Remote(Remote),
    Absent,
}

/// A tower service to one sibling, for the generated clients.
#[derive(Clone)]
pub struct Transport {
    service: &'static str,
    target: Target,
    signer: ActorSigner,
    /// How long a call may take when neither it nor its caller says.
    usual: Duration,
}

impl Transport {
    fn prepare(&self, request: &mut Request<Body>, ambient: &Ambient, deadline: Instant) {
        let own = request.extensions_mut().remove::<Actor>();
        let acting = own.or_else(|| ambient.acting.clone());
        let acting = acting.unwrap_or_else(|| Actor::service(self.signer.issuer()));
        let headers = request.headers_mut();
        headers.insert(TO, HeaderValue::from_static(self.service));
        binary(headers, HeaderName::from_static(actor::METADATA), &self.signer.token(&acting));
        headers
            .insert(deadline::HEADER, deadline::header(deadline.saturating_duration_since(Instant::now())));
        text(headers, HeaderName::from_static(trace::HEADER), &ambient.trace.to_string());
        text(headers, CORRELATION, &ambient.correlation_id.to_string());
        text(headers, LOCALE, &ambient.locale);
        text(headers, HeaderName::from_static(seen::METADATA), &ambient.seen.to_string());
        if let Some(key) = &ambient.idempotency {
            binary(headers, IDEMPOTENCY_KEY, key.key.as_bytes());
            binary(headers, REQUEST_HASH, &key.request_hash);
        }
    }
}

impl Service<Request<Body>> for Transport {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // Whoever is not ready says so in its answer; a peer's backlog must not hold the caller past its deadline.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let ambient = Ambient::current();
        let deadline =
            deadline::earliest(request.headers().get(deadline::HEADER), ambient.deadline, self.usual);
        self.prepare(&mut request, &ambient, deadline);
        let call = send(self.service, self.target.clone(), request);
        Box::pin(async move {
            if deadline <= Instant::now() {
                return Ok(late().into_http());
            }
            let answer = tokio::select! {
                biased;
                () = tokio::time::sleep_until(deadline) => Err(late()),
                answer = call => answer,
            };
            Ok(match answer {
                Ok(response) => {
                    note(&ambient.answers, response.headers());
                    response
                }
                Err(status) => status.into_http(),
            })
        })
    }
}

/// The status of a call whose time is over.
pub(crate) fn late() -> Status {
    status(Refusal::new(Code::DeadlineExceeded, "it took too long"))
}

fn unreachable(service: &str) -> Status {
    status(
        Refusal::new(Code::Unavailable, format!("{service} is not reachable at the moment")).retry_after_s(1),
    )
}

async fn send(
    service: &'static str,
    target: Target,
    request: Request<Body>,
) -> Result<Response<Body>, Status> {
    match target {
        Target::Sibling(slot) => {
            let Some(mut sibling) = slot.get().cloned() else { return Err(unreachable(service)) };
            match sibling.call(request).await {
                Ok(response) => Ok(response),
                Err(never) => match never {},
            }
        }
        Target::Remote(remote) => remote.call(request).await,
        Target::Absent => Err(unreachable(service)),
    }
}

fn note(answers: &Answers, headers: &HeaderMap) {
    let seen = headers.get(seen::METADATA).and_then(|value| value.to_str().ok());
    let seen: Option<Seen> = seen.and_then(|text| text.parse().ok());
    let replayed = headers.contains_key(REPLAYED);
    if replayed || seen.is_some() {
        answers.note(seen.as_ref(), replayed);
    }
}

/// Binary metadata as gRPC writes it.
fn binary(headers: &mut HeaderMap, name: HeaderName, value: &[u8]) {
    text(headers, name, &BASE64.encode(value));
}

fn text(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if value.is_empty() {
        headers.remove(name);
    } else if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
