//! A look at a store from outside of the processes that work on it: whose it is, who is there, what is not published.

use std::time::Duration;

use crate::{
    args,
    ownership::{MEMBER, now_us},
    relay::RELAY,
    sql::{Db, DbError},
};

/// How a store stands. Nothing is changed by looking.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Glance {
    /// The installation's mark and the service; `None` where nobody has opened the store yet.
    pub owner: Option<(String, String)>,
    /// Processes that share the store's work now.
    pub members: u64,
    /// Events that are not published.
    pub waiting: u64,
    /// The age of the first of them, by the database's clock.
    pub oldest: Duration,
    /// State values that are not published.
    pub outbox: u64,
    /// Keys that wait for a person.
    pub parked: u64,
}

/// Looks at the store of `service`, whose schema is there.
pub async fn glance(db: &Db, service: &str) -> Result<Glance, DbError> {
    let now = now_us(db.engine());
    let owner = db.fetch_one("SELECT installation, service FROM es_owner", vec![]).await?;
    let sql = format!(
        "SELECT (SELECT COUNT(*) FROM es_lease WHERE resource LIKE '{MEMBER}%' AND expires_us > {now}),
           (SELECT COALESCE(MAX(position), 0) FROM es_event),
           (SELECT COALESCE(MAX(source_pos), 0) FROM es_cursor WHERE consumer = $1 AND source = $2),
           (SELECT COUNT(*) FROM es_outbox),
           (SELECT COUNT(*) FROM (SELECT DISTINCT consumer, key FROM es_dlq) AS keys), {now}"
    );
    let row = db.fetch_one(&sql, args![RELAY, service]).await?;
    let row = row.ok_or_else(|| DbError::Unavailable("the store says nothing of itself".to_owned()))?;
    let (head, relayed, now_us): (i64, i64, i64) = (row.get(1)?, row.get(2)?, row.get(5)?);
    let first = db.fetch_one("SELECT at_us FROM es_event WHERE position = $1", args![relayed + 1]).await?;
    let first_us = first.map_or(Ok(now_us), |row| row.get::<i64>(0))?;
    Ok(Glance {
        owner: owner.map(|row| Ok::<_, DbError>((row.get(0)?, row.get(1)?))).transpose()?,
        members: row.get(0)?,
        waiting: u64::try_from(head - relayed).unwrap_or_default(),
        oldest: Duration::from_micros(u64::try_from(now_us - first_us).unwrap_or_default()),
        outbox: row.get(3)?,
        parked: row.get(4)?,
    })
}
