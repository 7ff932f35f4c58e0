//! Beginning calls when they are due, and hearing how they end.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context;
use bytes::Bytes;
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, sleep_until},
};

use super::{
    dice::Dice,
    scenario::Scenario,
    schedule::Schedule,
    tally::{Outcome, Tally},
    wire::Lines,
};
use crate::calls::{Ask, Call};

/// Who makes calls, and hears what became of them.
pub(crate) trait Asking: Send + Sync + 'static {
    fn ask(&self, call: Call, dice: &mut Dice) -> Ask;
    /// Notes what was acknowledged; what an answer's body refuses is no success whatever its status says.
    fn heard(&self, ask: &Ask, outcome: Outcome, body: &Bytes) -> Outcome;
}

/// One run of a scenario.
pub(crate) struct Drive<A> {
    pub(crate) scenario: Arc<Scenario>,
    pub(crate) lines: Arc<Lines>,
    pub(crate) asking: Arc<A>,
}

impl<A: Asking> Drive<A> {
    /// Runs it to its end, the answers to the last calls included.
    ///
    /// # Errors
    /// A worker that panicked.
    pub(crate) async fn run(self) -> anyhow::Result<Tally> {
        let scenario = &self.scenario;
        let warm_up = Duration::from_secs(scenario.warm_up_s);
        let room = Arc::new(Semaphore::new(scenario.in_flight_max));
        let begins = Instant::now();
        let mut workers = JoinSet::new();
        for nth in 0..scenario.workers {
            let worker = Worker {
                nth,
                begins,
                scenario: scenario.clone(),
                lines: self.lines.clone(),
                asking: self.asking.clone(),
                room: room.clone(),
                tally: Arc::new(Mutex::new(Tally::new(warm_up)?)),
            };
            workers.spawn(worker.work());
        }
        let mut whole = Tally::new(warm_up)?;
        while let Some(part) = workers.join_next().await {
            whole.add(&part.context("a worker stopped")??)?;
        }
        Ok(whole)
    }
}

struct Worker<A> {
    nth: usize,
    begins: Instant,
    scenario: Arc<Scenario>,
    lines: Arc<Lines>,
    asking: Arc<A>,
    /// Shared by all workers.
    room: Arc<Semaphore>,
    tally: Arc<Mutex<Tally>>,
}

impl<A: Asking> Worker<A> {
    async fn work(self) -> anyhow::Result<Tally> {
        let scenario = &self.scenario;
        let turn = (self.nth, scenario.workers);
        let schedule = Schedule::along(scenario.arrivals, scenario.course(), turn, scenario.seed);
        let mut dice = Dice::of(scenario.seed ^ (self.nth as u64 + 1).rotate_left(32));
        let mut asked: JoinSet<anyhow::Result<()>> = JoinSet::new();
        for intended in schedule {
            sleep_until(self.begins + intended).await;
            self.locked(|tally| tally.began(intended, (self.begins + intended).elapsed()));
            let call = scenario.draw(&mut dice);
            let Ok(place) = self.room.clone().try_acquire_owned() else {
                self.locked(|tally| tally.ended(call, intended, Duration::ZERO, &Outcome::NotStarted))?;
                continue;
            };
            let ask = self.asking.ask(call, &mut dice);
            let (lines, asking, tally) = (self.lines.clone(), self.asking.clone(), self.tally.clone());
            let (due, within) = (self.begins + intended, scenario.give_up_after());
            asked.spawn(async move {
                let _place = place;
                let (outcome, body) = lines.call(&ask, within).await;
                let took = due.elapsed();
                let outcome = asking.heard(&ask, outcome, &body);
                locked(&tally, |tally| tally.ended(call, intended, took, &outcome))
            });
            while let Some(ended) = asked.try_join_next() {
                ended.context("a call panicked")??;
            }
        }
        while let Some(ended) = asked.join_next().await {
            ended.context("a call panicked")??;
        }
        let mut whole = Tally::new(Duration::from_secs(scenario.warm_up_s))?;
        self.locked(|tally| whole.add(tally))?;
        Ok(whole)
    }

    fn locked<T>(&self, work: impl FnOnce(&mut Tally) -> T) -> T {
        locked(&self.tally, work)
    }
}

fn locked<T>(tally: &Mutex<Tally>, work: impl FnOnce(&mut Tally) -> T) -> T {
    work(&mut tally.lock().unwrap_or_else(PoisonError::into_inner))
}
