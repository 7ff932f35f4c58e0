//! Timers: fired in due order, each as a keyed command, so that firing twice changes nothing.

use std::{sync::Arc, time::Duration};

use tracing::warn;

use crate::{
    consume::{Ground, while_owned},
    readers::{Failure, TimerHandler},
};

const BATCH: usize = 200;
/// The longest sleep: a timer set by another process is seen no later than this.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Between two looks, however much is appended: few appends set a timer, and none of them has to be this exact.
const REST: Duration = Duration::from_millis(50);

/// The timers' resource.
pub(crate) const TIMERS: &str = "timers";

/// Fires while they are owned here, until the process stops.
pub(crate) async fn fire(ground: Ground, handler: Arc<dyn TimerHandler>) {
    while_owned(&ground, TIMERS, |_| run(&ground, &*handler)).await;
}

async fn run(ground: &Ground, handler: &dyn TimerHandler) -> Result<(), String> {
    let mut news = ground.store.watch();
    while !ground.shutdown.is_cancelled() {
        news.mark_unchanged();
        let now_us = ground.now_us();
        let due = ground.store.due_timers(now_us, BATCH).await.map_err(|error| error.to_string())?;
        for timer in &due {
            match handler.fire(timer).await {
                Ok(()) => {}
                Err(Failure::Retry(error)) => return Err(error),
                // The aggregate will never take it: said, and done with.
                Err(Failure::Poison(error)) => warn!(stream = %timer.stream, %error, "a timer was refused"),
            }
            ground.store.timer_done(timer).await.map_err(|error| error.to_string())?;
        }
        if !due.is_empty() {
            continue;
        }
        let next = ground.store.next_timer_us().await.map_err(|error| error.to_string())?;
        let wait = next.map_or(LOOK_AGAIN, |next| {
            Duration::from_micros(u64::try_from(next.saturating_sub(now_us)).unwrap_or_default())
                .min(LOOK_AGAIN)
        });
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
