//! A world worth looking at: a few hundred athletes of three countries in one public challenge, who go on running.
//!
//! They are seeded as `stadion seed` does it; every workout of theirs comes in at the public door.

use std::time::Duration;

use anyhow::Context;
use auth::seed::Seeder;
use futures::{StreamExt, TryStreamExt, stream};
use jiff::SignedDuration;
use kernel::{AccountId, Clock, SystemClock};
use platform::Task;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::door::Door;
use crate::{
    settings::Settings,
    tools::seed::{self, Plan, Seats, dice::Dice},
    up::Running,
};

const ATHLETES: usize = 300;
/// With `--exit` nobody looks on: enough to see that it works.
const ATHLETES_FEW: usize = 40;
const FRIENDS_MEAN: f64 = 8.0;
const SEED: u64 = 1;
const AT_ONCE: usize = 4;
/// Runs of each before the page is opened, at most.
const RUNS_BEFORE: usize = 3;
const NEXT_RUN_AFTER: Duration = Duration::from_millis(900);
const TOKEN_S: i64 = 3600;

/// Athletes who run.
pub struct Crowd {
    door: Door,
    base: String,
    seeder: Seeder,
    athletes: Vec<AccountId>,
    challenge_id: String,
    dice: Dice,
    /// Numbers every workout.
    runs: u64,
}

/// One workout on its way.
struct Run {
    token: String,
    body: Value,
}

impl Crowd {
    /// Seeds them into the running installation, and lets them have run for some days.
    ///
    /// # Errors
    /// A store that cannot be written; a workout that was refused.
    pub async fn gather(running: &Running, settings: &Settings, few: bool) -> anyhow::Result<Self> {
        let accounts = if few { ATHLETES_FEW } else { ATHLETES };
        let plan = Plan { accounts, friends_mean: FRIENDS_MEAN, challenge: Some(Seats::Taken), seed: SEED };
        let installation = &running.installation;
        let seeded = Box::pin(seed::seed(installation, settings, &plan)).await;
        let seeded = seeded.context("the crowd was not seeded")?;
        let challenge_id = seeded.challenge_id.context("the crowd has no challenge")?.to_string();
        let base = format!("http://{}", running.http);
        let mut crowd = Self {
            door: Door::new(&base)?,
            base,
            seeder: Seeder::open(installation.service("auth")?, settings.auth.clone()).await?,
            athletes: seeded.athletes.iter().map(seed::people::Athlete::id).collect(),
            challenge_id,
            dice: Dice::of(SEED, "runs"),
            runs: 0,
        };
        let mut before = Vec::with_capacity(crowd.athletes.len());
        for who in 0..crowd.athletes.len() {
            let count = 1 + crowd.dice.below(RUNS_BEFORE);
            before.push(crowd.run(who, count, SignedDuration::from_hours(24 * 7))?);
        }
        let door = &crowd.door;
        stream::iter(before.into_iter().map(|run| send(door, run)))
            .buffer_unordered(AT_ONCE)
            .try_collect::<()>()
            .await?;
        Ok(crowd)
    }

    /// Who they are and where they can be watched.
    pub fn lines(&self) -> [String; 2] {
        [
            format!("{} athletes of three countries run in one public challenge", self.athletes.len()),
            format!("watch it: {}/live/{}", self.base, self.challenge_id),
        ]
    }

    /// One workout a second or so from now on, until the process stops.
    pub fn go_on(mut self, running: &Running) {
        let stop = running.installation.shutdown.drain.clone();
        running.installation.tasks.spawn(Task::new("crowd", async move {
            while awake(&stop).await {
                let who = self.dice.below(self.athletes.len());
                let sent = match self.run(who, 1, SignedDuration::ZERO) {
                    Ok(run) => send(&self.door, run).await,
                    Err(error) => Err(error),
                };
                // The show goes on: the next one runs in a second.
                if let Err(error) = sent {
                    tracing::warn!(%error, "somebody's workout did not come in");
                }
            }
            Ok(())
        }));
    }

    /// Runs of one athlete that ended within `ago`, the newest a moment ago.
    fn run(&mut self, who: usize, count: usize, ago: SignedDuration) -> anyhow::Result<Run> {
        let mut upserts = Vec::with_capacity(count);
        for _ in 0..count {
            self.runs += 1;
            let metres = 800 + self.dice.below(6_000);
            let seconds = metres * (270 + self.dice.below(150)) / 1000;
            let back_s = self.dice.below(usize::try_from(ago.as_secs()).unwrap_or_default());
            let since_s = i64::try_from(seconds + back_s).unwrap_or_default();
            let start_at = SystemClock.now() - SignedDuration::from_secs(since_s);
            upserts.push(
                json!({"key": format!("run-{}", self.runs), "version": 1, "kind": "workout", "workout": {
                    "sport": "running", "start_at": start_at.to_string(), "distance_m": metres,
                    "elapsed_time_s": seconds, "timer_time_s": seconds,
                }}),
            );
        }
        let token = self.seeder.token(self.athletes[who], TOKEN_S)?;
        Ok(Run { token, body: json!({"source": "crowd", "upserts": upserts}) })
    }
}

async fn send(door: &Door, run: Run) -> anyhow::Result<()> {
    let answer = door.post("/v1/sync").with(&run.token).json(&run.body).expect(200).await?;
    let acks = answer.json.get("acks").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let refused = acks.iter().find(|ack| ack.get("status").and_then(Value::as_str) != Some("stored"));
    anyhow::ensure!(refused.is_none(), "a workout was not stored: {}", answer.json);
    Ok(())
}

/// Waits for the next turn; `false` when the process stops instead.
async fn awake(stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = tokio::time::sleep(NEXT_RUN_AFTER) => true,
    }
}
