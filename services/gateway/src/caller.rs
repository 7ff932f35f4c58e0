//! Who a request acts for, and the way from a handler to the services.

use std::sync::Arc;

use axum::{extract::FromRequestParts, response::Response};
use http::request::Parts;
use kernel::{Code, Refusal};
use platform::{actor::Actor, context::Ambient};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    body::refuse,
    cursor::Binding,
    door::{Address, Credential, Door},
    exchange::Exchange,
    problem::Problem,
    query::Page,
    token::{SessionId, Verified},
};

/// What a paired device's token permits, and nothing else.
const INGEST_ROUTES: &[(&str, &str)] =
    &[("POST", "/v1/uploads"), ("GET", "/v1/uploads/{id}"), ("POST", "/v1/sync")];

/// Somebody, with the request that is served for them.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) actor: Actor,
    pub(crate) exchange: Exchange,
    pub(crate) door: Arc<Door>,
}

impl Caller {
    pub(crate) fn new(actor: Actor, exchange: Exchange, door: Arc<Door>) -> Self {
        Self { actor, exchange, door }
    }

    /// Runs a call to a service on the caller's behalf: actor, key, deadline, trace, language and what was seen go with
    /// it; what the service says of its journal comes back into the answer's headers.
    pub(crate) async fn call<T>(
        &self,
        call: impl Future<Output = Result<tonic::Response<T>, tonic::Status>>,
    ) -> Result<T, Problem> {
        self.call_in(self.ambient(&self.actor.name()), call).await
    }

    /// A call that may last until then.
    pub(crate) async fn call_until<T>(
        &self,
        deadline: Instant,
        call: impl Future<Output = Result<tonic::Response<T>, tonic::Status>>,
    ) -> Result<T, Problem> {
        let ambient = Ambient { deadline: Some(deadline), ..self.ambient(&self.actor.name()) };
        self.call_in(ambient, call).await
    }

    /// One of several calls of one kind in a request: each has a key of its own under the caller's.
    pub(crate) async fn call_one_of<T>(
        &self,
        number: usize,
        call: impl Future<Output = Result<tonic::Response<T>, tonic::Status>>,
    ) -> Result<T, Problem> {
        let mut ambient = self.ambient(&self.actor.name());
        if let Some(key) = &mut ambient.idempotency {
            key.key += &format!("#{number}");
        }
        self.call_in(ambient, call).await
    }

    async fn call_in<T>(
        &self,
        ambient: Ambient,
        call: impl Future<Output = Result<tonic::Response<T>, tonic::Status>>,
    ) -> Result<T, Problem> {
        let name = self.actor.name();
        let answered = ambient.scope(call).await;
        if self.lasts() {
            self.door.remembered.remember(&name, &self.exchange.answers().seen());
        }
        match answered {
            Ok(response) => Ok(response.into_inner()),
            Err(status) => Err(Problem(platform::refusal(&status))),
        }
    }

    /// Strangers share one name: nothing is remembered under it.
    fn lasts(&self) -> bool {
        !matches!(self.actor, Actor::Anonymous { .. })
    }

    fn ambient(&self, name: &str) -> Ambient {
        let idempotency = self.exchange.idempotency();
        Ambient {
            acting: Some(self.actor.clone()),
            idempotency: idempotency
                .map(|(key, hash)| eventing::command::Key { key, request_hash: hash.into() }),
            deadline: Some(Instant::now() + self.door.config.request_timeout()),
            trace: self.exchange.trace(),
            correlation_id: Uuid::new_v4(),
            locale: self.exchange.language().as_str().to_owned(),
            seen: match self.lasts() {
                true => self.door.remembered.with(name, self.exchange.seen()),
                false => self.exchange.seen().clone(),
            },
            answers: self.exchange.answers().clone(),
        }
    }

    /// A page's cursor as the service made it.
    pub(crate) fn cursor(&self, page: &Page) -> Result<String, Problem> {
        let name = self.actor.name();
        let asked = page.cursor.as_deref().filter(|cursor| !cursor.is_empty());
        Ok(self.door.cursors.open(self.binding(&name), asked)?)
    }

    /// The service's next cursor as the caller gets it.
    pub(crate) fn next_cursor(&self, inner: &str) -> Option<String> {
        let name = self.actor.name();
        self.door.cursors.seal(self.binding(&name), inner)
    }

