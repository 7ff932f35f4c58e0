//! What stands where a page would: there is none, or not now.

use askama::Template;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};

use super::Frame;
use crate::{api::Missing, document, language::Language};

/// Said when the API does not say when to come back.
const RETRY_AFTER_S: u32 = 5;

#[derive(Template)]
#[template(path = "problem.html")]
struct Problem {
    frame: Frame,
    title: &'static str,
    explained: &'static str,
    retry: bool,
    request_id: Option<String>,
}

pub(super) fn answer(missing: Missing, language: Language) -> Response {
    let frame = Frame::of(language);
    match missing {
        Missing::NotFound => {
            let (title, explained) = ("missing-title", "missing-text");
            let page = Problem { frame, title, explained, retry: false, request_id: None };
            document::instead(StatusCode::NOT_FOUND, &page, language)
        }
        Missing::Unavailable { retry_after_s, request_id } => {
            let (title, explained) = ("unavailable-title", "unavailable-text");
            let page = Problem { frame, title, explained, retry: true, request_id };
            let mut response = document::instead(StatusCode::SERVICE_UNAVAILABLE, &page, language);
            let seconds = HeaderValue::from(retry_after_s.unwrap_or(RETRY_AFTER_S));
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
            response
        }
    }
}
