//! The thin, portable SQL of the house: one query text, one value and row type over both engines.
//!
//! Placeholders are `$1…$n`, times are BIGINT microseconds (`_us`), money BIGINT minor units, ids 16-byte blobs.
//! Engines implement [`Database`]; store modules use [`Db`].

use std::{collections::BTreeSet, future::Future, pin::Pin, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::watch;
use uuid::Uuid;

/// Names held by one statement.
const HELD_MAX: usize = 256;

/// A bound argument or a column's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Int(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
    /// The position that the append of this statement's own transaction gets: only in inline statements.
    AppendPosition,
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}
impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::Int(value.into())
    }
}
impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
}
impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Int(value.into())
    }
}
impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}
impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}
impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}
impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Self::Text(value.clone())
    }
}
impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Blob(value)
    }
}
impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Blob(value.to_vec())
    }
}
impl From<Bytes> for Value {
    fn from(value: Bytes) -> Self {
        Self::Blob(value.to_vec())
    }
}
impl From<Uuid> for Value {
    fn from(value: Uuid) -> Self {
        Self::Blob(value.as_bytes().to_vec())
    }
}
impl<Kind> From<kernel::Id<Kind>> for Value {
    fn from(value: kernel::Id<Kind>) -> Self {
        Self::from(value.uuid())
    }
}
impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// `args![a, b]`: the arguments of a statement, each turned into a [`Value`].
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::sql::Value::from($value)),*] };
}

/// One statement with its arguments: what inline rows are written as.
#[derive(Clone, Debug)]
pub struct Statement {
    pub sql: String,
    pub args: Vec<Value>,
}

impl Statement {
    pub fn new(sql: impl Into<String>, args: Vec<Value>) -> Self {
        Self { sql: sql.into(), args }
    }
}

/// A row of an answer. Columns are asked for by their index in the SELECT, from 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Row(pub Vec<Value>);

/// What a column can be read as.
pub trait FromValue: Sized {
    fn from_value(value: &Value) -> Option<Self>;
}
impl FromValue for i64 {
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Int(int) = value { Some(*int) } else { None }
    }
}
impl FromValue for u64 {
    fn from_value(value: &Value) -> Option<Self> {
        i64::from_value(value).and_then(|int| Self::try_from(int).ok())
    }
}
impl FromValue for u32 {
    fn from_value(value: &Value) -> Option<Self> {
        i64::from_value(value).and_then(|int| Self::try_from(int).ok())
    }
}
impl FromValue for bool {
    fn from_value(value: &Value) -> Option<Self> {
        i64::from_value(value).map(|int| int != 0)
    }
}
impl FromValue for f64 {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Real(real) => Some(*real),
            Value::Int(int) => Some(*int as Self),
            _ => None,
        }
    }
}
impl FromValue for String {
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Text(text) = value { Some(text.clone()) } else { None }
    }
}
impl FromValue for Vec<u8> {
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Blob(blob) = value { Some(blob.clone()) } else { None }
    }
}
impl FromValue for Bytes {
    fn from_value(value: &Value) -> Option<Self> {
        Vec::from_value(value).map(Self::from)
    }
}
impl FromValue for Uuid {
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Blob(blob) = value { Self::from_slice(blob).ok() } else { None }
    }
}
impl<Kind> FromValue for kernel::Id<Kind> {
    fn from_value(value: &Value) -> Option<Self> {
        Uuid::from_value(value).map(Self::new)
    }
}
impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: &Value) -> Option<Self> {
        if matches!(value, Value::Null) { Some(None) } else { T::from_value(value).map(Some) }
    }
}

impl Row {
    /// Column `index` as `T`; an error names the column when the type differs.
    pub fn get<T: FromValue>(&self, index: usize) -> Result<T, DbError> {
        self.0.get(index).and_then(T::from_value).ok_or_else(|| DbError::Column {
            index,
            wanted: std::any::type_name::<T>(),
            found: format!("{:?}", self.0.get(index)),
        })
    }
}

