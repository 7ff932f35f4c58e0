//! A fleet of processes on one machine: how long it takes from a command to its effect in another service's read model.
//!
//! | file | what |
//! |---|---|
//! | [`processes`] | `stadion serve`, each service by itself or some together |
//! | [`workouts`] | the commands, open loop |
//! | [`effects`] | when each was to be seen |

pub(crate) mod effects;
pub(crate) mod processes;
pub(crate) mod workouts;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use eventing::Db;
use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use uuid::Uuid;

use self::{
    effects::{Journals, Progress, RELAY, SCORES, position, watch},
    processes::{ALONE, Engines, Fleet},
    workouts::{Course, Kept, Sent, send},
};
use crate::{
    Options,
    generator::wire::Lines,
    report::{Report, durations, record},
    world::World,
};

const RATE_PER_S: f64 = 500.0;
const ACCOUNTS: usize = 1_000;
const FRIENDS: f64 = 8.0;
const SEED: u64 = 1;
const CONNECTIONS: usize = 8;
/// Before the measurement: connections, plans of statements and caches are made.
const WARM_UP: Duration = Duration::from_secs(5);
/// Everything must be seen so long after the last command.
const REST_WITHIN: Duration = Duration::from_secs(180);
const LOOK_EACH: Duration = Duration::from_millis(250);
/// What the plan asks for, in ms.
const P50_MAX: f64 = 30.0;
const P99_MAX: f64 = 150.0;
const LAG_P99_MS_MAX: f64 = 10.0;

pub(crate) async fn measure(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let Some(engines) = Engines::of(options, report, "the fleet") else { return Ok(()) };
    let mut fleet = Fleet::plan(options, engines, ALONE, 1).await?;
    let seeded = fleet.seed((ACCOUNTS, FRIENDS, SEED)).await?;
    fleet.start_all().await?;
    let world = Arc::new(World::of_sessions(&seeded.sessions, &seeded.challenge_id)?);
    let lines = Arc::new(Lines::open(&fleet.door(), CONNECTIONS).await?);
    let rate_per_s = options.rate.unwrap_or(RATE_PER_S);
    let looking = Looking::begin(&fleet).await?;

    let course = |lasts| Course { rate_per_s, lasts, over: Arc::default() };
    send(&world, &lines, &course(WARM_UP)).await.context("the warm-up")?;
    let (cpu, began) = (fleet.cpu_seconds()?, Instant::now());
    let sent = send(&world, &lines, &course(Duration::from_secs(options.seconds()))).await?;
    let lasted = began.elapsed().as_secs_f64();
    let used: Vec<f64> =
        fleet.cpu_seconds()?.iter().zip(&cpu).map(|(after, before)| (after - before) / lasted).collect();

    let seen = looking.end(&sent.kept).await?;
    let cores: Vec<String> = fleet
        .parts
        .iter()
        .zip(&used)
        .map(|(services, used)| format!("{} {used:.2}", services.join("+")))
        .collect();
    let conditions = format!(
        "{rate_per_s} commands/s for {:.0} s, open loop, from the intended start; {} acknowledged, {} asked again, {} never seen; \
         {} processes, one a service; cores: {}",
        lasted,
        sent.kept.len(),
        sent.refused.len(),
        seen.missing,
        fleet.parts.len(),
        cores.join(", "),
    );
    tell(report, &sent, &seen.stages(&sent.kept)?, &conditions);
    ensure!(
        sent.lost == 0 && seen.missing == 0,
        "{} commands were never acknowledged, {} had no effect",
        sent.lost,
        seen.missing
    );
    Ok(())
}

