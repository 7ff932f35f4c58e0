//! Alive, ready, and why not: `/healthz`, `/readyz` and gRPC health, from one list.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Json, Router,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic_health::{ServingStatus, server::HealthReporter};

use crate::{metrics::Metrics, tasks::Task};

type Check = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// What must hold before requests are welcome. Cheap to clone.
#[derive(Clone, Default)]
pub struct Health {
    checks: Arc<Mutex<BTreeMap<String, Check>>>,
    /// Cancelled when this process has said that it goes.
    leaving: CancellationToken,
}

/// The answer of `/readyz`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Readiness {
    pub ready: bool,
    /// Why not, by what was looked at.
    pub reasons: BTreeMap<String, String>,
}

impl Health {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds something that must hold; `check` answers at once and says why not.
    pub fn require<F>(&self, what: impl Into<String>, check: F)
    where
        F: Fn() -> Result<(), String> + Send + Sync + 'static,
    {
        self.checks.lock().unwrap_or_else(PoisonError::into_inner).insert(what.into(), Arc::new(check));
    }

    /// Not ready from now on, and never again in this process: shutdown has begun.
    pub fn draining(&self) {
        self.require("shutdown", || Err("the process is stopping".to_owned()));
        self.leaving.cancel();
    }

    /// Cancelled when this process has said that it goes: it still serves, and wants nobody new.
    pub fn leaving(&self) -> CancellationToken {
        self.leaving.clone()
    }

    pub fn readiness(&self) -> Readiness {
        let checks = self.checks.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let failing = checks.iter().filter_map(|(what, check)| check().err().map(|why| (what.clone(), why)));
        let reasons: BTreeMap<String, String> = failing.collect();
        Readiness { ready: reasons.is_empty(), reasons }
    }

    /// `/healthz` and `/readyz`, for any address.
    pub fn routes(&self) -> Router {
        let health = self.clone();
        Router::new()
            .route("/healthz", get(|| async { Json(serde_json::json!({ "alive": true })) }))
            .route("/readyz", get(move || async move { answer(&health.readiness()) }))
    }

    /// The routes of the admin address: health, readiness and `/metrics`.
    pub fn admin(&self, metrics: Metrics) -> Router {
        self.routes().route("/metrics", get(move || async move { page(&metrics).await }))
    }

    /// gRPC health for these services, with the task that keeps it true.
    pub fn grpc(
        &self,
        services: Vec<&'static str>,
        routes: Routes,
        shutdown: CancellationToken,
    ) -> (Routes, Task) {
        let (reporter, server) = tonic_health::server::health_reporter();
        let health = self.clone();
        let task = Task::new("health", async move {
            while !shutdown.is_cancelled() {
                let leaves = health.leaving.is_cancelled();
                health.report(&reporter, &services).await;
                tokio::select! {
                    () = shutdown.cancelled() => {}
                    () = health.leaving.cancelled(), if !leaves => {}
                    () = tokio::time::sleep(std::time::Duration::from_secs(1)) => {}
                }
            }
            health.draining();
            health.report(&reporter, &services).await;
            Ok(())
        });
        (routes.add_service(server), task)
    }

    async fn report(&self, reporter: &HealthReporter, services: &[&'static str]) {
        let status = if self.readiness().ready { ServingStatus::Serving } else { ServingStatus::NotServing };
        for service in services.iter().chain(&[""]) {
            reporter.set_service_status(*service, status).await;
        }
    }
}

fn answer(readiness: &Readiness) -> Response {
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(readiness)).into_response()
}

async fn page(metrics: &Metrics) -> Response {
    const TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match metrics.page().await {
        Ok(page) => ([(header::CONTENT_TYPE, TYPE)], page).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