/// What can go wrong between us and an engine.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DbError {
    #[error("the statement failed: {0}")]
    Statement(String),
    #[error("column {index} is not {wanted}: {found}")]
    Column { index: usize, wanted: &'static str, found: String },
    /// The engine is gone, full or too slow: trying again may help.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The engine rolled this back for the sake of others (deadlock, serialization): the same again may go through.
    #[error("rolled back because of others: {0}")]
    Contended(String),
    /// The engine was lost while it committed: whether it did is not known. A command's key tells at the next try.
    #[error("the store was lost while it committed: {0}")]
    Unknown(String),
    /// The engine answers, but is not as it must be (credentials, version, schema, whose it is): somebody must act.
    #[error("the store cannot be used: {0}")]
    Unusable(String),
    /// Whether the commit happened is not known: the process must stop and look again at start.
    #[error("the store failed while committing: {0}")]
    Fatal(String),
    /// A job rolled its own transaction back, and says why.
    #[error("rolled back: {0}")]
    RolledBack(String),
}

pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Statements inside one transaction.
#[async_trait]
pub trait Tx: Send {
    fn engine(&self) -> Engine;
    /// The number of rows that changed.
    async fn execute(&mut self, sql: &str, args: Vec<Value>) -> Result<u64, DbError>;
    async fn fetch(&mut self, sql: &str, args: Vec<Value>) -> Result<Vec<Row>, DbError>;
}

impl dyn Tx + '_ {
    pub async fn fetch_one(&mut self, sql: &str, args: Vec<Value>) -> Result<Option<Row>, DbError> {
        Ok(self.fetch(sql, args).await?.into_iter().next())
    }
}

/// Holds these against every other transaction of the store that asks for one of them, to the end of this one. For rows
/// that several readers read and then write: on SQLite one writer does it all, on PostgreSQL two would undo each other's
/// work. Ask before anything is read.
pub async fn hold(tx: &mut dyn Tx, held: Vec<Uuid>) -> Result<(), DbError> {
    let halves = |id: Uuid| id.as_u64_pair();
    let numbers: BTreeSet<i64> =
        held.into_iter().map(halves).map(|(high, low)| (high ^ low).cast_signed()).collect();
    if tx.engine() != Engine::Postgres {
        return Ok(());
    }
    // In ascending order: nobody waits in a circle.
    let numbers: Vec<i64> = numbers.into_iter().collect();
    for some in numbers.chunks(HELD_MAX) {
        let places: Vec<String> = (1..=some.len()).map(|place| format!("(${place}::bigint)")).collect();
        let sql = format!(
            "SELECT pg_advisory_xact_lock(number) FROM (VALUES {}) AS held (number)",
            places.join(", ")
        );
        tx.execute(&sql, some.iter().map(|number| Value::Int(*number)).collect()).await?;
    }
    Ok(())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// One more table for the FROM of a statement, `quick`, so that its transaction's commit does not wait for the disk. For
/// what is derived: a server that crashes forgets the last moment of it, cursor and rows together, and its reader makes
/// them again. On SQLite all that commits together waits once, and this is nothing.
pub(crate) const fn quick(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => "(SELECT 1) AS quick",
        Engine::Postgres => "(SELECT set_config('synchronous_commit', 'off', true)) AS quick",
    }
}

/// A unit of work in a transaction of its own (or, on SQLite, a savepoint of a shared one): an error rolls it back.
pub type Job = Box<dyn for<'t> FnOnce(&'t mut dyn Tx) -> BoxFuture<'t, Result<(), DbError>> + Send>;

/// How busy a database of this process is now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Units of work that wait: for the writer, or for a connection.
    pub waiting: usize,
    pub connections_busy: u32,
    /// 0: there is no limit.
    pub connections_max: u32,
}

/// What an engine offers. Implemented under `libs/backends` only.
#[async_trait]
pub trait Database: Send + Sync + 'static {
    fn engine(&self) -> Engine;
    async fn fetch(&self, sql: &str, args: Vec<Value>) -> Result<Vec<Row>, DbError>;
    /// Runs the job and commits it; when this answers `Ok` the effects are durable.
    async fn run(&self, job: Job) -> Result<(), DbError>;
    /// One statement by itself that may be said twice, and its rows: where a connection is lost it may be said again.
    async fn settle(&self, sql: &str, args: Vec<Value>) -> Result<Vec<Row>, DbError> {
        let sql = sql.to_owned();
        let (job, answered) = job_of(move |tx| Box::pin(async move { tx.fetch(&sql, args).await }));
        answer_of(self.run(job).await, answered).await
    }
    /// Runs a job that only reads, and sees the store as it is at one moment, however long it takes; nobody waits for it.
    async fn look(&self, job: Job) -> Result<(), DbError> {
        self.run(job).await
    }
    /// Ends what is kept open between calls; what is under way ends first. Later calls are refused.
    async fn close(&self) {}
    /// How busy it is; `None` where that is not known.
    fn load(&self) -> Option<Load> {
        None
    }
    /// Tells the other processes on this database that something is new. A hint: one that is lost delays, no more.
    fn announce(&self, _news: i64) {}
    /// The newest of what was announced, by whichever process; `None` where there is only one.
    fn announced(&self) -> Option<watch::Receiver<i64>> {
        None
    }
}

