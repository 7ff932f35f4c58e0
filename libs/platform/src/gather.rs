//! Questions that come while others are under way are asked together, next.
//!
//! Nobody hears an answer that was begun before the question: what was asked for a moment ago may be otherwise by now.
//! So a service that is asked a lot asks its siblings seldom and much at a time, and one that is asked little waits for
//! nobody.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::{
    FutureExt,
    future::{BoxFuture, Shared, WeakShared},
};
use kernel::Refusal;
use tokio::sync::Semaphore;

use crate::context::Ambient;

/// Rounds under way at once: one that is slow, because its replica is, holds not all the others.
const ROUNDS: usize = 4;

type Answer<K, V> = Result<Arc<HashMap<K, V>>, Refusal>;
type Said<K, V> = BoxFuture<'static, Answer<K, V>>;
type Ask<K, V> = dyn Fn(Vec<K>) -> BoxFuture<'static, Result<HashMap<K, V>, Refusal>> + Send + Sync;

/// Asks for the values of many keys at once. Cheap to clone; clones gather together.
pub struct Gather<K, V>(Arc<Inner<K, V>>);

struct Inner<K, V> {
    ask: Arc<Ask<K, V>>,
    turns: Arc<Semaphore>,
    /// The newest round: those who come join it until it begins.
    newest: Mutex<Option<Round<K, V>>>,
}

/// Keys that are asked for together. It goes on for as long as somebody waits for what is said of them.
struct Round<K, V> {
    keys: Arc<Mutex<Keys<K>>>,
    said: WeakShared<Said<K, V>>,
}

/// `None`: it has begun.
type Keys<K> = Option<HashSet<K>>;

impl<K, V> Clone for Gather<K, V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K, V> Gather<K, V>
where
    K: Copy + Eq + Hash + Send + 'static,
    V: Send + Sync + 'static,
{
    pub fn new<F, Told>(ask: F) -> Self
    where
        F: Fn(Vec<K>) -> Told + Send + Sync + 'static,
        Told: Future<Output = Result<HashMap<K, V>, Refusal>> + Send + 'static,
    {
        let ask = Arc::new(move |keys| ask(keys).boxed());
        Self(Arc::new(Inner { ask, turns: Arc::new(Semaphore::new(ROUNDS)), newest: Mutex::new(None) }))
    }

    /// What is said of these keys, and perhaps of others who were asked for at the same time.
    ///
    /// # Errors
    /// Those of asking: all of a round hear them.
    pub async fn ask(&self, keys: &[K]) -> Answer<K, V> {
        let said = self.join(keys);
        said.await
    }

    /// Puts the keys to the newest round, or to a new one.
    fn join(&self, keys: &[K]) -> Shared<Said<K, V>> {
        let mut newest = locked(&self.0.newest);
        let open = newest.as_ref().and_then(|round| Some((round, round.said.upgrade()?)));
        if let Some((round, said)) = open
            && let Some(asked) = &mut *locked(&round.keys)
        {
            asked.extend(keys);
            return said;
        }
        let keys = Arc::new(Mutex::new(Some(keys.iter().copied().collect())));
        let said = self.0.round(keys.clone()).shared();
        *newest = said.downgrade().map(|said| Round { keys, said });
        said
    }
}

impl<K: Send + 'static, V: Send + Sync + 'static> Inner<K, V> {
    /// Waits for its turn and lets those in who are about to ask; then it asks, on behalf of all who wait and so of none of
    /// them.
    fn round(&self, keys: Arc<Mutex<Keys<K>>>) -> Said<K, V> {
        let (ask, turns) = (self.ask.clone(), self.turns.clone());
        let round = async move {
            let _turn = turns.acquire().await;
            tokio::task::yield_now().await;
            let keys = locked(&keys).take().unwrap_or_default();
            ask(keys.into_iter().collect()).await.map(Arc::new)
        };
        Ambient::new().scope(round).boxed()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kernel::Code;
    use tokio::time::sleep;

    use super::*;

    const SLOW: u32 = 1_000;
    const UNLUCKY: u32 = 1_013;

    /// What was asked for together.
    type Rounds = Arc<Mutex<Vec<Vec<u32>>>>;

    /// Says of each number its double, after a while; keeps what it was asked.
    fn doubling() -> (Gather<u32, u32>, Rounds) {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let notes = asked.clone();
        let gather = Gather::new(move |mut keys: Vec<u32>| {
            keys.sort_unstable();
            notes.lock().unwrap().push(keys.clone());
            async move {
                let slow = keys.contains(&SLOW);
                sleep(if slow { Duration::from_hours(1) } else { Duration::from_millis(10) }).await;
                if keys.contains(&UNLUCKY) {
                    return Err(Refusal::new(Code::Unavailable, "not of this one"));
                }
                Ok(keys.into_iter().map(|key| (key, key * 2)).collect())
            }
        });
        (gather, asked)
    }

    #[tokio::test]
    async fn what_comes_while_enough_are_under_way_is_asked_together_and_once() {
        let (gather, asked) = doubling();
        let one = |key: u32| {
            let gather = gather.clone();
            async move { gather.ask(&[key, 100]).await.unwrap()[&key] }
        };
        let heard = futures::future::join_all((0..50).map(one)).await;
        assert_eq!(heard, (0..50).map(|key| key * 2).collect::<Vec<_>>());
        let asked = asked.lock().unwrap();
        assert!(asked.len() <= ROUNDS + 1, "{asked:?}");
        let mut all: Vec<u32> = asked.iter().flatten().copied().filter(|key| *key != 100).collect();
        all.sort_unstable();
        assert_eq!(all, (0..50).collect::<Vec<_>>(), "each is asked for once");
    }

    #[tokio::test]
    async fn nobody_hears_what_was_begun_before_the_question() {
        let counted = Arc::new(Mutex::new(0));
        let count = counted.clone();
        let gather = Gather::new(move |keys: Vec<u32>| {
            let now = *count.lock().unwrap();
            async move {
                sleep(Duration::from_millis(10)).await;
                Ok(keys.into_iter().map(|key| (key, now)).collect())
            }
        });
        let later = async {
            sleep(Duration::from_millis(5)).await;
            *counted.lock().unwrap() = 7;
            gather.ask(&[1]).await.unwrap()[&1]
        };
        let (early, later) = tokio::join!(gather.ask(&[1]), later);
        assert_eq!((early.unwrap()[&1], later), (0, 7));
    }

    #[tokio::test]
    async fn who_goes_away_takes_nothing_from_others_and_a_refusal_is_of_one_round() {
        let (gather, _) = doubling();
        let gone = tokio::time::timeout(Duration::from_millis(1), gather.ask(&[SLOW])).await;
        assert!(gone.is_err());
        let (refused, heard) = tokio::join!(gather.ask(&[UNLUCKY]), async {
            sleep(Duration::from_millis(50)).await;
            gather.ask(&[2]).await
        });
        assert_eq!(refused.unwrap_err().code, Code::Unavailable);
        assert_eq!(heard.unwrap()[&2], 4);
        assert_eq!(gather.0.turns.available_permits(), ROUNDS);
    }
}
