//! Two processes of every service under load; one after the other is killed with SIGKILL. What fails, and how long until
//! what the dead one owned is served again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use eventing::{Db, args};
use tokio::task::JoinSet;

use crate::{
    Options,
    calls::Call,
    fleet::{
        Looking, Seen,
        processes::{Engines, Fleet, GROUPED},
        workouts::{Course, Sent, send},
    },
    generator::{
        dice::Dice,
        drive::Asking,
        schedule::{Arrivals, Schedule, starts},
        tally::Outcome,
        wire::Lines,
    },
    report::Report,
    world::World,
};

const WRITES_PER_S: f64 = 30.0;
/// For each workout.
const READS: f64 = 3.0;
const ACCOUNTS: usize = 200;
const FRIENDS: f64 = 8.0;
const SEED: u64 = 3;
const CONNECTIONS: usize = 4;
const REPLICAS: usize = 2;
/// Leases are shared out among those that are there.
const SETTLE: Duration = Duration::from_secs(10);
/// Load goes on behind a death, whatever is served again by then.
const BEHIND: Duration = Duration::from_secs(12);
const SERVED_WITHIN: Duration = Duration::from_secs(60);
const LOOK_EACH: Duration = Duration::from_millis(20);
const GIVE_UP_AFTER: Duration = Duration::from_secs(20);
/// What the plan asks for, in s.
const BOUND_S: f64 = 10.0;

const PAGES: [Call; 9] = [
    Call::Me,
    Call::Progress,
    Call::Activities,
    Call::Feed,
    Call::Profile,
    Call::Friends,
    Call::BoardTop,
    Call::Offers,
    Call::Achievements,
];

/// One process that was killed.
struct Death {
    part: usize,
    at: Instant,
    /// How much it owned, and how long until somebody else held all of it.
    owned: usize,
    held_again: Duration,
}

/// What reads saw.
#[derive(Default)]
struct Looked {
    asked: u64,
    failed: Vec<(Instant, String)>,
}

pub(crate) async fn measure(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let Some(engines) = Engines::of(options, report, "failover") else { return Ok(()) };
    let mut fleet = Fleet::plan(options, engines, GROUPED, REPLICAS).await?;
    let seeded = fleet.seed((ACCOUNTS, FRIENDS, SEED)).await?;
    fleet.start_all().await?;
    let world = Arc::new(World::of_sessions(&seeded.sessions, &seeded.challenge_id)?);
    let lines = Arc::new(Lines::open(&fleet.door(), CONNECTIONS).await?);
    let looking = Looking::begin(&fleet).await?;
    let over = Arc::new(AtomicBool::new(false));
    let rate_per_s = options.rate.unwrap_or(WRITES_PER_S);
    let course = Course { rate_per_s, lasts: Duration::from_secs(3_600), over: over.clone() };
    let killing = async {
        let deaths = kill_each(&mut fleet).await;
        over.store(true, Ordering::Relaxed);
        deaths
    };
    let (deaths, sent, looked) = tokio::join!(
        killing,
        send(&world, &lines, &course),
        look(&world, &lines, rate_per_s * READS, over.clone())
    );
    let (deaths, sent, looked) = (deaths?, sent?, looked?);
    let seen = looking.end(&sent.kept).await?;
    tell(report, &fleet, (&deaths, &sent, &looked, &seen));
    ensure!(
        sent.lost == 0 && seen.missing == 0,
        "{} commands were never acknowledged, {} had no effect",
        sent.lost,
        seen.missing
    );
    Ok(())
}

/// The public door stays: who stands before several of them has a balancer of its own.
async fn kill_each(fleet: &mut Fleet) -> anyhow::Result<Vec<Death>> {
    let mut deaths = Vec::new();
    let stays = fleet.part_of("gateway");
    for part in (0..fleet.parts.len()).filter(|part| *part != stays) {
        tokio::time::sleep(SETTLE).await;
        let mut stores = Vec::new();
        for service in fleet.parts[part] {
            stores.push(fleet.database(service).await?);
        }
        let (replica, holder, owned) = busiest(fleet, part, &stores).await?;
        fleet.kill(part, replica).await?;
        let at = Instant::now();
        for (store, resources) in stores.iter().zip(&owned) {
            held_by_others(store, &holder, resources).await?;
        }
        let owned = owned.iter().map(Vec::len).sum();
        let death = Death { part, at, owned, held_again: at.elapsed() };
        deaths.push(death);
        tokio::time::sleep(BEHIND).await;
        fleet.start(part, replica).await?;
    }
    Ok(deaths)
}

/// The replica that owns the most: its number, how leases call it, and what it owns in each store.
async fn busiest(
    fleet: &Fleet,
    part: usize,
    stores: &[Db],
) -> anyhow::Result<(usize, String, Vec<Vec<String>>)> {
    let mut all = Vec::new();
    for replica in 0..REPLICAS {
        let holder = format!("{}/%", fleet.name(part, replica));
        let mut owned = Vec::new();
        for store in stores {
            owned.push(owned_by(store, &holder).await?);
        }
        all.push((replica, holder, owned));
    }
    let most = all.into_iter().max_by_key(|(.., owned)| owned.iter().map(Vec::len).sum::<usize>());
    most.context("a part without replicas")
}

