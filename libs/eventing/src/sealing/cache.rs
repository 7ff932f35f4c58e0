//! Keys kept near, refreshed often, and let go when they were destroyed.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use moka::sync::Cache;
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    Class, SealingError,
    keys::{KeyAnswer, KeyRing, KeyWanted},
};

/// How long a key is used without asking again, and how long while its store is unreachable.
const FRESH: Duration = Duration::from_secs(5 * 60);
const USABLE: Duration = Duration::from_secs(15 * 60);
const KEYS_MAX: u64 = 200_000;

/// A ring in front of another: answers what it knows, asks for the rest in one call.
pub struct CachedKeys {
    ring: Arc<dyn KeyRing>,
    known: Cache<KeyWanted, (KeyAnswer, Instant)>,
}

impl CachedKeys {
    pub fn new(ring: Arc<dyn KeyRing>) -> Self {
        Self {
            ring,
            known: Cache::builder()
                .max_capacity(KEYS_MAX)
                .time_to_live(USABLE)
                .support_invalidation_closures()
                .build(),
        }
    }

    /// After a key's destruction was heard: the next use asks again.
    pub fn forget(&self, subject: Uuid, class: Class) {
        let forgotten = self
            .known
            .invalidate_entries_if(move |wanted, _| wanted.subject == subject && wanted.class == class);
        if forgotten.is_err() {
            self.known.invalidate_all();
        }
    }

    fn fresh(&self, wanted: &KeyWanted, life: Duration) -> Option<KeyAnswer> {
        self.known.get(wanted).filter(|(_, since)| since.elapsed() < life).map(|(answer, _)| answer)
    }
}

#[async_trait]
impl KeyRing for CachedKeys {
    async fn keys(&self, wanted: &[KeyWanted]) -> Result<Vec<KeyAnswer>, SealingError> {
        let missing: Vec<KeyWanted> =
            wanted.iter().copied().filter(|wanted| self.fresh(wanted, FRESH).is_none()).collect();
        let mut told: HashMap<KeyWanted, KeyAnswer> = HashMap::new();
        if !missing.is_empty() {
            match self.ring.keys(&missing).await {
                Ok(answers) => {
                    for (wanted, answer) in missing.into_iter().zip(answers) {
                        if keeps(&wanted, &answer) {
                            self.known.insert(wanted, (answer.clone(), Instant::now()));
                        }
                        told.insert(wanted, answer);
                    }
                }
                Err(error) => {
                    let all_usable = missing.iter().all(|wanted| self.fresh(wanted, USABLE).is_some());
                    if !all_usable {
                        return Err(error);
                    }
                }
            }
        }
        let answer = |wanted: &KeyWanted| {
            let near = || self.fresh(wanted, USABLE);
            told.get(wanted).cloned().or_else(near).unwrap_or(KeyAnswer::Unknown)
        };
        Ok(wanted.iter().map(answer).collect())
    }
}

/// What is unknown now may be made in the next moment, and a destroyed newest key may get a successor: both are asked
/// for again.
fn keeps(wanted: &KeyWanted, answer: &KeyAnswer) -> bool {
    match answer {
        KeyAnswer::Unknown => false,
        KeyAnswer::Destroyed => wanted.version.is_some(),
        KeyAnswer::Key(_) => true,
    }
}
