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

    fn owner(&self) -> Option<&'static str> {
        Some("auth")
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

#[cfg(test)]
mod tests {
    use super::*;

    const SUBJECT: Uuid = Uuid::from_u128(7);

    fn kept(version: u32, state: KeyState) -> auth::DataKey {
        let key = if state == KeyState::Active { vec![version as u8; 32] } else { Vec::new() };
        auth::DataKey {
            subject: Bytes::copy_from_slice(SUBJECT.as_bytes()),
            class: Class::Health as i32,
            version,
            state: state as i32,
            key: key.into(),
        }
    }

    fn chosen(known: &[auth::DataKey], version: Option<u32>) -> KeyAnswer {
        choose(known, &KeyWanted { subject: SUBJECT, class: Class::Health, version }).unwrap()
    }

    #[test]
    fn to_seal_the_newest_version_is_taken_and_to_open_the_one_that_sealed() {
        let known = [kept(1, KeyState::Destroyed), kept(2, KeyState::Active), kept(3, KeyState::Active)];
        assert!(matches!(chosen(&known, None), KeyAnswer::Key(key) if key.version == 3));
        assert!(matches!(chosen(&known, Some(2)), KeyAnswer::Key(key) if key.version == 2));
        assert!(matches!(chosen(&known, Some(1)), KeyAnswer::Destroyed));
        assert!(matches!(chosen(&known, Some(4)), KeyAnswer::Unknown));
    }

    #[test]
    fn a_destroyed_newest_version_never_falls_back_to_an_older_one() {
        let known = [kept(1, KeyState::Active), kept(2, KeyState::Destroyed)];
        assert!(matches!(chosen(&known, None), KeyAnswer::Destroyed));
    }

    #[test]
    fn unknown_is_not_destroyed() {
        assert!(matches!(chosen(&[kept(0, KeyState::Unknown)], None), KeyAnswer::Unknown));
    }

    #[test]
    fn a_key_of_another_length_is_not_used() {
        let mut short = kept(1, KeyState::Active);
        short.key.truncate(16);
        let wanted = KeyWanted { subject: SUBJECT, class: Class::Health, version: None };
        assert!(choose(&[short], &wanted).is_err());
    }
}
