//! PostgreSQL: a bounded pool, a limit on every wait, one transaction a unit of work.
//!
//! A job is called once: what the server rolled back because of others is said ([`DbError::Contended`]), not tried again
//! here. A connection lost inside COMMIT leaves the outcome open ([`DbError::Unknown`]); whoever can recognise its own
//! effects looks for them. Connections that were lost while idle (a restarted server) are replaced before any work.

mod databases;
mod errors;
mod fitness;
mod server;
mod values;

use std::{
    panic::AssertUnwindSafe,
    str::FromStr,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use eventing::sql::{Database, Db, DbError, Engine, Job, Load, Row, Tx, Value};
use futures::FutureExt;
use sqlx::{
    ConnectOptions, Executor, PgConnection, PgPool, Postgres,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::sync::watch;

use super::postgres_news::News;

#[doc(hidden)]
pub use databases::create_database_as;
pub use databases::{Presence, create_database, create_schema, database, drop_schema, ensure_database};
pub use server::{Server, server};

const STATEMENTS_CACHED: usize = 512;
/// A server that does not answer at all is given up this long after it should have ended a statement itself.
const SILENCE: Duration = Duration::from_secs(5);

/// How a database is reached, and how long anything of it may wait.
#[derive(Clone, Debug)]
pub struct Options {
    pub connections_max: u32,
    /// Who is connected, as `pg_stat_activity` shows it.
    pub application: String,
    /// Waiting for a connection: a free one of the pool, or a new one.
    pub acquire_limit: Duration,
    /// No statement runs longer.
    pub statement_limit: Duration,
    /// No statement waits longer for somebody else's lock. Above `idle_limit`: who waits for one of our own that hangs
    /// gets its turn.
    pub lock_limit: Duration,
    /// No transaction idles longer: its session is ended, and its locks with it.
    pub idle_limit: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connections_max: 6,
            application: "stadion".to_owned(),
            acquire_limit: Duration::from_secs(5),
            statement_limit: Duration::from_secs(15),
            lock_limit: Duration::from_secs(6),
            idle_limit: Duration::from_secs(5),
        }
    }
}

/// Connects to `postgres://…`. [`DbError::Unavailable`] when nobody answers, [`DbError::Unusable`] when who answers is not
/// fit: wrong credentials, no such database, too old, a standby, another encoding or order of texts.
pub async fn connect(url: &str, options: Options) -> Result<Db, DbError> {
    let connecting = settings(url, &options)?;
    // By itself first: the pool would try again and again, and in the end not say why.
    let greeting = async {
        let mut connection =
            connecting.connect().await.map_err(|error| errors::connecting(&error, &connecting))?;
        fitness::check(&mut connection).await
    };
    tokio::time::timeout(options.acquire_limit, greeting)
        .await
        .map_err(|_| errors::silent(&connecting, options.acquire_limit))??;
    let pool = PgPoolOptions::new()
        .max_connections(options.connections_max)
        .acquire_timeout(options.acquire_limit)
        // A lost connection shows itself at BEGIN or at a read, before any work: no round trip for each use.
        .test_before_acquire(false)
        .connect_lazy_with(connecting);
    Ok(Db::new(PostgresDatabase { news: News::of(&pool), pool, options, waiting: AtomicUsize::new(0) }))
}

fn settings(url: &str, options: &Options) -> Result<PgConnectOptions, DbError> {
    let limit = |limit: Duration| format!("{}ms", limit.as_millis());
    let parsed = PgConnectOptions::from_str(url).map_err(|error| {
        DbError::Unusable(format!("the address of a PostgreSQL database is not readable: {error}"))
    })?;
    Ok(parsed
        .application_name(&options.application)
        .statement_cache_capacity(STATEMENTS_CACHED)
        .options([
            ("statement_timeout", limit(options.statement_limit)),
            ("lock_timeout", limit(options.lock_limit)),
            ("idle_in_transaction_session_timeout", limit(options.idle_limit)),
            // A process that vanished holds its locks no longer than half a minute; a caller that went away, two seconds.
            ("tcp_keepalives_idle", "10".to_owned()),
            ("tcp_keepalives_interval", "5".to_owned()),
            ("tcp_keepalives_count", "3".to_owned()),
            ("client_connection_check_interval", "2s".to_owned()),
            ("client_min_messages", "warning".to_owned()),
        ])
        .disable_statement_logging())
}

struct PostgresDatabase {
    pool: PgPool,
    options: Options,
    news: News,
    /// Who waits for a connection.
    waiting: AtomicUsize,
}

/// Counted for as long as it lives.
struct Waiting<'c>(&'c AtomicUsize);

