//! One request and its answer: who it is in the logs, in which language, what was said about it by the services.
//!
//! The layer here is the outermost of ours: it makes the [`Exchange`], and on the way out it writes problems as bodies
//! and says `X-Request-Id`, `Stadion-Seen` and `Idempotency-Replayed`.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use aws_lc_rs::digest;
use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use kernel::{Code, Refusal};
use platform::{
    context::Answers,
    seen::Seen,
    spans::{self, Side},
    trace::Trace,
};
use tokio::sync::OwnedSemaphorePermit;
use tracing::Instrument;
use uuid::Uuid;

use crate::{
    body::{Patience, Room, refuse},
    door::Door,
    language::Language,
    problem::Problem,
    routes::resumables::PARTS,
    seen,
};

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

const URI_BYTES_MAX: usize = 8 * 1024;
const KEY_BYTES_MAX: usize = 255;

/// A request's context; cheap to clone.
#[derive(Clone)]
pub(crate) struct Exchange(Arc<Inner>);

struct Inner {
    request_id: String,
    language: Language,
    trace: Trace,
    method: Method,
    /// The route's template, `/v1/activities/{id}`.
    route: String,
    path: String,
    query: String,
    idempotency_key: Option<String>,
    seen: Seen,
    body_hash: OnceLock<[u8; 32]>,
    answers: Answers,
    /// The room that the request's body takes, until it is answered.
    room: OnceLock<Vec<OwnedSemaphorePermit>>,
}

impl Exchange {
    /// # Errors
    /// `internal` when the layer is missing: a fault of ours.
    pub(crate) fn of(request: &Request) -> Result<Self, Refusal> {
        Self::among(request.extensions())
    }

    pub(crate) fn among(extensions: &http::Extensions) -> Result<Self, Refusal> {
        extensions.get::<Self>().cloned().ok_or_else(|| Refusal::new(Code::Internal, "no exchange"))
    }

