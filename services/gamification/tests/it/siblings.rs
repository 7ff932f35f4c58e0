//! auth and social as gamification meets them: the RPCs that challenges call, answered from what a test has told.

use std::{
    collections::HashMap,
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use kernel::AccountId;
use proto::{auth, social};
use tonic::{Request, Response, Status, body::Body, server::Grpc, server::NamedService};
use tonic_prost::ProstCodec;
use tower::{Service, service_fn};

/// What is known of people and their groups.
#[derive(Clone, Default)]
pub(crate) struct Known(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    people: HashMap<AccountId, auth::AccountStanding>,
    groups: HashMap<AccountId, social::AccountGroups>,
    social_away: bool,
}

impl Known {
    pub(crate) fn person(&self, standing: auth::AccountStanding) {
        let id = AccountId::new(uuid::Uuid::from_slice(&standing.account_id).unwrap());
        self.0.lock().unwrap().people.insert(id, standing);
    }

    pub(crate) fn groups(&self, groups: social::AccountGroups) {
        let id = AccountId::new(uuid::Uuid::from_slice(&groups.account_id).unwrap());
        self.0.lock().unwrap().groups.insert(id, groups);
    }

    /// social answers nobody from now on, or again.
    pub(crate) fn social_is_away(&self, away: bool) {
        self.0.lock().unwrap().social_away = away;
    }

    fn standing(&self, request: auth::StandingRequest) -> auth::StandingResponse {
        let inner = self.0.lock().unwrap();
        let of = |id: &bytes::Bytes| {
            let unknown = auth::AccountStanding { account_id: id.clone(), ..Default::default() };
            inner.people.get(&AccountId::new(uuid::Uuid::from_slice(id).unwrap())).cloned().unwrap_or(unknown)
        };
        auth::StandingResponse { accounts: request.account_ids.iter().map(of).collect() }
    }

    fn groups_of(&self, request: social::GroupsOfRequest) -> social::GroupsOfResponse {
        let inner = self.0.lock().unwrap();
        let of = |id: &bytes::Bytes| {
            let none = social::AccountGroups { account_id: id.clone(), ..Default::default() };
            inner.groups.get(&AccountId::new(uuid::Uuid::from_slice(id).unwrap())).cloned().unwrap_or(none)
        };
        social::GroupsOfResponse { items: request.account_ids.iter().map(of).collect() }
    }
}

/// Everybody is a stranger to everybody.
fn strangers(request: social::RelationsRequest) -> social::RelationsResponse {
    let stranger = |owner_id: bytes::Bytes| social::Relation { owner_id, ..Default::default() };
    let items = request.owner_ids.into_iter().map(stranger).collect();
    social::RelationsResponse { items, ..Default::default() }
}

#[derive(Clone)]
pub(crate) struct Auth(pub(crate) Known);

#[derive(Clone)]
pub(crate) struct Social(pub(crate) Known);

impl NamedService for Auth {
    const NAME: &'static str = "stadion.auth.v1.Auth";
}

impl NamedService for Social {
    const NAME: &'static str = "stadion.social.v1.Social";
}

type Answer = Pin<Box<dyn Future<Output = Result<http::Response<Body>, Infallible>> + Send>>;

fn unary<Q, A>(request: http::Request<Body>, answer: impl Fn(Q) -> A + Clone + Send + 'static) -> Answer
where
    Q: prost::Message + Default + Send + 'static,
    A: prost::Message + Default + Send + 'static,
{
    Box::pin(async move {
        let handler = service_fn(move |request: Request<Q>| {
            let answered = answer(request.into_inner());
            async move { Ok::<_, Status>(Response::new(answered)) }
        });
        Ok(Grpc::new(ProstCodec::<A, Q>::default()).unary(handler, request).await)
    })
}

fn unimplemented() -> Answer {
    Box::pin(async { Ok(Status::unimplemented("gamification does not ask this").into_http()) })
}

impl Service<http::Request<Body>> for Auth {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Answer {
        let known = self.0.clone();
        match request.uri().path().rsplit('/').next() {
            Some("Standing") => unary(request, move |asked| known.standing(asked)),
            _ => unimplemented(),
        }
    }
}

impl Service<http::Request<Body>> for Social {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Answer {
        let known = self.0.clone();
        match request.uri().path().rsplit('/').next() {
            _ if known.0.lock().unwrap().social_away => {
                Box::pin(async { Ok(Status::unavailable("social is away").into_http()) })
            }
            Some("GroupsOf") => unary(request, move |asked| known.groups_of(asked)),
            Some("Relations") => unary(request, strangers),
            _ => unimplemented(),
        }
    }
}
