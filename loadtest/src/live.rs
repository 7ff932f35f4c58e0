//! Streams on one board while workouts arrive: is every final state there, how soon does one see one's own, how soon do
//! names go, and what does a stream cost the server.
//!
//! | file | what |
//! |---|---|
//! | [`stream`] | one reader: frames folded to a board |
//! | [`runners`] | who runs, what was acknowledged, what should be seen |

mod runners;
mod stream;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use hdrhistogram::Histogram;
use serde::Deserialize;
use tokio::task::JoinSet;

use self::{
    runners::Runners,
    stream::{Parsed, Reader},
};
use crate::{
    Options,
    generator::{
        dice::Dice,
        schedule::{Arrivals, Schedule, starts},
        tally::{Times, note, times},
        wire::Lines,
    },
    process::{Server, binary},
    report::{Report, record},
    steady::seed,
    world::{World, answered},
};

const LIVE: &str = include_str!("../scenarios/live.toml");
const LIVE_SMOKE: &str = include_str!("../scenarios/live-smoke.toml");
/// Streams opened at once.
const OPENING_AT_ONCE: usize = 64;
/// How long everything may take to come to rest after the last workout.
const REST_WITHIN: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// What one rests for before its cost is read.
const IDLE: Duration = Duration::from_secs(5);
const BLOCK_EVERY: Duration = Duration::from_millis(500);
const BLOCK_SEEN_WITHIN: Duration = Duration::from_secs(10);

/// `scenarios/live*.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Plan {
    name: String,
    #[expect(dead_code, reason = "for who reads the file")]
    about: String,
    accounts: usize,
    friends: f64,
    seed: u64,
    connections: usize,
    call_connections: usize,
    places: usize,
    updates_per_s: f64,
    unwatched_s: u64,
    seconds: u64,
    blocks: usize,
    give_up_after_ms: u64,
}

/// Everything that a run stands on.
struct Stage {
    plan: Plan,
    server: Server,
    calls: Arc<Lines>,
    world: Arc<World>,
    runners: Arc<Runners>,
}

/// What the updates of one phase cost and how they went.
struct Phase {
    cpu_s: f64,
    lag: Times,
    sent: usize,
    errors: u64,
}

pub(crate) async fn live(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    measure(LIVE, options, report).await
}

pub(crate) async fn smoke(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    measure(LIVE_SMOKE, options, report).await
}

async fn measure(plan: &str, options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let mut plan: Plan = toml::from_str(plan).context("this is no plan of live streams")?;
    plan.updates_per_s = options.rate.unwrap_or(plan.updates_per_s);
    anyhow::ensure!(plan.updates_per_s.is_finite() && plan.updates_per_s > 0.0, "--rate must be above 0");
    let binary = binary(options).await?;
    let folder = options.fresh_folder()?;
    let data = folder.path().join("data");
    let seeded = seed(&binary, &data, (plan.accounts, plan.friends, plan.seed)).await?;
    let server = Server::start(&binary, &data).await?;
    let calls = Arc::new(Lines::open(&server.address, plan.call_connections).await?);
    let world = Arc::new(World::of_sessions(&seeded.sessions, &seeded.challenge_id)?);
    let runners = Arc::new(Runners::of(world.athletes.len())?);
    let stage = Stage { plan, server, calls, world, runners };
    let watched = stage.run(report).await;
    stage.server.stop().await?;
    watched
}

impl Stage {
    async fn run(&self, report: &mut Report) -> anyhow::Result<()> {
        // Everybody runs once: from now on all are on the board.
        self.warm_up().await?;
        tokio::time::sleep(IDLE).await;
        let unwatched = self.update(self.plan.unwatched_s).await?;
        self.runners.forget_times()?;
        tokio::time::sleep(IDLE).await;

        let resident_mb = self.server.resident_mb()?;
        let watching = Arc::new(Lines::open(&self.server.address, self.plan.connections).await?);
        let readers = self.open(&watching).await?;
        tokio::time::sleep(IDLE).await;
        let opened_mb = self.server.resident_mb()?;
        let cpu_before_s = self.server.cpu_seconds()?;
        tokio::time::sleep(IDLE).await;
        let idle_s = self.server.cpu_seconds()? - cpu_before_s;

        let (watched, blocked) = tokio::join!(self.update(self.plan.seconds), self.block(&readers));
        let (watched, blocked) = (watched?, blocked?);
        let lost = self.at_rest(&readers).await?;
        let memory = (resident_mb, opened_mb, self.server.resident_mb()?);
        self.tell(report, (&unwatched, &watched), (memory, idle_s), &lost)?;
        let own = self.runners.times()?;
        let conditions = self.conditions();
        report.latencies("workout acknowledged → own `me` frame", &own.after_ack, "< 1.5 s", &conditions);
        report.latencies("workout meant to be sent → own `me` frame", &own.after_intended, "", &conditions);
        report.latencies(
            "block answered → name gone from a running stream",
            &blocked,
            "≤ one tick",
            &conditions,
        );
        ensure!(lost.is_empty(), "lost final states: {}", lost.join("; "));
        Ok(())
    }

