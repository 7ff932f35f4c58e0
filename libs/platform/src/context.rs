//! What travels with a request: the caller on the way in, the ambient on the way out.
//!
//! A server layer puts a [`Caller`] into each gRPC request and runs the handler in an [`Ambient`]; the client side of
//! `transport` reads the ambient, so deadlines, traces and `stadion-seen` go on by themselves. Who a call acts for
//! does *not*: calls that a service makes are its own, unless it says [`Caller::forward`]. The gateway, whose calls
//! are all the caller's, sets [`Ambient::acting`].

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
};

use eventing::command::{Command, Key};
use kernel::{AccountId, Code, Id, Refusal};
use tokio::time::Instant;
use tonic::Status;
use uuid::Uuid;

use crate::{
    actor::{Actor, Partner},
    seen::Seen,
    status::status,
    trace::Trace,
};

tokio::task_local! {
    static AMBIENT: Ambient;
}

/// What outgoing calls of the current task carry.
#[derive(Clone, Debug)]
pub struct Ambient {
    /// For whom outgoing calls act; `None`: for the calling service itself.
    pub acting: Option<Actor>,
    /// The idempotency key for the next service; it reaches one hop and no further.
    pub idempotency: Option<Key>,
    pub deadline: Option<Instant>,
    pub trace: Trace,
    pub correlation_id: Uuid,
    /// BCP 47.
    pub locale: String,
    /// What the caller has seen, sent along with each call.
    pub seen: Seen,
    /// What the answers of this task's calls said.
    pub answers: Answers,
}

impl Ambient {
    /// An ambient of a task that nobody called: a trace of its own, no deadline.
    pub fn new() -> Self {
        Self {
            acting: None,
            idempotency: None,
            deadline: None,
            trace: Trace::begin(),
            correlation_id: Uuid::new_v4(),
            locale: String::new(),
            seen: Seen::default(),
            answers: Answers::default(),
        }
    }

    /// The ambient of the current task, or a new one.
    pub fn current() -> Self {
        AMBIENT.try_with(Clone::clone).unwrap_or_default()
    }

    /// Runs `work` with this ambient.
    pub async fn scope<F: Future>(self, work: F) -> F::Output {
        AMBIENT.scope(self, work).await
    }
}

impl Default for Ambient {
    fn default() -> Self {
        Self::new()
    }
}

/// What the answers to a task's calls said of journals and replays; shared by the clones of one ambient.
#[derive(Clone, Debug, Default)]
pub struct Answers(Arc<Mutex<Answered>>);

#[derive(Clone, Debug, Default)]
struct Answered {
    seen: Seen,
    replayed: bool,
}

impl Answers {
    /// The newest position of each service that answered a write.
    pub fn seen(&self) -> Seen {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).seen.clone()
    }

    /// Whether a call answered with the first result of a repeated command.
    pub fn replayed(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).replayed
    }

    pub(crate) fn note(&self, seen: Option<&Seen>, replayed: bool) {
        let mut answered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seen) = seen {
            answered.seen.merge(seen);
        }
        answered.replayed |= replayed;
    }
}

/// Who calls, and how: what a handler may rely on, since the server layer has verified it.
#[derive(Clone, Debug)]
pub struct Caller {
    pub actor: Actor,
    pub deadline: Option<Instant>,
    /// The caller's key, scoped to its route.
    pub idempotency: Option<Key>,
    /// BCP 47; empty when the caller said none.
    pub locale: String,
    /// W3C `traceparent`.
    pub trace_parent: String,
    pub correlation_id: Uuid,
}

impl Caller {
    /// The caller of this request. `unauthenticated` when the server layer has not seen it.
    pub fn of<T>(request: &tonic::Request<T>) -> Result<Self, Status> {
        let caller = request.extensions().get::<Arc<Self>>();
        caller.map(|caller| Self::clone(caller)).ok_or_else(unauthenticated)
    }

    /// The account that calls, else `unauthenticated`.
    pub fn account(&self) -> Result<AccountId, Status> {
        match &self.actor {
            Actor::Account { account_id, .. } => Ok(*account_id),
            _ => Err(unauthenticated()),
        }
    }

    /// The account that calls, when one does: what an anonymous stranger may ask too.
    pub fn viewer(&self) -> Option<AccountId> {
        match &self.actor {
            Actor::Account { account_id, .. } => Some(*account_id),
            _ => None,
        }
    }

    /// The partner that calls, else `unauthenticated`.
    pub fn partner(&self) -> Result<Id<Partner>, Status> {
        match &self.actor {
            Actor::Partner { partner_id } => Ok(*partner_id),
            _ => Err(unauthenticated()),
        }
    }

    /// The sibling that calls, else `forbidden`.
    pub fn service(&self) -> Result<&str, Status> {
        match &self.actor {
            Actor::Service { name } => Ok(name),
            _ => Err(status(Refusal::new(Code::Forbidden, "only services may ask this"))),
        }
    }

    /// The context of a command this caller gives. Those without a lasting name (anonymous) keep no key.
    pub fn command(&self) -> Command {
        let key = match self.actor {
            Actor::Anonymous { .. } => None,
            _ => self.idempotency.clone(),
        };
        Command {
            actor: self.actor.name(),
            key,
            correlation_id: self.correlation_id,
            causation_id: None,
            trace_parent: self.trace_parent.clone(),
        }
    }

    /// A request to a sibling that acts for this caller instead of for the service itself.
    pub fn forward<T>(&self, message: T) -> tonic::Request<T> {
        acting_for(self.actor.clone(), message)
    }
}

/// A request that acts for `actor`, whatever the ambient says.
pub fn acting_for<T>(actor: Actor, message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.extensions_mut().insert(actor);
    request
}

/// What an answer's metadata says of the journal that wrote it.
pub fn seen_in<T>(response: &tonic::Response<T>) -> Seen {
    let text = response.metadata().get(crate::seen::METADATA).and_then(|value| value.to_str().ok());
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}

fn unauthenticated() -> Status {
    status(Refusal::new(Code::Unauthenticated, "sign in first"))
}
