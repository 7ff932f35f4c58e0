//! A sibling that answers what a test has told, on its own gRPC paths and through the same transport as the real one.
//!
//! ```text
//! let known = known.clone();
//! let auth = StandIn::of("stadion.auth.v1.Auth").on("Standing", move |asked| known.standing(asked)).routes();
//! fleet.serve(Module::new("auth", &[], auth));
//! ```

use std::future::{Future, ready};

use axum::{Router, body::Body, extract::Request as HttpRequest, routing::post};
use prost::Message;
use tonic::{Request, Response, Status, server::Grpc, service::Routes};
use tonic_prost::ProstCodec;
use tower::service_fn;

/// A gRPC service whose methods a test writes; those that it does not write are `unimplemented`.
pub struct StandIn {
    service: &'static str,
    router: Router,
}

impl StandIn {
    /// By the service's full name, `stadion.auth.v1.Auth`.
    pub fn of(service: &'static str) -> Self {
        Self {
            service,
            router: Router::new()
                .fallback(async || Status::unimplemented("no test says").into_http::<Body>()),
        }
    }

    /// What `method` answers.
    #[must_use]
    pub fn on<Q, A>(
        self,
        method: &str,
        answer: impl Fn(Q) -> Result<A, Status> + Clone + Send + Sync + 'static,
    ) -> Self
    where
        Q: Message + Default + 'static,
        A: Message + Default + 'static,
    {
        self.on_later(method, move |asked| ready(answer(asked)))
    }

    /// What `method` answers after some time.
    #[must_use]
    pub fn on_later<Q, A, F>(
        mut self,
        method: &str,
        answer: impl Fn(Q) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        Q: Message + Default + 'static,
        A: Message + Default + 'static,
        F: Future<Output = Result<A, Status>> + Send + 'static,
    {
        let handler = post(move |request: HttpRequest| async move {
            let answering = service_fn(move |asked: Request<Q>| {
                let answered = answer(asked.into_inner());
                async move { answered.await.map(Response::new) }
            });
            Grpc::new(ProstCodec::<A, Q>::default()).unary(answering, request).await.map(Body::new)
        });
        self.router = self.router.route(&format!("/{}/{method}", self.service), handler);
        self
    }

    pub fn routes(self) -> Routes {
        Routes::from(self.router)
    }
}
