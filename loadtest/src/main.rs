//! The load scenarios: each measures, none asserts a time. `stadion-loadtest` alone runs all of them.
//!
//! | file | what |
//! |---|---|
//! | [`append`] | the journal: events/s at 1 … 1 024 writers, with a reader that follows and counts gaps |
//! | [`rival`] | the same beside others' event stores, in one run |
//! | [`bus`] | the log: many records, pages, a reader, one record on its way; SQLite beside Kafka |
//! | [`catch_up`] | a reader far behind and a read model made anew: events/s, and the process' memory |
//! | [`costs`] | µs on the way of one event and one call: sealing, opening, actor tokens |
//! | [`binary`] | the release binary: start, memory, `demo` |
//! | [`board`] | the order of a board beside Redis' sorted set |
//! | [`upload`] | a device file until it is listed |
//! | [`apple`] | a health export of gigabytes, sent in parts and imported: memory, time, kills |
//! | [`lists`] | pages of lists and single activities where a million are stored |
//! | [`requests`] | board reads and score writes for a second of the server's processor time, at 256 connections |
//! | [`offer`] | a badge until its offer is held |
//! | [`steady`] | mixed load, open loop: `steady`, and `smoke`, `spike`, `soak`, `chaos` by other files of `scenarios/` |
//! | [`competition`] | fifty thousand join, watch and report; every score and rank is held against what was acknowledged |
//! | [`live`] | 2 000 streams on one board while workouts arrive |
//! | [`fleet`] | processes on PostgreSQL and Kafka: a command until its effect is seen in another service's read model |
//! | [`failover`] | the same, two of each, while one after the other is killed |
//! | [`generator`] | the open loop: schedules, tallies, verdicts, pages |
//! | [`calls`], [`world`] | what athletes' apps ask, and what they were told was kept |
//! | [`door`], [`process`], [`report`] | the public surface, the spawned binary, what is written down |

mod append;
mod apple;
mod binary;
mod board;
mod bus;
mod calls;
mod catch_up;
mod competition;
mod costs;
mod door;
mod failover;
mod fleet;
mod generator;
mod lists;
mod live;
mod offer;
mod process;
mod report;
mod requests;
mod rival;
mod steady;
mod upload;
mod world;

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};

use crate::report::Report;

#[derive(Debug, Parser)]
#[command(name = "stadion-loadtest", version, about = "Measures Stadion; figures for docs/numbers.md")]
struct Cli {
    /// Without one: all of them
    #[command(subcommand)]
    scenario: Option<Scenario>,
    #[command(flatten)]
    options: Options,
}

#[derive(Clone, Copy, Debug, PartialEq, Subcommand)]
enum Scenario {
    /// Event append on SQLite and PostgreSQL
    Append {
        /// On PostgreSQL alone, beside `postgres-es` and a naive `bigserial` reader, in turns
        #[arg(long)]
        rival: bool,
    },
    /// The log on SQLite and Kafka
    Bus,
    /// Sealing, opening, tokens between services
    Costs,
    /// Start, memory and demo of the release binary
    Binary,
    /// The order of a board beside Redis, in one run
    Board,
    /// Uploads until they are listed
    Upload,
    /// A badge until its offer is held
    Offer,
    /// Mixed load over all services at 1 000 calls/s for a minute
    Steady,
    /// 2 000 live streams on one board at 500 workouts/s
    Live,
    /// A command until its effect, through a fleet of processes on PostgreSQL and Kafka, at 500 commands/s
    Fleet,
    /// Two of each process under load, one after the other killed
    Failover,
    /// A million events into a read model, and that one made anew; not among all of them
    CatchUp(catch_up::CatchUp),
    /// Pages of lists where many activities are stored; not among all of them
    Lists(lists::Lists),
    /// Board reads and score writes for a CPU-second of the server, at 256 connections; not among all of them
    Requests(requests::Asked),
    /// A health export of gigabytes in parts, killed in the middle; not among all of them
    Apple(apple::Asked),
    /// A few seconds of `live`
    LiveSmoke,
    /// A few seconds of `steady`: whether the scenario still fits the surface
    Smoke,
    /// The mixed load, five times as much for a while; not among all of them
    Spike,
    /// The mixed load for half an hour, watching the server's memory; not among all of them
    Soak,
    /// The mixed load while the server is killed with SIGKILL and started again; not among all of them
    Chaos,
    /// 50 000 athletes in one challenge, each with a live stream and reporting every ten seconds; not among all of them
    #[command(name = "competition-50k")]
    Competition(competition::Asked),
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Seconds for each measurement of throughput [default: 5], or the scenario's own
    #[arg(long, global = true)]
    pub(crate) seconds: Option<u64>,
    /// Samples for each measurement of a latency
    #[arg(long, global = true, default_value_t = 200)]
    pub(crate) samples: u32,
    /// Calls or workouts a second, instead of the scenario's own: to find what a machine can bear
    #[arg(long, global = true)]
    pub(crate) rate: Option<f64>,
    /// A PostgreSQL server on which databases may be made, `postgres://…` without a database
    #[arg(long, global = true, env = "STADION_TEST_POSTGRES")]
    pub(crate) postgres: Option<String>,
    /// A Kafka broker on which topics may be made, `host:port`
    #[arg(long, global = true, env = "STADION_TEST_KAFKA")]
    pub(crate) kafka: Option<String>,
    /// The release binary; without it `target/release/stadion` is built
    #[arg(long, global = true, env = "STADION_BINARY")]
    pub(crate) binary: Option<PathBuf>,
    /// Where data folders are made: on the disk that is to be measured
    #[arg(long, global = true)]
    pub(crate) folder: Option<PathBuf>,
    /// Where `loadtest.json` and `loadtest.md` are written
    #[arg(long, global = true, default_value = "target")]
    pub(crate) report: PathBuf,
}

