//! What was seen: latencies by call and by second, errors, and how late we ourselves were.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Context;
use hdrhistogram::Histogram;

use crate::calls::Call;

/// Durations in µs, from 1 µs to a minute; more is a minute.
pub(crate) type Times = Histogram<u32>;

const LONGEST_US: u64 = 60_000_000;

/// Three digits where figures are read, two where curves are drawn.
pub(crate) fn times(digits: u8) -> anyhow::Result<Times> {
    Histogram::new_with_bounds(1, LONGEST_US, digits).context("bounds of a histogram")
}

pub(crate) fn note(times: &mut Times, took: Duration) {
    times.saturating_record(u64::try_from(took.as_micros()).unwrap_or(LONGEST_US).max(1));
}

/// How one call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Answered(u16),
    /// No answer: `timeout`, or what the connection said.
    Failed(String),
    /// As many calls as may were waiting already.
    NotStarted,
}

impl Outcome {
    pub(crate) fn is_error(&self) -> bool {
        !matches!(self, Self::Answered(status) if (200..400).contains(status))
    }

    fn word(&self) -> String {
        match self {
            Self::Answered(status) => status.to_string(),
            Self::Failed(why) => why.clone(),
            Self::NotStarted => "not started".to_owned(),
        }
    }
}

/// One kind of call.
pub(crate) struct Endpoint {
    pub(crate) took: Times,
    /// By status or reason.
    pub(crate) outcomes: BTreeMap<String, u64>,
    pub(crate) errors: u64,
    pub(crate) calls: u64,
    /// By second of the intended start.
    pub(crate) seconds: BTreeMap<u64, Times>,
}

/// Everything of one second.
pub(crate) struct Second {
    pub(crate) took: Times,
    pub(crate) calls: u64,
    pub(crate) errors: u64,
}

/// Of one worker; added up at the end.
pub(crate) struct Tally {
    pub(crate) all: Times,
    pub(crate) endpoints: BTreeMap<Call, Endpoint>,
    pub(crate) seconds: BTreeMap<u64, Second>,
    /// From the intended start to our own.
    pub(crate) lag: Times,
    /// Errors while warming up: told, counted nowhere else.
    pub(crate) warm_up_errors: u64,
    warm_up: Duration,
}

impl Tally {
    pub(crate) fn new(warm_up: Duration) -> anyhow::Result<Self> {
        Ok(Self {
            all: times(3)?,
            endpoints: BTreeMap::new(),
            seconds: BTreeMap::new(),
            lag: times(3)?,
            warm_up_errors: 0,
            warm_up,
        })
    }

    /// How late a call was begun by us.
    pub(crate) fn began(&mut self, intended: Duration, late: Duration) {
        if intended >= self.warm_up {
            note(&mut self.lag, late);
        }
    }

    /// How a call ended, that was to begin at `intended`, `took` after that.
    pub(crate) fn ended(
        &mut self,
        call: Call,
        intended: Duration,
        took: Duration,
        outcome: &Outcome,
    ) -> anyhow::Result<()> {
        let error = u64::from(outcome.is_error());
        let Some(since) = intended.checked_sub(self.warm_up) else {
            self.warm_up_errors += error;
            return Ok(());
        };
        let endpoint = match self.endpoints.entry(call) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(new) => new.insert(Endpoint::new()?),
        };
        let second = match self.seconds.entry(since.as_secs()) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(new) => new.insert(Second::new()?),
        };
        *endpoint.outcomes.entry(outcome.word()).or_default() += 1;
        endpoint.calls += 1;
        endpoint.errors += error;
        second.calls += 1;
        second.errors += error;
        if *outcome == Outcome::NotStarted {
            return Ok(());
        }
        // One that failed took its time too: leaving it out would make a dying server look quick.
        let here = endpoint.seconds.entry(since.as_secs()).or_insert(times(2)?);
        for times in [&mut self.all, &mut endpoint.took, &mut second.took, here] {
            note(times, took);
        }
        Ok(())
    }

    /// Adds another worker's.
    pub(crate) fn add(&mut self, other: &Self) -> anyhow::Result<()> {
        self.all.add(&other.all)?;
        self.lag.add(&other.lag)?;
        self.warm_up_errors += other.warm_up_errors;
        for (call, theirs) in &other.endpoints {
            let mut ours = self.endpoints.remove(call).map_or_else(Endpoint::new, Ok)?;
            ours.add(theirs)?;
            self.endpoints.insert(*call, ours);
        }
        for (second, theirs) in &other.seconds {
            let mut ours = self.seconds.remove(second).map_or_else(Second::new, Ok)?;
            ours.took.add(&theirs.took)?;
            ours.calls += theirs.calls;
            ours.errors += theirs.errors;
            self.seconds.insert(*second, ours);
        }
        Ok(())
    }

    pub(crate) fn calls(&self) -> u64 {
        self.endpoints.values().map(|endpoint| endpoint.calls).sum()
    }

    pub(crate) fn errors(&self) -> u64 {
        self.endpoints.values().map(|endpoint| endpoint.errors).sum()
    }
}

