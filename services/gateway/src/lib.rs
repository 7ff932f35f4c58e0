//! The public door: REST over the fleet.
//!
//! The gateway owns the form of the public surface and nothing behind it: it turns HTTP into proto, says who asks, and
//! turns answers and refusals back. It knows the contract and no service.
//!
//! | file | what |
//! |---|---|
//! | [`routes`] | the table of contents: one file a resource |
//! | [`door`], [`gate`], [`token`], [`limits`] | who is let in, and how often |
//! | [`exchange`], [`caller`] | one request, and its way to the services |
//! | [`json`], [`form`], [`query`], [`body`], [`values`] | what comes in |
//! | [`live`] | answers without an end, and what ends them |
//! | [`answer`], [`problem`], [`phrases`], [`language`] | what goes out |
//! | [`cursor`], [`seen`] | tokens that only we can read |
//! | [`openapi`], [`front`] | the surface, described |

mod answer;
mod body;
mod caller;
mod config;
mod cursor;
mod door;
mod exchange;
mod form;
mod front;
mod gate;
mod json;
mod language;
mod limits;
mod live;
mod metrics;
mod openapi;
mod phrases;
mod problem;
mod query;
mod routes;
mod seen;
mod text;
mod token;
mod values;

use std::{path::Path, sync::Arc, time::Duration};

use aws_lc_rs::rand;
use axum::{Router, extract::DefaultBodyLimit, middleware};
use http::{HeaderName, HeaderValue, Method, header};
use kernel::Clock;
use platform::{Module, Peers, Resources, StartError, Tasks, health::Health, metrics::Metrics};
use tokio_util::sync::CancellationToken;
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::CompressionLayer,
    cors::{AllowOrigin, Any, CorsLayer},
};
use utoipa_axum::router::OpenApiRouter;

pub use config::{Config, Limits};
pub use gate::{Gate, KeySource};
pub use token::{Expectations, Keys, public_key};

use crate::{
    body::Room,
    cursor::Cursors,
    door::Door,
    gate::{Jwks, Revocations},
    live::Streams,
    metrics::Requests,
    seen::Remembered,
};

const NAME: &str = "gateway";

/// The gateway, built and not yet running.
///
/// # Errors
/// Settings that contradict themselves, a cursor key that cannot be kept.
pub async fn module(resources: Resources, config: Config) -> Result<Module, StartError> {
    let secret = cursor_secret(&config, &resources.data)?;
    let parts = Parts {
        keys: Box::new(Jwks(resources.peers.clone())),
        config,
        cursor_secret: secret,
        clock: Arc::clone(&resources.clock),
        peers: resources.peers.clone(),
        metrics: resources.metrics.clone(),
        health: resources.health.clone(),
        drain: resources.drain.clone(),
        tasks: resources.tasks.clone(),
    };
    let (router, gate) = open(parts)?;
    let mut spine = resources.spine();
    let freshness = spine.follower(Arc::new(Revocations(gate)));
    resources.health.require("gateway: revocations", move || {
        if freshness.is_ready() { Ok(()) } else { Err("ended sessions are not known yet".to_owned()) }
    });
    let peers = &["activity", "auth", "gamification", "leaderboard", "promo", "social"];
    let module = Module::new(NAME, peers, tonic::service::Routes::default());
    Ok(module.spine(&resources.journal, spine).http(router))
}

/// What the public surface is made of.
pub struct Parts {
    pub config: Config,
    pub cursor_secret: Vec<u8>,
    pub clock: Arc<dyn Clock>,
    pub peers: Peers,
    pub keys: Box<dyn KeySource>,
    pub metrics: Metrics,
    pub health: Health,
    /// Cancelled when this process goes: answers without an end end then.
    pub drain: CancellationToken,
    pub tasks: Tasks,
}

/// The whole public surface as a router, and the gate that ended sessions are told to.
///
/// # Errors
/// Settings that contradict themselves.
pub fn open(parts: Parts) -> Result<(Router, Gate), StartError> {
    let faults = parts.config.faults();
    if !faults.is_empty() {
        return Err(StartError::other(NAME, faults.join("; ")));
    }
    let config = parts.config;
    let expected =
        Expectations { issuer: config.token_issuer.clone(), audience: config.token_audience.clone() };
    let gate = Gate::new(expected, Arc::clone(&parts.clock), parts.keys);
    let limits = limits::Limits::new(Arc::clone(&parts.clock), &config.limits);
    let cors = cors(&config.cors_origins);
    let door = Arc::new(Door {
        cursors: Cursors::new(&parts.cursor_secret).map_err(|fault| StartError::other(NAME, fault))?,
        room: Room::of_bytes(config.bodies_bytes_max),
        metrics: Requests::register(&parts.metrics),
        remembered: Remembered::new(),
        live: Streams::new(config.live_streams_max, &parts.metrics, &parts.tasks, parts.drain),
        gate: gate.clone(),
        peers: parts.peers,
        tasks: parts.tasks,
        limits,
        config,
    });
    let router = surface(&door, parts.health.routes()).map_err(|error| StartError::other(NAME, error))?;
    Ok((dressed(router, door, cors), gate))
}

