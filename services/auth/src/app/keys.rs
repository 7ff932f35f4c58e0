//! Data keys for siblings. Reading makes none.

use std::collections::HashSet;

use eventing::sealing::Class;
use kernel::Refusal;
use proto::auth::{self as p, KeyState};
use uuid::Uuid;

use super::App;
use crate::error::Result;

/// Keys asked for in one call.
const NAMES_MAX: usize = 1000;

impl App {
    /// Every version of every key asked for; an unknown one once, as such.
    pub async fn data_keys(&self, names: &[p::KeyName]) -> Result<p::KeysResponse> {
        if names.len() > NAMES_MAX {
            return Err(Refusal::field("/names", "too_many", "at most 1000 keys").into());
        }
        let mut wanted: Vec<(Uuid, Class)> = Vec::with_capacity(names.len());
        for name in names {
            let subject = Uuid::from_slice(&name.subject)
                .map_err(|_| Refusal::field("/names", "not_a_uuid", "a subject is a UUID of 16 bytes"))?;
            wanted.push((subject, name.class()));
        }
        let mut subjects: Vec<Uuid> = wanted.iter().map(|(subject, _)| *subject).collect();
        subjects.sort_unstable();
        subjects.dedup();
        let asked: HashSet<(Uuid, Class)> = wanted.iter().copied().collect();
        let kept = self.keys.read(&subjects).await?;
        let mut keys = Vec::with_capacity(wanted.len());
        let mut known = HashSet::new();
        for one in kept.iter().filter(|one| asked.contains(&(one.subject, one.class))) {
            known.insert((one.subject, one.class));
            let state = if one.key.is_some() { KeyState::Active } else { KeyState::Destroyed };
            let key = one.key.as_ref().map(|key| bytes::Bytes::copy_from_slice(key.as_slice()));
            keys.push(data_key(one.subject, one.class, one.version, state, key.unwrap_or_default()));
        }
        for (subject, class) in asked.difference(&known) {
            keys.push(data_key(*subject, *class, 0, KeyState::Unknown, bytes::Bytes::new()));
        }
        Ok(p::KeysResponse { keys })
    }
}

fn data_key(subject: Uuid, class: Class, version: u32, state: KeyState, key: bytes::Bytes) -> p::DataKey {
    p::DataKey {
        subject: bytes::Bytes::copy_from_slice(subject.as_bytes()),
        class: class.into(),
        version,
        state: state.into(),
        key,
    }
}
