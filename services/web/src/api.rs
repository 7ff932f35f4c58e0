//! The public API as a caller sees it: what pages need of it, read as leniently as any client should.

use std::{collections::BTreeMap, net::SocketAddr};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{ConnectInfo, Request},
};
use http::{HeaderMap, HeaderName, StatusCode, header, request::Parts};
use jiff::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};
use tower::ServiceExt;
use tracing::warn;
use uuid::Uuid;

use crate::language::Language;

/// Far more than the largest board takes.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// What the visitor's request hands on, so that limits and traces are the visitor's and not the pages'.
const HANDED_ON: [HeaderName; 3] = [
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("forwarded"),
    HeaderName::from_static("traceparent"),
];

/// The API, called without a token: a page shows what a stranger may see.
#[derive(Clone)]
pub(crate) struct Api(Router);

/// Who visits, as far as the API wants to know.
pub(crate) struct Visit {
    headers: HeaderMap,
    peer: Option<ConnectInfo<SocketAddr>>,
}

/// Why there is nothing to show.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// It does not exist, or not for strangers.
    NotFound,
    /// Try again; the API may have said when, in seconds.
    Unavailable { retry_after_s: Option<u32>, request_id: Option<String> },
}

#[derive(Deserialize)]
pub(crate) struct Challenge {
    #[serde(default)]
    pub(crate) name: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) metric: String,
    #[serde(default)]
    pub(crate) window: Window,
    #[serde(default)]
    pub(crate) state: String,
    pub(crate) participants: Option<u64>,
    pub(crate) public: Option<bool>,
}

#[derive(Default, Deserialize)]
pub(crate) struct Window {
    pub(crate) start: Option<String>,
    pub(crate) end: Option<String>,
    #[serde(default)]
    pub(crate) clock: String,
    #[serde(default)]
    pub(crate) time_zone: String,
    /// The instants of both, where the API has worked them out.
    pub(crate) starts_at: Option<Timestamp>,
    pub(crate) ends_at: Option<Timestamp>,
}

#[derive(Default, Deserialize)]
pub(crate) struct Board {
    #[serde(default)]
    pub(crate) entries: Vec<Entry>,
    pub(crate) as_of: Option<Timestamp>,
    pub(crate) participants: Option<u64>,
}

#[derive(Deserialize)]
pub(crate) struct Entry {
    pub(crate) rank: u64,
    pub(crate) member: String,
    pub(crate) display_name: Option<String>,
    #[serde(default)]
    pub(crate) score: f64,
}

impl Challenge {
    /// Nothing moves on its board any more.
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.state.as_str(), "settled" | "stopped")
    }
}

impl Visit {
    pub(crate) fn of(parts: &Parts) -> Self {
        Self { headers: parts.headers.clone(), peer: parts.extensions.get().copied() }
    }

    fn request(&self, path: &str, language: Language) -> Result<Request, http::Error> {
        let mut request = Request::get(path)
            .header(header::ACCEPT, "application/json")
            .header(header::ACCEPT_LANGUAGE, language.tag());
        for name in HANDED_ON {
            for value in self.headers.get_all(&name) {
                request = request.header(&name, value);
            }
        }
        if let Some(peer) = self.peer {
            request = request.extension(peer);
        }
        request.body(Body::empty())
    }
}

impl Api {
    pub(crate) fn new(router: Router) -> Self {
        Self(router)
    }

    /// # Errors
    /// What strangers may not see is not found.
    pub(crate) async fn challenge(
        &self,
        visit: &Visit,
        language: Language,
        id: Uuid,
    ) -> Result<Challenge, Missing> {
        let found: Challenge = self.get(visit, language, &format!("/v1/challenges/{id}")).await?;
        if found.public == Some(false) { Err(Missing::NotFound) } else { Ok(found) }
    }

    /// The first `limit` places.
    ///
    /// # Errors
    /// A board that has not caught up yet is unavailable.
    pub(crate) async fn top(
        &self,
        visit: &Visit,
        language: Language,
        id: Uuid,
        limit: u32,
    ) -> Result<Board, Missing> {
        self.get(visit, language, &format!("/v1/boards/{id}/top?limit={limit}")).await
    }

    async fn get<T: DeserializeOwned>(
        &self,
        visit: &Visit,
        language: Language,
        path: &str,
    ) -> Result<T, Missing> {
        let gone = |why: &dyn std::fmt::Display| {
            warn!(path, %why, "the API gave a page nothing");
            Missing::Unavailable { retry_after_s: None, request_id: None }
        };
        let request = visit.request(path, language).map_err(|error| gone(&error))?;
        let Ok(response) = self.0.clone().oneshot(request).await;
        let (parts, body) = response.into_parts();
        match parts.status {
            StatusCode::OK => {
                let bytes = to_bytes(body, ANSWER_BYTES_MAX).await.map_err(|error| gone(&error))?;
                serde_json::from_slice(&bytes).map_err(|error| gone(&error))
            }
            // Whether it is not there or not for strangers is nobody's business.
            status if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS => {
                Err(Missing::NotFound)
            }
            status => {
                warn!(path, %status, "the API gave a page nothing");
                Err(Missing::Unavailable {
                    retry_after_s: text(&parts.headers, &header::RETRY_AFTER)
                        .and_then(|text| text.parse().ok()),
                    request_id: text(&parts.headers, &REQUEST_ID).map(str::to_owned),
                })
            }
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
