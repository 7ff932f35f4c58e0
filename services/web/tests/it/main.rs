//! The pages over recorded answers of the public API.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod answers;
mod assets;
mod live;
mod templates;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{ConnectInfo, Request},
    response::IntoResponse,
};
use http::{HeaderMap, Method, StatusCode, header};
use serde_json::{Value, json};
use tower::ServiceExt;

pub(crate) const CHALLENGE: &str = "0192f0c1-2222-7333-8444-555566667777";

/// What the API answers: status and body by path without its query; 404 for the rest. Keeps what it was asked.
#[derive(Clone, Default)]
pub(crate) struct Recorded {
    answers: Vec<(String, StatusCode, Value)>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// A request to the API: path with query, headers, whom it came from.
type Asked = (String, HeaderMap, Option<SocketAddr>);

impl Recorded {
    /// A running public challenge with three places, one of them anonymous.
    pub(crate) fn running() -> Self {
        Self::default().challenge(challenge()).top(top())
    }

    pub(crate) fn challenge(self, body: Value) -> Self {
        self.answer(&format!("/v1/challenges/{CHALLENGE}"), StatusCode::OK, body)
    }

    pub(crate) fn top(self, body: Value) -> Self {
        self.answer(&format!("/v1/boards/{CHALLENGE}/top"), StatusCode::OK, body)
    }

    /// The newest answer for a path counts.
    pub(crate) fn answer(mut self, path: &str, status: StatusCode, body: Value) -> Self {
        self.answers.retain(|(known, _, _)| known != path);
        self.answers.push((path.to_owned(), status, body));
        self
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    fn router(&self) -> Router {
        let recorded = self.clone();
        Router::new().fallback(move |request: Request| {
            let recorded = recorded.clone();
            async move {
                let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
                let peer = peer.map(|ConnectInfo(peer)| *peer);
                let uri = request.uri().to_string();
                recorded.asked.lock().unwrap().push((uri, request.headers().clone(), peer));
                let path = request.uri().path();
                let found = recorded.answers.iter().find(|(known, _, _)| known == path);
                let (status, body) = found
                    .map_or((StatusCode::NOT_FOUND, Value::Null), |(_, status, body)| {
                        (*status, body.clone())
                    });
                (status, [("x-request-id", "recorded-1")], axum::Json(body)).into_response()
            }
        })
    }

    pub(crate) async fn send(&self, request: Request) -> Answer {
        let response = web::routes(self.router()).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        Answer { status: parts.status, headers: parts.headers, body: bytes.to_vec() }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// The live page in a language.
    pub(crate) async fn page(&self, language: &str) -> Answer {
        self.get(&format!("/live/{CHALLENGE}?lang={language}")).await
    }
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    #[track_caller]
    pub(crate) fn header(&self, name: impl header::AsHeaderName + std::fmt::Display) -> &str {
        let shown = name.to_string();
        self.headers.get(name).unwrap_or_else(|| panic!("{shown} is missing")).to_str().unwrap()
    }

    #[track_caller]
    pub(crate) fn assert_says(&self, words: &str) {
        assert!(self.text().contains(words), "{words:?} is not in\n{}", self.text());
    }

    #[track_caller]
    pub(crate) fn assert_silent_on(&self, words: &str) {
        assert!(!self.text().contains(words), "{words:?} is in\n{}", self.text());
    }
}

pub(crate) fn challenge() -> Value {
    json!({
        "id": CHALLENGE, "name": {"en": "May in Almaty", "ru": "Май в Алматы"}, "kind": "individual",
        "metric": "distance_m", "sports": ["running"], "state": "open", "public": true, "participants": 3,
        "window": {"start": "2026-05-01T00:00:00", "end": "2026-06-01T00:00:00", "clock": "instant",
                   "time_zone": "Asia/Almaty"},
    })
}

pub(crate) fn top() -> Value {
    json!({
        "sequence": 8123, "as_of": "2026-05-02T09:05:09Z", "participants": 1234,
        "entries": [
            {"rank": 1, "member": "m17", "display_name": "Әсем Қ.", "account_id": "a", "score": 12345.6, "tied": false},
            {"rank": 2, "member": "m9", "score": 5012.3, "tied": false},
            {"rank": 3, "member": "m4", "display_name": "Bo", "account_id": "b", "score": 0.0, "tied": false},
        ],
    })
}

pub(crate) fn request(method: Method, path: &str) -> Request {
    Request::builder().method(method).uri(path).body(Body::empty()).unwrap()
}
