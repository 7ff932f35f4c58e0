//! Fifty thousand join one challenge, watch it and report: the proof that they can. Everything that was acknowledged is
//! held against the board at the end: every score, every rank, and what every stream was told last.
//!
//! | file | what |
//! |---|---|
//! | [`plan`] | what is asked for: `scenarios/competition-50k.toml` |
//! | [`field`] | what all parts share, and what went wrong |
//! | [`pace`] | joins and reports, begun when they are due |
//! | [`streams`], [`frames`] | a live stream for everybody, and how little is read of it |
//! | [`ledger`] | what was acknowledged, and the board that follows from it |
//! | [`samples`] | what took how long |
//! | [`meter`] | CPU and memory of both sides, second by second |
//! | [`kill`] | the server killed in the middle |
//! | [`outcome`], [`page`] | the verdict, as JSON and as one HTML file |

mod field;
mod frames;
mod kill;
mod ledger;
mod meter;
mod outcome;
mod pace;
mod page;
mod plan;
mod samples;
mod streams;

use std::{
    path::Path,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use clap::Args;
use kernel::{Clock, SystemClock};
use serde_json::Value;
use tokio::time::sleep;
use uuid::Uuid;

use self::{
    field::{Counted, Field, Troubles},
    kill::Outage,
    ledger::{Found, Ledger, Place},
    meter::Meter,
    outcome::Ran,
    pace::Paced,
    plan::Plan,
    samples::Samples,
    streams::Streams,
};
use crate::{
    Options,
    generator::wire::Lines,
    process::{Server, binary, command},
    report::{Report, machine},
    steady::{Seeded, seeded, write},
    world::answered,
};

const PLAN: &str = include_str!("../scenarios/competition-50k.toml");
/// Between two stages.
const BREATH: Duration = Duration::from_secs(2);
const LOOK_EACH: Duration = Duration::from_millis(500);
/// Places on a page of the board.
const PAGE: usize = 500;

/// What the command line changes of the plan; `--seconds` too.
#[derive(Clone, Copy, Debug, PartialEq, Args)]
pub(crate) struct Asked {
    /// How many compete [default: 50000]
    #[arg(long, value_name = "N")]
    athletes: Option<usize>,
    /// Kills the server with SIGKILL in the middle, and starts it again
    #[arg(long)]
    kill: bool,
    /// Of a hundred streams, those that are read slowly: a frame, then nothing for five seconds [default: 0]
    #[arg(long, value_name = "PERCENT")]
    slow_percent: Option<f64>,
    /// Of a hundred streams, those that are dropped and opened again in a minute [default: 0]
    #[arg(long, value_name = "PERCENT")]
    reconnect_percent: Option<f64>,
}

/// # Errors
/// It could not be run to its end. A missed objective is told to the report.
pub(crate) async fn measure(asked: Asked, options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let plan = Plan::parse(PLAN)?.with(asked, options.seconds)?;
    let about = (SystemClock.now().to_string(), machine());
    let binary = binary(options).await?;
    let folder = options.fresh_folder()?;
    let data = folder.path().join("data");
    let seeding = command(&binary, &data, &["seed", "--challenge", "--unjoined", "--hours", "12"]);
    let seeded =
        seeded(seeding, data.with_extension("sessions"), (plan.athletes, plan.friends, plan.seed)).await?;
    println!("{}", seeded.said);
    let server = Server::start(&binary, &data).await?;
    let field = Arc::new(field(plan, &seeded, &server.address)?);
    let meter = Meter::begin(&field, server.id()?);
    let ran = Box::pin(run(&field, (server, &binary, &data), meter)).await?;
    let outcome = ran.outcome(&field, about, seeded.said.replace('\n', "; "))?;
    let (json, html) = (serde_json::to_string_pretty(&outcome)?, page::page(&outcome)?);
    write(&field.plan.name, &json, &html, options)?;
    outcome.tell(report);
    Ok(())
}

fn field(plan: Plan, seeded: &Seeded, address: &str) -> anyhow::Result<Field> {
    let text = std::fs::read_to_string(&seeded.sessions).context("the sessions")?;
    let session = |line: &str| -> anyhow::Result<(Uuid, Arc<str>)> {
        let (account, token) = line.split_once(' ').context("a line is `account_id token`")?;
        Ok((account.parse()?, token.into()))
    };
    let sessions: Vec<_> = text.lines().map(session).collect::<anyhow::Result<_>>()?;
    ensure!(sessions.len() == plan.athletes, "{} sessions for {} athletes", sessions.len(), plan.athletes);
    let (accounts, tokens): (Vec<Uuid>, Vec<Arc<str>>) = sessions.into_iter().unzip();
    let begins = Instant::now();
    let reports = plan.reports();
    Ok(Field {
        ledger: Ledger::of(&accounts, SystemClock.now(), plan.seed),
        joins: Samples::of(begins, plan.athletes),
        syncs: Samples::of(begins, reports),
        own: Samples::of(begins, reports),
        shown: Samples::of(begins, reports),
        plan,
        address: address.to_owned(),
        challenge_id: seeded.challenge_id.clone(),
        tokens,
        begins,
        troubles: Troubles::default(),
        counted: Counted::default(),
        rests: false.into(),
    })
}

/// All stages, one after the other.
async fn run(
    field: &Arc<Field>,
    (server, binary, data): (Server, &Path, &Path),
    meter: Meter,
) -> anyhow::Result<Ran> {
    let joins = pace::joins(field).await.context("joins")?;
    let participants = field.ledger.participants();
    println!("{participants} joined in {:.2} s", joins.took.as_secs_f64());
    sleep(BREATH).await;

    let streams = Streams::begin(field).await?;
    let opened = streams.opened().await;
    let open = field.counted.open.load(Ordering::Relaxed);
    println!("{open} streams open after {:.2} s", opened.as_secs_f64());
    sleep(BREATH).await;

    let begins = Instant::now();
    let warm = begins + Duration::from_secs(field.plan.warm_up_s);
    let ends = warm + Duration::from_secs(field.plan.seconds);
    let killing = async {
        if !field.plan.kill {
            return anyhow::Ok((server, None));
        }
        let at = warm + Duration::from_secs(field.plan.seconds) / 2;
        let (server, outage) = kill::kill(field, (server, binary, data), &meter, at).await?;
        Ok((server, Some(outage)))
    };
    let (reports, killed) = tokio::join!(pace::reports(field, begins), killing);
    let (reports, (server, outage)): (Paced, (Server, Option<Outage>)) = (reports?, killed?);
    field.rests.store(true, Ordering::Relaxed);
    println!("{} reports were acknowledged", field.syncs.len());

    let rested = rest(field).await;
    let board = whole_board(field).await?;
    let found = field.ledger.held_against(&board);
    let missed = missed(field, &board);
    drop(streams);
    let moments = meter.end()?;
    server.stop().await?;
    Ok(Ran {
        joins,
        participants,
        opened,
        reports,
        measured: warm..ends,
        outage,
        rested,
        found,
        missed,
        moments,
    })
}

/// Waits until every stream was told its last place, or for as long as it may take.
async fn rest(field: &Field) -> Duration {
    let (begun, within) = (Instant::now(), Duration::from_secs(field.plan.rest_within_s));
    loop {
        let missed = field.ledger.missed(&field.ledger.expected(|_| None));
        if missed.is_empty() || begun.elapsed() > within {
            return begun.elapsed();
        }
        sleep(LOOK_EACH).await;
    }
}

/// Every place, page by page: nothing moves any more.
async fn whole_board(field: &Field) -> anyhow::Result<Vec<Place>> {
    let lines = Lines::open(&field.address, 1).await?;
    let (mut board, mut cursor) = (Vec::with_capacity(field.plan.athletes), String::new());
    loop {
        let ask = field.get(0, field.board(&format!("top?limit={PAGE}{cursor}")));
        let page = answered(&lines, &ask).await?;
        for entry in page["entries"].as_array().context("a page without entries")? {
            board.push(place(entry)?);
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(board),
        }
    }
}

fn place(entry: &Value) -> anyhow::Result<Place> {
    let score = entry["score"].as_f64().context("a place without a score")?;
    let rank = entry["rank"].as_u64().context("a place without a rank")?;
    Ok(Place {
        rank: u32::try_from(rank)?,
        member: streams::number(entry["member"].as_str().context("a place without a member")?)?,
        score: (score * 1_000.0).round() as i64,
    })
}

/// Streams that were not told their last place, in words the first of them.
fn missed(field: &Field, board: &[Place]) -> Found {
    let shown: std::collections::HashMap<u32, i64> =
        board.iter().map(|place| (place.member, place.score)).collect();
    let missed = field.ledger.missed(&field.ledger.expected(|member| shown.get(&member).copied()));
    let words = missed.iter().take(10).map(|who| field.ledger.in_words(*who)).collect();
    Found { lost: missed.len(), wrong: 0, words }
}
