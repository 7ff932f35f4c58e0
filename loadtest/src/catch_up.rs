//! A reader that is far behind, and a read model made anew: gamification's levels over a journal that was written before
//! the process began. The process is the real one, with all its readers and its relay, and its memory is watched.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use backends::{SqlEventStore, postgres, sqlite};
use clap::{Args, ValueEnum};
use eventing::{
    Db, EventStore, Plain, StreamId,
    sql::{DbError, Engine as Kind},
    store::{Append, Expected, NewEvent, Outcome, Write},
};
use kernel::{AccountId, Clock, Id, SystemClock};
use proto::{envelope::Meta, gamification::LevelReached};
use tokio::process::Command;
use uuid::Uuid;

use crate::{
    Options,
    process::{Server, binary, command},
    report::Report,
};

const SERVICE: &str = "gamification";
const READER: &str = "gamification-progress";
/// Events of an account on average, and of an append.
const OF_EACH: u64 = 10;
const APPEND: u64 = 500;
const LOOK_EACH: Duration = Duration::from_millis(100);
/// Nothing moves for so long: it never will.
const STUCK_AFTER: Duration = Duration::from_secs(120);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Args)]
pub(crate) struct CatchUp {
    /// Events in the journal before the process begins
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// Only on this engine; the log is SQLite's on both
    #[arg(long)]
    engine: Option<Engine>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

pub(crate) async fn measure(options: &Options, report: &mut Report, wanted: CatchUp) -> anyhow::Result<()> {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        if wanted.engine.is_some_and(|only| only != engine) {
            continue;
        }
        let stores = match (engine, &options.postgres) {
            (Engine::Sqlite, _) => None,
            (Engine::Postgres, Some(server)) => Some(server.clone()),
            (Engine::Postgres, None) => {
                report.skip("catch-up on PostgreSQL", "no --postgres and no STADION_TEST_POSTGRES");
                continue;
            }
        };
        Installation::new(options, stores.as_deref()).await?.measure(report, wanted.events).await?;
    }
    Ok(())
}

/// A folder, the databases beside it, and the binary that serves them.
struct Installation {
    folder: tempfile::TempDir,
    binary: PathBuf,
    /// With `{service}` in it; `None` on SQLite.
    stores: Option<String>,
}

impl Installation {
    async fn new(options: &Options, server: Option<&str>) -> anyhow::Result<Self> {
        let stores = server.map(|server| {
            let (server, _) = server.rsplit_once('/').unwrap_or((server, ""));
            let tag = Uuid::new_v4().simple().to_string();
            format!("{server}/load_{}_{{service}}", tag.get(..12).unwrap_or(&tag))
        });
        let made = Self { folder: options.fresh_folder()?, binary: binary(options).await?, stores };
        let migrated = made.command(&["migrate"]).stdout(std::process::Stdio::null()).status().await?;
        ensure!(migrated.success(), "the stores were not made");
        Ok(made)
    }

    fn data(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(&self.binary, self.data(), arguments);
        command.env("STADION_LOG__FILTER", "warn");
        if let Some(stores) = &self.stores {
            command.env("STADION_STORES__ENGINE", "postgres").env("STADION_STORES__URL", stores);
        }
        command
    }

    async fn db(&self) -> anyhow::Result<Db> {
        Ok(match &self.stores {
            Some(stores) => {
                let options = postgres::Options { connections_max: 4, ..postgres::Options::default() };
                postgres::connect(&stores.replace("{service}", SERVICE), options).await?
            }
            None => {
                let path = self.data().join(format!("stores/{SERVICE}.db"));
                sqlite::open(&path, sqlite::Options::default()).await?
            }
        })
    }

