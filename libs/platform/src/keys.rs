//! Data keys from auth, asked for in batches. Put `eventing::sealing::CachedKeys` in front: it refreshes after 5 min
//! and stays usable for 15 while auth is silent.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use eventing::{
    Follower, StateValue, Topic,
    sealing::{CachedKeys, Class, DataKey, KeyAnswer, KeyRing, KeyWanted, SealingError},
};
use proto::auth::{self, KeyState, auth_client::AuthClient};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::transport::{Peers, Transport};

/// Names asked for in one call.
const BATCH: usize = 1_000;

/// The key ring of every service but auth.
pub struct AuthKeys {
    auth: AuthClient<Transport>,
}

impl AuthKeys {
    pub fn of(peers: &Peers) -> Self {
        Self { auth: peers.auth() }
    }

    async fn ask(&self, names: &[(Uuid, Class)]) -> Result<Vec<auth::DataKey>, SealingError> {
        let names = names
            .iter()
            .map(|(subject, class)| auth::KeyName {
                subject: Bytes::copy_from_slice(subject.as_bytes()),
                class: *class as i32,
            })
            .collect();
        let answer = self.auth.clone().keys(auth::KeysRequest { names }).await;
        let answer = answer.map_err(|status| SealingError::Unavailable(status.message().to_owned()))?;
        Ok(answer.into_inner().keys)
    }
}

#[async_trait]
impl KeyRing for AuthKeys {
    async fn keys(&self, wanted: &[KeyWanted]) -> Result<Vec<KeyAnswer>, SealingError> {
        let mut names: Vec<(Uuid, Class)> = wanted.iter().map(|key| (key.subject, key.class)).collect();
        names.sort_by_key(|(subject, class)| (*subject, *class as i32));
        names.dedup();
        let mut known = Vec::new();
        for batch in names.chunks(BATCH) {
            known.extend(self.ask(batch).await?);
        }
        wanted.iter().map(|wanted| choose(&known, wanted)).collect()
    }
}

/// Hears of destroyed keys and lets go of those that are kept near.
pub struct DestroyedKeys {
    near: Arc<CachedKeys>,
}

impl DestroyedKeys {
    pub fn forgotten_in(near: Arc<CachedKeys>) -> Self {
        Self { near }
    }
}

#[async_trait]
impl Follower for DestroyedKeys {
    fn name(&self) -> &'static str {
        "destroyed_keys"
    }

    fn topic(&self) -> Topic {
        Topic::state("auth", "destroyed_keys")
    }

    async fn apply(&self, value: &StateValue) {
        let Some(Ok(destroyed)) = value.plain.decode::<auth::DestroyedKey>() else {
            return tracing::warn!(key = value.key, "a destroyed key is not readable");
        };
        if let Ok(subject) = Uuid::from_slice(&destroyed.subject) {
            self.near.forget(subject, destroyed.class());
        }
    }
}

/// The version asked for, or the newest that can seal.
fn choose(known: &[auth::DataKey], wanted: &KeyWanted) -> Result<KeyAnswer, SealingError> {
    let of_name = known
        .iter()
        .filter(|key| key.subject == wanted.subject.as_bytes()[..] && key.class == wanted.class as i32)
        .filter(|key| key.state() != KeyState::Unknown);
    let found = match wanted.version {
        Some(version) => of_name.into_iter().find(|key| key.version == version),
        None => of_name.into_iter().max_by_key(|key| key.version),
    };
    let Some(found) = found else { return Ok(KeyAnswer::Unknown) };
    if found.state() == KeyState::Destroyed {
        return Ok(KeyAnswer::Destroyed);
    }
    let bytes: [u8; 32] = found
        .key
        .as_ref()
        .try_into()
        .map_err(|_| SealingError::Unavailable("auth answered a key that is not 256 bits".to_owned()))?;
    Ok(KeyAnswer::Key(DataKey { version: found.version, key: Zeroizing::new(bytes) }))
}
