//! What a server and a database must be, looked at before anything is written.

use eventing::sql::DbError;
use sqlx::{PgConnection, Row};
use tracing::warn;

use super::errors;

/// The oldest server that has all that we ask for (`client_connection_check_interval`).
const VERSION_MIN: i64 = 140_000;

// The order of texts is asked for by its effect: many names mean bytes (C, POSIX, C.UTF-8 and their spellings).
const LOOK: &str = "SELECT current_setting('server_version_num')::bigint, current_setting('server_version'),
    current_setting('server_encoding'), pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on',
    current_setting('synchronous_commit'), current_setting('fsync'), 'B'::text < 'a'::text AND 'a-b'::text < 'aab'::text,
    current_schema() IS NOT NULL, current_database()";

pub(super) async fn check(connection: &mut PgConnection) -> Result<(), DbError> {
    let seen = sqlx::raw_sql(LOOK)
        .fetch_one(connection)
        .await
        .map_err(|error| DbError::from(errors::asking(&error)))?;
    let text = |index: usize| seen.try_get_unchecked::<String, _>(index).map_err(errors::own);
    let flag = |index: usize| seen.try_get::<bool, _>(index).map_err(errors::own);
    let version: i64 = seen.try_get(0).map_err(errors::own)?;
    let database = text(8)?;
    let unusable = |what: String| Err(DbError::Unusable(what));
    if version < VERSION_MIN {
        let found = text(1)?;
        return unusable(format!(
            "PostgreSQL {found} is too old: {} or newer is needed",
            VERSION_MIN / 10_000
        ));
    }
    let encoding = text(2)?;
    if encoding != "UTF8" {
        return unusable(format!(
            "the database «{database}» is kept in {encoding}: make it anew with ENCODING 'UTF8' TEMPLATE template0"
        ));
    }
    if flag(3)? {
        return unusable(format!(
            "the server of «{database}» only reads (a standby?): the address must lead to the primary"
        ));
    }
    if text(4)? == "off" {
        return unusable(format!(
            "«{database}» has synchronous_commit = off: what was acknowledged could be lost; set it to on"
        ));
    }
    if !flag(6)? {
        return unusable(format!(
            "the database «{database}» orders texts by a language: make it anew with LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        ));
    }
    if !flag(7)? {
        return unusable(format!(
            "«{database}» has no schema to work in: CREATE SCHEMA public, or see search_path"
        ));
    }
    if text(5)? == "off" {
        warn!(database, "fsync is off on this server: a crash of its machine loses what was acknowledged");
    }
    Ok(())
}