/// All routes, without what surrounds them.
fn surface(door: &Arc<Door>, health: Router) -> Result<Router, serde_json::Error> {
    let v1 = OpenApiRouter::new().nest("/v1", routes::v1());
    let (doors, document) = v1.merge(routes::root()).split_for_parts();
    let front = front::routes(&openapi::complete(document))?;
    let doors = doors
        .layer(middleware::from_fn(door::acceptable))
        .layer(middleware::from_fn_with_state(Arc::clone(door), door::admit))
        // Our own bounds, a route each, stand in `body`.
        .layer(DefaultBodyLimit::disable())
        .with_state(Arc::clone(door));
    let router = Router::new().merge(doors).merge(front).merge(health);
    Ok(router.fallback(door::unknown).method_not_allowed_fallback(door::wrong_method))
}

/// What surrounds every route, outermost last.
fn dressed(router: Router, door: Arc<Door>, cors: CorsLayer) -> Router {
    router
        .layer(CatchPanicLayer::custom(exchange::panicked))
        .layer(middleware::from_fn_with_state(Arc::clone(&door), exchange::layer))
        .layer(cors)
        .layer(middleware::from_fn_with_state(door, routes::resumables::discover))
        .layer(CompressionLayer::new())
}

/// Browsers may call from everywhere unless origins are named: a page without the token can do nothing with it.
fn cors(origins: &[String]) -> CorsLayer {
    let allowed = if origins.is_empty() {
        AllowOrigin::from(Any)
    } else {
        AllowOrigin::list(origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()))
    };
    let named = HeaderName::from_static;
    CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers(
            [
                header::AUTHORIZATION,
                header::CONTENT_TYPE,
                header::ACCEPT,
                header::ACCEPT_LANGUAGE,
                header::IF_MATCH,
                header::IF_NONE_MATCH,
                named("idempotency-key"),
                named("last-event-id"),
                named("stadion-seen"),
                named("traceparent"),
                named("x-request-id"),
            ]
            .into_iter()
            .chain(routes::resumables::SENT)
            .collect::<Vec<_>>(),
        )
        .expose_headers(
            [
                header::ETAG,
                header::LOCATION,
                header::RETRY_AFTER,
                named("idempotency-replayed"),
                named("ratelimit"),
                named("ratelimit-policy"),
                named("stadion-seen"),
                named("x-request-id"),
            ]
            .into_iter()
            .chain(routes::resumables::READ)
            .collect::<Vec<_>>(),
        )
        .max_age(Duration::from_secs(3600))
}

/// Of a key that is made here, and the least that is taken.
const CURSOR_SECRET_BYTES: usize = 32;

/// The setting, or a key of this installation's own, made once: also when several processes start together.
fn cursor_secret(config: &Config, data: &Path) -> Result<Vec<u8>, StartError> {
    if !config.cursor_secret.is_empty() {
        return Ok(config.cursor_secret.clone().into_bytes());
    }
    let path = data.join("cursor.key");
    let fault = |error: &dyn std::fmt::Display| {
        StartError::other(NAME, format!("the cursor key {}: {error}", path.display()))
    };
    let make = || {
        let mut secret = vec![0; CURSOR_SECRET_BYTES];
        rand::fill(&mut secret).map_err(|_| std::io::Error::other("the system gives no randomness"))?;
        Ok(secret)
    };
    let secret = platform::installation::private_once(&path, make).map_err(|error| fault(&error))?;
    if secret.len() < CURSOR_SECRET_BYTES {
        return Err(fault(&"too short"));
    }
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_that_start_together_sign_cursors_with_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let secrets: Vec<Vec<u8>> = std::thread::scope(|scope| {
            let start = || cursor_secret(&Config::default(), folder.path()).unwrap();
            let starts: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
            starts.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert!(secrets.iter().all(|one| *one == secrets[0] && one.len() == CURSOR_SECRET_BYTES));
    }
}
