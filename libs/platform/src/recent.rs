//! What was used lately, bounded in number and in age.
//!
//! Two generations: what is used goes to the young one, and when that is full or its time is over it becomes the old one,
//! and the old one is forgotten. So a look costs a look into a map or two, and nothing has to be kept in order.

use std::{
    collections::HashMap,
    hash::Hash,
    time::{Duration, Instant},
};

/// A memory of what was used lately: at most so many, and none that was not used for twice so long.
#[derive(Debug)]
pub struct Recent<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    most: usize,
    turn_each: Duration,
    turned: Instant,
}

impl<K: Clone + Eq + Hash, V: Clone> Recent<K, V> {
    pub fn new(most: usize, turn_each: Duration) -> Self {
        let (young, old) = (HashMap::new(), HashMap::new());
        Self { young, old, most, turn_each, turned: Instant::now() }
    }

    /// Forgets what is too old at `now`. Ask it before a series of [`Recent::get`].
    pub fn age(&mut self, now: Instant) {
        let since = now.saturating_duration_since(self.turned);
        if since >= 2 * self.turn_each {
            self.clear();
        }
        if since >= self.turn_each {
            self.turn();
            self.turned = now;
        }
    }

    pub fn get(&mut self, key: &K) -> Option<V> {
        if let Some(value) = self.young.get(key) {
            return Some(value.clone());
        }
        let value = self.old.remove(key)?;
        self.put(key.clone(), value.clone());
        Some(value)
    }

    pub fn put(&mut self, key: K, value: V) {
        if self.young.len() >= self.most / 2 {
            self.turn();
        }
        self.old.remove(&key);
        self.young.insert(key, value);
    }

    pub fn forget(&mut self, key: &K) {
        self.young.remove(key);
        self.old.remove(key);
    }

    pub fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
    }

    fn turn(&mut self) {
        self.old = std::mem::take(&mut self.young);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn no_more_are_kept_than_so_many_and_who_is_used_stays() {
        let mut recent = Recent::new(10, MINUTE);
        for number in 0..1_000 {
            recent.put(number, number);
            assert_eq!(recent.get(&0), Some(0), "used each time, behind {number}");
            assert!(recent.young.len() + recent.old.len() <= 10, "{number}");
        }
        assert_eq!((recent.get(&999), recent.get(&500)), (Some(999), None));
    }

    #[test]
    fn what_is_not_used_for_long_is_forgotten() {
        let mut recent = Recent::new(10, MINUTE);
        recent.put("used", 1);
        recent.put("unused", 2);
        let begun = recent.turned;
        recent.age(begun + MINUTE);
        assert_eq!(recent.get(&"used"), Some(1));
        recent.age(begun + 2 * MINUTE);
        assert_eq!((recent.get(&"used"), recent.get(&"unused")), (Some(1), None));
        recent.age(begun + 5 * MINUTE);
        assert_eq!(recent.get(&"used"), None, "nobody asked for three minutes");
    }

    #[test]
    fn what_is_put_again_or_forgotten_is_found_in_no_generation() {
        let mut recent = Recent::new(4, MINUTE);
        for key in ["a", "b", "c"] {
            recent.put(key, 1);
        }
        assert!(recent.old.contains_key("a"));
        recent.put("a", 2);
        assert_eq!(recent.get(&"a"), Some(2));
        recent.forget(&"a");
        recent.forget(&"c");
        assert_eq!((recent.get(&"a"), recent.get(&"c")), (None, None));
        recent.clear();
        assert_eq!(recent.get(&"b"), None);
    }
}
