//! The gate: a bearer token becomes somebody, quickly, or nobody.
//!
//! Keys come from auth's JWKS (an unknown key id asks for them again, at most every 30 s); a verified token is
//! remembered by its hash until it expires; ended sessions are refused as soon as they are heard of.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use async_trait::async_trait;
use aws_lc_rs::digest;
use eventing::{
    bus::Topic,
    readers::{Follower, StateValue},
};
use kernel::{AccountId, Clock, Code, Id, Refusal};
use moka::sync::Cache;
use tokio::{sync::watch, time::Instant};
use uuid::Uuid;

use crate::token::{self, Expectations, Keys, SessionId, Verified};

const REMEMBERED_MAX: u64 = 200_000;
const REFETCH_AFTER: Duration = Duration::from_secs(30);
/// After a fetch that failed.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Where public keys come from.
#[async_trait]
pub trait KeySource: Send + Sync + 'static {
    /// # Errors
    /// `unavailable` when they cannot be had at the moment.
    async fn keys(&self) -> Result<Keys, Refusal>;
}

/// Verifies access tokens. Cheap to clone.
#[derive(Clone)]
pub struct Gate(Arc<Inner>);

struct Inner {
    expected: Expectations,
    clock: Arc<dyn Clock>,
    source: Box<dyn KeySource>,
    keys: RwLock<Arc<Keys>>,
    /// When keys may be asked for again; held while they are.
    next_fetch: tokio::sync::Mutex<Option<Instant>>,
    verified: Cache<[u8; 32], Arc<Verified>>,
    ended: RwLock<Ended>,
    /// How often something ended: wakes the answers that outlive their request.
    heard: watch::Sender<u64>,
}

/// What was revoked, with the moment (µs) before which tokens no longer count.
#[derive(Default)]
struct Ended {
    sessions: HashMap<Uuid, i64>,
    accounts: HashMap<Uuid, i64>,
}

/// Revocations older than any token's life say nothing any more.
const FORGET_AFTER_US: i64 = token::LIFE_S_MAX * 1_000_000;
const SWEEP_FROM: usize = 100_000;

impl Ended {
    fn end(&mut self, account: bool, id: Uuid, before_us: i64, now_us: i64) {
        let map = if account { &mut self.accounts } else { &mut self.sessions };
        let held = map.entry(id).or_insert(before_us);
        *held = (*held).max(before_us);
        if map.len() >= SWEEP_FROM && map.len().is_multiple_of(1024) {
            map.retain(|_, before| *before + FORGET_AFTER_US > now_us);
        }
    }

    fn is_over(&self, token: &Verified) -> bool {
        let before = |map: &HashMap<Uuid, i64>, id: Uuid| map.get(&id).copied();
        // A session ends once and for all. An account's tokens end up to a moment; `iat` counts whole seconds, and a
        // token of that very second may be the one of the login after it: its old sessions are ended one by one.
        before(&self.sessions, token.session.uuid()).is_some()
            || before(&self.accounts, token.account.uuid())
                .is_some_and(|us| token.issued_s < us.div_euclid(1_000_000))
    }
}

impl Gate {
    pub fn new(expected: Expectations, clock: Arc<dyn Clock>, source: Box<dyn KeySource>) -> Self {
        Self(Arc::new(Inner {
            expected,
            clock,
            source,
            keys: RwLock::default(),
            next_fetch: tokio::sync::Mutex::new(None),
            verified: Cache::builder()
                .max_capacity(REMEMBERED_MAX)
                .time_to_live(Duration::from_secs(3600))
                .build(),
            ended: RwLock::default(),
            heard: watch::Sender::new(0),
        }))
    }

    /// Whose token this is.
    ///
    /// # Errors
    /// `token_expired`, `unauthenticated`; `unavailable` when its key cannot be had.
    pub async fn admit(&self, token: &str) -> Result<Arc<Verified>, Refusal> {
        let now_s = self.0.clock.now().as_second();
        let mut name = [0; 32];
        name.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
        let verified = match self.0.verified.get(&name) {
            Some(known) => {
                known.check_life(now_s)?;
                known
            }
            None => {
                let key = self.key(&token::key_id(token)?).await?;
                let fresh = Arc::new(token::verify(token, &key, &self.0.expected, now_s)?);
                self.0.verified.insert(name, Arc::clone(&fresh));
                fresh
            }
        };
        if self.is_over(&verified) {
            return Err(Refusal::new(Code::Unauthenticated, "the session has ended; sign in again"));
        }
        Ok(verified)
    }

