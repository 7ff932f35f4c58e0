//! What a request costs: 256 connections with a call each, and how many of them the server answers for a second of its
//! processor time; of what was written its way to the board is counted too.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use bytes::Bytes;
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use kernel::{Clock, SystemClock};
use reqwest::Method;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::{
    Options,
    calls::{Ask, Call},
    generator::{
        tally::{Times, note, times},
        wire::Lines,
    },
    process::{Server, binary, command},
    report::Report,
    steady::seeded,
    world::{World, answered},
};

const CONNECTIONS: usize = 256;
const WITHIN: Duration = Duration::from_secs(30);
/// All effects of what was written are there within this.
const SETTLED_WITHIN: Duration = Duration::from_secs(120);
const LOOK_EACH: Duration = Duration::from_millis(100);
/// Athletes who are looked up on the board and in their list afterwards.
const VERIFIED: usize = 200;
const SECONDS_A_VERSION: u32 = 10;
/// Metres a second: nobody is too slow or too fast for it.
const PACE: u32 = 3;

/// What the command line changes.
#[derive(Clone, Copy, Debug, PartialEq, Args)]
pub(crate) struct Asked {
    /// How many stand on the board
    #[arg(long, value_name = "N", default_value_t = 50_000)]
    members: usize,
}

/// # Errors
/// It could not be run to its end, a call failed, or something that was acknowledged is not there.
pub(crate) async fn measure(asked: Asked, options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let least = 16 * CONNECTIONS;
    ensure!(
        asked.members >= least,
        "--members is at least {least}: else one athlete is asked for twice at once"
    );
    let binary = binary(options).await?;
    let folder = options.fresh_folder()?;
    let data = folder.path().join("data");
    let seeding = command(&binary, &data, &["seed", "--challenge", "--hours", "12"]);
    let seeded = seeded(seeding, data.with_extension("sessions"), (asked.members, 0.0, 1)).await?;
    let server = Server::start(&binary, &data).await?;
    let requests = Arc::new(Requests {
        lines: Lines::open(&server.address, CONNECTIONS).await?,
        world: World::of_sessions(Path::new(&seeded.sessions), &seeded.challenge_id)?,
        versions: (0..asked.members).map(|_| AtomicU32::new(0)).collect(),
        starts: SystemClock.now() - SignedDuration::from_hours(3),
        next: AtomicUsize::new(0),
    });
    requests.clone().fill().await?;
    requests.settled().await?;
    let lasting = Duration::from_secs(options.seconds.unwrap_or(10));
    let conditions =
        format!("{} on the board, {CONNECTIONS} connections, generator on the same machine", asked.members);
    for (what, call, bound) in [
        ("`POST /v1/sync` of one record", Call::Sync, "≥ 10 000"),
        ("`GET /v1/boards/{id}/around?span=5`", Call::BoardAround, "≥ 25 000"),
        ("`GET /v1/boards/{id}/top?limit=100`", Call::BoardTop, "≥ 25 000"),
    ] {
        // Tokens, keys and pages of the store as in the middle of a race.
        requests.clone().press(call, lasting / 4).await?;
        requests.settled().await?;
        let (begun, before_s) = (Instant::now(), server.cpu_seconds()?);
        let pressed = requests.clone().press(call, lasting).await?;
        let a_second = pressed.calls / begun.elapsed().as_secs_f64();
        requests.settled().await?;
        let a_cpu_second = pressed.calls / (server.cpu_seconds()? - before_s);
        let conditions = format!(
            "{conditions}; p50 {:.1} ms, p99 {:.1} ms",
            f64::from(pressed.took.value_at_quantile(0.5) as u32) / 1e3,
            f64::from(pressed.took.value_at_quantile(0.99) as u32) / 1e3,
        );
        report.figure(
            format!("{what} for a CPU-second of the server"),
            (a_cpu_second, "requests"),
            bound,
            &conditions,
        );
        let bound = if call == Call::Sync { "≥ 5 000" } else { "" };
        report.figure(format!("{what} a second"), (a_second, "requests"), bound, conditions);
    }
    let lost = requests.lost().await?;
    report.figure(
        "acknowledged workouts that are not as they were sent",
        (lost, "workouts"),
        "0",
        format!("{VERIFIED} asked"),
    );
    server.stop().await
}

struct Requests {
    lines: Lines,
    world: World,
    /// Of each athlete's workout: the newest that was acknowledged.
    versions: Vec<AtomicU32>,
    starts: Timestamp,
    next: AtomicUsize,
}

struct Pressed {
    calls: f64,
    took: Times,
}

