//! Others' event stores on the same PostgreSQL, under the load of `stadion-loadtest append`: writers that each append one
//! event of 200 bytes to a stream of their own, wait until it is durable, and append the next. One line of JSON a run.
//!
//! ```text
//! cargo run --release -p stadion-loadtest -- append --postgres postgres://…
//! cargo run --release --manifest-path loadtest/rivals/Cargo.toml -- postgres://… 5 1 16 64 1024
//! ```
//! The arguments: a server on which databases may be made, seconds for each run, numbers of writers. `postgres-es` is
//! asked for its bare append, without loading the aggregate first: the most favourable way to ask it. Beside it a
//! table with a `bigserial`, and a reader that follows it by its number as one naively would: what it never sees.

use std::{
    env,
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use cqrs_es::{
    Aggregate, DomainEvent,
    event_sink::EventSink,
    persist::{PersistedEventRepository, SerializedEvent},
};
use postgres_es::PostgresEventRepository;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::{Connection, Executor, PgConnection, PgPool, Row, postgres::PgPoolOptions};
use tokio::task::JoinSet;

/// As our own pool.
const CONNECTIONS_MAX: u32 = 16;
const PAYLOAD_BYTES: usize = 200;
const PAGE: i64 = 500;

type Fault = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Fault> {
    let mut arguments = env::args().skip(1);
    let server =
        arguments.next().ok_or("the first argument is a server: postgres://user@host:port/postgres")?;
    let seconds: u64 = arguments.next().ok_or("the second argument is seconds for each run")?.parse()?;
    let writers = arguments.map(|count| count.parse()).collect::<Result<Vec<usize>, _>>()?;
    for count in writers {
        let pool = fresh(&server, count).await?;
        let appended = postgres_es(&pool, count, seconds).await?;
        let naive = naive(&pool, count, seconds).await?;
        println!(
            "{}",
            json!({ "writers": count, "seconds": seconds, "postgres_es": appended, "naive_reader": naive })
        );
    }
    Ok(())
}

/// A database for one run.
async fn fresh(server: &str, writers: usize) -> Result<PgPool, Fault> {
    let name = format!("rival_{}_{writers}", std::process::id());
    let mut admin = PgConnection::connect(server).await?;
    admin.execute(format!("CREATE DATABASE {name}").as_str()).await?;
    let options = server.parse::<sqlx::postgres::PgConnectOptions>()?.database(&name);
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS_MAX)
        .acquire_timeout(Duration::from_secs(60))
        .connect_with(options)
        .await?;
    pool.execute(
        "CREATE TABLE events (aggregate_type text NOT NULL, aggregate_id text NOT NULL,
           sequence bigint CHECK (sequence >= 0) NOT NULL, event_type text NOT NULL, event_version text NOT NULL,
           payload json NOT NULL, metadata json NOT NULL, PRIMARY KEY (aggregate_type, aggregate_id, sequence));
         CREATE TABLE naive (position bigserial PRIMARY KEY, payload bytea NOT NULL)",
    )
    .await?;
    Ok(pool)
}

/// The rate and the time of an append, of `postgres-es`.
async fn postgres_es(pool: &PgPool, writers: usize, seconds: u64) -> Result<serde_json::Value, Fault> {
    let repository = Arc::new(PostgresEventRepository::new(pool.clone()));
    let begun = Instant::now();
    let until = begun + Duration::from_secs(seconds);
    let mut tasks = JoinSet::new();
    for writer in 0..writers {
        let repository = repository.clone();
        tasks.spawn(async move {
            let mut took = Vec::new();
            for sequence in 1.. {
                let appending = Instant::now();
                if appending >= until {
                    break;
                }
                repository.persist::<Load>(&[event(writer, sequence)], None).await?;
                took.push(appending.elapsed());
            }
            Ok::<_, Fault>(took)
        });
    }
    let mut took = Vec::new();
    while let Some(one) = tasks.join_next().await {
        took.extend(one??);
    }
    let elapsed = begun.elapsed().as_secs_f64();
    took.sort_unstable();
    let at = |share: f64| took.get((took.len() as f64 * share) as usize).map(|took| took.as_secs_f64() * 1e3);
    Ok(
        json!({ "events": took.len(), "events_per_s": took.len() as f64 / elapsed, "p50_ms": at(0.5), "p99_ms": at(0.99) }),
    )
}

fn event(writer: usize, sequence: usize) -> SerializedEvent {
    SerializedEvent::new(
        format!("load-{writer}"),
        sequence,
        Load::TYPE.to_owned(),
        "Appended".to_owned(),
        "1".to_owned(),
        json!({ "payload": "7".repeat(PAYLOAD_BYTES) }),
        json!({}),
    )
}

/// What a reader never sees that goes on behind the highest number it has seen.
async fn naive(pool: &PgPool, writers: usize, seconds: u64) -> Result<serde_json::Value, Fault> {
    let until = Instant::now() + Duration::from_secs(seconds);
    let written = Arc::new(AtomicU64::new(0));
    let ended = Arc::new(AtomicBool::new(false));
    let reader = tokio::spawn(follow(pool.clone(), ended.clone()));
    let mut tasks = JoinSet::new();
    for _ in 0..writers {
        let (pool, written) = (pool.clone(), written.clone());
        tasks.spawn(async move {
            while Instant::now() < until {
                sqlx::query("INSERT INTO naive (payload) VALUES ($1)")
                    .bind([7_u8; PAYLOAD_BYTES].as_slice())
                    .execute(&pool)
                    .await?;
                written.fetch_add(1, Ordering::Relaxed);
            }
            Ok::<_, sqlx::Error>(())
        });
    }
    while let Some(one) = tasks.join_next().await {
        one??;
    }
    ended.store(true, Ordering::SeqCst);
    let seen = reader.await??;
    let written = written.load(Ordering::SeqCst);
    Ok(json!({ "written": written, "seen": seen, "skipped": written - seen }))
}

async fn follow(pool: PgPool, ended: Arc<AtomicBool>) -> Result<u64, sqlx::Error> {
    let (mut seen, mut after) = (0, 0_i64);
    // A connection of its own: a reader that waits for one among the writers reads late, and skips less.
    let mut connection = pool.acquire().await?;
    loop {
        let last = ended.load(Ordering::SeqCst);
        let page = sqlx::query("SELECT position FROM naive WHERE position > $1 ORDER BY position LIMIT $2")
            .bind(after)
            .bind(PAGE)
            .fetch_all(&mut *connection)
            .await?;
        seen += page.len() as u64;
        after = page.last().map_or(Ok(after), |row| row.try_get(0))?;
        if page.is_empty() && last {
            return Ok(seen);
        }
    }
}

/// An aggregate that the repository wants named.
#[derive(Default, Serialize, Deserialize)]
struct Load;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Appended;

impl DomainEvent for Appended {
    fn event_type(&self) -> String {
        "Appended".to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl Aggregate for Load {
    const TYPE: &'static str = "load";
    type Command = ();
    type Event = Appended;
    type Error = std::fmt::Error;
    type Services = ();

    async fn handle(&mut self, (): (), (): &(), _: &EventSink<Self>) -> Result<(), Self::Error> {
        Ok(())
    }

    fn apply(&mut self, _: Appended) {}
}
