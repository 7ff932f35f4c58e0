//! Who acts, and the signed token by which one service tells another.
//!
//! The token is `envelope.ActorToken` followed by its Ed25519 signature (the last 64 bytes). It travels in the
//! metadata key [`METADATA`] and lives two minutes; a minted token is used again for up to one.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use kernel::{AccountId, Clock, Id};
use moka::sync::Cache;
use prost::Message;
use proto::envelope;
use uuid::Uuid;

use crate::installation::{InstallationKey, Keys};

/// The gRPC metadata key of the actor token (binary).
pub const METADATA: &str = "stadion-actor-bin";

const LIFE: Duration = Duration::from_secs(120);
const REUSE: Duration = Duration::from_secs(60);
const TOKENS_MAX: u64 = 50_000;
const SIGNATURE_BYTES: usize = 64;
const TOKEN_BYTES_MAX: usize = 4_096;

/// Kinds of ids that only actors have.
pub enum Session {}
pub enum Partner {}

/// Who asks. Roles are not here: they are asked of auth at the moment they matter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Actor {
    Account {
        account_id: AccountId,
        session_id: Id<Session>,
        scopes: Vec<String>,
    },
    Partner {
        partner_id: Id<Partner>,
    },
    Service {
        name: String,
    },
    /// Not signed in; the client's address, for throttles.
    Anonymous {
        address: String,
    },
}

impl Actor {
    pub fn service(name: &str) -> Self {
        Self::Service { name: name.to_owned() }
    }

    pub fn anonymous(address: impl Into<String>) -> Self {
        Self::Anonymous { address: address.into() }
    }

    /// How it stands in events and command keys: `account:{id}`, `partner:{id}`, `service:{name}`, `anonymous`.
    pub fn name(&self) -> String {
        match self {
            Self::Account { account_id, .. } => format!("account:{account_id}"),
            Self::Partner { partner_id } => format!("partner:{partner_id}"),
            Self::Service { name } => format!("service:{name}"),
            Self::Anonymous { .. } => "anonymous".to_owned(),
        }
    }

    pub fn has_scope(&self, scope: &str) -> bool {
        matches!(self, Self::Account { scopes, .. } if scopes.iter().any(|held| held == scope))
    }

    fn to_proto(&self) -> envelope::Actor {
        use envelope::actor::{self, Who};
        let who = match self {
            Self::Account { account_id, session_id, scopes } => Who::Account(actor::Account {
                account_id: Bytes::copy_from_slice(account_id.as_bytes()),
                session_id: Bytes::copy_from_slice(session_id.as_bytes()),
                scopes: scopes.clone(),
            }),
            Self::Partner { partner_id } => {
                Who::Partner(actor::Partner { partner_id: Bytes::copy_from_slice(partner_id.as_bytes()) })
            }
            Self::Service { name } => Who::Service(actor::Service { name: name.clone() }),
            Self::Anonymous { address } => Who::Anonymous(actor::Anonymous { address: address.clone() }),
        };
        envelope::Actor { who: Some(who) }
    }

    fn from_proto(actor: envelope::Actor) -> Option<Self> {
        use envelope::actor::Who;
        Some(match actor.who? {
            Who::Account(account) => Self::Account {
                account_id: id(&account.account_id)?,
                session_id: id(&account.session_id)?,
                scopes: account.scopes,
            },
            Who::Partner(partner) => Self::Partner { partner_id: id(&partner.partner_id)? },
            Who::Service(service) => Self::Service { name: service.name },
            Who::Anonymous(anonymous) => Self::Anonymous { address: anonymous.address },
        })
    }
}

fn id<Kind>(bytes: &[u8]) -> Option<Id<Kind>> {
    Uuid::from_slice(bytes).ok().map(Id::new)
}

/// Why a token is not believed. Callers are told no more than `unauthenticated`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActorError {
    #[error("no actor token")]
    Missing,
    #[error("the actor token is not readable")]
    Malformed,
    #[error("the actor token's signature is wrong")]
    Forged,
    #[error("the actor token has expired")]
    Expired,
}

