//! SQLite: one thread writes, callers read. Units of work that wait together are committed together.
//!
//! A read runs on the thread that asks: a page-cached point query is cheaper than the way to another thread and back
//! (ADR 0021). What it may cost is bounded by the `LIMIT` that every query of the house carries.

use std::{
    panic::AssertUnwindSafe,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    thread,
    time::Duration,
};

use async_trait::async_trait;
use eventing::sql::{Database, Db, DbError, Engine, Job, Load, Row, Tx, Value};
use futures::FutureExt;
use rusqlite::{
    CachedStatement, Connection, Error, ErrorCode, ToSql,
    config::DbConfig,
    types::{ToSqlOutput, ValueRef},
};
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
};
use tokio_util::sync::CancellationToken;
use tracing::error;

/// Units of work committed by one fsync.
const GROUP_MAX: usize = 256;
/// Units of work that may wait for the writer.
const QUEUE_MAX: usize = 4_096;
/// Connections for reading that are kept open; as many are in use as threads read at one moment.
const READERS_IDLE_MAX: usize = 8;
const STATEMENTS_CACHED: usize = 512;

/// How a file is opened.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Cancelled when a commit's outcome is unknown: the process must stop and start again.
    pub fatal: CancellationToken,
}

/// Opens the file, making it when it is missing: WAL, `synchronous=FULL`.
pub async fn open(path: &Path, options: Options) -> Result<Db, DbError> {
    let unopened =
        |error: String| DbError::Unavailable(format!("{} cannot be opened: {error}", path.display()));
    let writer = connected(path).map_err(|error| unopened(error.to_string()))?;
    // The writer has made the file: readers find it, and find out now whether they may open it.
    let readers = Readers { path: path.to_owned(), idle: Mutex::new(Vec::new()) };
    readers.give_back(readers.opened().map_err(|error| unopened(error.to_string()))?);
    let (jobs, queue) = mpsc::channel(QUEUE_MAX);
    let runtime = Handle::current();
    thread::Builder::new()
        .name("sqlite-writer".to_owned())
        .spawn(move || write(writer, queue, &runtime, &options.fatal))
        .map_err(|error| unopened(error.to_string()))?;
    Ok(Db::new(SqliteDatabase { readers, jobs }))
}

fn connected(path: &Path) -> Result<Connection, Error> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    // A plan hangs on no argument: else each new `LIMIT $n` would have its statement prepared anew.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
         PRAGMA temp_store = MEMORY;
         -- What was deleted (keys, erased rows) does not linger in free pages.
         PRAGMA secure_delete = ON;",
    )?;
    Ok(connection)
}

/// Connections that only read.
struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    fn fetch(&self, sql: &str, args: &[Value]) -> Result<Vec<Row>, DbError> {
        let known = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let reader = known.map_or_else(|| self.opened(), Ok).map_err(|error| statement(&error))?;
        let found = rows(&reader, sql, args);
        self.give_back(reader);
        found
    }

    fn opened(&self) -> Result<Connection, Error> {
        let reader = connected(&self.path)?;
        reader.pragma_update(None, "query_only", true)?;
        Ok(reader)
    }

    fn give_back(&self, reader: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < READERS_IDLE_MAX {
            idle.push(reader);
        }
    }
}

struct SqliteDatabase {
    readers: Readers,
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
        self.readers.fetch(sql, &args)
    }

    fn load(&self) -> Option<Load> {
        let waiting = self.jobs.max_capacity() - self.jobs.capacity();
        Some(Load { waiting, ..Load::default() })
    }

    async fn run(&self, job: Job) -> Result<(), DbError> {
        let gone = || DbError::Unavailable("the store's writer has stopped".to_owned());
        let (answer, answered) = oneshot::channel();
        self.jobs.send(Queued { job, answer }).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    /// On a connection and a thread of its own: what is looked at may be long.
    async fn look(&self, job: Job) -> Result<(), DbError> {
        let mut reader = self.readers.opened().map_err(|error| statement(&error))?;
        let runtime = Handle::current();
        let looked = tokio::task::spawn_blocking(move || {
            // What is seen first stays so until this connection is gone.
            run_sql(&reader, "BEGIN").map_err(|error| statement(&error))?;
            let mut tx = SqliteTx { connection: &mut reader, failed: None };
            let panicked = || Err(DbError::RolledBack("the work panicked".to_owned()));
            let work = AssertUnwindSafe(job(&mut tx)).catch_unwind();
            runtime.block_on(work).unwrap_or_else(|_| panicked())
        });
        looked.await.map_err(|error| DbError::Unavailable(error.to_string()))?
    }
}

