//! Seeded athletes as their apps know them, and the ledger of what they were told was kept.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use kernel::{Clock, SystemClock};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    calls::{Ask, Call},
    generator::{dice::Dice, drive::Asking, tally::Outcome, wire::Lines},
};

const WITHIN: Duration = Duration::from_secs(30);
/// Preparing calls under way at once.
const AT_ONCE: usize = 16;
/// Athletes who have run before the measurement begins, and how often.
const RUNNERS_MAX: usize = 400;
const RUNS_EACH: usize = 3;
/// What people type into the search box: pieces of names in three scripts.
const SEARCHED: [&str; 12] =
    ["ахмет", "kanat", "Ким", "жұмабай", "Karim", "айгер", "nur", "Орлов", "бауыр", "Sevara", "асан", "zhum"];

/// Somebody with a session.
pub(crate) struct Athlete {
    pub(crate) account_id: String,
    pub(crate) token: Arc<str>,
    friends: Vec<usize>,
    runs: Vec<String>,
    /// Activities that were acknowledged, and those of which nobody said what became of them.
    kept: AtomicU32,
    uncertain: AtomicU32,
}

pub(crate) struct World {
    pub(crate) athletes: Vec<Athlete>,
    pub(crate) challenge_id: String,
    begins: Timestamp,
    /// Numbers every workout: none is the same as another.
    workouts: AtomicU64,
    /// Who may praise which activity.
    praise: Vec<(usize, String)>,
}

