//! The server side of every gRPC call, in process and over the network: who calls, until when, having seen what.
//!
//! In order: a place inside (load) → the actor token → the deadline → what the caller has seen → the handler, in its
//! span and ambient, with its panics caught.

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use base64::{Engine, engine::DecodePaddingMode, engine::GeneralPurpose, engine::GeneralPurposeConfig};
use bytes::Bytes;
use eventing::{Projected, command::Key};
use futures::{FutureExt, future::BoxFuture};
use http::{HeaderMap, HeaderName, Request, Response};
use kernel::{Code, Refusal};
use tokio::time::Instant;
use tonic::{Status, body::Body, service::Routes};
use tower::Service;
use tracing::{Instrument, error, info_span};
use uuid::Uuid;

use crate::{
    actor::{self, Actor, ActorVerifier},
    context::{Ambient, Caller},
    deadline,
    load::Gate,
    metrics::{Calls, Metrics},
    seen::{self, Mark, Seen},
    spans::{self, Side},
    status::status,
    tasks::panic_text,
    trace::{self, Trace},
    transport::{CORRELATION, IDEMPOTENCY_KEY, LOCALE, REQUEST_HASH, late},
};

/// How long a read waits for what its caller has seen, and the answer to a write for what it wrote.
const PATIENCE: Duration = Duration::from_millis(250);
/// And in tests, which wait for a busy machine.
const PATIENCE_OF_TESTS: Duration = Duration::from_secs(20);

/// Paths that need no actor: they tell nothing about anybody.
const OPEN: [&str; 2] = ["/grpc.health.v1.Health/", "/grpc.reflection.v1.ServerReflection/"];

/// A client's key of 255 bytes, and the route it is scoped to.
const KEY_BYTES_MAX: usize = 512;
const LOCALE_BYTES_MAX: usize = 64;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

tokio::task_local! {
    static PROJECTED: Option<(Projected, Duration)>;
}

/// The progress of the read models of the service whose handler runs now, and how long to wait for them.
pub(crate) fn projected() -> Option<(Projected, Duration)> {
    PROJECTED.try_with(Clone::clone).ok().flatten()
}

/// What a service's guard knows.
pub struct Guard {
    service: &'static str,
    verifier: ActorVerifier,
    projected: Option<Projected>,
    patience: Duration,
    gate: Gate,
    calls: Calls,
}

impl Guard {
    /// `at_once_max` calls run at the same time; the rest is answered `overloaded`.
    pub fn new(
        service: &'static str,
        verifier: ActorVerifier,
        projected: Option<Projected>,
        at_once_max: usize,
        metrics: &Metrics,
    ) -> Self {
        let calls = Calls::register(&metrics.of(service));
        Self { service, verifier, projected, patience: PATIENCE, gate: Gate::new(at_once_max), calls }
    }

    /// Waits for read models for as long as a busy machine may take: for tests.
    #[must_use]
    pub fn patient(self) -> Self {
        Self { patience: PATIENCE_OF_TESTS, ..self }
    }

    /// The routes behind this guard.
    pub fn before(self, routes: Routes) -> Guarded {
        Guarded { guard: Arc::new(self), routes: routes.prepare() }
    }

    /// Who calls, and the step of their trace that this call is.
    fn identify(&self, headers: &HeaderMap, path: &str) -> Result<(Caller, Trace), Status> {
        let token = headers.get(actor::METADATA).and_then(|value| BASE64.decode(value.as_bytes()).ok());
        let actor = self.verifier.verify(&Bytes::from(token.unwrap_or_default())).map_err(|error| {
            tracing::warn!(service = self.service, path, %error, "a call without a believable actor");
            status(Refusal::new(Code::Unauthenticated, "sign in first"))
        })?;
        let trace = Trace::continue_or_begin(ascii(headers, &HeaderName::from_static(trace::HEADER)));
        let correlation = ascii(headers, &CORRELATION).and_then(|text| Uuid::try_parse(text).ok());
        let locale = ascii(headers, &LOCALE).filter(|text| text.len() <= LOCALE_BYTES_MAX);
        let caller = Caller {
            actor: Actor::clone(&actor),
            deadline: Some(deadline::earliest(headers.get(deadline::HEADER), None, deadline::USUAL)),
            idempotency: idempotency(headers, path)?,
            locale: locale.unwrap_or_default().to_owned(),
            trace_parent: trace.to_string(),
            correlation_id: correlation.unwrap_or_else(Uuid::new_v4),
        };
        Ok((caller, trace))
    }