const LIVE: &str = "expires_us > CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)";

async fn owned_by(store: &Db, holder: &str) -> anyhow::Result<Vec<String>> {
    let sql = format!(
        "SELECT resource FROM es_lease WHERE holder LIKE $1 AND resource NOT LIKE 'member:%' AND {LIVE}"
    );
    let rows = store.fetch(&sql, args![holder]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect::<Result<_, _>>()?)
}

/// Returns when somebody else holds each of these.
async fn held_by_others(store: &Db, holder: &str, resources: &[String]) -> anyhow::Result<()> {
    let sql = format!("SELECT resource FROM es_lease WHERE holder NOT LIKE $1 AND {LIVE}");
    let began = Instant::now();
    while began.elapsed() < SERVED_WITHIN {
        let rows = store.fetch(&sql, args![holder]).await?;
        let held: Vec<String> = rows.iter().map(|row| row.get(0)).collect::<Result<_, _>>()?;
        if resources.iter().all(|resource| held.contains(resource)) {
            return Ok(());
        }
        tokio::time::sleep(LOOK_EACH).await;
    }
    anyhow::bail!("nobody took over what {holder} owned")
}

/// Reads at a steady rate, each sent once.
async fn look(
    world: &Arc<World>,
    lines: &Arc<Lines>,
    rate_per_s: f64,
    over: Arc<AtomicBool>,
) -> anyhow::Result<Looked> {
    let lasts = Duration::from_secs(3_600);
    let mut due = starts(Schedule::of(Arrivals::Poisson, rate_per_s, lasts, (0, 1), SEED));
    let mut dice = Dice::of(SEED);
    let mut looked = Looked::default();
    let mut asked: JoinSet<Option<(Instant, String)>> = JoinSet::new();
    while !over.load(Ordering::Relaxed) {
        if due.recv().await.is_none() {
            break;
        }
        looked.asked += 1;
        let ask = world.ask(PAGES[dice.below(PAGES.len())], &mut dice);
        let lines = lines.clone();
        asked.spawn(async move {
            let (outcome, body) = lines.call(&ask, GIVE_UP_AFTER).await;
            let why = match &outcome {
                outcome if !outcome.is_error() => return None,
                Outcome::Answered(status) => format!("{status} {}", String::from_utf8_lossy(&body)),
                other => format!("{other:?}"),
            };
            Some((Instant::now(), format!("{}: {why}", ask.path)))
        });
        while let Some(ended) = asked.try_join_next() {
            looked.failed.extend(ended.context("a read panicked")?);
        }
    }
    while let Some(ended) = asked.join_next().await {
        looked.failed.extend(ended.context("a read panicked")?);
    }
    Ok(looked)
}

fn tell(report: &mut Report, fleet: &Fleet, (deaths, sent, looked, seen): (&[Death], &Sent, &Looked, &Seen)) {
    let near = |death: &Death, moment: &Instant| {
        *moment >= death.at && moment.duration_since(death.at) < BEHIND + SETTLE
    };
    for death in deaths {
        let services = fleet.parts[death.part].join("+");
        let refused = sent.refused.iter().filter(|(moment, _)| near(death, moment)).count();
        let failed = looked.failed.iter().filter(|(moment, _)| near(death, moment)).count();
        let held_s = death.held_again.as_secs_f64();
        let verdict = if held_s < BOUND_S { "met" } else { "missed" };
        report.judged(
            format!("failover, {services}: killed → what it owned is owned again"),
            (held_s, "s"),
            format!("< {BOUND_S} s ({verdict})"),
            format!("{} leases; {failed} reads failed, {refused} commands were asked again", death.owned),
        );
        // A command around that moment waited the longest for its effect.
        let around = sent.kept.iter().filter(|kept| near(death, &kept.answered));
        let longest =
            around.filter_map(|kept| Some(seen.effect(kept)?.saturating_duration_since(kept.due))).max();
        let longest_s = longest.unwrap_or_default().as_secs_f64();
        let verdict = if longest_s < BOUND_S { "met" } else { "missed" };
        report.judged(
            format!("failover, {services}: longest from a workout to its effect in gamification"),
            (longest_s, "s"),
            format!("< {BOUND_S} s ({verdict})"),
            "",
        );
    }
    let failed = looked.failed.len();
    let verdict = if failed == 0 { "met" } else { "missed" };
    let (reads, writes) = (looked.asked, sent.kept.len());
    #[expect(clippy::cast_precision_loss, reason = "a count")]
    report.judged(
        "failover: reads that failed",
        (failed as f64, "reads"),
        format!("0 ({verdict})"),
        format!(
            "of {reads}, each sent once by the client; {writes} commands acknowledged, {} lost",
            sent.lost
        ),
    );
    #[expect(clippy::cast_precision_loss, reason = "a count")]
    report.figure(
        "failover: commands asked again under their key",
        (sent.refused.len() as f64, "answers"),
        "",
        format!("{REPLICAS} processes of each of {} parts, the gateway's stay", fleet.parts.len()),
    );
    for (_, why) in looked.failed.iter().chain(&sent.refused).take(10) {
        println!("not answered: {why}");
    }
}
