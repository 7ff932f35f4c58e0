//! SQLite: one connection writes, several read. Units of work that wait together are committed together.

use std::{panic::AssertUnwindSafe, path::Path, str::FromStr, time::Duration};

use async_trait::async_trait;
use eventing::sql::{Database, Db, DbError, Engine, Job, Row, Tx, Value};
use futures::FutureExt;
use sqlx::{
    AssertSqlSafe, Column, ConnectOptions, Row as _, Sqlite, SqliteConnection, SqlitePool, TypeInfo,
    ValueRef,
    query::Query,
    sqlite::{
        SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow,
        SqliteSynchronous,
    },
};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::error;

/// Units of work committed by one fsync.
const GROUP_MAX: usize = 256;
/// Units of work that may wait for the writer.
const QUEUE_MAX: usize = 4_096;
const READERS: u32 = 4;
const STATEMENTS_CACHED: usize = 512;

/// How a file is opened.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Trades durability for speed: a power cut may lose the last commits. For tests only.
    pub relaxed: bool,
    /// Cancelled when a commit's outcome is unknown: the process must stop and start again.
    pub fatal: CancellationToken,
}

/// Opens the file, making it when it is missing: WAL, `synchronous=FULL`.
pub async fn open(path: &Path, options: Options) -> Result<Db, DbError> {
    let synchronous = if options.relaxed { SqliteSynchronous::Off } else { SqliteSynchronous::Full };
    let connect = SqliteConnectOptions::from_str("sqlite://")
        .map_err(statement)?
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .busy_timeout(Duration::from_secs(5))
        .foreign_keys(true)
        // What was deleted (keys, erased rows) does not linger in free pages.
        .pragma("secure_delete", "ON")
        .statement_cache_capacity(STATEMENTS_CACHED)
        .disable_statement_logging();
    let writer = connect.connect().await.map_err(|error| unopened(path, &error))?;
    let readers = SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(Duration::from_secs(10))
        .connect_with(connect.pragma("query_only", "ON"))
        .await
        .map_err(|error| unopened(path, &error))?;
    let (jobs, queue) = mpsc::channel(QUEUE_MAX);
    #[expect(
        clippy::disallowed_methods,
        reason = "the writer lives as long as its handles: it ends when they are dropped"
    )]
    tokio::spawn(write(writer, queue, options.fatal));
    Ok(Db::new(SqliteDatabase { readers, jobs }))
}

struct SqliteDatabase {
    readers: SqlitePool,
    jobs: mpsc::Sender<Queued>,
}

struct Queued {
    job: Job,
    answer: oneshot::Sender<Result<(), DbError>>,
}

#[async_trait]
impl Database for SqliteDatabase {
    fn engine(&self) -> Engine {
        Engine::Sqlite
    }

    async fn fetch(&self, sql: &str, args: Vec<Value>) -> Result<Vec<Row>, DbError> {
        let rows = bound(sql, args)?.fetch_all(&self.readers).await.map_err(statement)?;
        rows.iter().map(row).collect()
    }

