//! Workouts that arrive at a rate whatever becomes of those before them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context;
use bytes::Bytes;
use serde_json::Value;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::{
    generator::{
        dice::Dice,
        schedule::{Arrivals, Schedule, starts},
        tally::{Outcome, Times, note, times},
        wire::Lines,
    },
    world::World,
};

const SEED: u64 = 21;
const GIVE_UP_AFTER: Duration = Duration::from_secs(20);
const AGAIN_AFTER: Duration = Duration::from_millis(100);

/// A workout that was acknowledged.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) activity: Uuid,
    /// When it was meant to be sent.
    pub(crate) due: Instant,
    pub(crate) answered: Instant,
}

/// How sending went.
pub(crate) struct Sent {
    pub(crate) kept: Vec<Kept>,
    /// How late calls began by our own fault.
    pub(crate) lag: Times,
    /// Answers that were no acknowledgement, by what they said; the record was then sent again under its key.
    pub(crate) refused: Vec<(Instant, String)>,
    /// Never acknowledged.
    pub(crate) lost: usize,
}

/// How many, how long, and what ends it earlier.
#[derive(Clone)]
pub(crate) struct Course {
    pub(crate) rate_per_s: f64,
    pub(crate) lasts: Duration,
    pub(crate) over: Arc<AtomicBool>,
}

/// One call a workout, `POST /v1/sync`.
pub(crate) async fn send(world: &Arc<World>, lines: &Arc<Lines>, course: &Course) -> anyhow::Result<Sent> {
    let schedule = Schedule::of(Arrivals::Poisson, course.rate_per_s, course.lasts, (0, 1), SEED);
    let mut due = starts(schedule);
    let mut dice = Dice::of(SEED);
    let mut sent = Sent { kept: Vec::new(), lag: times(3)?, refused: Vec::new(), lost: 0 };
    let mut asked = JoinSet::new();
    while !course.over.load(Ordering::Relaxed) {
        let Some(due) = due.recv().await else { break };
        note(&mut sent.lag, due.elapsed());
        let who = dice.below(world.athletes.len());
        asked.spawn(one(world.clone(), lines.clone(), who, due));
        while let Some(ended) = asked.try_join_next() {
            sent.add(ended.context("a call panicked")?);
        }
    }
    while let Some(ended) = asked.join_next().await {
        sent.add(ended.context("a call panicked")?);
    }
    Ok(sent)
}

type Ended = (Option<Kept>, Vec<(Instant, String)>);

impl Sent {
    fn add(&mut self, (kept, refused): Ended) {
        self.lost += usize::from(kept.is_none());
        self.kept.extend(kept);
        self.refused.extend(refused);
    }
}

async fn one(world: Arc<World>, lines: Arc<Lines>, who: usize, due: Instant) -> Ended {
    let (ask, _) = world.one_run(who);
    let mut refused = Vec::new();
    while due.elapsed() < GIVE_UP_AFTER {
        let (outcome, body) = lines.call(&ask, GIVE_UP_AFTER).await;
        if !outcome.is_error()
            && let Some(activity) = stored(&body)
        {
            return (Some(Kept { activity, due, answered: Instant::now() }), refused);
        }
        refused.push((Instant::now(), why(&outcome, &body)));
        tokio::time::sleep(AGAIN_AFTER).await;
    }
    (None, refused)
}

/// The activity of a changeset with one workout, if it was kept.
fn stored(body: &Bytes) -> Option<Uuid> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let ack = &answer["acks"][0];
    // A record that is sent again may have been kept the first time.
    let kept = ["stored", "duplicate"].contains(&ack["status"].as_str()?);
    ack["activity_id"].as_str().filter(|_| kept)?.parse().ok()
}

fn why(outcome: &Outcome, body: &Bytes) -> String {
    let said = String::from_utf8_lossy(body);
    match outcome {
        Outcome::Answered(status) => format!("{status} {said}"),
        Outcome::Failed(why) => why.clone(),
        Outcome::NotStarted => "not started".to_owned(),
    }
}
