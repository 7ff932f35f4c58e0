use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use platform::{Tasks, health::Health, metrics::Metrics, transport::dispatch};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tower::ServiceExt;

async fn ask(health: &Health, path: &str) -> (StatusCode, String) {
    let request = Request::get(path).body(axum::body::Body::empty()).unwrap();
    let response = health.admin(Metrics::new()).oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn ready_says_what_is_missing_until_it_is_there() {
    let health = Health::new();
    let caught_up = Arc::new(AtomicBool::new(false));
    let seen = caught_up.clone();
    health.require("auth/revocations", move || {
        if seen.load(Ordering::Relaxed) { Ok(()) } else { Err("not caught up".to_owned()) }
    });
    let (status, body) = ask(&health, "/readyz").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(body, r#"{"ready":false,"reasons":{"auth/revocations":"not caught up"}}"#);
    caught_up.store(true, Ordering::Relaxed);
    assert_eq!(ask(&health, "/readyz").await.0, StatusCode::OK);
}

#[tokio::test]
async fn while_draining_it_is_alive_and_not_ready() {
    let health = Health::new();
    health.draining();
    assert_eq!(ask(&health, "/healthz").await.0, StatusCode::OK);
    assert_eq!(ask(&health, "/readyz").await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ask(&health, "/metrics").await.0, StatusCode::OK);
}

#[tokio::test]
async fn grpc_health_says_the_same_and_needs_no_actor() {
    let health = Health::new();
    let shutdown = CancellationToken::new();
    let tasks = Tasks::new(CancellationToken::new());
    let (open, keeping) = health.grpc(vec!["auth"], Routes::default(), shutdown.clone());
    tasks.spawn(keeping);
    let mut client = HealthClient::new(dispatch(Vec::new(), open));
    let mut ask = async |service: &str| {
        client
            .check(HealthCheckRequest { service: service.to_owned() })
            .await
            .map(|said| said.into_inner().status())
    };
    while !matches!(ask("auth").await, Ok(ServingStatus::Serving)) {
        tokio::task::yield_now().await;
    }
    assert_eq!(ask("nobody").await.unwrap_err().code(), tonic::Code::NotFound);
    shutdown.cancel();
    assert!(tasks.ended_within(std::time::Duration::from_secs(10)).await);
    assert_eq!(ask("auth").await.unwrap(), ServingStatus::NotServing);
    assert!(!health.readiness().ready);
}