    async fn warm_up(&self) -> anyhow::Result<()> {
        let mut running = JoinSet::new();
        for who in 0..self.world.athletes.len() {
            if running.len() >= OPENING_AT_ONCE {
                running.join_next().await.context("nobody runs")???;
            }
            running.spawn(run(self.shared(), who, Instant::now()));
        }
        while let Some(ran) = running.join_next().await {
            ran??;
        }
        Ok(())
    }

    fn shared(&self) -> Shared {
        Shared {
            calls: self.calls.clone(),
            world: self.world.clone(),
            runners: self.runners.clone(),
            within: Duration::from_millis(self.plan.give_up_after_ms),
        }
    }

    /// Workouts at the planned rate, everybody in turn, each from the moment at which it was meant to be sent.
    async fn update(&self, seconds: u64) -> anyhow::Result<Phase> {
        let lasts = Duration::from_secs(seconds);
        let schedule =
            Schedule::of(Arrivals::Constant, self.plan.updates_per_s, lasts, (0, 1), self.plan.seed);
        let mut lag = times(3)?;
        let cpu_s = self.server.cpu_seconds()?;
        let mut running = JoinSet::new();
        let (mut sent, mut errors) = (0, 0);
        let mut starts = starts(schedule);
        while let Some(due) = starts.recv().await {
            note(&mut lag, due.elapsed());
            running.spawn(run(self.shared(), sent % self.world.athletes.len(), due));
            sent += 1;
            while let Some(ran) = running.try_join_next() {
                errors += u64::from(ran?.is_err());
            }
        }
        while let Some(ran) = running.join_next().await {
            errors += u64::from(ran?.is_err());
        }
        Ok(Phase { cpu_s: self.server.cpu_seconds()? - cpu_s, lag, sent, errors })
    }

    async fn open(&self, lines: &Arc<Lines>) -> anyhow::Result<Vec<Arc<Reader>>> {
        let parsed = Arc::new(Parsed::default());
        let mut opening = JoinSet::new();
        let mut readers = Vec::new();
        for who in 0..self.world.athletes.len() {
            if opening.len() >= OPENING_AT_ONCE {
                readers.push(opening.join_next().await.context("nothing opens")???);
            }
            let path = format!("/v1/boards/{}/live?limit={}", self.world.challenge_id, self.plan.places);
            let (lines, parsed, runners) = (lines.clone(), parsed.clone(), self.runners.clone());
            let ask = self.world.get(crate::calls::Call::BoardTop, who, path);
            let places = self.plan.places;
            opening.spawn(async move { Reader::open(&lines, ask, places, parsed, runners).await });
        }
        while let Some(opened) = opening.join_next().await {
            readers.push(opened??);
        }
        readers.sort_by_key(|reader| reader.who());
        Ok(readers)
    }

    /// Now and then somebody blocks one whose name they see: how long is the name still there?
    async fn block(&self, readers: &[Arc<Reader>]) -> anyhow::Result<Histogram<u64>> {
        let mut gone = crate::report::durations()?;
        let mut dice = Dice::of(self.plan.seed);
        tokio::time::sleep(IDLE).await;
        for _ in 0..self.plan.blocks {
            tokio::time::sleep(BLOCK_EVERY).await;
            let Some((reader, member, account)) = self.somebody_seen(readers, &mut dice) else { continue };
            let path = format!("/v1/me/blocks/{account}");
            answered(&self.calls, &self.world.put(crate::calls::Call::Follow, reader.who(), path)).await?;
            let answered_at = Instant::now();
            while reader.names(&member) {
                ensure!(answered_at.elapsed() < BLOCK_SEEN_WITHIN, "a blocked one's name stayed on a stream");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            // Whoever was overtaken out of the window took the name along: that says nothing of the block.
            if reader.shows(&member) {
                record(&mut gone, answered_at.elapsed());
            }
        }
        Ok(gone)
    }

    /// A reader who sees somebody else's name, whose it is, and under which member.
    fn somebody_seen<'a>(
        &self,
        readers: &'a [Arc<Reader>],
        dice: &mut Dice,
    ) -> Option<(&'a Arc<Reader>, String, String)> {
        let first = dice.below(readers.len());
        (0..readers.len()).find_map(|step| {
            let reader = &readers[(first + step) % readers.len()];
            let own = &self.world.athletes[reader.who()].account_id;
            let (member, account) = reader.seen_names().into_iter().find(|(_, account)| account != own)?;
            Some((reader, member, account))
        })
    }