    fn binding<'a>(&'a self, caller: &'a str) -> Binding<'a> {
        Binding { caller, path: self.exchange.path(), query: self.exchange.query() }
    }
}

/// Somebody signed in, whose token permits this route.
#[derive(Clone)]
pub(crate) struct Account(pub Caller);

impl std::ops::Deref for Account {
    type Target = Caller;
    fn deref(&self) -> &Caller {
        &self.0
    }
}

impl FromRequestParts<Arc<Door>> for Account {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, door: &Arc<Door>) -> Result<Self, Response> {
        let found = || {
            let exchange = Exchange::among(&parts.extensions)?;
            let verified = match parts.extensions.get::<Credential>() {
                Some(Credential::Token(verified)) => verified,
                Some(Credential::Refused(refusal)) => return Err(refusal.clone()),
                Some(Credential::None) | None => {
                    return Err(Refusal::new(
                        Code::Unauthenticated,
                        "an access token is needed: Authorization: Bearer …",
                    ));
                }
            };
            permit(verified, &exchange)?;
            Ok(Self(Caller::new(acting(verified), exchange, Arc::clone(door))))
        };
        found().map_err(refuse)
    }
}

fn acting(verified: &Verified) -> Actor {
    Actor::Account {
        account_id: verified.account,
        session_id: kernel::Id::new(verified.session.uuid()),
        scopes: verified.scopes.clone(),
    }
}

impl Account {
    /// The session that the token belongs to.
    pub(crate) fn session(&self) -> SessionId {
        match &self.actor {
            Actor::Account { session_id, .. } => kernel::Id::new(session_id.uuid()),
            _ => kernel::Id::new(Uuid::nil()),
        }
    }
}

/// A token that names no scope permits nothing; a device's permits what brings in.
fn permit(verified: &Verified, exchange: &Exchange) -> Result<(), Refusal> {
    if !verified.is_ingest_only() {
        return Ok(());
    }
    let here = (exchange.method().as_str(), exchange.route());
    if !verified.scopes.is_empty() && INGEST_ROUTES.contains(&here) {
        return Ok(());
    }
    Err(Refusal::new(Code::InsufficientScope, "a device's token may upload and sync, and nothing else"))
}

/// Somebody signed in, or a stranger: on a route that is open for what is public. A token that is not valid is refused:
/// its bearer would otherwise be shown a stranger's view and not know why.
#[derive(Clone)]
pub(crate) struct MaybeAccount {
    pub(crate) caller: Caller,
    /// The token that was shown, for answers that may outlive it.
    pub(crate) token: Option<Arc<Verified>>,
}

impl std::ops::Deref for MaybeAccount {
    type Target = Caller;
    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl FromRequestParts<Arc<Door>> for MaybeAccount {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, door: &Arc<Door>) -> Result<Self, Response> {
        let found = || {
            let exchange = Exchange::among(&parts.extensions)?;
            let token = match parts.extensions.get::<Credential>() {
                Some(Credential::Token(verified)) => Some(Arc::clone(verified)),
                Some(Credential::Refused(refusal)) => return Err(refusal.clone()),
                Some(Credential::None) | None => None,
            };
            let actor = match &token {
                Some(verified) => {
                    permit(verified, &exchange)?;
                    acting(verified)
                }
                None => stranger(parts),
            };
            Ok(Self { caller: Caller::new(actor, exchange, Arc::clone(door)), token })
        };
        found().map_err(refuse)
    }
}

fn stranger(parts: &Parts) -> Actor {
    let address = parts.extensions.get::<Address>();
    Actor::anonymous(address.map(|address| address.0.clone()).unwrap_or_default())
}

/// Anybody, on a route that needs no token: whatever token they carry says nothing here.
#[derive(Clone)]
pub(crate) struct Anyone(pub Caller);

impl std::ops::Deref for Anyone {
    type Target = Caller;
    fn deref(&self) -> &Caller {
        &self.0
    }
}

impl FromRequestParts<Arc<Door>> for Anyone {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, door: &Arc<Door>) -> Result<Self, Response> {
        let exchange = Exchange::among(&parts.extensions).map_err(refuse)?;
        Ok(Self(Caller::new(stranger(parts), exchange, Arc::clone(door))))
    }
}
