//! Data keys and where they come from.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{Class, SealingError};

/// One subject's key of one class: 256 bits, with the version that ciphertexts name.
#[derive(Clone)]
pub struct DataKey {
    pub version: u32,
    pub key: Zeroizing<[u8; 32]>,
}

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DataKey(version {})", self.version)
    }
}

/// A key that is asked for. `version: None` asks for the one to seal with now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyWanted {
    pub subject: Uuid,
    pub class: Class,
    pub version: Option<u32>,
}

#[derive(Clone, Debug)]
pub enum KeyAnswer {
    Key(DataKey),
    /// It existed and is gone for ever.
    Destroyed,
    /// No such subject, class or version.
    Unknown,
}

/// Who holds the keys. `auth` over its own tables, everybody else over gRPC through a cache.
#[async_trait]
pub trait KeyRing: Send + Sync + 'static {
    /// One answer for each key wanted, in the same order.
    async fn keys(&self, wanted: &[KeyWanted]) -> Result<Vec<KeyAnswer>, SealingError>;
}

/// Keys in memory, made on first use: for tests, benches and golden payloads.
#[derive(Default)]
pub struct StaticKeys {
    destroyed: Mutex<HashMap<(Uuid, Class), ()>>,
}

impl StaticKeys {
    pub fn destroy(&self, subject: Uuid, class: Class) {
        self.destroyed.lock().unwrap_or_else(PoisonError::into_inner).insert((subject, class), ());
    }
}

#[async_trait]
impl KeyRing for StaticKeys {
    async fn keys(&self, wanted: &[KeyWanted]) -> Result<Vec<KeyAnswer>, SealingError> {
        let destroyed = self.destroyed.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = |wanted: &KeyWanted| {
            if destroyed.contains_key(&(wanted.subject, wanted.class)) {
                return KeyAnswer::Destroyed;
            }
            let mut key = Zeroizing::new([0_u8; 32]);
            key[..16].copy_from_slice(wanted.subject.as_bytes());
            key[16] = u8::try_from(wanted.class as i32).unwrap_or(u8::MAX);
            KeyAnswer::Key(DataKey { version: wanted.version.unwrap_or(1), key })
        };
        Ok(wanted.iter().map(answer).collect())
    }
}
