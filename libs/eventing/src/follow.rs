//! Runs a follower: the whole of a state topic first, then its tail. It knows how fresh it is, and its users ask.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use proto::envelope::{State, record::Body};
use tracing::warn;

use crate::{
    consume::{Failures, Ground, reader_name},
    readers::{Follower, Start, StateValue},
    sealing::SealingError,
};

const BATCH: usize = 500;
/// A log that has been silent for so long is away, and who owns the state is asked.
const SILENT: Duration = Duration::from_secs(2);
/// Of a value that comes from its owner's table: it stands in no place of the log.
const NO_PLACE: (u32, i64) = (0, -1);

/// Whether a follower may be believed.
#[derive(Clone)]
pub struct Freshness {
    caught_up: Arc<AtomicBool>,
    since: Instant,
    heard_ms: Arc<AtomicI64>,
}

impl Freshness {
    fn new() -> Self {
        Self {
            caught_up: Arc::new(AtomicBool::new(false)),
            since: Instant::now(),
            heard_ms: Arc::new(AtomicI64::new(0)),
        }
    }

    /// The whole topic has been read once.
    pub fn is_ready(&self) -> bool {
        self.caught_up.load(Ordering::Acquire)
    }

    /// How long the log has been silent towards this follower: it fails closed when that is too long.
    pub fn lag(&self) -> Duration {
        let heard = Duration::from_millis(self.heard_ms.load(Ordering::Acquire).unsigned_abs());
        self.since.elapsed().saturating_sub(heard)
    }

    fn heard(&self) {
        let now = i64::try_from(self.since.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.heard_ms.store(now, Ordering::Release);
    }
}

impl Default for Freshness {
    fn default() -> Self {
        Self::new()
    }
}

/// What a follower has heard. It outlives a log that is away: nothing that was said meanwhile is missed, and nothing is
/// told backwards.
#[derive(Default)]
struct Heard {
    places: BTreeMap<u32, i64>,
    /// The follower was asked what it has kept.
    asked: bool,
    /// The newest revision of each key: as many as the follower's own state has. Whoever begins at the present only hears
    /// *that* something changed, and keeps none; nor is one kept for a follower that keeps count itself.
    newest: HashMap<String, u64>,
}

impl Heard {
    /// Where to go on in each partition. A log that ends before our place was made anew.
    fn from(&self, start: Start, ends: &[i64]) -> Vec<(u32, i64)> {
        let first = |end: i64| if start == Start::Present { end } else { 0 };
        let place = |(part, end): (u32, &i64)| match self.places.get(&part) {
            Some(place) if place <= end => (part, *place),
            Some(_) => (part, 0),
            None => (part, first(*end)),
        };
        (0_u32..).zip(ends).map(place).collect()
    }
}

/// Follows until the process stops.
pub(crate) async fn follow(ground: Ground, follower: Arc<dyn Follower>, freshness: Freshness) {
    let mut heard = Heard::default();
    let mut failures = Failures::none();
    while !ground.shutdown.is_cancelled() {
        if let Err(error) = run(&ground, &*follower, &freshness, &mut heard).await {
            warn!(follower = follower.name(), %error, "a follower starts again");
            if freshness.lag() > SILENT
                && let Err(error) = ask_owner(&ground, &*follower, &freshness).await
            {
                warn!(
                    follower = follower.name(),
                    error, "the owner of what is followed does not tell it either"
                );
            }
        }
        if !failures.back_off(&ground.shutdown).await {
            return;
        }
    }
}

async fn run(
    ground: &Ground,
    follower: &dyn Follower,
    freshness: &Freshness,
    heard: &mut Heard,
) -> Result<(), String> {
    let topic = follower.topic();
    let ends = ground.bus.ends(&topic).await.map_err(|error| error.to_string())?;
    if !std::mem::replace(&mut heard.asked, true) {
        heard.places.extend(follower.kept(&ends).await);
    }
    let from = heard.from(follower.start(), &ends);
    let reader = reader_name(ground.service, follower.name());
    let mut log = ground.bus.source(&reader, &topic, &from).await.map_err(|error| error.to_string())?;
    heard.places = from.into_iter().collect();
    let keeps = follower.start() == Start::Beginning;
    loop {
        let at_end = |(part, end): (u32, &i64)| heard.places.get(&part).is_some_and(|at| at >= end);
        let caught_up = (0_u32..).zip(&ends).all(at_end);
        if caught_up {
            freshness.caught_up.store(true, Ordering::Release);
        }
        let batches = tokio::select! {
            biased;
            () = ground.shutdown.cancelled() => return Ok(()),
            batches = log.poll(BATCH) => batches.map_err(|error| error.to_string())?,
        };
        for batch in batches {
            for (offset, record) in batch.records {
                let Some(Body::State(state)) = record.body else { continue };
                let counted = follower.has(&state.key, state.revision);
                let newest = || heard.newest.get(&state.key).is_some_and(|known| *known >= state.revision);
                if counted.unwrap_or_else(newest) {
                    continue;
                }
                let (key, revision) = (state.key.clone(), state.revision);
                hand_over(ground, follower, state, (batch.part, offset)).await?;
                if keeps && counted.is_none() {
                    heard.newest.insert(key, revision);
                }
            }
            heard.places.insert(batch.part, batch.next_offset);
        }
        freshness.heard();
    }
}

/// Takes everything that the owner's table has, where the follower wants that.
async fn ask_owner(ground: &Ground, follower: &dyn Follower, freshness: &Freshness) -> Result<(), String> {
    let (Some(owner), Some(siblings)) = (follower.owner(), &ground.siblings) else { return Ok(()) };
    let (topic, mut after) = (follower.topic(), String::new());
    loop {
        if ground.shutdown.is_cancelled() {
            return Ok(());
        }
        let (values, next) =
            siblings.state(owner, &topic, &after).await.map_err(|error| error.to_string())?;
        for value in values {
            hand_over(ground, follower, value, NO_PLACE).await?;
        }
        if next.is_empty() {
            break;
        }
        after = next;
    }
    freshness.heard();
    Ok(())
}

async fn hand_over(
    ground: &Ground,
    follower: &dyn Follower,
    state: State,
    (part, offset): (u32, i64),
) -> Result<(), String> {
    let Some(parcel) = &state.value else { return Ok(()) };
    match ground.sealer.open_parcel(parcel).await {
        Ok(plain) => {
            follower
                .apply(&StateValue {
                    key: state.key,
                    revision: state.revision,
                    part,
                    offset,
                    trace_parent: state.trace_parent,
                    plain,
                })
                .await;
            Ok(())
        }
        Err(error @ SealingError::Unavailable(_)) => Err(error.to_string()),
        Err(error) => {
            warn!(follower = follower.name(), key = %state.key, %error, "a state value does not open");
            follower.missed(part);
            Ok(())
        }
    }
}