/// The writer: takes what waits, runs each unit in a savepoint, commits all, then answers. Ends with its handles.
fn write(
    mut connection: Connection,
    mut queue: mpsc::Receiver<Queued>,
    runtime: &Handle,
    fatal: &CancellationToken,
) {
    while let Some(first) = queue.blocking_recv() {
        match commit_group(&mut connection, first, &mut queue, runtime) {
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

fn commit_group(
    connection: &mut Connection,
    first: Queued,
    queue: &mut mpsc::Receiver<Queued>,
    runtime: &Handle,
) -> Result<(), Broken> {
    if let Err(error) = run_sql(connection, "BEGIN IMMEDIATE") {
        let _ = first.answer.send(Err(DbError::Unavailable(error.to_string())));
        return Ok(());
    }
    let mut answers = Vec::new();
    let mut next = Some(first);
    while let Some(queued) = next {
        let result = run_job(connection, queued.job, runtime)?;
        answers.push((queued.answer, result));
        next = if answers.len() < GROUP_MAX { queue.try_recv().ok() } else { None };
    }
    let committed = run_sql(connection, "COMMIT");
    if let Err(error) = &committed {
        // Full disk and the like leave the transaction open; only a rollback that works makes "not done" certain.
        let certain = !is_io_error(error) && run_sql(connection, "ROLLBACK").is_ok();
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

fn run_job(connection: &mut Connection, job: Job, runtime: &Handle) -> Result<Result<(), DbError>, Broken> {
    run_sql(connection, "SAVEPOINT unit").map_err(|_| Broken)?;
    let mut tx = SqliteTx { connection, failed: None };
    let panicked = || Err(DbError::RolledBack("the work panicked".to_owned()));
    let work = AssertUnwindSafe(job(&mut tx)).catch_unwind();
    let mut result = runtime.block_on(work).unwrap_or_else(|_| panicked());
    if let (Ok(()), Some(failed)) = (&result, tx.failed) {
        // As PostgreSQL does: what works on one engine only is found on the other's tests too.
        result = Err(DbError::RolledBack(format!("a statement had failed and the work went on: {failed}")));
    }
    if result.is_err() {
        run_sql(connection, "ROLLBACK TO unit").map_err(|_| Broken)?;
    }
    run_sql(connection, "RELEASE unit").map_err(|_| Broken)?;
    Ok(result)
}

fn run_sql(connection: &Connection, sql: &str) -> Result<(), Error> {
    connection.prepare_cached(sql)?.execute([]).map(|_| ())
}

/// SQLITE_IOERR and its kin: what was written is unknown.
fn is_io_error(error: &Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure)
}

struct SqliteTx<'c> {
    connection: &'c mut Connection,
    /// The first statement that failed: the work may not go on.
    failed: Option<String>,
}

impl SqliteTx<'_> {
    fn noted<T>(&mut self, answer: Result<T, DbError>) -> Result<T, DbError> {
        if let (Err(error), None) = (&answer, &self.failed) {
            self.failed = Some(error.to_string());
        }
        answer
    }
}

#[async_trait]
impl Tx for SqliteTx<'_> {
    fn engine(&self) -> Engine {
        Engine::Sqlite
    }

    async fn execute(&mut self, sql: &str, args: Vec<Value>) -> Result<u64, DbError> {
        let changed = bound(self.connection, sql, &args)
            .and_then(|mut prepared| prepared.raw_execute().map_err(|error| statement(&error)));
        self.noted(changed.map(|changed| changed as u64))
    }

    async fn fetch(&mut self, sql: &str, args: Vec<Value>) -> Result<Vec<Row>, DbError> {
        let found = rows(self.connection, sql, &args);
        self.noted(found)
    }
}

fn rows(connection: &Connection, sql: &str, args: &[Value]) -> Result<Vec<Row>, DbError> {
    let failed = |error: Error| statement(&error);
    let mut prepared = bound(connection, sql, args)?;
    let columns = prepared.column_count();
    let mut found = prepared.raw_query();
    let mut rows = Vec::new();
    while let Some(row) = found.next().map_err(failed)? {
        let values = (0..columns).map(|index| value(index, row.get_ref(index).map_err(failed)?));
        rows.push(Row(values.collect::<Result<_, _>>()?));
    }
    Ok(rows)
}

/// The statement with its arguments. What the house writes as `$n` SQLite calls `?n`: to it `$n` is a name, looked for
/// among all others each time.
fn bound<'c>(connection: &'c Connection, sql: &str, args: &[Value]) -> Result<CachedStatement<'c>, DbError> {
    let failed = |error: Error| statement(&error);
    let mut prepared = connection.prepare_cached(&sql.replace('$', "?")).map_err(failed)?;
    let wanted = prepared.parameter_count();
    if wanted != args.len() {
        return Err(DbError::Statement(format!("{wanted} arguments wanted, {} given: {sql}", args.len())));
    }
    for (index, arg) in (1..).zip(args) {
        if *arg == Value::AppendPosition {
            return Err(DbError::Statement("a position is only known inside an append".to_owned()));
        }
        prepared.raw_bind_parameter(index, Argument(arg)).map_err(failed)?;
    }
    Ok(prepared)
}

/// A value on its way into a statement: borrowed, SQLite keeps a copy.
struct Argument<'a>(&'a Value);

impl ToSql for Argument<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null | Value::AppendPosition => ValueRef::Null,
            Value::Int(int) => ValueRef::Integer(*int),
            Value::Real(real) => ValueRef::Real(*real),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Blob(blob) => ValueRef::Blob(blob),
        }))
    }
}

fn value(index: usize, found: ValueRef<'_>) -> Result<Value, DbError> {
    Ok(match found {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(int) => Value::Int(int),
        ValueRef::Real(real) => Value::Real(real),
        ValueRef::Text(text) => Value::Text(
            String::from_utf8(text.to_vec())
                .map_err(|error| DbError::Statement(format!("column {index} is no text: {error}")))?,
        ),
        ValueRef::Blob(blob) => Value::Blob(blob.to_vec()),
    })
}

/// What may pass by itself is `Unavailable`; everything else is the statement's own fault.
fn statement(error: &Error) -> DbError {
    match error.sqlite_error_code() {
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::SystemIoFailure
            | ErrorCode::DiskFull
            | ErrorCode::CannotOpen
            | ErrorCode::OutOfMemory,
        ) => DbError::Unavailable(error.to_string()),
        _ => DbError::Statement(error.to_string()),
    }
}
