//! Timers' promises: none is lost, and none waits for another stream's.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::world::{Running, World, eventually};
use crate::{
    conformance::{append, write},
    event::StreamId,
    readers::{Failure, TimerHandler},
    store::{DueTimer, Expected, Timer},
};

/// Fires everything but the stuck stream's timers, which need something that is away.
#[derive(Clone, Default)]
struct Bells {
    away: Arc<AtomicBool>,
    rung: Arc<Mutex<Vec<String>>>,
}

#[async_trait]
impl TimerHandler for Bells {
    async fn fire(&self, timer: &DueTimer) -> Result<(), Failure> {
        if timer.stream.as_str() == "stuck" && self.away.load(Ordering::Acquire) {
            return Err(Failure::Retry("it is away".to_owned()));
        }
        self.rung.lock().expect("not poisoned").push(timer.command_id.clone());
        Ok(())
    }
}

impl Bells {
    fn have_rung(&self, wanted: &[&str]) -> bool {
        *self.rung.lock().expect("not poisoned") == wanted
    }
}

pub(super) async fn a_timer_that_must_wait_holds_its_own_stream_alone(world: World) {
    let bells = Bells::default();
    bells.away.store(true, Ordering::Release);
    let set = |stream: &str, due_us: i64, command: &str| Timer::Set {
        stream: StreamId::named(stream),
        command_id: command.to_owned(),
        due_us,
        payload: Bytes::new(),
    };
    let mut both = append(vec![write("stuck", Expected::Any, 1), write("free", Expected::Any, 1)]);
    both.timers = vec![set("stuck", 100, "first"), set("stuck", 300, "third"), set("free", 200, "second")];
    world.fresh.store.append(both).await.expect("appended");

    let shutdown = CancellationToken::new();
    let running = Running::start(&world.spine(1, &shutdown).timers(bells.clone()), shutdown);
    eventually("the free one fired", || async { bells.have_rung(&["second"]) }).await;
    bells.away.store(false, Ordering::Release);
    let all = ["second", "first", "third"];
    eventually("all fired, each stream in order", || async { bells.have_rung(&all) }).await;
    running.stop().await;
}