impl Options {
    /// Seconds for a measurement of throughput.
    pub(crate) fn seconds(&self) -> u64 {
        self.seconds.unwrap_or(5)
    }

    /// A fresh folder, gone when it is dropped.
    pub(crate) fn fresh_folder(&self) -> anyhow::Result<tempfile::TempDir> {
        let mut named = tempfile::Builder::new();
        named.prefix("stadion-load-");
        let made = self.folder.as_ref().map_or_else(|| named.tempdir(), |folder| named.tempdir_in(folder));
        made.context("no folder for the data")
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (Cli { scenario, options }, mut report) = (Cli::parse(), Report::begin());
    let wanted = |one| scenario.is_none_or(|scenario| scenario == one);
    if wanted(Scenario::Append { rival: false }) {
        append::measure(&options, &mut report).await?;
    }
    if wanted(Scenario::Append { rival: true }) {
        rival::measure(&options, &mut report).await?;
    }
    if wanted(Scenario::Bus) {
        bus::measure(&options, &mut report).await?;
    }
    if wanted(Scenario::Costs) {
        costs::measure(&mut report).await?;
    }
    if wanted(Scenario::Binary) {
        binary::measure(&options, &mut report).await?;
    }
    if wanted(Scenario::Board) {
        board::measure(&mut report).await?;
    }
    if wanted(Scenario::Upload) {
        upload::measure(&options, &mut report).await?;
    }
    if wanted(Scenario::Offer) {
        offer::measure(&options, &mut report).await?;
    }
    if wanted(Scenario::Steady) {
        steady::measure(steady::STEADY, &options, &mut report).await?;
    }
    if wanted(Scenario::Live) {
        live::live(&options, &mut report).await?;
    }
    if wanted(Scenario::Fleet) {
        Box::pin(fleet::measure(&options, &mut report)).await?;
    }
    if wanted(Scenario::Failover) {
        Box::pin(failover::measure(&options, &mut report)).await?;
    }
    if let Some(Scenario::Lists(wanted)) = scenario {
        lists::measure(wanted, &options, &mut report).await?;
    }
    if let Some(Scenario::CatchUp(wanted)) = scenario {
        catch_up::measure(&options, &mut report, wanted).await?;
    }
    if let Some(Scenario::Requests(asked)) = scenario {
        Box::pin(requests::measure(asked, &options, &mut report)).await?;
    }
    if let Some(Scenario::Apple(asked)) = scenario {
        Box::pin(apple::measure(&options, &mut report, asked)).await?;
    }
    if scenario == Some(Scenario::LiveSmoke) {
        live::smoke(&options, &mut report).await?;
    }
    if let Some(Scenario::Competition(asked)) = scenario {
        Box::pin(competition::measure(asked, &options, &mut report)).await?;
    }
    for (one, mixed) in [
        (Scenario::Smoke, steady::SMOKE),
        (Scenario::Spike, steady::SPIKE),
        (Scenario::Soak, steady::SOAK),
        (Scenario::Chaos, steady::CHAOS),
    ] {
        if scenario == Some(one) {
            steady::measure(mixed, &options, &mut report).await?;
        }
    }
    report.write(&options.report)?;
    report.verdict()
}