    /// Waits until this service's read models are as new as what the caller has seen.
    async fn catch_up(&self, seen: &Seen) -> Result<(), Status> {
        let (Some(projected), Some(mark)) = (&self.projected, seen.mark(self.service)) else { return Ok(()) };
        if mark.epoch != Mark::at(0).epoch
            || projected.reached(mark.position, projected.patience(self.patience)).await
        {
            return Ok(());
        }
        let behind = mark.position - projected.position();
        tracing::warn!(service = self.service, behind, "a caller has seen more than the read models hold");
        Err(status(Refusal::new(Code::Unavailable, "what you wrote is not to be seen yet").retry_after_s(1)))
    }

    async fn admit(&self, mut routes: Routes, mut request: Request<Body>) -> Result<Response<Body>, Status> {
        let path = request.uri().path().to_owned();
        if OPEN.iter().any(|open| path.starts_with(open)) {
            return answered(routes.call(request).await);
        }
        let _place = self.gate.enter().map_err(|refusal| {
            self.calls.shed();
            status(refusal)
        })?;
        let (caller, trace) = self.identify(request.headers(), &path)?;
        let seen = ascii(request.headers(), &HeaderName::from_static(seen::METADATA));
        let seen: Seen = seen.and_then(|text| text.parse().ok()).unwrap_or_default();
        let deadline = caller.deadline.unwrap_or_else(|| Instant::now() + deadline::USUAL);
        let span = info_span!("call", service = self.service, path, trace_id = trace.trace_id());
        let mut step =
            spans::take(self.service, trace, Side::Server, || path.trim_start_matches('/').to_owned());
        step.tell("rpc.system", "grpc");
        let ambient = Ambient {
            acting: None,
            idempotency: None,
            deadline: Some(deadline),
            trace,
            correlation_id: caller.correlation_id,
            locale: caller.locale.clone(),
            seen,
            answers: crate::context::Answers::default(),
        };
        let seen = ambient.seen.clone();
        request.extensions_mut().insert(Arc::new(caller));
        let projected = self.projected.clone().map(|projected| (projected, self.patience));
        let work = ambient.scope(PROJECTED.scope(projected, async {
            self.catch_up(&seen).await?;
            answered(routes.call(request).await)
        }));
        let work = AssertUnwindSafe(work.instrument(span)).catch_unwind();
        let answer = tokio::select! {
            biased;
            () = tokio::time::sleep_until(deadline) => Err(late()),
            outcome = work => outcome.unwrap_or_else(|panic| {
                error!(service = self.service, path, panic = panic_text(&*panic), "a handler panicked");
                Err(status(Refusal::new(Code::Internal, "a handler panicked")))
            }),
        };
        let code = answer.as_ref().map_or_else(Status::code, |response| code_of(response.headers()));
        if code != tonic::Code::Ok {
            step.fail(code);
        }
        answer
    }
}

/// A service's routes behind its guard: what siblings call and what a server serves.
#[derive(Clone)]
pub struct Guarded {
    guard: Arc<Guard>,
    routes: Routes,
}

impl Service<Request<Body>> for Guarded {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // The routes are always ready; the gate answers when there is no room.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let guard = self.guard.clone();
        let routes = self.routes.clone();
        let path = request.uri().path().to_owned();
        let begun = Instant::now();
        Box::pin(async move {
            let response = guard.admit(routes, request).await.unwrap_or_else(Status::into_http);
            let method = path.rsplit('/').next().unwrap_or_default();
            guard.calls.answered(method, code_of(response.headers()), begun.elapsed());
            Ok(response)
        })
    }
}

fn answered(answer: Result<Response<Body>, Infallible>) -> Result<Response<Body>, Status> {
    match answer {
        Ok(response) => Ok(response),
        Err(never) => match never {},
    }
}

/// The code in the headers of an answer; a success has its code in the trailers.
fn code_of(headers: &HeaderMap) -> tonic::Code {
    let code = headers.get(Status::GRPC_STATUS);
    code.map_or(tonic::Code::Ok, |code| tonic::Code::from_bytes(code.as_bytes()))
}

fn ascii<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The caller's key, scoped to the method, with the hash of its request.
fn idempotency(headers: &HeaderMap, path: &str) -> Result<Option<Key>, Status> {
    let Some(key) = headers.get(&IDEMPOTENCY_KEY) else { return Ok(None) };
    let fault =
        || status(Refusal::field("/Idempotency-Key", "malformed", "the Idempotency-Key is not readable"));
    let key = BASE64.decode(key.as_bytes()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let key = key.filter(|key| !key.is_empty() && key.len() <= KEY_BYTES_MAX).ok_or_else(fault)?;
    let hash = headers.get(&REQUEST_HASH).map(|hash| BASE64.decode(hash.as_bytes()));
    let request_hash = hash.transpose().map_err(|_| fault())?.unwrap_or_default();
    let method = path.rsplit('/').next().unwrap_or_default();
    Ok(Some(Key { key: format!("{method}/{key}"), request_hash: request_hash.into() }))
}
