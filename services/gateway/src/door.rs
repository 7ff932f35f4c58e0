//! The door: what every request shares, and the layer that lets it in.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::{
    extract::{ConnectInfo, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use kernel::{Code, Refusal};
use platform::{Peers, Tasks};

use crate::{
    body::{Room, refuse},
    config::Config,
    cursor::Cursors,
    gate::Gate,
    limits::{Allowance, Kind, Limits},
    live::Streams,
    metrics::Requests,
    seen::Remembered,
    token::Verified,
};

/// What all requests share.
pub(crate) struct Door {
    pub(crate) config: Config,
    pub(crate) peers: Peers,
    pub(crate) gate: Gate,
    pub(crate) limits: Limits,
    pub(crate) cursors: Cursors,
    pub(crate) remembered: Remembered,
    pub(crate) room: Room,
    pub(crate) metrics: Requests,
    pub(crate) live: Streams,
    pub(crate) tasks: Tasks,
}

/// Who knocks, as far as the `Authorization` header says.
#[derive(Clone, Debug)]
pub(crate) enum Credential {
    None,
    Token(Arc<Verified>),
    /// A token that is not valid: an error on routes that need one, nothing on open ones.
    Refused(Refusal),
}

/// The client's address, for throttles.
#[derive(Clone, Debug)]
pub(crate) struct Address(pub(crate) String);

/// The layer of all routes but health and documentation: reads the token, counts the knock.
pub(crate) async fn admit(State(door): State<Arc<Door>>, mut request: Request, next: Next) -> Response {
    let address = door.address(&request);
    let credential = match bearer(request.headers()) {
        Ok(None) => Credential::None,
        Ok(Some(token)) => door.gate.admit(token).await.map_or_else(Credential::Refused, Credential::Token),
        Err(refusal) => Credential::Refused(refusal),
    };
    let allowance = match &credential {
        Credential::Token(verified) => {
            let kind = if request.method().is_safe() { Kind::Read } else { Kind::Write };
            door.limits.knock(kind, &verified.account.to_string())
        }
        Credential::None | Credential::Refused(_) => door.limits.knock(Kind::Open, &address),
    };
    let response = match allowance.map_or(Ok(()), |allowance| allowance.check()) {
        Err(refusal) => refuse(refusal),
        Ok(()) => {
            request.extensions_mut().insert(credential);
            request.extensions_mut().insert(Address(address));
            next.run(request).await
        }
    };
    with_allowance(response, allowance)
}

fn with_allowance(mut response: Response, allowance: Option<Allowance>) -> Response {
    for (name, value) in allowance.iter().flat_map(Allowance::headers) {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}

impl Door {
    /// Where the request comes from: the peer, or whom a trusted proxy forwards for. IPv6 counts by its /64.
    fn address(&self, request: &Request) -> String {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
        let Some(peer) = peer else { return "unknown".to_owned() };
        let mut client = peer.to_canonical();
        if self.config.trusted_proxies.contains(&client) {
            let forwarded = request.headers().get("x-forwarded-for").and_then(|value| value.to_str().ok());
            let hops =
                forwarded.unwrap_or_default().rsplit(',').filter_map(|hop| hop.trim().parse::<IpAddr>().ok());
            // The last hop that no proxy of ours added is the client; what stands before it anybody may write.
            for hop in hops.take(16) {
                client = hop.to_canonical();
                if !self.config.trusted_proxies.contains(&client) {
                    break;
                }
            }
        }
        match client {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
        }
    }
}

/// The bearer token, if the request names one (RFC 6750 §2.1; the other places are not read).
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let refused =
        || Refusal::new(Code::Unauthenticated, "one Authorization header, `Bearer` and the access token");
    if values.next().is_some() {
        return Err(refused());
    }
    let (scheme, token) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(refused)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Ok(None);
    }
    Ok(Some(token.trim()))
}

/// No route of ours has this path.
pub(crate) async fn unknown() -> Response {
    refuse(Refusal::new(Code::NotFound, "there is no such route; /v1/docs has them all"))
}

/// The path is right, the method is not; `Allow` says which are.
pub(crate) async fn wrong_method() -> Response {
    refuse(Refusal::new(Code::MethodNotAllowed, "the method is not allowed here; see the header Allow"))
}

/// An `Accept` that excludes what a route answers in is refused before anything is done.
pub(crate) async fn acceptable(request: Request, next: Next) -> Response {
    let kinds = answers_in(request.uri().path());
    if accepts(request.headers(), kinds) {
        return next.run(request).await;
    }
    refuse(Refusal::new(Code::NotAcceptable, format!("this answers in {}", kinds[0]))).into_response()
}

/// JSON, with few exceptions; the usual kind first.
fn answers_in(path: &str) -> &'static [&'static str] {
    let is_live = |under: &str, word: &str| path.starts_with(under) && path.ends_with(word);
    if is_live("/v1/boards/", "/live") || is_live("/v1/live-sessions/", "/stream") {
        &["text/event-stream"]
    } else if path.ends_with("/original") || path.ends_with("/export") {
        &[
            "application/json",
            "application/problem+json",
            "application/octet-stream",
            "application/vnd.ant.fit",
            "application/gpx+xml",
            "application/vnd.garmin.tcx+xml",
            "application/gzip",
        ]
    } else {
        &["application/json", "application/problem+json"]
    }
}

/// Whether one of `kinds` is acceptable (RFC 9110 §12.5.1).
pub(crate) fn accepts(headers: &HeaderMap, kinds: &[&str]) -> bool {
    let mut named = false;
    for value in headers.get_all(header::ACCEPT) {
        for range in value.to_str().unwrap_or_default().split(',').take(64) {
            let mut parts = range.split(';');
            let range = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
            if range.is_empty() {
                continue;
            }
            named = true;
            let refused = parts
                .find_map(|part| part.trim().strip_prefix("q="))
                .is_some_and(|q| crate::language::quality(q) == 0);
            if !refused && kinds.iter().any(|kind| fits(&range, kind)) {
                return true;
            }
        }
    }
    !named
}

fn fits(range: &str, kind: &str) -> bool {
    let group = kind.split('/').next().unwrap_or_default();
    range == "*/*" || range == kind || range.strip_suffix("/*") == Some(group)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).expect("a value"))])
    }

    #[test]
    fn what_excludes_json_is_not_acceptable() {
        let json = &["application/json"];
        for fine in ["*/*", "application/*", "text/html, application/json;q=0.5", "application/JSON"] {
            assert!(accepts(&headers(header::ACCEPT, fine), json), "{fine}");
        }
        assert!(accepts(&HeaderMap::new(), json));
        for wrong in ["text/html", "application/json;q=0", "image/*"] {
            assert!(!accepts(&headers(header::ACCEPT, wrong), json), "{wrong}");
        }
    }

    #[test]
    fn only_the_authorization_header_is_read_for_a_token() {
        assert_eq!(bearer(&HeaderMap::new()).expect("none"), None);
        assert_eq!(bearer(&headers(header::AUTHORIZATION, "bearer abc")).expect("one"), Some("abc"));
        assert_eq!(bearer(&headers(header::AUTHORIZATION, "Basic abc")).expect("another scheme"), None);
        assert!(bearer(&headers(header::AUTHORIZATION, "Bearer")).is_err());
    }
}