impl<'c> Waiting<'c> {
    fn one_more(count: &'c AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl PostgresDatabase {
    async fn acquired(&self) -> Result<Session, DbError> {
        let _waiting = Waiting::one_more(&self.waiting);
        let connection =
            self.pool.acquire().await.map_err(|error| errors::acquiring(&error, &self.options))?;
        Ok(Session { connection, answer_limit: self.options.statement_limit + SILENCE, healthy: false })
    }

    /// How often a use may meet a connection that was lost while idle: all of them, after a restart.
    fn stale_max(&self) -> u32 {
        self.options.connections_max
    }

    async fn begun(&self) -> Result<Session, DbError> {
        let mut stale = 0;
        loop {
            let mut session = self.acquired().await?;
            match session.say("BEGIN").await {
                Ok(()) => return Ok(session),
                Err(Lost::Connection(_)) if stale < self.stale_max() => stale += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[async_trait]
impl Database for PostgresDatabase {
    fn engine(&self) -> Engine {
        Engine::Postgres
    }

    fn load(&self) -> Option<Load> {
        let idle = u32::try_from(self.pool.num_idle()).unwrap_or(u32::MAX);
        Some(Load {
            waiting: self.waiting.load(Ordering::Relaxed),
            connections_busy: self.pool.size().saturating_sub(idle),
            connections_max: self.options.connections_max,
        })
    }

    fn announce(&self, news: i64) {
        self.news.say(news);
    }

    async fn close(&self) {
        self.pool.close().await;
    }

    fn announced(&self) -> Option<watch::Receiver<i64>> {
        Some(self.news.heard())
    }

    async fn fetch(&self, sql: &str, args: Vec<Value>) -> Result<Vec<Row>, DbError> {
        let mut stale = 0;
        loop {
            let mut session = self.acquired().await?;
            match session.fetch(sql, &args).await {
                // It only reads: to ask again changes nothing.
                Err(Lost::Connection(_)) if stale < self.stale_max() => stale += 1,
                answer => {
                    session.healthy = !matches!(answer, Err(Lost::Connection(_)));
                    return Ok(answer?);
                }
            }
        }
    }

    /// As a read: to say it again changes nothing.
    async fn settle(&self, sql: &str, args: Vec<Value>) -> Result<Vec<Row>, DbError> {
        self.fetch(sql, args).await
    }

    async fn run(&self, job: Job) -> Result<(), DbError> {
        self.run_in(self.begun().await?, job).await
    }

    async fn look(&self, job: Job) -> Result<(), DbError> {
        let mut session = self.begun().await?;
        session.say("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY").await?;
        self.run_in(session, job).await
    }
}

impl PostgresDatabase {
    async fn run_in(&self, session: Session, job: Job) -> Result<(), DbError> {
        let mut tx = PostgresTx { session, failed: None };
        let panicked = || Err(DbError::RolledBack("the work panicked".to_owned()));
        let worked = AssertUnwindSafe(job(&mut tx)).catch_unwind().await.unwrap_or_else(|_| panicked());
        let PostgresTx { mut session, failed } = tx;
        let worked = match (worked, failed) {
            // COMMIT would roll back and say nothing.
            (Ok(()), Some(failed)) => {
                Err(DbError::RolledBack(format!("a statement had failed and the work went on: {failed}")))
            }
            (worked, _) => worked,
        };
        if let Err(error) = worked {
            session.healthy = session.say("ROLLBACK").await.is_ok();
            return Err(error);
        }
        let committed = session.say("COMMIT").await;
        session.healthy = committed.is_ok();
        committed.map_err(|error| match error {
            Lost::Connection(error) => DbError::Unknown(error.to_string()),
            Lost::Statement(error) => error,
        })
    }
}

/// A connection in use. It goes back to the pool only when it is known to be in order: a caller that went away in the
/// middle leaves a transaction open, which ends with its connection.
struct Session {
    connection: PoolConnection<Postgres>,
    answer_limit: Duration,
    healthy: bool,
}

/// What became of a statement that failed.
enum Lost {
    /// The connection, too.
    Connection(DbError),
    Statement(DbError),
}

impl From<Lost> for DbError {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Connection(error) | Lost::Statement(error) => error,
        }
    }
}

impl Session {
    async fn say(&mut self, word: &'static str) -> Result<(), Lost> {
        self.answered(async |connection| connection.execute(word).await.map(drop)).await
    }

    async fn execute(&mut self, sql: &str, args: &[Value]) -> Result<u64, Lost> {
        let query = values::bound(sql, args).map_err(Lost::Statement)?;
        self.answered(async |connection| query.execute(connection).await.map(|done| done.rows_affected()))
            .await
    }

    async fn fetch(&mut self, sql: &str, args: &[Value]) -> Result<Vec<Row>, Lost> {
        let query = values::bound(sql, args).map_err(Lost::Statement)?;
        let found = self.answered(async |connection| query.fetch_all(connection).await).await?;
        found.iter().map(values::row).collect::<Result<_, _>>().map_err(Lost::Statement)
    }

    async fn answered<T>(
        &mut self,
        ask: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, Lost> {
        match tokio::time::timeout(self.answer_limit, ask(&mut self.connection)).await {
            Ok(answer) => answer.map_err(|error| errors::asking(&error)),
            Err(_) => {
                Err(Lost::Connection(DbError::Unavailable("the server does not answer any more".to_owned())))
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.healthy {
            self.connection.close_on_drop();
        }
    }
}

struct PostgresTx {
    session: Session,
    /// The first statement that failed: from then on the server refuses all others.
    failed: Option<String>,
}

impl PostgresTx {
    fn noted<T>(&mut self, answer: Result<T, Lost>) -> Result<T, DbError> {
        let answer = answer.map_err(DbError::from);
        if let (Err(error), None) = (&answer, &self.failed) {
            self.failed = Some(error.to_string());
        }
        answer
    }
}

#[async_trait]
impl Tx for PostgresTx {
    fn engine(&self) -> Engine {
        Engine::Postgres
    }

    async fn execute(&mut self, sql: &str, args: Vec<Value>) -> Result<u64, DbError> {
        let answer = self.session.execute(sql, &args).await;
        self.noted(answer)
    }

    async fn fetch(&mut self, sql: &str, args: Vec<Value>) -> Result<Vec<Row>, DbError> {
        let answer = self.session.fetch(sql, &args).await;
        self.noted(answer)
    }
}
