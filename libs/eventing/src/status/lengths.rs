//! How long topics were, and when: what a reader has not taken is as old as the first look that saw it there. So the
//! age is known without asking the log for a single record, of every reader, whichever process runs it.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Looks that are remembered of a topic. Beyond it the older ones are thinned out: of what is long ago, less precisely.
const LOOKS_MAX: usize = 128;

#[derive(Debug, Default)]
pub(crate) struct Lengths(Mutex<BTreeMap<&'static str, VecDeque<Look>>>);

/// The ends of a topic's partitions when somebody looked.
#[derive(Debug)]
struct Look {
    at: Instant,
    ends: Vec<i64>,
}

impl Lengths {
    /// Remembers where the topic of `of` ends now.
    pub(crate) fn note(&self, of: &'static str, ends: &[i64], now: Instant) {
        let mut topics = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let looks = topics.entry(of).or_default();
        if let Some(last) = looks.back() {
            if last.ends == ends {
                return;
            }
            if last.ends.iter().zip(ends).any(|(before, now)| now < before) {
                // It was made anew: what was seen of the old one says nothing.
                looks.clear();
            }
        }
        looks.push_back(Look { at: now, ends: ends.to_vec() });
        if looks.len() > LOOKS_MAX {
            let mut place = 0;
            looks.retain(|_| {
                place += 1;
                place > LOOKS_MAX / 2 || place % 2 == 1
            });
        }
    }

    /// For how long the topic has been seen to hold what is `unread`; zero when it was never seen to.
    pub(crate) fn age(&self, of: &str, unread: impl Fn(&[i64]) -> bool, now: Instant) -> Duration {
        let topics = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = topics.get(of).and_then(|looks| looks.iter().find(|look| unread(&look.ends)));
        first.map_or(Duration::ZERO, |look| now.saturating_duration_since(look.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn what_is_not_taken_is_as_old_as_the_first_look_that_saw_it() {
        let (lengths, began) = (Lengths::default(), Instant::now());
        for (at_s, end) in [(0, 5), (10, 9), (20, 9), (30, 12)] {
            lengths.note("activity", &[end], began + seconds(at_s));
        }
        let age = |taken: i64| lengths.age("activity", |ends| ends[0] > taken, began + seconds(40));
        assert_eq!((age(12), age(11), age(8), age(4)), (seconds(0), seconds(10), seconds(30), seconds(40)));
    }

    #[test]
    fn a_topic_that_was_made_anew_begins_anew() {
        let (lengths, began) = (Lengths::default(), Instant::now());
        lengths.note("activity", &[500], began);
        lengths.note("activity", &[3], began + seconds(10));
        let age = lengths.age("activity", |ends| ends[0] > 0, began + seconds(12));
        assert_eq!(age, seconds(2));
    }

    #[test]
    fn however_often_somebody_looks_little_is_remembered_and_the_first_look_is_not_far() {
        let (lengths, began) = (Lengths::default(), Instant::now());
        for look in 0..10_000_u64 {
            lengths.note("activity", &[i64::try_from(look).unwrap() + 1], began + seconds(look));
        }
        let kept = lengths.0.lock().unwrap()["activity"].len();
        assert!(kept <= LOOKS_MAX, "{kept}");
        let age = lengths.age("activity", |ends| ends[0] > 9_900, began + seconds(10_000));
        assert!((90..=100).contains(&age.as_secs()), "{age:?}");
    }
}