impl World {
    /// Of a file that `stadion seed --sessions` wrote.
    ///
    /// # Errors
    /// No such file, or a line of it that is not `account_id token`.
    pub(crate) fn of_sessions(path: &Path, challenge_id: &str) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let athlete = |line: &str| {
            let (account_id, token) = line.split_once(' ').context("a line is `account_id token`")?;
            anyhow::Ok(Athlete {
                account_id: account_id.to_owned(),
                token: token.into(),
                friends: Vec::new(),
                runs: Vec::new(),
                kept: AtomicU32::new(0),
                uncertain: AtomicU32::new(0),
            })
        };
        let athletes = text.lines().map(athlete).collect::<anyhow::Result<Vec<_>>>()?;
        ensure!(!athletes.is_empty(), "{} holds no session", path.display());
        Ok(Self {
            athletes,
            challenge_id: challenge_id.to_owned(),
            begins: SystemClock.now(),
            workouts: AtomicU64::new(0),
            praise: Vec::new(),
        })
    }

    /// Lets athletes learn who their friends are, and some of them run, so that there is something to be read.
    ///
    /// # Errors
    /// A call that was not answered as it should be.
    pub(crate) async fn prepare(mut self, lines: &Arc<Lines>) -> anyhow::Result<Self> {
        let everybody = self.athletes.len();
        let asks =
            (0..everybody).map(|who| self.get(Call::Friends, who, "/v1/me/friends?limit=200".to_owned()));
        let friends = every(lines, asks.collect()).await?;
        let runners = everybody.min(RUNNERS_MAX);
        let asks: Vec<Ask> = (0..runners).map(|who| self.sync(who, RUNS_EACH)).collect();
        let runs = every(lines, asks).await?;
        let index: std::collections::HashMap<String, usize> =
            self.athletes.iter().enumerate().map(|(nth, one)| (one.account_id.clone(), nth)).collect();
        for (who, list) in friends {
            let ids = list["items"].as_array().into_iter().flatten().filter_map(|item| item["id"].as_str());
            self.athletes[who].friends = ids.filter_map(|id| index.get(id).copied()).collect();
        }
        for (who, answer) in runs {
            let acks = answer["acks"].as_array().into_iter().flatten();
            let runs: Vec<String> =
                acks.filter_map(|ack| ack["activity_id"].as_str()).map(str::to_owned).collect();
            ensure!(runs.len() == RUNS_EACH, "not every workout was stored: {answer}");
            self.athletes[who].kept = AtomicU32::new(u32::try_from(RUNS_EACH)?);
            self.athletes[who].runs = runs;
        }
        for (who, athlete) in self.athletes.iter().enumerate() {
            for friend in &athlete.friends {
                self.praise.extend(self.athletes[*friend].runs.iter().map(|run| (who, run.clone())));
            }
        }
        Ok(self)
    }

    pub(crate) fn get(&self, call: Call, who: usize, path: String) -> Ask {
        Ask { call, method: Method::GET, path, token: self.athletes[who].token.clone(), body: None, who }
    }

    pub(crate) fn put(&self, call: Call, who: usize, path: String) -> Ask {
        Ask { method: Method::PUT, ..self.get(call, who, path) }
    }

    fn post(&self, call: Call, who: usize, path: &str, body: &Value) -> Ask {
        let body = Some(Bytes::from(body.to_string()));
        Ask { method: Method::POST, body, ..self.get(call, who, path.to_owned()) }
    }

    /// A run of the last week: where, how far and when differ from all others.
    fn run(&self) -> (u64, u64, Value) {
        let nth = self.workouts.fetch_add(1, Ordering::Relaxed);
        let back =
            SignedDuration::from_secs(3_600 + i64::try_from(nth * 7_919 % 500_000).unwrap_or_default());
        let start_at = (self.begins - back).to_string();
        let metres = 1_000 + nth * 613 % 9_000;
        let run = json!({
            "sport": "running", "start_at": start_at, "elapsed_time_s": metres / 3, "distance_m": metres,
        });
        (nth, metres, run)
    }

    /// One workout by sync, and how far it went.
    #[expect(clippy::cast_precision_loss, reason = "thousands of metres")]
    pub(crate) fn one_run(&self, who: usize) -> (Ask, f64) {
        let (nth, metres, run) = self.run();
        (self.changeset(who, vec![upsert(nth, run)]), metres as f64)
    }

    pub(crate) fn sync(&self, who: usize, count: usize) -> Ask {
        let upserts = (0..count).map(|_| {
            let (nth, _, run) = self.run();
            upsert(nth, run)
        });
        self.changeset(who, upserts.collect())
    }

    fn changeset(&self, who: usize, upserts: Vec<Value>) -> Ask {
        self.post(Call::Sync, who, "/v1/sync", &json!({"source": "healthkit", "upserts": upserts}))
    }

    /// Whether the one record of a changeset was kept.
    pub(crate) fn is_stored(body: &Bytes) -> bool {
        ack_of(body) == "stored"
    }

    /// Holds what athletes were told against what they find now; how many were asked.
    ///
    /// # Errors
    /// Somebody misses an activity, or finds one too many.
    pub(crate) async fn verify(&self, lines: &Arc<Lines>, sample: usize) -> anyhow::Result<usize> {
        let step = (self.athletes.len() / sample.max(1)).max(1);
        let mut asked = 0;
        for who in (0..self.athletes.len()).step_by(step) {
            let athlete = &self.athletes[who];
            let found = self.count(lines, who).await?;
            let kept = athlete.kept.load(Ordering::Relaxed);
            let most = kept + athlete.uncertain.load(Ordering::Relaxed);
            ensure!(
                (kept..=most).contains(&found),
                "{} was told of {kept} activities (and not of {}), and finds {found}",
                athlete.account_id,
                most - kept
            );
            asked += 1;
        }
        Ok(asked)
    }

    async fn count(&self, lines: &Arc<Lines>, who: usize) -> anyhow::Result<u32> {
        let (mut found, mut cursor) = (0, String::new());
        loop {
            // The query stands in the cursor: it must be the same on every page.
            let path = format!("/v1/activities?limit=200{cursor}");
            let page = answered(lines, &self.get(Call::Activities, who, path)).await?;
            found += u32::try_from(page["items"].as_array().map_or(0, Vec::len))?;
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(found),
            }
        }
    }
}

