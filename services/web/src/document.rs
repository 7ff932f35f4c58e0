//! HTML as an answer: checked by its ETag on every visit, never kept by anybody between.

use askama::Template;
use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use sha2::{Digest, Sha256};
use tracing::error;

use crate::language::Language;

/// A page as it was found: 304 when the browser holds this very one.
pub(crate) fn page(template: &impl Template, language: Language, asked: &HeaderMap) -> Response {
    let Some(html) = rendered(template) else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    // Weak: what travels may be compressed.
    let tag = format!("W/\"{}\"", hex::encode(&Sha256::digest(&html)[..16]));
    let known = asked.get_all(header::IF_NONE_MATCH).iter().any(|value| {
        let listed = value.to_str().unwrap_or_default().split(',').map(str::trim);
        listed.into_iter().any(|one| one == "*" || opaque(one) == opaque(&tag))
    });
    let mut response = if known { StatusCode::NOT_MODIFIED.into_response() } else { said(html, language) };
    let headers = response.headers_mut();
    dress(headers, "private, no-cache");
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

/// A page instead of the one that was wanted.
pub(crate) fn instead(status: StatusCode, template: &impl Template, language: Language) -> Response {
    let Some(html) = rendered(template) else { return status.into_response() };
    let mut response = said(html, language);
    *response.status_mut() = status;
    dress(response.headers_mut(), "no-store");
    response
}

fn rendered(template: &impl Template) -> Option<String> {
    template.render().inspect_err(|error| error!(%error, "a page was not rendered")).ok()
}

fn said(html: String, language: Language) -> Response {
    let mut response = Response::new(Body::from(html));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
    response
}

fn dress(headers: &mut HeaderMap, caching: &'static str) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    headers.insert(header::VARY, HeaderValue::from_static("accept-language"));
}

/// Weak comparison (RFC 9110 §8.8.3.2).
fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}
