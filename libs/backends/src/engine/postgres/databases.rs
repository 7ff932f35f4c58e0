//! Databases and schemas: made when missing, dropped by tests.

use std::{str::FromStr, time::Duration};

use eventing::sql::DbError;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Executor, PgConnection, error::DatabaseError, postgres::PgConnectOptions,
};

use super::errors;

/// Where databases are made from when the wanted one is not there to connect to.
const MAINTENANCE: &str = "postgres";

/// One database of a template is made at a time: processes that start together wait for each other.
const MAKE_TRIES: u32 = 100;
const MAKE_AGAIN: Duration = Duration::from_millis(100);

/// Texts in the order of their bytes: the same on every machine, and the same as SQLite's.
const FIT: &str = "ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'";

/// Makes an empty database beside the one `url` names, and answers its address.
pub async fn create_database(url: &str, name: &str) -> Result<String, DbError> {
    create_database_as(url, name, FIT).await
}

/// As [`create_database`], in another form than we can use: for tests.
#[doc(hidden)]
pub async fn create_database_as(url: &str, name: &str, form: &str) -> Result<String, DbError> {
    let options = parsed(url)?;
    make_database(&mut connected(&options).await?, name, form).await?;
    Ok(options.database(name).to_url_lossy().to_string())
}

/// Makes the database that `url` names, when it is not there and the user may; `true` when it was made.
pub async fn ensure_database(url: &str) -> Result<bool, DbError> {
    let options = parsed(url)?;
    let missing = match options.connect().await {
        Ok(_) => return Ok(false),
        Err(error) if has_code(&error, "3D000") => error,
        Err(error) => return Err(errors::connecting(&error, &options)),
    };
    let name = options.get_database().unwrap_or(options.get_username()).to_owned();
    let mut connection = connected(&options.clone().database(MAINTENANCE)).await?;
    let mut tries = 0;
    loop {
        tries += 1;
        match make_database(&mut connection, &name, FIT).await {
            Ok(()) => return Ok(true),
            // Somebody made it at the same moment.
            Err(_) if options.connect().await.is_ok() => return Ok(false),
            // Or is making it, or another of the same template.
            Err(DbError::Unavailable(_) | DbError::Contended(_)) if tries < MAKE_TRIES => {
                tokio::time::sleep(MAKE_AGAIN).await;
            }
            Err(DbError::Statement(_)) => return Err(errors::connecting(&missing, &options)),
            Err(error) => return Err(error),
        }
    }
}

/// Whether a database is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    There,
    /// `may_be_made`: by the user of the address.
    Missing {
        may_be_made: bool,
    },
}

/// Whether the database that `url` names is there; nothing is made for the answer.
pub async fn database(url: &str) -> Result<Presence, DbError> {
    let options = parsed(url)?;
    match options.connect().await {
        Ok(_) => return Ok(Presence::There),
        Err(error) if has_code(&error, "3D000") => {}
        Err(error) => return Err(errors::connecting(&error, &options)),
    }
    let asked = "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user";
    let may_be_made = match connected(&options.clone().database(MAINTENANCE)).await {
        Ok(mut connection) => {
            let may = sqlx::query_scalar::<_, bool>(asked).fetch_one(&mut connection).await;
            may.map_err(|error| DbError::from(errors::asking(&error)))?
        }
        Err(_) => false,
    };
    Ok(Presence::Missing { may_be_made })
}

/// Makes a schema in the database of `url` when it is not there, and answers the address of a store in it.
pub async fn create_schema(url: &str, name: &str) -> Result<String, DbError> {
    let name = checked(name)?;
    say(&mut connected(&parsed(url)?).await?, format!("CREATE SCHEMA IF NOT EXISTS {name}")).await?;
    let first = if url.contains('?') { '&' } else { '?' };
    Ok(format!("{url}{first}options[search_path]={name}"))
}

/// Drops a schema with all that is in it.
pub async fn drop_schema(url: &str, name: &str) -> Result<(), DbError> {
    let name = checked(name)?;
    let mut connection = connected(&parsed(url)?.options([("lock_timeout", "2s")])).await?;
    say(&mut connection, format!("DROP SCHEMA IF EXISTS {name} CASCADE")).await
}

async fn make_database(connection: &mut PgConnection, name: &str, form: &str) -> Result<(), DbError> {
    say(connection, format!("CREATE DATABASE {} TEMPLATE template0 {form}", checked(name)?)).await
}

fn parsed(url: &str) -> Result<PgConnectOptions, DbError> {
    let options = PgConnectOptions::from_str(url).map_err(|error| {
        DbError::Unusable(format!("the address of a PostgreSQL database is not readable: {error}"))
    })?;
    Ok(options.options([("client_min_messages", "warning")]).disable_statement_logging())
}

async fn connected(options: &PgConnectOptions) -> Result<PgConnection, DbError> {
    options.connect().await.map_err(|error| errors::connecting(&error, options))
}

async fn say(connection: &mut PgConnection, sql: String) -> Result<(), DbError> {
    connection.execute(AssertSqlSafe(sql)).await.map(drop).map_err(|error| errors::asking(&error).into())
}

fn has_code(error: &sqlx::Error, code: &str) -> bool {
    error.as_database_error().and_then(DatabaseError::code).is_some_and(|found| found == code)
}

/// Names stand in statements as they are.
fn checked(name: &str) -> Result<&str, DbError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if name.is_empty() || name.len() > 63 || !name.bytes().all(plain) {
        return Err(DbError::Unusable(format!(
            "«{name}» is no name for a database: a-z, 0-9 and _, at most 63"
        )));
    }
    Ok(name)
}