impl Asking for World {
    fn ask(&self, call: Call, dice: &mut Dice) -> Ask {
        let who = dice.below(self.athletes.len());
        let athlete = &self.athletes[who];
        let near = |dice: &mut Dice| match athlete.friends.len() {
            0 => dice.below(self.athletes.len()),
            count => athlete.friends[dice.below(count)],
        };
        let get = |path: &str| self.get(call, who, path.to_owned());
        match call {
            Call::Me => get("/v1/me"),
            Call::Progress => get("/v1/me/progress"),
            Call::Activities => get("/v1/activities"),
            Call::Feed => get("/v1/feed"),
            Call::Search => get(&format!("/v1/people?q={}", escaped(SEARCHED[dice.below(SEARCHED.len())]))),
            Call::Profile => {
                let whom = if dice.unit() < 0.7 { near(dice) } else { dice.below(self.athletes.len()) };
                get(&format!("/v1/people/{}", self.athletes[whom].account_id))
            }
            Call::Friends => get("/v1/me/friends"),
            Call::BoardTop => get(&format!("/v1/boards/{}/top", self.challenge_id)),
            Call::BoardAround => get(&format!("/v1/boards/{}/around", self.challenge_id)),
            Call::Challenges => get("/v1/challenges?state=open"),
            Call::Offers => get("/v1/me/offers"),
            Call::Achievements => get("/v1/me/achievements"),
            Call::RecordActivity => self.post(call, who, "/v1/activities", &self.run().2),
            Call::Sync => self.sync(who, 1),
            Call::Follow => {
                let other = (who + 1 + dice.below(self.athletes.len() - 1)) % self.athletes.len();
                self.put(call, who, format!("/v1/me/follows/{}", self.athletes[other].account_id))
            }
            Call::Kudos => match self.praise.len() {
                0 => get("/v1/me"),
                count => {
                    let (who, run) = &self.praise[dice.below(count)];
                    self.put(call, *who, format!("/v1/activities/{run}/kudos"))
                }
            },
        }
    }

    fn heard(&self, ask: &Ask, outcome: Outcome, body: &Bytes) -> Outcome {
        let athlete = &self.athletes[ask.who];
        match (ask.call, &outcome) {
            (Call::RecordActivity, Outcome::Answered(201)) => {
                athlete.kept.fetch_add(1, Ordering::Relaxed);
            }
            (Call::Sync, Outcome::Answered(200)) => {
                let status = ack_of(body);
                if status != "stored" {
                    return Outcome::Failed(format!("ack {status}"));
                }
                athlete.kept.fetch_add(1, Ordering::Relaxed);
            }
            // A refusal keeps nothing; of a fault or of silence nobody knows.
            (Call::RecordActivity | Call::Sync, Outcome::Failed(_) | Outcome::Answered(500..)) => {
                athlete.uncertain.fetch_add(1, Ordering::Relaxed);
            }
            _ => {}
        }
        outcome
    }
}

fn upsert(nth: u64, mut workout: Value) -> Value {
    workout["timer_time_s"] = workout["elapsed_time_s"].clone();
    json!({"key": format!("w{nth}"), "version": 1, "kind": "workout", "workout": workout})
}

fn ack_of(body: &Bytes) -> String {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    answer["acks"][0]["status"].as_str().unwrap_or("unreadable").to_owned()
}

/// The JSON of a call that must succeed.
///
/// # Errors
/// It did not.
pub(crate) async fn answered(lines: &Lines, ask: &Ask) -> anyhow::Result<Value> {
    let (outcome, body) = lines.call(ask, WITHIN).await;
    if outcome.is_error() {
        bail!("{} {}: {outcome:?}: {}", ask.method, ask.path, String::from_utf8_lossy(&body));
    }
    serde_json::from_slice(&body).with_context(|| ask.path.clone())
}

/// The answers of many calls, each with who asked.
async fn every(lines: &Arc<Lines>, asks: Vec<Ask>) -> anyhow::Result<Vec<(usize, Value)>> {
    let mut answers = Vec::with_capacity(asks.len());
    let mut asked: JoinSet<anyhow::Result<(usize, Value)>> = JoinSet::new();
    for ask in asks {
        if asked.len() >= AT_ONCE {
            let answer = asked.join_next().await.context("nothing was asked")?;
            answers.push(answer??);
        }
        let lines = lines.clone();
        asked.spawn(async move { Ok((ask.who, answered(&lines, &ask).await?)) });
    }
    while let Some(answer) = asked.join_next().await {
        answers.push(answer??);
    }
    Ok(answers)
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