/// A handle to one service's database; cheap to clone.
#[derive(Clone)]
pub struct Db(Arc<dyn Database>);

impl Db {
    pub fn new(database: impl Database) -> Self {
        Self(Arc::new(database))
    }

    pub fn engine(&self) -> Engine {
        self.0.engine()
    }

    /// Ends the connections, for every clone of this handle.
    pub async fn close(&self) {
        self.0.close().await;
    }

    /// See [`Database::load`].
    pub fn load(&self) -> Option<Load> {
        self.0.load()
    }

    /// See [`Database::announce`].
    pub fn announce(&self, news: i64) {
        self.0.announce(news);
    }

    /// See [`Database::announced`].
    pub fn announced(&self) -> Option<watch::Receiver<i64>> {
        self.0.announced()
    }

    pub async fn fetch(&self, sql: &str, args: Vec<Value>) -> Result<Vec<Row>, DbError> {
        self.0.fetch(sql, args).await
    }

    pub async fn fetch_one(&self, sql: &str, args: Vec<Value>) -> Result<Option<Row>, DbError> {
        Ok(self.fetch(sql, args).await?.into_iter().next())
    }

    /// One statement in a transaction of its own; the number of rows that changed.
    pub async fn execute(&self, sql: &str, args: Vec<Value>) -> Result<u64, DbError> {
        let sql = sql.to_owned();
        self.transact(move |tx| Box::pin(async move { tx.execute(&sql, args).await })).await
    }

    /// One statement by itself that changes nothing more when it is said a second time (a cursor that moves from where it
    /// stood, a row that is forgotten), and the rows that it returns. It costs one round trip instead of three; when this
    /// answers `Ok` its effect is durable.
    pub async fn settle(&self, sql: &str, args: Vec<Value>) -> Result<Vec<Row>, DbError> {
        self.0.settle(sql, args).await
    }

    /// Runs `work` in one transaction: `Ok` commits, `Err` rolls back. The work may not be retried half-way:
    /// it is called once.
    pub async fn transact<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: for<'t> FnOnce(&'t mut dyn Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    {
        let (job, answered) = job_of(work);
        answer_of(self.0.run(job).await, answered).await
    }

    /// Runs `work`, which only reads, at one moment of the store: see [`Database::look`].
    pub async fn look<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: for<'t> FnOnce(&'t mut dyn Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    {
        let (job, answered) = job_of(work);
        answer_of(self.0.look(job).await, answered).await
    }
}

/// What a piece of work has answered, once it has.
type Answered<T, E> = tokio::sync::oneshot::Receiver<Result<T, E>>;

fn job_of<T, E, F>(work: F) -> (Job, Answered<T, E>)
where
    T: Send + 'static,
    E: Send + 'static,
    F: for<'t> FnOnce(&'t mut dyn Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
{
    let (answer, answered) = tokio::sync::oneshot::channel();
    let job: Job = Box::new(move |tx| {
        Box::pin(async move {
            let result = work(tx).await;
            let rolled_back = result.is_err();
            // The receiver lives until `run` has answered.
            let _ = answer.send(result);
            if rolled_back { Err(DbError::RolledBack("by the work itself".to_owned())) } else { Ok(()) }
        })
    });
    (job, answered)
}

async fn answer_of<T, E: From<DbError>>(done: Result<(), DbError>, answered: Answered<T, E>) -> Result<T, E> {
    match (answered.await, done) {
        (Ok(Err(refused)), _) => Err(refused),
        (Ok(Ok(value)), Ok(())) => Ok(value),
        (_, Err(error)) => Err(error.into()),
        (Err(_), Ok(())) => Err(DbError::Unavailable("the work was dropped".to_owned()).into()),
    }
}
