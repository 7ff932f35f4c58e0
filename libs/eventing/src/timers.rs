//! Timers: fired in due order, each as a keyed command, so that firing twice changes nothing. One whose command cannot be
//! given now holds those of its stream, and no others.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;
use tracing::warn;

use crate::{
    consume::{Ground, pause, while_owned},
    event::StreamId,
    readers::{Failure, TimerHandler},
};

const BATCH: usize = 200;
/// The longest sleep: a timer set by another process is seen no later than this.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Between two looks, however much is appended: few appends set a timer, and none of them has to be this exact.
const REST: Duration = Duration::from_millis(50);
/// Streams whose timers are tried again later; with more, it is no stream's own trouble, and all of them wait.
const HELD_MAX: usize = 1_000;

/// The timers' resource.
pub(crate) const TIMERS: &str = "timers";

/// Fires while they are owned here, until the process stops.
pub(crate) async fn fire(ground: Ground, handler: Arc<dyn TimerHandler>) {
    while_owned(&ground, TIMERS, |_| run(&ground, &*handler)).await;
}

async fn run(ground: &Ground, handler: &dyn TimerHandler) -> Result<(), String> {
    let mut news = ground.store.watch();
    let (mut held, mut behind) = (Held::default(), 0);
    while !ground.shutdown.is_cancelled() {
        news.mark_unchanged();
        let now_us = ground.now_us();
        // As many more as were passed over the last time: they hide nobody behind them.
        let page = BATCH + behind;
        let due = ground.store.due_timers(now_us, page).await.map_err(|error| error.to_string())?;
        // Of those that were called off nothing is held any more.
        held.0.retain(|stream, _| due.iter().any(|timer| timer.stream == *stream));
        let (mut fired, mut passed_over, mut waiting) = (false, 0, HashSet::new());
        for timer in &due {
            if ground.shutdown.is_cancelled() {
                return Ok(());
            }
            // A stream's later timers wait for its first, also when its time comes in the middle of a round.
            if waiting.contains(&timer.stream) || held.waits(&timer.stream) {
                waiting.insert(&timer.stream);
                passed_over += 1;
                continue;
            }
            match handler.fire(timer).await {
                Ok(()) => {}
                Err(Failure::Retry(error)) => {
                    held.hold(&timer.stream, error)?;
                    waiting.insert(&timer.stream);
                    passed_over += 1;
                    continue;
                }
                // The aggregate will never take it: said, and done with.
                Err(Failure::Poison(error)) => warn!(stream = %timer.stream, %error, "a timer was refused"),
            }
            held.0.remove(&timer.stream);
            ground.store.timer_done(timer).await.map_err(|error| error.to_string())?;
            fired = true;
        }
        let hidden = due.len() == page && passed_over > behind;
        behind = passed_over;
        if fired || hidden {
            continue;
        }
        let next = ground.store.next_timer_us().await.map_err(|error| error.to_string())?;
        let wait = match held.wait() {
            Some(wait) => wait.min(LOOK_AGAIN),
            None => next.map_or(LOOK_AGAIN, |next| {
                Duration::from_micros(u64::try_from(next.saturating_sub(now_us)).unwrap_or_default())
                    .min(LOOK_AGAIN)
            }),
        };
        let rested = async {
            tokio::time::sleep(REST).await;
            news.changed().await
        };
        tokio::select! {
            biased;
            () = ground.shutdown.cancelled() => return Ok(()),
            _ = rested => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
    Ok(())
}

/// The streams whose first due timer could not be fired: how often it was tried, and when it is tried again.
#[derive(Default)]
struct Held(HashMap<StreamId, (u32, Instant)>);

impl Held {
    fn waits(&self, stream: &StreamId) -> bool {
        self.0.get(stream).is_some_and(|(_, again)| *again > Instant::now())
    }

    /// Errors with the reason where too many are held.
    fn hold(&mut self, stream: &StreamId, error: String) -> Result<(), String> {
        if self.0.len() >= HELD_MAX && !self.0.contains_key(stream) {
            return Err(error);
        }
        warn!(%stream, error, "a timer's command cannot be given now");
        let (tries, again) = self.0.entry(stream.clone()).or_insert((0, Instant::now()));
        *tries += 1;
        *again = Instant::now() + pause(*tries);
        Ok(())
    }

    /// Until the first of them is tried again.
    fn wait(&self) -> Option<Duration> {
        self.0.values().map(|(_, again)| again.saturating_duration_since(Instant::now())).min()
    }
}
