//! Keys kept near, refreshed often, and let go when they were destroyed.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use moka::sync::Cache;
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
        if !missing.is_empty() {
            match self.ring.keys(&missing).await {
                Ok(answers) => {
                    for (wanted, answer) in missing.iter().zip(&answers) {
                        // What is unknown now may be made in the next moment: it is asked for again.
                        if !matches!(answer, KeyAnswer::Unknown) {
                            self.known.insert(*wanted, (answer.clone(), Instant::now()));
                        }
                    }
                    if missing.len() == wanted.len() {
                        return Ok(answers);
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
        Ok(wanted.iter().map(|wanted| self.fresh(wanted, USABLE).unwrap_or(KeyAnswer::Unknown)).collect())
    }
}