    /// Waits until every stream shows what is true; those that never do, in words.
    async fn at_rest(&self, readers: &[Arc<Reader>]) -> anyhow::Result<Vec<String>> {
        let begun = Instant::now();
        loop {
            let path = format!("/v1/boards/{}/top?limit={}", self.world.challenge_id, self.plan.places);
            let ask = self.world.get(crate::calls::Call::BoardTop, 0, path);
            let top = stream::window_of(&answered(&self.calls, &ask).await?)?;
            let mut lost: Vec<String> = self.runners.held_against(&top).into_iter().collect();
            lost.extend(readers.iter().filter_map(|reader| reader.differs(&top, &self.runners)));
            if lost.is_empty() || begun.elapsed() > REST_WITHIN {
                lost.truncate(20);
                return Ok(lost);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    fn conditions(&self) -> String {
        let plan = &self.plan;
        format!(
            "`{}`: {} streams of {} places on {} connections, {} workouts/s for {} s, generator on the same machine",
            plan.name, plan.accounts, plan.places, plan.connections, plan.updates_per_s, plan.seconds
        )
    }

    #[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
    fn tell(
        &self,
        report: &mut Report,
        (unwatched, watched): (&Phase, &Phase),
        ((before_mb, opened_mb, after_mb), idle_s): ((f64, f64, f64), f64),
        lost: &[String],
    ) -> anyhow::Result<()> {
        let (plan, conditions) = (&self.plan, self.conditions());
        let streams = plan.accounts as f64;
        let share = |cpu_s: f64, seconds: u64| cpu_s / seconds as f64;
        let (without, with) = (share(unwatched.cpu_s, plan.unwatched_s), share(watched.cpu_s, plan.seconds));
        report.figure("streams without their final state", (lost.len() as f64, ""), "0", &conditions);
        report.figure(
            "workouts that were not stored",
            ((unwatched.errors + watched.errors) as f64, ""),
            "0",
            format!("of {}; {conditions}", unwatched.sent + watched.sent),
        );
        let detail = format!("{with:.2} CPU-s a second with the streams, {without:.2} without; {conditions}");
        report.figure("a stream's processor time", ((with - without) / streams * 1e6, "µs/s"), "", detail);
        let idle = idle_s / IDLE.as_secs_f64();
        report.figure("processor time with idle streams", (idle, "cores"), "", &conditions);
        let detail = format!("VmRSS {before_mb:.0} → {opened_mb:.0} MB; {after_mb:.0} MB at the end");
        report.figure(
            "a stream's memory",
            ((opened_mb - before_mb) * 1e3 / streams, "KB"),
            "< 48 KB",
            detail,
        );
        let lag_ms = crate::generator::verdict::at(&watched.lag, 0.99);
        report.figure(
            "`live`: own delay, p99",
            (lag_ms, "ms"),
            "≤ 10 ms",
            format!("{} starts", watched.sent),
        );
        if lag_ms > crate::generator::verdict::LAG_P99_MS_MAX {
            report.skip("`live`", "invalid: the generator was late itself");
            report.fail("`live` is invalid");
        }
        Ok(())
    }
}

/// What one workout needs.
struct Shared {
    calls: Arc<Lines>,
    world: Arc<World>,
    runners: Arc<Runners>,
    within: Duration,
}

/// One workout, sent and acknowledged.
async fn run(shared: Shared, who: usize, due: Instant) -> anyhow::Result<()> {
    let Shared { calls, world, runners, within } = shared;
    let (ask, metres) = world.one_run(who);
    let turn = runners.turn(who).await;
    runners.sent(who, metres, due);
    let (outcome, body) = calls.call(&ask, within).await;
    let stored = !outcome.is_error() && World::is_stored(&body);
    runners.answered(who, metres, stored)?;
    drop(turn);
    ensure!(stored, "{outcome:?}: {}", String::from_utf8_lossy(&body));
    Ok(())
}
