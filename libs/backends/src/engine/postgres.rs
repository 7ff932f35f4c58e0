//! PostgreSQL: a bounded pool, statement and idle limits, one transaction a unit of work.

use std::{panic::AssertUnwindSafe, str::FromStr, time::Duration};

use async_trait::async_trait;
use eventing::sql::{Database, Db, DbError, Engine, Job, Row, Tx, Value};
use futures::FutureExt;
use sqlx::{
    AssertSqlSafe, Column, ConnectOptions, PgPool, Postgres, Row as _, TypeInfo, ValueRef,
    encode::{Encode, IsNull},
    error::BoxDynError,
    postgres::{
        PgArgumentBuffer, PgArguments, PgConnectOptions, PgPoolOptions, PgRow, PgTypeInfo, types::Oid,
    },
    query::Query,
};

use tokio::sync::watch;

use super::postgres_news::News;

const STATEMENTS_CACHED: usize = 512;

/// How a database is reached.
#[derive(Clone, Debug)]
pub struct Options {
    pub connections_max: u32,
    /// No statement runs longer, and no transaction idles longer.
    pub statement_limit: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { connections_max: 16, statement_limit: Duration::from_secs(15) }
    }
}

/// Connects to `postgres://…`.
pub async fn connect(url: &str, options: Options) -> Result<Db, DbError> {
    let limit = format!("{}ms", options.statement_limit.as_millis());
    let connect = PgConnectOptions::from_str(url)
        .map_err(statement)?
        .application_name("stadion")
        .statement_cache_capacity(STATEMENTS_CACHED)
        .options([
            ("statement_timeout", limit.as_str()),
            ("idle_in_transaction_session_timeout", limit.as_str()),
            ("client_min_messages", "warning"),
        ])
        .disable_statement_logging();
    let pool = PgPoolOptions::new()
        .max_connections(options.connections_max)
        .acquire_timeout(Duration::from_secs(10))
        .connect_with(connect)
        .await
        .map_err(|error| DbError::Unavailable(error.to_string()))?;
    Ok(Db::new(PostgresDatabase { news: News::of(&pool), pool }))
}

/// Makes an empty database beside the one `url` names, and answers its address.
pub async fn create_database(url: &str, name: &str) -> Result<String, DbError> {
    if !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_') {
        return Err(DbError::Statement(format!("«{name}» is no name for a database")));
    }
    let options = PgConnectOptions::from_str(url).map_err(statement)?.disable_statement_logging();
    let mut connection = options.connect().await.map_err(|error| DbError::Unavailable(error.to_string()))?;
    sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}")))
        .execute(&mut connection)
        .await
        .map_err(statement)?;
    let made = options.database(name);
    Ok(made.to_url_lossy().to_string())
}

struct PostgresDatabase {
    pool: PgPool,
    news: News,
}

#[async_trait]
impl Database for PostgresDatabase {
    fn engine(&self) -> Engine {
        Engine::Postgres
    }

    async fn fetch(&self, sql: &str, args: Vec<Value>) -> Result<Vec<Row>, DbError> {
        let rows = bound(sql, args)?.fetch_all(&self.pool).await.map_err(statement)?;
        rows.iter().map(row).collect()
    }

    fn announce(&self, news: i64) {
        self.news.say(news);
    }

    fn announced(&self) -> Option<watch::Receiver<i64>> {
        Some(self.news.heard())
    }

    async fn run(&self, job: Job) -> Result<(), DbError> {
        let mut transaction = self.pool.begin().await.map_err(statement)?;
        let mut tx = PostgresTx { connection: &mut transaction };
        let panicked = || Err(DbError::RolledBack("the work panicked".to_owned()));
        match AssertUnwindSafe(job(&mut tx)).catch_unwind().await.unwrap_or_else(|_| panicked()) {
            // A connection lost here leaves the outcome open; the command's key tells at the next try.
            Ok(()) => transaction.commit().await.map_err(|error| DbError::Unavailable(error.to_string())),
            Err(error) => {
                let _ = transaction.rollback().await;
                Err(error)
            }
        }
    }
}

struct PostgresTx<'c> {
    connection: &'c mut sqlx::PgConnection,
}

#[async_trait]
impl Tx for PostgresTx<'_> {
    fn engine(&self) -> Engine {
        Engine::Postgres
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

/// NULL of no type: the server takes the column's.
struct Untyped;

impl sqlx::Type<Postgres> for Untyped {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(0))
    }
}

impl Encode<'_, Postgres> for Untyped {
    fn encode_by_ref(&self, _: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Ok(IsNull::Yes)
    }
}

fn bound(sql: &str, args: Vec<Value>) -> Result<Query<'static, Postgres, PgArguments>, DbError> {
    let mut query = sqlx::query(AssertSqlSafe(sql.to_owned()));
    for arg in args {
        query = match arg {
            Value::Null => query.bind(Untyped),
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

fn row(found: &PgRow) -> Result<Row, DbError> {
    let mut values = Vec::with_capacity(found.len());
    for column in found.columns() {
        values.push(value(found, column.ordinal())?);
    }
    Ok(Row(values))
}

fn value(found: &PgRow, index: usize) -> Result<Value, DbError> {
    let raw = found.try_get_raw(index).map_err(statement)?;
    if raw.is_null() {
        return Ok(Value::Null);
    }
    let kind = raw.type_info().name().to_owned();
    Ok(match kind.as_str() {
        "INT8" => Value::Int(found.try_get(index).map_err(statement)?),
        "INT4" => Value::Int(found.try_get::<i32, _>(index).map_err(statement)?.into()),
        "INT2" => Value::Int(found.try_get::<i16, _>(index).map_err(statement)?.into()),
        "BOOL" => Value::Int(found.try_get::<bool, _>(index).map_err(statement)?.into()),
        "FLOAT8" => Value::Real(found.try_get(index).map_err(statement)?),
        "TEXT" | "VARCHAR" | "NAME" => Value::Text(found.try_get(index).map_err(statement)?),
        "BYTEA" => Value::Blob(found.try_get(index).map_err(statement)?),
        other => {
            return Err(DbError::Statement(format!("column {index} has the foreign type {other}: cast it")));
        }
    })
}

fn statement(error: sqlx::Error) -> DbError {
    match &error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Tls(_) => {
            DbError::Unavailable(error.to_string())
        }
        // Serialisation, deadlock, shutting down, too many connections, timeouts: another try may go through.
        sqlx::Error::Database(inner)
            if inner
                .code()
                .is_some_and(|code| ["40", "53", "57", "08"].iter().any(|class| code.starts_with(class))) =>
        {
            DbError::Unavailable(error.to_string())
        }
        _ => DbError::Statement(error.to_string()),
    }
}