    /// # Errors
    /// `invalid_field` for an `Idempotency-Key` or a `Stadion-Seen` that cannot be one.
    fn begin(request: &Request) -> (Self, Result<(), Refusal>) {
        let headers = request.headers();
        let key = idempotency_key(headers, request.method());
        let sent = seen::sent(headers);
        let fault = key.as_ref().err().or(sent.as_ref().err()).cloned().map_or(Ok(()), Err);
        let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str);
        let inner = Inner {
            request_id: request_id(headers),
            language: Language::accepted(text(headers, &header::ACCEPT_LANGUAGE)),
            trace: Trace::continue_or_begin(
                headers.get(platform::trace::HEADER).and_then(|value| value.to_str().ok()),
            ),
            method: request.method().clone(),
            route: route.to_owned(),
            path: request.uri().path().to_owned(),
            query: request.uri().query().unwrap_or_default().to_owned(),
            idempotency_key: key.unwrap_or_default(),
            seen: sent.unwrap_or_default(),
            body_hash: OnceLock::new(),
            answers: Answers::default(),
            room: OnceLock::new(),
        };
        (Self(Arc::new(inner)), fault)
    }

    pub(crate) fn request_id(&self) -> &str {
        &self.0.request_id
    }
    pub(crate) fn language(&self) -> Language {
        self.0.language
    }
    pub(crate) fn trace(&self) -> Trace {
        self.0.trace
    }
    pub(crate) fn method(&self) -> &Method {
        &self.0.method
    }
    pub(crate) fn route(&self) -> &str {
        &self.0.route
    }
    pub(crate) fn path(&self) -> &str {
        &self.0.path
    }
    pub(crate) fn query(&self) -> &str {
        &self.0.query
    }
    pub(crate) fn seen(&self) -> &Seen {
        &self.0.seen
    }

    /// Remembers what the body was, for the request hash of an idempotency key.
    pub(crate) fn hash_body(&self, bytes: &[u8]) {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
        // A route reads its body once.
        let _ = self.0.body_hash.set(hash);
    }

    /// The caller's key, scoped to the route, and the hash of the request: method, path, query and body.
    pub(crate) fn idempotency(&self) -> Option<(String, Vec<u8>)> {
        let key = self.0.idempotency_key.as_deref()?;
        let mut hash = digest::Context::new(&digest::SHA256);
        for part in [self.0.method.as_str(), &self.0.path, &self.0.query] {
            hash.update(&(part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        hash.update(self.0.body_hash.get().unwrap_or(&[0; 32]));
        let scoped = format!("{} {} {key}", self.0.method, self.0.route);
        Some((scoped, hash.finish().as_ref().to_vec()))
    }

    /// Keeps what the body takes of the room until the request is answered.
    pub(crate) fn hold(&self, room: Vec<OwnedSemaphorePermit>) {
        // A route reads its body once.
        let _ = self.0.room.set(room);
    }

    /// What the services' answers said of their journals and of the key.
    pub(crate) fn answers(&self) -> &Answers {
        &self.0.answers
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The client's id for the request when it is a plain word, else one of ours.
fn request_id(headers: &HeaderMap) -> String {
    let plain = |id: &&str| {
        (8..=64).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    text(headers, &REQUEST_ID).filter(plain).map_or_else(|| Uuid::new_v4().to_string(), str::to_owned)
}

fn idempotency_key(headers: &HeaderMap, method: &Method) -> Result<Option<String>, Refusal> {
    if method.is_safe() {
        return Ok(None);
    }
    let mut keys = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(key) = keys.next() else { return Ok(None) };
    let key = key.to_str().unwrap_or_default().trim();
    let printable = key.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if key.is_empty() || key.len() > KEY_BYTES_MAX || !printable || keys.next().is_some() {
        let detail = format!("one key of 1 to {KEY_BYTES_MAX} printable ASCII characters");
        return Err(Refusal::field("Idempotency-Key", "invalid", detail));
    }
    Ok(Some(key.to_owned()))
}

/// The layer: makes the exchange, serves, and dresses the answer.
pub(crate) async fn layer(State(door): State<Arc<Door>>, mut request: Request, next: Next) -> Response {
    let (exchange, fault) = Exchange::begin(&request);
    let span = tracing::info_span!(
        "request",
        id = exchange.request_id(),
        method = %exchange.method(),
        route = exchange.route(),
        trace = %exchange.trace().trace_id(),
    );
    let began = tokio::time::Instant::now();
    let name = || format!("{} {}", exchange.method(), exchange.route());
    let mut step = spans::take("gateway", exchange.trace(), Side::Server, name);
    let response = async {
        let served = check_uri(&request).and(fault).map_err(refuse);
        match served {
            Err(refused) => refused,
            Ok(()) => {
                let extensions = request.extensions_mut();
                extensions.insert(exchange.clone());
                extensions.insert(Patience(door.config.body_timeout()));
                extensions.insert(Room::clone(&door.room));
                let is_part = exchange.route() == PARTS && exchange.method() == Method::PATCH;
                let config = &door.config;
                let limit = if is_part { config.part_timeout() } else { config.request_timeout() };
                within(limit, next.run(request)).await
            }
        }
    };
    let response = response.instrument(span.clone()).await;
    let response = dress(&exchange, response);
    door.metrics.served(exchange.method(), exchange.route(), response.status(), began.elapsed());
    step.tell("http.request.method", exchange.method());
    step.tell("http.route", exchange.route());
    step.tell("http.response.status_code", response.status().as_u16());
    if response.status().is_server_error() {
        step.fail(response.status());
    }
    let _entered = span.enter();
    tracing::debug!(status = response.status().as_u16(), took_ms = began.elapsed().as_millis(), "answered");
    if response.status() == StatusCode::INTERNAL_SERVER_ERROR {
        tracing::error!("a request failed");
    }
    response
}

async fn within(limit: Duration, serving: impl Future<Output = Response>) -> Response {
    tokio::time::timeout(limit, serving).await.unwrap_or_else(|_| {
        refuse(Refusal::new(Code::DeadlineExceeded, "the answer was not ready in time").retry_after_s(1))
    })
}

fn check_uri(request: &Request) -> Result<(), Refusal> {
    let length = request.uri().path_and_query().map_or(0, |uri| uri.as_str().len());
    if length <= URI_BYTES_MAX {
        return Ok(());
    }
    Err(Refusal::new(Code::UriTooLong, format!("at most {URI_BYTES_MAX} bytes of address are read")))
}

fn dress(exchange: &Exchange, mut response: Response) -> Response {
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        if problem.0.code == Code::Internal {
            tracing::error!(request = exchange.request_id(), detail = %problem.0.detail, "internal");
        }
        let mut rendered = problem.render(exchange.language(), exchange.request_id());
        for (name, value) in response.headers() {
            if name != header::CONTENT_LENGTH && !rendered.headers().contains_key(name) {
                rendered.headers_mut().append(name, value.clone());
            }
        }
        response = rendered;
    }
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(exchange.request_id()) {
        headers.insert(REQUEST_ID, id);
    }
    if let Some(token) = seen::encode(&exchange.answers().seen()) {
        headers.insert(seen::HEADER, token);
    }
    if exchange.answers().replayed() {
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

/// What stands in for a handler that panicked.
pub(crate) fn panicked(panic: Box<dyn std::any::Any + Send + 'static>) -> Response {
    let said = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    let detail = format!("a handler panicked: {}", said.unwrap_or("without a word"));
    Problem(Refusal::new(Code::Internal, detail)).into_response()
}
