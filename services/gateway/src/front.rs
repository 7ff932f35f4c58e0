//! `/` says what this is and where to go; `/v1/openapi.json` and `/v1/docs` say the rest.

use axum::{Router, response::Response, routing::get};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use kernel::{Code, Refusal};
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::SwaggerUi;

use crate::{answer, body::refuse, door::accepts};

const PAGE: &str = include_str!("front.html");

/// The page, the document and its rendering.
pub(crate) fn routes(document: &OpenApi) -> Result<Router, serde_json::Error> {
    let json = Bytes::from(serde_json::to_vec(document)?);
    let docs = SwaggerUi::new("/v1/docs").config(utoipa_swagger_ui::Config::from("/v1/openapi.json"));
    Ok(Router::from(docs)
        .route("/", get(front))
        .route("/v1/openapi.json", get(move || async move { page("application/json", json.clone()) })))
}

async fn front(headers: HeaderMap) -> Response {
    let named = headers.contains_key(header::ACCEPT);
    if named && prefers_html(&headers) {
        return page("text/html; charset=utf-8", Bytes::from_static(PAGE.as_bytes()));
    }
    if !accepts(&headers, &["application/json"]) {
        return refuse(Refusal::new(Code::NotAcceptable, "this is text/html or application/json"));
    }
    let body = serde_json::json!({
        "name": "stadion",
        "version": env!("CARGO_PKG_VERSION"),
        "about": "back end of a fitness and activity platform: workouts in; progress, achievements, offers, purchases out",
        "documentation": "/v1/docs",
        "openapi": "/v1/openapi.json",
        "sign_up": "POST /v1/accounts",
        "challenges": "GET /v1/challenges",
        "live": "/live/{challenge_id}",
        "health": ["/healthz", "/readyz"],
    });
    answer::ok(&body).unwrap_or_else(|problem| refuse(problem.0))
}

/// Browsers name `text/html`; tools name JSON, or anything.
fn prefers_html(headers: &HeaderMap) -> bool {
    let named = |kind: &str| {
        headers
            .get_all(header::ACCEPT)
            .iter()
            .any(|value| value.to_str().is_ok_and(|value| value.contains(kind)))
    };
    named("text/html") && accepts(headers, &["text/html"])
}

fn page(kind: &'static str, bytes: Bytes) -> Response {
    let mut response = Response::new(bytes.into());
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    response
}