/// Mints actor tokens for calls to siblings.
#[derive(Clone)]
pub struct ActorSigner {
    issuer: Arc<str>,
    key: InstallationKey,
    /// With the moment, by the clock, until which each is used again: the clock may be put forward or back. And with the
    /// number of the keys that it was signed under: they may be changed at any time.
    minted: Cache<Actor, (Bytes, i64, u64)>,
    clock: Arc<dyn Clock>,
}

impl ActorSigner {
    /// `issuer`: the service that vouches for the actors.
    pub fn new(issuer: &str, key: &InstallationKey, clock: Arc<dyn Clock>) -> Self {
        let minted = Cache::builder().max_capacity(TOKENS_MAX).time_to_live(REUSE).build();
        Self { issuer: issuer.into(), key: key.clone(), minted, clock }
    }

    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// A token for `actor`, valid for at least a minute more.
    pub fn token(&self, actor: &Actor) -> Bytes {
        let now_us = kernel::time::micros(self.clock.now());
        let reuse_us = i64::try_from(REUSE.as_micros()).unwrap_or(i64::MAX);
        let keys = self.key.now();
        if let Some((token, until_us, number)) = self.minted.get(actor)
            && (until_us - reuse_us..until_us).contains(&now_us)
            && number == keys.number
        {
            return token;
        }
        let token = self.mint(actor, now_us, &keys);
        self.minted.insert(actor.clone(), (token.clone(), now_us.saturating_add(reuse_us), keys.number));
        token
    }

    fn mint(&self, actor: &Actor, now_us: i64, keys: &Keys) -> Bytes {
        let life_us = i64::try_from(LIFE.as_micros()).unwrap_or(i64::MAX);
        let token = envelope::ActorToken {
            actor: Some(actor.to_proto()),
            issuer: self.issuer.to_string(),
            expires_us: now_us.saturating_add(life_us),
        };
        let mut bytes = token.encode_to_vec();
        let signature = keys.sign(&bytes);
        bytes.extend_from_slice(signature.as_ref());
        bytes.into()
    }
}

/// Believes tokens that this installation's keys signed. Verified ones are remembered until they expire, or the keys
/// change.
#[derive(Clone)]
pub struct ActorVerifier {
    key: InstallationKey,
    verified: Cache<Bytes, (Arc<Actor>, i64, u64)>,
    clock: Arc<dyn Clock>,
}

impl ActorVerifier {
    pub fn new(key: &InstallationKey, clock: Arc<dyn Clock>) -> Self {
        let verified = Cache::builder().max_capacity(TOKENS_MAX).time_to_live(LIFE).build();
        Self { key: key.clone(), verified, clock }
    }

    pub fn verify(&self, token: &Bytes) -> Result<Arc<Actor>, ActorError> {
        let now_us = kernel::time::micros(self.clock.now());
        let keys = self.key.now();
        let known = self.verified.get(token).filter(|(.., number)| *number == keys.number);
        let (actor, expires_us) = match known {
            Some((actor, expires_us, _)) => (actor, expires_us),
            None => {
                let (actor, expires_us) = check(token, &keys)?;
                self.verified.insert(token.clone(), (actor.clone(), expires_us, keys.number));
                (actor, expires_us)
            }
        };
        if expires_us <= now_us { Err(ActorError::Expired) } else { Ok(actor) }
    }
}

fn check(token: &Bytes, keys: &Keys) -> Result<(Arc<Actor>, i64), ActorError> {
    if token.is_empty() {
        return Err(ActorError::Missing);
    }
    if token.len() <= SIGNATURE_BYTES || token.len() > TOKEN_BYTES_MAX {
        return Err(ActorError::Malformed);
    }
    let (message, signature) = token.split_at(token.len() - SIGNATURE_BYTES);
    if !keys.believe(message, signature) {
        return Err(ActorError::Forged);
    }
    let token = envelope::ActorToken::decode(message).map_err(|_| ActorError::Malformed)?;
    let actor = token.actor.and_then(Actor::from_proto).ok_or(ActorError::Malformed)?;
    Ok((Arc::new(actor), token.expires_us))
}
