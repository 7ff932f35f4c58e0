//! What a failure of the server or the way to it means. Codes: "PostgreSQL Error Codes", appendix A of its manual.

use std::time::Duration;

use eventing::sql::DbError;
use sqlx::{
    error::DatabaseError,
    postgres::{PgConnectOptions, PgDatabaseError, PgSeverity},
};

use super::{Lost, Options};

/// Classes whose errors are the statement's own: the same again would fail again. Feature not supported, cardinality,
/// data, constraint, dependent objects, routines, syntax and access, program limits, PL/pgSQL.
const OWN: [&str; 11] = ["0A", "0L", "20", "21", "22", "23", "2B", "2F", "42", "54", "P0"];

/// A statement or BEGIN, COMMIT, ROLLBACK that failed on an open connection.
pub(super) fn asking(error: &sqlx::Error) -> Lost {
    let sqlx::Error::Database(inner) = error else {
        let own = matches!(
            error,
            sqlx::Error::Encode(_)
                | sqlx::Error::ColumnDecode { .. }
                | sqlx::Error::Decode(_)
                | sqlx::Error::TypeNotFound { .. }
                | sqlx::Error::ColumnIndexOutOfBounds { .. }
        );
        return if own {
            Lost::Statement(DbError::Statement(error.to_string()))
        } else {
            Lost::Connection(DbError::Unavailable(error.to_string()))
        };
    };
    let code = inner.code().unwrap_or_default();
    if ends_the_session(&**inner) {
        return Lost::Connection(DbError::Unavailable(error.to_string()));
    }
    Lost::Statement(match &*code {
        // Serialization, deadlock: rolled back for somebody else's sake.
        _ if code.starts_with("40") => DbError::Contended(error.to_string()),
        _ if OWN.iter().any(|class| code.starts_with(class)) => DbError::Statement(error.to_string()),
        "55P03" => DbError::Unavailable(format!("somebody holds a lock for too long: {error}")),
        _ => DbError::Unavailable(error.to_string()),
    })
}

/// The server has ended this session, or a new one may be served better.
fn ends_the_session(error: &dyn DatabaseError) -> bool {
    let code = error.code().unwrap_or_default();
    let fatal = error
        .try_downcast_ref::<PgDatabaseError>()
        .is_some_and(|error| matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic));
    // Read-only: the server has become a standby; the address may lead to the new primary. Lost or outdated prepared
    // statements: behind a pooler, or after a migration.
    let elsewhere =
        ["25006", "26000"].contains(&&*code) || (code == "0A000" && error.message().contains("cached plan"));
    fatal || code.starts_with("08") || elsewhere
}

/// A value that is not what it should be.
pub(super) fn own(error: sqlx::Error) -> DbError {
    DbError::Statement(error.to_string())
}

/// No connection could be had from the pool.
pub(super) fn acquiring(error: &sqlx::Error, options: &Options) -> DbError {
    match error {
        sqlx::Error::PoolTimedOut => DbError::Unavailable(format!(
            "no connection to PostgreSQL within {} ms: all {} are in use, or the server does not take another one",
            options.acquire_limit.as_millis(),
            options.connections_max
        )),
        other => DbError::Unavailable(other.to_string()),
    }
}

/// The first connection could not be made: what to do about it.
pub(super) fn connecting(error: &sqlx::Error, to: &PgConnectOptions) -> DbError {
    let at = place(to);
    let code = error.as_database_error().and_then(DatabaseError::code).unwrap_or_default();
    let (user, database) = (to.get_username(), to.get_database().unwrap_or(to.get_username()));
    match &*code {
        "28P01" | "28000" => DbError::Unusable(format!(
            "PostgreSQL at {at} does not let «{user}» in: check user and password in the address, and pg_hba.conf ({error})"
        )),
        "3D000" => DbError::Unusable(format!(
            "PostgreSQL at {at} has no database «{database}»: make it with CREATE DATABASE {database} TEMPLATE template0 \
             ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C', or let «{user}» create databases"
        )),
        "42501" => DbError::Unusable(format!(
            "PostgreSQL at {at} does not let «{user}» into «{database}»: GRANT CONNECT ON DATABASE {database} TO {user}"
        )),
        "53300" => DbError::Unavailable(format!(
            "PostgreSQL at {at} has no connection left: raise max_connections, or lower stores.connections_max"
        )),
        "57P03" => DbError::Unavailable(format!("PostgreSQL at {at} is still starting or stopping: {error}")),
        _ => match error {
            sqlx::Error::Io(source) => DbError::Unavailable(format!(
                "no PostgreSQL answers at {at} ({source}): is it running, and is the address right?"
            )),
            sqlx::Error::Tls(source) => DbError::Unusable(format!(
                "PostgreSQL at {at} and we do not agree on TLS ({source}): see sslmode in the address"
            )),
            other => DbError::Unavailable(format!("PostgreSQL at {at}: {other}")),
        },
    }
}

/// Somebody listens and says nothing.
pub(super) fn silent(to: &PgConnectOptions, limit: Duration) -> DbError {
    DbError::Unavailable(format!(
        "{} has not greeted within {} ms: is it PostgreSQL, and is it overloaded?",
        place(to),
        limit.as_millis()
    ))
}

fn place(to: &PgConnectOptions) -> String {
    to.get_socket()
        .map_or_else(|| format!("{}:{}", to.get_host(), to.get_port()), |path| path.display().to_string())
}