fn tell(report: &mut Report, sent: &Sent, stages: &Stages, conditions: &str) {
    let lag_ms = ms(sent.lag.value_at_quantile(0.99));
    if lag_ms > LAG_P99_MS_MAX {
        report.skip("`fleet`", &format!("invalid: the generator itself was {lag_ms:.1} ms late at p99"));
    }
    let what = "command → effect in another service's read model";
    for (name, quantile, bound) in [("p50", 0.5, P50_MAX), ("p99", 0.99, P99_MAX)] {
        let seen = ms(stages.effect.value_at_quantile(quantile));
        let verdict = if seen < bound { "met" } else { "missed" };
        report.judged(
            format!("{what}, {name}"),
            (seen, "ms"),
            format!("< {bound} ms ({verdict})"),
            conditions,
        );
    }
    report.figure(format!("{what}, longest"), (ms(stages.effect.max()), "ms"), "", "");
    report.latencies(
        "command → answer",
        &stages.answer,
        "",
        "the answer waits for activity's own read models",
    );
    report.latencies("command → on the log", &stages.on_log, "", "activity's relay has its acknowledgement");
    report.figure("own delay of the generator, p99", (lag_ms, "ms"), "≤ 10 ms", "");
    for (_, why) in sent.refused.iter().take(5) {
        println!("asked again: {why}");
    }
}

/// What is looked at while commands are sent.
pub(crate) struct Looking {
    over: Arc<AtomicBool>,
    watching: JoinSet<anyhow::Result<(bool, Progress)>>,
    journals: Journals,
    gamification: Db,
}

/// What was seen.
pub(crate) struct Seen {
    pub(crate) visible: Progress,
    on_log: Progress,
    pub(crate) journals: Journals,
    /// Acknowledged workouts without an effect.
    pub(crate) missing: usize,
}

/// From a command's intended start to each step.
struct Stages {
    answer: Histogram<u64>,
    on_log: Histogram<u64>,
    effect: Histogram<u64>,
}

impl Looking {
    pub(crate) async fn begin(fleet: &Fleet) -> anyhow::Result<Self> {
        let over = Arc::new(AtomicBool::new(false));
        let (activity, gamification) =
            (fleet.database("activity").await?, fleet.database("gamification").await?);
        let mut watching = JoinSet::new();
        for (is_effect, db, cursor) in [(true, &gamification, SCORES), (false, &activity, RELAY)] {
            let watched = watch(db.clone(), cursor, over.clone());
            watching.spawn(async move { Ok((is_effect, watched.await?)) });
        }
        let journals = Journals::open(activity, gamification.clone()).await?;
        Ok(Self { over, watching, journals, gamification })
    }

    /// Waits until every acknowledged workout is seen, at most three minutes, and ends.
    pub(crate) async fn end(mut self, kept: &[Kept]) -> anyhow::Result<Seen> {
        let wanted: Vec<Uuid> = kept.iter().map(|one| one.activity).collect();
        let began = Instant::now();
        let missing = loop {
            let passed = position(&self.gamification, SCORES).await?;
            let missing = self.journals.waiting(&wanted, passed).await?;
            if missing == 0 || began.elapsed() > REST_WITHIN {
                break missing;
            }
            tokio::time::sleep(LOOK_EACH).await;
        };
        tokio::time::sleep(LOOK_EACH).await;
        self.over.store(true, Ordering::Relaxed);
        let (mut visible, mut on_log) = (Progress::default(), Progress::default());
        while let Some(ended) = self.watching.join_next().await {
            let (is_effect, progress) = ended.context("a look panicked")??;
            *(if is_effect { &mut visible } else { &mut on_log }) = progress;
        }
        Ok(Seen { visible, on_log, journals: self.journals, missing })
    }
}

impl Seen {
    /// When a workout's effect was to be seen.
    pub(crate) fn effect(&self, kept: &Kept) -> Option<Instant> {
        let trail = self.journals.trails.get(&kept.activity)?;
        self.visible.passed(trail.counted).filter(|_| trail.counted > 0)
    }

    fn stages(&self, kept: &[Kept]) -> anyhow::Result<Stages> {
        let mut stages = Stages { answer: durations()?, on_log: durations()?, effect: durations()? };
        for one in kept {
            let after = |moment: Instant| moment.saturating_duration_since(one.due);
            record(&mut stages.answer, after(one.answered));
            let recorded = self.journals.trails.get(&one.activity).map(|trail| trail.recorded);
            if let Some(moment) = recorded.and_then(|position| self.on_log.passed(position)) {
                record(&mut stages.on_log, after(moment));
            }
            if let Some(moment) = self.effect(one) {
                record(&mut stages.effect, after(moment));
            }
        }
        Ok(stages)
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
fn ms(micros: u64) -> f64 {
    micros as f64 / 1_000.0
}
