//! A gateway whose siblings are away, or answer what a test says, and somebody who signs tokens for it.

use std::sync::Arc;

use async_trait::async_trait;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use axum::{Router, body::Body, response::Response};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use kernel::{Clock, Refusal, time::ManualClock};
use platform::{
    Tasks,
    actor::{ActorSigner, ActorVerifier},
    guard::Guard,
    health::Health,
    installation::InstallationKey,
    metrics::Metrics,
    transport::PeersBuilder,
};
use serde_json::{Value, json};
use stadion_gateway::{Config, Gate, KeySource, Keys, Parts};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use uuid::Uuid;

use crate::fleet::Fleet;

pub(crate) const NOW_S: i64 = 1_778_414_400;

pub(crate) struct World {
    pub(crate) router: Router,
    pub(crate) gate: Gate,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) drain: CancellationToken,
    key: Ed25519KeyPair,
}

/// The key that tokens are signed with, under the id `k1`.
struct One(Vec<u8>);

#[async_trait]
impl KeySource for One {
    async fn keys(&self) -> Result<Keys, Refusal> {
        Ok(Keys::from([("k1".to_owned(), stadion_gateway::public_key(&self.0).unwrap())]))
    }
}

pub(crate) fn world() -> World {
    world_with(Config::default())
}

pub(crate) fn world_with(config: Config) -> World {
    built(config, None)
}

/// A gateway whose siblings answer what the test says.
pub(crate) fn world_of(fleet: &Fleet) -> World {
    built(Config::default(), Some(fleet))
}

pub(crate) fn built(config: Config, fleet: Option<&Fleet>) -> World {
    let clock = Arc::new(ManualClock::at(kernel::time::from_micros(NOW_S * 1_000_000)));
    let key = Ed25519KeyPair::generate().unwrap();
    let installation = InstallationKey::ephemeral().unwrap();
    let signer = ActorSigner::new("gateway", &installation, Arc::clone(&clock) as Arc<dyn Clock>);
    let mut peers = PeersBuilder::new();
    for service in fleet.iter().flat_map(|_| SERVICES) {
        peers = peers.sibling(service);
    }
    for (service, fleet) in
        fleet.iter().flat_map(|fleet| SERVICES.iter().map(move |service| (*service, fleet)))
    {
        let verifier = ActorVerifier::new(&installation, Arc::clone(&clock) as Arc<dyn Clock>);
        let guard = Guard::new(service, verifier, None, 1000, &Metrics::new());
        peers.serve(service, guard.before(fleet.routes()));
    }
    let drain = CancellationToken::new();
    let parts = Parts {
        config,
        cursor_secret: vec![7; 32],
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        peers: peers.seen_by(signer),
        keys: Box::new(One(key.public_key().as_ref().to_vec())),
        metrics: Metrics::new(),
        health: Health::new(),
        drain: drain.clone(),
        tasks: Tasks::new(CancellationToken::new()),
    };
    let (router, gate) = stadion_gateway::open(parts).unwrap();
    World { router, gate, clock, drain, key }
}

const SERVICES: [&str; 4] = ["activity", "gamification", "leaderboard", "social"];

impl World {
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        Answer::of(self.router.clone().oneshot(request).await.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// As somebody signed in.
    pub(crate) async fn get_as_me(&self, path: &str) -> Answer {
        self.send(self.signed(Request::get(path)).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post_as_me(&self, path: &str, body: &Value) -> Answer {
        let request = self.signed(Request::post(path)).header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    /// As somebody signed in, with any method; without a body when it is null.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: &Value) -> Answer {
        let request = self.signed(Request::builder().method(method).uri(path));
        let request = match body {
            Value::Null => request.body(Body::empty()),
            body => {
                request.header(header::CONTENT_TYPE, "application/json").body(Body::from(body.to_string()))
            }
        };
        self.send(request.unwrap()).await
    }

    pub(crate) fn signed(&self, request: http::request::Builder) -> http::request::Builder {
        request.header(header::AUTHORIZATION, format!("Bearer {}", self.token()))
    }

    pub(crate) fn token(&self) -> String {
        self.token_of(&claims())
    }

    pub(crate) fn token_of(&self, claims: &Value) -> String {
        self.jwt(r#"{"alg":"EdDSA","typ":"at+jwt","kid":"k1"}"#, &claims.to_string())
    }

    /// Any header, any payload, signed with the right key.
    pub(crate) fn jwt(&self, header: &str, payload: &str) -> String {
        let signed = format!("{}.{}", BASE64.encode(header), BASE64.encode(payload));
        let signature = self.key.sign(signed.as_bytes());
        format!("{signed}.{}", BASE64.encode(signature.as_ref()))
    }

    pub(crate) fn public_key(&self) -> Vec<u8> {
        self.key.public_key().as_ref().to_vec()
    }
}

/// What auth says of somebody in the app.
pub(crate) fn claims() -> Value {
    json!({
        "iss": "stadion", "aud": "stadion", "sub": Uuid::from_u128(1), "sid": Uuid::from_u128(2), "jti": "j1",
        "iat": NOW_S - 10, "exp": NOW_S + 590, "scope": "account", "client_id": "stadion-app",
    })
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: http::HeaderMap,
    pub(crate) bytes: bytes::Bytes,
}

impl Answer {
    async fn of(response: Response) -> Self {
        let (head, body) = response.into_parts();
        Self { status: head.status, headers: head.headers, bytes: body.collect().await.unwrap().to_bytes() }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("not JSON: {:?}", self.bytes))
    }

    /// The problem's code, after a look at what every problem must have.
    pub(crate) fn code(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{:?}", self.bytes);
        let problem = self.json();
        assert_eq!(problem["status"], self.status.as_u16());
        assert_eq!(problem["request_id"], self.header("x-request-id"));
        for field in ["type", "title", "detail"] {
            assert!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "{field} of {problem}");
        }
        problem["code"].as_str().unwrap().to_owned()
    }

    /// The first field at fault: pointer and code.
    pub(crate) fn fault(&self) -> (String, String) {
        assert_eq!(self.code(), "invalid_field");
        let problem = self.json();
        let field = &problem["errors"][0];
        (field["pointer"].as_str().unwrap().to_owned(), field["code"].as_str().unwrap().to_owned())
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}
