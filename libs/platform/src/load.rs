//! Load shedding: a bounded number of calls at once; whoever comes above it is told so at once, and when to come again.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use kernel::{Code, Refusal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A gate with room for so many.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Semaphore>);

/// A place inside; leaving is dropping it.
#[derive(Debug)]
pub struct Place(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

impl Gate {
    pub fn new(at_once_max: usize) -> Self {
        Self(Arc::new(Semaphore::new(at_once_max.clamp(1, Semaphore::MAX_PERMITS))))
    }

    /// A place, or `overloaded` at once: a queue in front of a full house only makes everybody late.
    pub fn enter(&self) -> Result<Place, Refusal> {
        let place = self.0.clone().try_acquire_owned().map(Place);
        place.map_err(|_| Refusal::new(Code::Overloaded, "too many requests at the moment").retry_after_s(1))
    }

    pub fn free(&self) -> usize {
        self.0.available_permits()
    }
}

/// `app` behind `gate`: above it requests are answered 503 `overloaded`. Health is always told.
pub fn shed(app: Router, gate: Gate) -> Router {
    app.layer(middleware::from_fn(move |request: Request, next: Next| {
        let gate = gate.clone();
        async move {
            if matches!(request.uri().path(), "/healthz" | "/readyz") {
                return next.run(request).await;
            }
            match gate.enter() {
                Ok(_place) => next.run(request).await,
                Err(refusal) => refused(&refusal),
            }
        }
    }))
}

/// A problem (RFC 9457) without the gateway's help: it is the gateway that has no room.
fn refused(refusal: &Refusal) -> Response {
    let code = refusal.code;
    let body = serde_json::json!({
        "type": "about:blank", "title": code.title(), "status": code.status(), "code": code.as_str(), "detail": refusal.detail,
        "request_id": uuid::Uuid::new_v4(),
    });
    let mut response = (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(header::RETRY_AFTER, HeaderValue::from(refusal.retry_after_s.unwrap_or(1)));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_above_the_bound_is_refused_until_somebody_leaves() {
        let gate = Gate::new(1);
        let inside = gate.enter().unwrap();
        assert_eq!(gate.enter().unwrap_err().code, Code::Overloaded);
        drop(inside);
        assert!(gate.enter().is_ok());
    }
}
