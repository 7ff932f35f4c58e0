//! Who owns what: lease rows, lives by the database's clock, fenced by an epoch that only grows.
//!
//! On SQLite the data folder's lock already says who the one owner is: it takes everything at boot and nothing expires.

use std::time::Duration;

use crate::{
    args,
    sql::{Db, DbError, Engine},
};

/// How long a lease lives without renewal, and how often it is renewed.
pub const LEASE_LIFE: Duration = Duration::from_secs(6);
pub const RENEW_EVERY: Duration = Duration::from_secs(2);

/// The resource that stands for a whole store in one process.
pub const STORE: &str = "store";

/// The database's own clock, in microseconds.
const fn now_us(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => "CAST(unixepoch('subsec') * 1000000 AS INTEGER)",
        Engine::Postgres => "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)",
    }
}

/// One process' claim to resources.
#[derive(Clone)]
pub struct Holder {
    db: Db,
    name: String,
    address: String,
}

impl Holder {
    pub fn new(db: Db, name: impl Into<String>, address: impl Into<String>) -> Self {
        Self { db, name: name.into(), address: address.into() }
    }

    /// Takes a resource whatever stands there: for the one owner of a data folder. The new epoch.
    pub async fn take(&self, resource: &str) -> Result<i64, DbError> {
        let sql =
            "INSERT INTO es_lease (resource, holder, address, epoch, expires_us) VALUES ($1, $2, $3, 1, $4)
             ON CONFLICT (resource) DO UPDATE SET holder = excluded.holder, address = excluded.address,
               epoch = es_lease.epoch + 1, expires_us = excluded.expires_us RETURNING epoch";
        let arguments = args![resource, &self.name, &self.address, i64::MAX];
        self.returning(sql.to_owned(), arguments)
            .await?
            .ok_or_else(|| DbError::Statement("no epoch".to_owned()))
    }

    /// Takes a resource that is free, expired or one's own; `None` while somebody else lives there.
    pub async fn acquire(&self, resource: &str, life: Duration) -> Result<Option<i64>, DbError> {
        let now = now_us(self.db.engine());
        let sql = format!(
            "INSERT INTO es_lease (resource, holder, address, epoch, expires_us) VALUES ($1, $2, $3, 1, {now} + $4)
             ON CONFLICT (resource) DO UPDATE SET holder = excluded.holder, address = excluded.address,
               epoch = es_lease.epoch + 1, expires_us = excluded.expires_us
             WHERE es_lease.expires_us <= {now} OR es_lease.holder = excluded.holder RETURNING epoch"
        );
        self.returning(sql, args![resource, &self.name, &self.address, life_us(life)]).await
    }

    /// Prolongs everything this holder still has, in one statement; the number of resources kept.
    pub async fn renew(&self, life: Duration) -> Result<u64, DbError> {
        let now = now_us(self.db.engine());
        let sql =
            format!("UPDATE es_lease SET expires_us = {now} + $1 WHERE holder = $2 AND expires_us > {now}");
        self.db.execute(&sql, args![life_us(life), &self.name]).await
    }

    /// Gives a resource back at once. The epoch stays, so that the next owner's is higher.
    pub async fn release(&self, resource: &str) -> Result<(), DbError> {
        let sql = "UPDATE es_lease SET expires_us = 0 WHERE resource = $1 AND holder = $2";
        self.db.execute(sql, args![resource, &self.name]).await?;
        Ok(())
    }

    /// Who owns a resource now, and where.
    pub async fn owner(&self, resource: &str) -> Result<Option<(String, String)>, DbError> {
        let now = now_us(self.db.engine());
        let sql = format!("SELECT holder, address FROM es_lease WHERE resource = $1 AND expires_us > {now}");
        self.db.fetch_one(&sql, args![resource]).await?.map(|row| Ok((row.get(0)?, row.get(1)?))).transpose()
    }

    async fn returning(
        &self,
        sql: String,
        arguments: Vec<crate::sql::Value>,
    ) -> Result<Option<i64>, DbError> {
        self.db
            .transact(move |tx| {
                Box::pin(
                    async move { tx.fetch_one(&sql, arguments).await?.map(|row| row.get(0)).transpose() },
                )
            })
            .await
    }
}

fn life_us(life: Duration) -> i64 {
    i64::try_from(life.as_micros()).unwrap_or(i64::MAX)
}