    /// Whether the token's session or account has ended since it was issued.
    pub(crate) fn is_over(&self, token: &Verified) -> bool {
        self.0.ended.read().unwrap_or_else(PoisonError::into_inner).is_over(token)
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.0.clock
    }

    /// Changes whenever something has ended: ask [`Gate::is_over`] then.
    pub(crate) fn heard(&self) -> watch::Receiver<u64> {
        self.0.heard.subscribe()
    }

    /// Refuses the session from now on: what a gateway does before it answers a logout.
    pub fn end_session(&self, session: SessionId) {
        self.end(false, session.uuid(), self.0.clock.now().as_microsecond());
    }

    /// Refuses all tokens of the account that exist now.
    pub fn end_account(&self, account: AccountId) {
        self.end(true, account.uuid(), self.0.clock.now().as_microsecond());
    }

    fn end(&self, account: bool, id: Uuid, before_us: i64) {
        let now_us = self.0.clock.now().as_microsecond();
        self.0.ended.write().unwrap_or_else(PoisonError::into_inner).end(account, id, before_us, now_us);
        self.0.heard.send_modify(|times| *times = times.wrapping_add(1));
    }

    async fn key(&self, kid: &str) -> Result<jsonwebtoken::DecodingKey, Refusal> {
        if let Some(key) = self.known(kid) {
            return Ok(key);
        }
        let mut next_fetch = self.0.next_fetch.lock().await;
        // Whoever waited here may find what the one before fetched.
        if let Some(key) = self.known(kid) {
            return Ok(key);
        }
        if next_fetch.is_some_and(|at| Instant::now() < at) {
            return Err(token::refused());
        }
        match self.0.source.keys().await {
            Ok(keys) => {
                *self.0.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
                *next_fetch = Some(Instant::now() + REFETCH_AFTER);
                self.known(kid).ok_or_else(token::refused)
            }
            Err(refusal) => {
                *next_fetch = None;
                tracing::warn!(%refusal, "the token keys cannot be had");
                Err(Refusal::new(Code::Unavailable, "tokens cannot be checked at the moment")
                    .retry_after_s(u32::try_from(RETRY_AFTER.as_secs()).unwrap_or(1)))
            }
        }
    }

    fn known(&self, kid: &str) -> Option<jsonwebtoken::DecodingKey> {
        self.0.keys.read().unwrap_or_else(PoisonError::into_inner).get(kid).cloned()
    }
}

/// Auth's keys, asked for over gRPC.
pub(crate) struct Jwks(pub(crate) platform::Peers);

#[async_trait]
impl KeySource for Jwks {
    async fn keys(&self) -> Result<Keys, Refusal> {
        let mut auth = self.0.auth();
        let answer =
            auth.jwks(proto::auth::JwksRequest {}).await.map_err(|status| platform::refusal(&status))?;
        let keys = answer.into_inner().keys.into_iter();
        Ok(keys.filter_map(|key| Some((key.kid, token::public_key(&key.x)?))).collect())
    }
}

/// Follows auth's revocations, so that a session ended elsewhere ends here within a second.
pub(crate) struct Revocations(pub(crate) Gate);

#[async_trait]
impl Follower for Revocations {
    fn name(&self) -> &'static str {
        "gateway.revocations"
    }

    fn topic(&self) -> Topic {
        Topic::state("auth", "revocations")
    }

    fn owner(&self) -> Option<&'static str> {
        Some("auth")
    }

    async fn apply(&self, value: &StateValue) {
        match value.plain.expect::<proto::auth::Revocation>() {
            Ok(revocation) => match Uuid::from_slice(&revocation.id) {
                Ok(id) => self.0.end(revocation.account, id, revocation.revoke_before_us),
                Err(_) => tracing::error!(key = value.key, "a revocation without an id"),
            },
            Err(error) => tracing::error!(key = value.key, %error, "a revocation cannot be read"),
        }
    }
}

/// An id out of an answer's bytes, for what the gate is told.
pub(crate) fn session(bytes: &[u8]) -> Option<SessionId> {
    Uuid::from_slice(bytes).ok().map(Id::new)
}