    async fn run(&self, job: Job) -> Result<(), DbError> {
        let gone = || DbError::Unavailable("the store's writer has stopped".to_owned());
        let (answer, answered) = oneshot::channel();
        self.jobs.send(Queued { job, answer }).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

/// The writer: takes what waits, runs each unit in a savepoint, commits all, then answers.
async fn write(
    mut connection: SqliteConnection,
    mut queue: mpsc::Receiver<Queued>,
    fatal: CancellationToken,
) {
    while let Some(first) = queue.recv().await {
        match commit_group(&mut connection, first, &mut queue).await {
            Ok(()) => {}
            Err(Broken) => {
                error!("a commit's outcome is unknown: this process must not go on");
                fatal.cancel();
                return;
            }
        }
    }
}

/// The connection can no longer be trusted.
struct Broken;

async fn commit_group(
    connection: &mut SqliteConnection,
    first: Queued,
    queue: &mut mpsc::Receiver<Queued>,
) -> Result<(), Broken> {
    if let Err(error) = run_sql(connection, "BEGIN IMMEDIATE").await {
        let _ = first.answer.send(Err(DbError::Unavailable(error.to_string())));
        return Ok(());
    }
    let mut answers = Vec::new();
    let mut next = Some(first);
    while let Some(queued) = next {
        let result = run_job(connection, queued.job).await?;
        answers.push((queued.answer, result));
        next = if answers.len() < GROUP_MAX { queue.try_recv().ok() } else { None };
    }
    let committed = run_sql(connection, "COMMIT").await;
    if let Err(error) = &committed {
        // Full disk and the like leave the transaction open; only a rollback that works makes "not done" certain.
        let certain = !is_io_error(error) && run_sql(connection, "ROLLBACK").await.is_ok();
        let failure =
            if certain { DbError::Unavailable(error.to_string()) } else { DbError::Fatal(error.to_string()) };
        for (answer, _) in answers {
            let _ = answer.send(Err(failure.clone()));
        }
        return if certain { Ok(()) } else { Err(Broken) };
    }
    for (answer, result) in answers {
        let _ = answer.send(result);
    }
    Ok(())
}

async fn run_job(connection: &mut SqliteConnection, job: Job) -> Result<Result<(), DbError>, Broken> {
    run_sql(connection, "SAVEPOINT unit").await.map_err(|_| Broken)?;
    let mut tx = SqliteTx { connection: &mut *connection };
    let panicked = || Err(DbError::RolledBack("the work panicked".to_owned()));
    let result = AssertUnwindSafe(job(&mut tx)).catch_unwind().await.unwrap_or_else(|_| panicked());
    if result.is_err() {
        run_sql(connection, "ROLLBACK TO unit").await.map_err(|_| Broken)?;
    }
    run_sql(connection, "RELEASE unit").await.map_err(|_| Broken)?;
    Ok(result)
}

async fn run_sql(connection: &mut SqliteConnection, sql: &'static str) -> Result<(), sqlx::Error> {
    sqlx::query(sql).execute(connection).await.map(|_| ())
}

/// SQLITE_IOERR and its kin: what was written is unknown.
fn is_io_error(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.and_then(|code| code.parse::<i64>().ok()).is_some_and(|code| code & 0xff == 10)
}

struct SqliteTx<'c> {
    connection: &'c mut SqliteConnection,
}

#[async_trait]
impl Tx for SqliteTx<'_> {
    fn engine(&self) -> Engine {
        Engine::Sqlite
    }

    async fn execute(&mut self, sql: &str, args: Vec<Value>) -> Result<u64, DbError> {
        let done = bound(sql, args)?.execute(&mut *self.connection).await.map_err(statement)?;
        Ok(done.rows_affected())
    }

    async fn fetch(&mut self, sql: &str, args: Vec<Value>) -> Result<Vec<Row>, DbError> {
        let rows = bound(sql, args)?.fetch_all(&mut *self.connection).await.map_err(statement)?;
        rows.iter().map(row).collect()
    }
}

fn bound(sql: &str, args: Vec<Value>) -> Result<Query<'static, Sqlite, SqliteArguments>, DbError> {
    let mut query = sqlx::query(AssertSqlSafe(sql.to_owned()));
    for arg in args {
        query = match arg {
            Value::Null => query.bind(None::<i64>),
            Value::Int(int) => query.bind(int),
            Value::Real(real) => query.bind(real),
            Value::Text(text) => query.bind(text),
            Value::Blob(blob) => query.bind(blob),
            Value::AppendPosition => {
                return Err(DbError::Statement("a position is only known inside an append".to_owned()));
            }
        };
    }
    Ok(query)
}

fn row(found: &SqliteRow) -> Result<Row, DbError> {
    let mut values = Vec::with_capacity(found.len());
    for column in found.columns() {
        let index = column.ordinal();
        let raw = found.try_get_raw(index).map_err(statement)?;
        let kind = raw.type_info().name().to_owned();
        let value = if raw.is_null() {
            Value::Null
        } else {
            match kind.as_str() {
                "INTEGER" | "INT4" | "INT8" | "BOOLEAN" => {
                    Value::Int(found.try_get_unchecked(index).map_err(statement)?)
                }
                "REAL" | "NUMERIC" => Value::Real(found.try_get_unchecked(index).map_err(statement)?),
                "TEXT" => Value::Text(found.try_get_unchecked(index).map_err(statement)?),
                "BLOB" => Value::Blob(found.try_get_unchecked(index).map_err(statement)?),
                other => {
                    return Err(DbError::Statement(format!("column {index} has the foreign type {other}")));
                }
            }
        };
        values.push(value);
    }
    Ok(Row(values))
}

fn statement(error: sqlx::Error) -> DbError {
    match &error {
        sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::Io(_) => DbError::Unavailable(error.to_string()),
        _ => DbError::Statement(error.to_string()),
    }
}

fn unopened(path: &Path, error: &sqlx::Error) -> DbError {
    DbError::Unavailable(format!("{} cannot be opened: {error}", path.display()))
}