    async fn measure(self, report: &mut Report, events: u64) -> anyhow::Result<()> {
        let db = self.db().await?;
        let on = match db.engine() {
            Kind::Sqlite => "SQLite, synchronous=FULL",
            Kind::Postgres => "PostgreSQL, fsync=on",
        };
        write(&db, events).await?;
        let mut serve = self.command(&[
            "serve",
            "auth",
            "activity",
            "gamification",
            "promo",
            "social",
            "leaderboard",
            "gateway",
        ]);
        serve.args(["--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
        let begun = Instant::now();
        let server = Server::started(serve).await?;
        let mut memory = Memory::default();
        caught_up(&db, &server, &mut memory, events).await?;
        let conditions =
            format!("{events} events of {} accounts in the journal; {}", events / OF_EACH, memory.said());
        let rate = count(events) / begun.elapsed().as_secs_f64();
        report.figure(
            format!("consumer catch-up, {on}"),
            (rate, "events/s"),
            "",
            format!("{conditions}; from the start of the process, which relays them too"),
        );
        memory.report(report, &format!("consumer catch-up, {on}"));

        relayed(&db, events).await?;
        let (took, memory) = self.made_anew(&server, &db, events).await?;
        let rate = count(events) / took.as_secs_f64();
        report.figure(
            format!("rebuild, {on}"),
            (rate, "events/s"),
            "",
            format!("{events} events; read, written, compared row by row, flipped; {}", memory.said()),
        );
        memory.report(report, &format!("rebuild, {on}"));
        server.stop().await
    }

    /// As an operator types it.
    async fn made_anew(&self, server: &Server, db: &Db, events: u64) -> anyhow::Result<(Duration, Memory)> {
        let model = format!("{SERVICE}/{READER}");
        let begun = Instant::now();
        let mut tool = self.command(&["replay", "--rebuild", &model, "--flip"]);
        let mut tool = tool.stdout(std::process::Stdio::null()).spawn().context("the tool did not start")?;
        let mut memory = Memory::default();
        let ended = loop {
            if let Some(ended) = tool.try_wait()? {
                break ended;
            }
            memory.note(at(db, &format!("{READER}__new")).await?, events, server.resident_mb()?);
            tokio::time::sleep(LOOK_EACH).await;
        };
        memory.note(events, events, server.resident_mb()?);
        ensure!(ended.success(), "the rebuild did not end well: {ended}");
        Ok((begun.elapsed(), memory))
    }
}

/// Resident memory of the process while the work goes on, in MB.
#[derive(Debug, Default)]
struct Memory {
    at_tenth: Option<f64>,
    last: f64,
    peak: f64,
}

impl Memory {
    fn note(&mut self, done: u64, of: u64, resident_mb: f64) {
        if done >= of / 10 && done > 0 {
            self.at_tenth.get_or_insert(resident_mb);
        }
        self.last = resident_mb;
        self.peak = self.peak.max(resident_mb);
    }

    fn growth(&self) -> f64 {
        self.last - self.at_tenth.unwrap_or(self.last)
    }

    fn said(&self) -> String {
        format!("VmRSS peak {:.0} MB, {:+.1} MB between 10 % and the end", self.peak, self.growth())
    }

    fn report(&self, report: &mut Report, what: &str) {
        report.figure(format!("{what}, memory peak"), (self.peak, "MB"), "", "VmRSS of the whole process");
        report.figure(
            format!("{what}, memory growth"),
            (self.growth(), "MB"),
            "constant",
            "VmRSS from 10 % to the end",
        );
    }
}

/// Levels reached by many accounts, straight into the journal.
async fn write(db: &Db, events: u64) -> anyhow::Result<()> {
    let store: Arc<dyn EventStore> = Arc::new(SqlEventStore::open(db.clone()).await?);
    let at_us = kernel::time::micros(SystemClock.now());
    let accounts = (events / OF_EACH).max(1);
    let mut written = 0;
    while written < events {
        let upto = (written + APPEND).min(events);
        let writes = (written..upto).map(|number| level(number % accounts, number / accounts)).collect();
        match store.append(Append { writes, at_us, ..Append::default() }).await? {
            Outcome::Appended { .. } => written = upto,
            other => bail!("an append was not taken: {other:?}"),
        }
    }
    Ok(())
}

fn level(account: u64, before: u64) -> Write {
    let account: AccountId = Id::derived(&[b"catch-up", &account.to_le_bytes()]);
    let level = u32::try_from(before).unwrap_or_default() + 2;
    let message = LevelReached {
        account_id: account.as_bytes().to_vec().into(),
        level,
        from_level: level - 1,
        rule_version: 1,
    };
    let plain = Plain::of(&message);
    Write {
        stream: StreamId::of("progress", account),
        partition_key: account.to_string(),
        expected: Expected::Any,
        events: vec![NewEvent {
            event_id: Uuid::now_v7(),
            kind: plain.kind,
            schema_ver: plain.schema_ver,
            payload: plain.payload,
            meta: Meta { actor: "service:load".to_owned(), ..Meta::default() },
        }],
    }
}

async fn caught_up(db: &Db, server: &Server, memory: &mut Memory, events: u64) -> anyhow::Result<()> {
    let mut moved = (0, Instant::now());
    loop {
        let done = at(db, READER).await?;
        memory.note(done, events, server.resident_mb()?);
        if done >= events {
            return Ok(());
        }
        if done > moved.0 {
            moved = (done, Instant::now());
        }
        ensure!(moved.1.elapsed() < STUCK_AFTER, "{READER} stands still at {done} of {events}");
        tokio::time::sleep(LOOK_EACH).await;
    }
}

/// The relay has its part of the machine until it is through: a rebuild is measured by itself.
async fn relayed(db: &Db, events: u64) -> anyhow::Result<()> {
    let begun = Instant::now();
    while at(db, "relay").await? < events {
        ensure!(begun.elapsed() < STUCK_AFTER * 10, "the relay does not come to its end");
        tokio::time::sleep(LOOK_EACH).await;
    }
    Ok(())
}

async fn at(db: &Db, consumer: &str) -> Result<u64, DbError> {
    let sql = "SELECT MIN(source_pos) FROM es_cursor WHERE consumer = $1";
    let row = db.fetch_one(sql, vec![consumer.into()]).await?;
    Ok(row.map_or(Ok(None), |row| row.get::<Option<u64>>(0))?.unwrap_or_default())
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn count(events: u64) -> f64 {
    events as f64
}
