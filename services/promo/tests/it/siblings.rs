//! auth, gamification and social as promo meets them: the RPCs that it calls, answered from what a test has told.

use std::{
    collections::HashMap,
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use bytes::Bytes;
use kernel::AccountId;
use proto::{auth, gamification, social};
use tonic::{Request, Response, Status, body::Body, server::Grpc, server::NamedService};
use tonic_prost::ProstCodec;
use tower::{Service, service_fn};

use crate::world::id_of;

/// What is known of people and shops.
#[derive(Clone, Default)]
pub(crate) struct Known(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    people: HashMap<AccountId, auth::AccountStanding>,
    earned: HashMap<AccountId, gamification::AccountFacts>,
    partners: Vec<auth::Partner>,
    groups: HashMap<AccountId, Vec<Bytes>>,
    /// How often social was asked.
    groups_asked: usize,
    unsociable: bool,
}

impl Known {
    pub(crate) fn person(&self, standing: auth::AccountStanding) {
        let id = id_of(&standing.account_id);
        self.0.lock().unwrap().people.insert(id, standing);
    }

    pub(crate) fn earned(&self, facts: gamification::AccountFacts) {
        let id = id_of(&facts.account_id);
        self.0.lock().unwrap().earned.insert(id, facts);
    }

    pub(crate) fn partner(&self, partner: auth::Partner) {
        self.0.lock().unwrap().partners.push(partner);
    }

    pub(crate) fn member(&self, account: AccountId, group: uuid::Uuid) {
        let group = Bytes::copy_from_slice(group.as_bytes());
        self.0.lock().unwrap().groups.entry(account).or_default().push(group);
    }

    pub(crate) fn leave(&self, account: AccountId) {
        self.0.lock().unwrap().groups.remove(&account);
    }

    pub(crate) fn groups_asked(&self) -> usize {
        self.0.lock().unwrap().groups_asked
    }

    /// Nobody hears of groups.
    pub(crate) fn part(&self, parted: bool) {
        self.0.lock().unwrap().unsociable = parted;
    }

    fn groups_of(&self, request: social::GroupsOfRequest) -> Result<social::GroupsOfResponse, Status> {
        let mut inner = self.0.lock().unwrap();
        inner.groups_asked += 1;
        if inner.unsociable {
            return Err(Status::unavailable("silent"));
        }
        let of = |id: &Bytes| social::AccountGroups {
            account_id: id.clone(),
            group_ids: inner.groups.get(&id_of(id)).cloned().unwrap_or_default(),
            ..social::AccountGroups::default()
        };
        Ok(social::GroupsOfResponse { items: request.account_ids.iter().map(of).collect() })
    }

    fn standing(&self, request: auth::StandingRequest) -> auth::StandingResponse {
        let inner = self.0.lock().unwrap();
        let of = |id: &Bytes| {
            let unknown = auth::AccountStanding { account_id: id.clone(), ..Default::default() };
            inner.people.get(&id_of(id)).cloned().unwrap_or(unknown)
        };
        auth::StandingResponse { accounts: request.account_ids.iter().map(of).collect() }
    }

    fn partners(&self, request: auth::ListPartnersRequest) -> auth::ListPartnersResponse {
        let inner = self.0.lock().unwrap();
        let asked = |partner: &&auth::Partner| request.partner_ids.contains(&partner.partner_id);
        let items = inner.partners.iter().filter(asked).cloned().collect();
        auth::ListPartnersResponse { items, next_cursor: String::new() }
    }

    fn facts(&self, request: gamification::FactsRequest) -> gamification::FactsResponse {
        let inner = self.0.lock().unwrap();
        let of = |id: &Bytes| {
            let nothing =
                gamification::AccountFacts { account_id: id.clone(), level: 1, ..Default::default() };
            inner.earned.get(&id_of(id)).cloned().unwrap_or(nothing)
        };
        gamification::FactsResponse { items: request.account_ids.iter().map(of).collect() }
    }
}

/// One service of the three, on its own gRPC paths.
#[derive(Clone)]
pub(crate) struct Auth(pub(crate) Known);

#[derive(Clone)]
pub(crate) struct Gamification(pub(crate) Known);

#[derive(Clone)]
pub(crate) struct Social(pub(crate) Known);

impl NamedService for Social {
    const NAME: &'static str = "stadion.social.v1.Social";
}

impl NamedService for Auth {
    const NAME: &'static str = "stadion.auth.v1.Auth";
}

impl NamedService for Gamification {
    const NAME: &'static str = "stadion.gamification.v1.Gamification";
}

type Answer = Pin<Box<dyn Future<Output = Result<http::Response<Body>, Infallible>> + Send>>;

fn unary<Q, A>(
    request: http::Request<Body>,
    answer: impl Fn(Q) -> Result<A, Status> + Clone + Send + 'static,
) -> Answer
where
    Q: prost::Message + Default + Send + 'static,
    A: prost::Message + Default + Send + 'static,
{
    Box::pin(async move {
        let handler = service_fn(move |request: Request<Q>| {
            let answered = answer(request.into_inner());
            async move { answered.map(Response::new) }
        });
        Ok(Grpc::new(ProstCodec::<A, Q>::default()).unary(handler, request).await)
    })
}

fn unimplemented() -> Answer {
    Box::pin(async { Ok(Status::unimplemented("promo does not ask this").into_http()) })
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
            Some("Standing") => unary(request, move |asked| Ok(known.standing(asked))),
            Some("ListPartners") => unary(request, move |asked| Ok(known.partners(asked))),
            _ => unimplemented(),
        }
    }
}

impl Service<http::Request<Body>> for Gamification {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Answer {
        let known = self.0.clone();
        match request.uri().path().rsplit('/').next() {
            Some("Facts") => unary(request, move |asked| Ok(known.facts(asked))),
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
            Some("GroupsOf") => unary(request, move |asked| known.groups_of(asked)),
            _ => unimplemented(),
        }
    }
}
