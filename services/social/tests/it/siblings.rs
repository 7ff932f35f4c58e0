//! auth as social meets it: the one RPC that it calls, answered from what a test has told.

use std::{
    collections::HashMap,
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use kernel::AccountId;
use proto::auth;
use tonic::{Request, Response, Status, body::Body, server::Grpc, server::NamedService};
use tonic_prost::ProstCodec;
use tower::{Service, service_fn};

use crate::world::id_of;

/// What is known of people. Cheap to clone: all clones know the same.
#[derive(Clone, Default)]
pub(crate) struct Known(Arc<Mutex<HashMap<AccountId, auth::AccountStanding>>>);

impl Known {
    pub(crate) fn person(&self, standing: auth::AccountStanding) {
        self.0.lock().unwrap().insert(id_of(&standing.account_id), standing);
    }

    /// Changes what is known of somebody.
    pub(crate) fn change(&self, account: AccountId, change: impl FnOnce(&mut auth::AccountStanding)) {
        change(self.0.lock().unwrap().get_mut(&account).unwrap());
    }

    fn standing(&self, request: auth::StandingRequest) -> auth::StandingResponse {
        let people = self.0.lock().unwrap();
        let of = |id: &bytes::Bytes| {
            let unknown = auth::AccountStanding { account_id: id.clone(), ..Default::default() };
            people.get(&id_of(id)).cloned().unwrap_or(unknown)
        };
        auth::StandingResponse { accounts: request.account_ids.iter().map(of).collect() }
    }
}

#[derive(Clone)]
pub(crate) struct Auth(pub(crate) Known);

impl NamedService for Auth {
    const NAME: &'static str = "stadion.auth.v1.Auth";
}

impl Service<http::Request<Body>> for Auth {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<http::Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let known = self.0.clone();
        Box::pin(async move {
            if !request.uri().path().ends_with("/Standing") {
                return Ok(Status::unimplemented("social does not ask this").into_http());
            }
            let handler = service_fn(move |asked: Request<auth::StandingRequest>| {
                let answered = known.standing(asked.into_inner());
                async move { Ok::<_, Status>(Response::new(answered)) }
            });
            let codec = ProstCodec::<auth::StandingResponse, auth::StandingRequest>::default();
            Ok(Grpc::new(codec).unary(handler, request).await)
        })
    }
}