impl Endpoint {
    fn new() -> anyhow::Result<Self> {
        let (outcomes, seconds) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { took: times(3)?, outcomes, errors: 0, calls: 0, seconds })
    }

    fn add(&mut self, other: &Self) -> anyhow::Result<()> {
        self.took.add(&other.took)?;
        self.calls += other.calls;
        self.errors += other.errors;
        for (word, count) in &other.outcomes {
            *self.outcomes.entry(word.clone()).or_default() += count;
        }
        for (second, theirs) in &other.seconds {
            self.seconds.entry(*second).or_insert(times(2)?).add(theirs)?;
        }
        Ok(())
    }
}

impl Second {
    fn new() -> anyhow::Result<Self> {
        Ok(Self { took: times(2)?, calls: 0, errors: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WARM_UP: Duration = Duration::from_secs(2);
    const MS: Duration = Duration::from_millis(1);

    fn tally() -> Tally {
        Tally::new(WARM_UP).unwrap()
    }

    #[test]
    fn the_warm_up_counts_in_nothing_but_its_errors() {
        let mut tally = tally();
        tally.began(WARM_UP - MS, 50 * MS);
        tally.ended(Call::Me, WARM_UP - MS, 900 * MS, &Outcome::Answered(503)).unwrap();
        assert_eq!((tally.calls(), tally.errors(), tally.warm_up_errors), (0, 0, 1));
        assert_eq!((tally.all.len(), tally.lag.len()), (0, 0));
    }

    #[test]
    fn a_call_is_counted_in_the_second_of_its_intended_start() {
        let mut tally = tally();
        // Answered in the fifth second, meant for the first.
        tally.ended(Call::Me, WARM_UP + 900 * MS, 4_000 * MS, &Outcome::Answered(200)).unwrap();
        assert_eq!(tally.seconds.keys().copied().collect::<Vec<_>>(), [0]);
        assert!(tally.all.max() >= 4_000_000);
    }

    #[test]
    fn what_could_not_be_started_is_an_error_without_a_latency() {
        let mut tally = tally();
        tally.ended(Call::Feed, WARM_UP, Duration::ZERO, &Outcome::NotStarted).unwrap();
        tally.ended(Call::Feed, WARM_UP, 30 * MS, &Outcome::Failed("timeout".to_owned())).unwrap();
        tally.ended(Call::Feed, WARM_UP, 3 * MS, &Outcome::Answered(204)).unwrap();
        let feed = &tally.endpoints[&Call::Feed];
        assert_eq!((feed.calls, feed.errors, feed.took.len()), (3, 2, 2));
        assert_eq!(feed.outcomes["not started"], 1);
    }

    #[test]
    fn workers_add_up() {
        let (mut one, mut other) = (tally(), tally());
        one.ended(Call::Me, WARM_UP, 5 * MS, &Outcome::Answered(200)).unwrap();
        one.began(WARM_UP, MS);
        other.ended(Call::Me, WARM_UP + 1_500 * MS, 7 * MS, &Outcome::Answered(429)).unwrap();
        other.ended(Call::Feed, WARM_UP, 9 * MS, &Outcome::Answered(200)).unwrap();
        other.began(WARM_UP, 20 * MS);
        one.add(&other).unwrap();
        assert_eq!((one.calls(), one.errors(), one.all.len(), one.lag.len()), (3, 1, 3, 2));
        assert_eq!(one.endpoints[&Call::Me].seconds.len(), 2);
        assert_eq!(one.seconds[&0].calls, 2);
    }
}
