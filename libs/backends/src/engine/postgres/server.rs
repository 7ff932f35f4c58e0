//! What a server says of itself, for whoever looks after it.

use eventing::sql::{Db, DbError, Row};

/// A server as one of its databases' users sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    pub version: String,
    pub fsync: bool,
    /// Connections for those who are no superuser, of all databases together.
    pub connections_max: i64,
    /// How many of them this user may have, where that is limited: by role or by database.
    pub connections_max_of_user: Option<i64>,
    /// Open now.
    pub connections: i64,
    /// Its clock.
    pub now_us: i64,
}

const LOOK: &str = "SELECT current_setting('server_version'), current_setting('fsync') = 'on',
    CAST(current_setting('max_connections') AS BIGINT) - CAST(current_setting('superuser_reserved_connections') AS BIGINT)
      - COALESCE(CAST(NULLIF(current_setting('reserved_connections', true), '') AS BIGINT), 0),
    (SELECT CAST(rolconnlimit AS BIGINT) FROM pg_roles WHERE rolname = current_user AND NOT rolsuper),
    (SELECT CAST(datconnlimit AS BIGINT) FROM pg_database WHERE datname = current_database()),
    (SELECT COUNT(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
    CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)";

/// Asks the server behind `db`.
pub async fn server(db: &Db) -> Result<Server, DbError> {
    let row = db.fetch_one(LOOK, vec![]).await?;
    let row = row.ok_or_else(|| DbError::Unavailable("the server says nothing of itself".to_owned()))?;
    let limits = [limit(&row, 3)?, limit(&row, 4)?];
    Ok(Server {
        version: row.get(0)?,
        fsync: row.get::<i64>(1)? != 0,
        connections_max: row.get(2)?,
        connections_max_of_user: limits.into_iter().flatten().min(),
        connections: row.get(5)?,
        now_us: row.get(6)?,
    })
}

/// A superuser has none; nor is there one below zero.
fn limit(row: &Row, index: usize) -> Result<Option<i64>, DbError> {
    Ok(row.get::<Option<i64>>(index)?.filter(|limit| *limit >= 0))
}
