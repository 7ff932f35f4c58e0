//! Answers: a status, a body, and the headers that go with them.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use kernel::{Code, Refusal};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{body::refuse, exchange::Exchange, problem::Problem};

/// What handlers return.
pub(crate) type Answer = Result<Response, Problem>;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct List<T> {
    pub items: Vec<T>,
    /// Send it as `cursor` to go on; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

impl<T> List<T> {
    /// All there is.
    pub(crate) fn whole(items: Vec<T>) -> Self {
        Self { items, next_cursor: None }
    }
}

/// 200 with a body.
pub(crate) fn ok<T: Serialize>(body: &T) -> Answer {
    with(StatusCode::OK, body)
}

/// 201 with a body and where the new thing is.
pub(crate) fn created<T: Serialize>(location: &str, body: &T) -> Answer {
    let mut response = with(StatusCode::CREATED, body)?;
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// 202: work has begun.
pub(crate) fn accepted<T: Serialize>(body: &T) -> Answer {
    with(StatusCode::ACCEPTED, body)
}

/// 204.
pub(crate) fn no_content() -> Answer {
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Any status with a JSON body.
pub(crate) fn with<T: Serialize>(status: StatusCode, body: &T) -> Answer {
    let bytes = serde_json::to_vec(body).map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    let mut response = Response::new(bytes.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    Ok(response)
}

/// The answer under its version: 304 when the caller has it already (`If-None-Match`).
pub(crate) fn versioned(answer: Answer, version: u64, parts: Option<&str>) -> Answer {
    let mut response = answer?;
    let tag = format!("\"{version}\"");
    let held =
        parts.is_some_and(|tags| tags.split(',').any(|held| held.trim().trim_start_matches("W/") == tag));
    if held && response.status() == StatusCode::OK {
        response = StatusCode::NOT_MODIFIED.into_response();
    }
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    Ok(response)
}

/// A secret must not stay in any cache.
pub(crate) fn secret(answer: Answer) -> Answer {
    let mut response = answer?;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// The version that a change starts from, out of `If-Match`.
///
/// # Errors
/// `precondition_required` without the header, `version_mismatch` for one that names no version of ours.
pub(crate) fn expected_version(if_match: Option<&str>) -> Result<u64, Problem> {
    let Some(tag) = if_match else {
        return Err(Problem::new(Code::PreconditionRequired, "send the ETag that you read as If-Match"));
    };
    let tag = tag.trim().trim_start_matches("W/").trim_matches('"');
    tag.parse().map_err(|_| Problem::new(Code::VersionMismatch, "If-Match is not the current version"))
}

/// `If-Match` and `If-None-Match` of a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conditions {
    pub if_match: Option<String>,
    pub if_none_match: Option<String>,
}

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for Conditions {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut http::request::Parts,
        _state: &S,
    ) -> Result<Self, Self::Rejection> {
        let text = |name| {
            let value: Option<&HeaderValue> = parts.headers.get(name);
            value.map(|value| value.to_str().unwrap_or("unreadable").to_owned())
        };
        Ok(Self { if_match: text(header::IF_MATCH), if_none_match: text(header::IF_NONE_MATCH) })
    }
}

/// Bytes of a body that is no JSON, bounded by what the route takes.
pub(crate) async fn raw(request: axum::extract::Request, bytes_max: usize) -> Result<bytes::Bytes, Response> {
    let exchange = Exchange::of(&request).map_err(refuse)?;
    let bytes = crate::body::read(request, bytes_max).await.map_err(refuse)?;
    exchange.hash_body(&bytes);
    Ok(bytes)
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        problem.0
    }
}