impl Requests {
    /// A workout of everybody: who has no score does not stand on the board.
    async fn fill(self: Arc<Self>) -> anyhow::Result<()> {
        let mut asking = JoinSet::new();
        for turn in 0..CONNECTIONS {
            let requests = self.clone();
            asking.spawn(async move {
                for who in (turn..requests.versions.len()).step_by(CONNECTIONS) {
                    requests.ask(Call::Sync, who, turn).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(asked) = asking.join_next().await {
            asked??;
        }
        self.next.store(self.versions.len(), Relaxed);
        Ok(())
    }

    /// Every connection asks as soon as it was answered.
    async fn press(self: Arc<Self>, call: Call, lasting: Duration) -> anyhow::Result<Pressed> {
        let ends = Instant::now() + lasting;
        let mut asking = JoinSet::new();
        for turn in 0..CONNECTIONS {
            asking.spawn(self.clone().ask_until(ends, call, turn));
        }
        let mut pressed = Pressed { calls: 0.0, took: times(3)? };
        while let Some(asked) = asking.join_next().await {
            let took = asked??;
            pressed.calls += took.len() as f64;
            pressed.took.add(&took)?;
        }
        Ok(pressed)
    }

    async fn ask_until(self: Arc<Self>, ends: Instant, call: Call, turn: usize) -> anyhow::Result<Times> {
        let mut took = times(3)?;
        while Instant::now() < ends {
            let who = self.next.fetch_add(1, Relaxed) % self.versions.len();
            note(&mut took, self.ask(call, who, turn).await?);
        }
        Ok(took)
    }

    /// One call of an athlete, that must be answered well; how long that took.
    async fn ask(&self, call: Call, who: usize, turn: usize) -> anyhow::Result<Duration> {
        let ask = self.one(call, who);
        let begun = Instant::now();
        let (outcome, body) = self.lines.call_on(turn, &ask, WITHIN).await;
        let took = begun.elapsed();
        ensure!(!outcome.is_error(), "{}: {outcome:?}: {}", ask.path, String::from_utf8_lossy(&body));
        if call == Call::Sync {
            ensure!(World::is_stored(&body), "not stored: {}", String::from_utf8_lossy(&body));
            self.versions[who].fetch_add(1, Relaxed);
        }
        Ok(took)
    }

    fn one(&self, call: Call, who: usize) -> Ask {
        let board = |rest: &str| format!("/v1/boards/{}/{rest}", self.world.challenge_id);
        match call {
            Call::BoardAround => self.world.get(call, who, board("around?span=5")),
            Call::BoardTop => self.world.get(call, who, board("top?limit=100")),
            _ => Ask {
                method: Method::POST,
                body: Some(self.report(who)),
                ..self.world.get(Call::Sync, who, "/v1/sync".to_owned())
            },
        }
    }

    /// The athlete's one workout, a version newer and longer.
    fn report(&self, who: usize) -> Bytes {
        let version = self.versions[who].load(Relaxed) + 1;
        let (seconds, start_at) = (version * SECONDS_A_VERSION, self.start_of(who));
        let metres = seconds * PACE;
        Bytes::from(format!(
            "{{\"source\":\"wearable\",\"upserts\":[{{\"key\":\"race\",\"version\":{version},\"kind\":\"workout\",\"workout\":{{\
             \"sport\":\"running\",\"start_at\":\"{start_at}\",\"elapsed_time_s\":{seconds},\"distance_m\":{metres}}}}}]}}"
        ))
    }

    fn start_of(&self, who: usize) -> Timestamp {
        self.starts + SignedDuration::from_millis(i64::try_from(who).unwrap_or_default())
    }

    /// Waits until nothing that was written is under way any more: the board says what was acknowledged last.
    async fn settled(&self) -> anyhow::Result<()> {
        let begun = Instant::now();
        for who in self.verified() {
            while self.placed(who).await? != f64::from(self.metres(who)) {
                ensure!(begun.elapsed() < SETTLED_WITHIN, "the board never said what was acknowledged");
                tokio::time::sleep(LOOK_EACH).await;
            }
        }
        Ok(())
    }

    /// Of those who are looked up, how many do not find what was acknowledged.
    async fn lost(&self) -> anyhow::Result<f64> {
        let mut lost = 0.0;
        for who in self.verified() {
            let ask = self.world.get(Call::Activities, who, "/v1/activities?limit=2".to_owned());
            let list = answered(&self.lines, &ask).await?;
            let found: Vec<f64> =
                list["items"].as_array().context("no list")?.iter().filter_map(metres_of).collect();
            let kept: Vec<f64> =
                (self.metres(who) > 0).then(|| self.metres(who).into()).into_iter().collect();
            if found != kept {
                lost += 1.0;
            }
        }
        Ok(lost)
    }

    /// Spread over all, and the last who wrote.
    fn verified(&self) -> impl Iterator<Item = usize> {
        let (members, newest) = (self.versions.len(), self.next.load(Relaxed));
        let newest = (newest.saturating_sub(VERIFIED / 2)..newest).map(move |nth| nth % members);
        (0..members).step_by((members * 2 / VERIFIED).max(1)).chain(newest)
    }

    fn metres(&self, who: usize) -> u32 {
        self.versions[who].load(Relaxed) * SECONDS_A_VERSION * PACE
    }

    async fn placed(&self, who: usize) -> anyhow::Result<f64> {
        let path = format!(
            "/v1/boards/{}/ranks?accounts={}",
            self.world.challenge_id, self.world.athletes[who].account_id
        );
        let board = answered(&self.lines, &self.world.get(Call::BoardAround, who, path)).await?;
        Ok(board["entries"][0]["score"].as_f64().unwrap_or_default())
    }
}

fn metres_of(item: &Value) -> Option<f64> {
    item["distance_m"].as_f64()
}
