//! Who owns what: lease rows, lives by the database's clock, fenced by an epoch that only grows.
//!
//! On SQLite the data folder's lock already says who the one owner is: it takes everything at boot and nothing expires.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{
    args,
    sql::{Db, DbError, Engine, Tx},
};

/// The resource that stands for a whole store in one process.
pub const STORE: &str = "store";

/// The database's own clock, in microseconds.
pub(crate) const fn now_us(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => "CAST(unixepoch('subsec') * 1000000 AS INTEGER)",
        Engine::Postgres => "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)",
    }
}

/// The row by which a process is counted among those that share a store's resources.
pub(crate) const MEMBER: &str = "member:";

/// One transaction at a time changes leases: each touches many rows, and two would wait for each other in a circle.
async fn alone(tx: &mut dyn Tx) -> Result<(), DbError> {
    // "es_lease"
    const LEASES: i64 = 0x6573_5f6c_6561_7365;
    if tx.engine() == Engine::Postgres {
        tx.execute("SELECT pg_advisory_xact_lock($1)", args![LEASES]).await?;
    }
    Ok(())
}

/// One process' part of what is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// What is its own now, each under its epoch.
    pub owned: BTreeMap<String, i64>,
    /// Of that, what is above its fair part: to be given back when nothing works on it any more.
    pub surplus: Vec<String>,
    /// What nobody owns, and would be above its fair part: others are to take it.
    pub left: BTreeSet<String>,
    /// Who share, this one among them.
    pub members: BTreeSet<String>,
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
        let epoch = self
            .db
            .transact(move |tx| {
                Box::pin(async move { tx.fetch_one(sql, arguments).await?.map(|row| row.get(0)).transpose() })
            })
            .await?;
        epoch.ok_or_else(|| DbError::Statement("no epoch".to_owned()))
    }

    /// Takes a resource that is free, expired or one's own; `None` while somebody else lives there.
    pub async fn acquire(&self, resource: &str, life: Duration) -> Result<Option<i64>, DbError> {
        let (holder, resource) = (self.clone(), resource.to_owned());
        self.db
            .transact(move |tx| {
                Box::pin(async move {
                    alone(tx).await?;
                    holder.acquire_in(tx, &resource, life_us(life)).await
                })
            })
            .await
    }

    async fn acquire_in(
        &self,
        tx: &mut dyn Tx,
        resource: &str,
        life_us: i64,
    ) -> Result<Option<i64>, DbError> {
        let now = now_us(tx.engine());
        let sql = format!(
            "INSERT INTO es_lease (resource, holder, address, epoch, expires_us) VALUES ($1, $2, $3, 1, {now} + $4)
             ON CONFLICT (resource) DO UPDATE SET holder = excluded.holder, address = excluded.address,
               epoch = es_lease.epoch + 1, expires_us = excluded.expires_us
             WHERE es_lease.expires_us <= {now} OR es_lease.holder = excluded.holder RETURNING epoch"
        );
        let row = tx.fetch_one(&sql, args![resource, &self.name, &self.address, life_us]).await?;
        row.map(|row| row.get(0)).transpose()
    }

    /// Gives resources back at once. The epochs stay, so that the next owners' are higher.
    pub async fn release(&self, resources: &[String]) -> Result<(), DbError> {
        let (resources, name) = (resources.to_vec(), self.name.clone());
        self.db
            .transact(move |tx| {
                Box::pin(async move {
                    alone(tx).await?;
                    for resource in resources {
                        let sql = "UPDATE es_lease SET expires_us = 0 WHERE resource = $1 AND holder = $2";
                        tx.execute(sql, args![resource, &name]).await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    /// Gives everything back, and is no longer counted.
    pub async fn leave(&self) -> Result<(), DbError> {
        let name = self.name.clone();
        self.db
            .transact(move |tx| {
                Box::pin(async move {
                    alone(tx).await?;
                    let sql = "UPDATE es_lease SET expires_us = 0 WHERE holder = $1";
                    tx.execute(sql, args![name]).await.map(drop)
                })
            })
            .await
    }

    /// Renews what this holder has, counts who else is there, and takes of what is free up to its fair part of `wanted`
    /// (in a fixed order, so that two who share at the same time cannot wait for each other). What is in `beyond` it takes
    /// and keeps above that part.
    pub async fn share(
        &self,
        wanted: &[String],
        beyond: &BTreeSet<String>,
        life: Duration,
    ) -> Result<Share, DbError> {
        let (holder, wanted, beyond, life) = (self.clone(), wanted.to_vec(), beyond.clone(), life_us(life));
        self.db
            .transact(move |tx| Box::pin(async move { holder.share_in(tx, (&wanted, &beyond), life).await }))
            .await
    }

    async fn share_in(
        &self,
        tx: &mut dyn Tx,
        (wanted, beyond): (&[String], &BTreeSet<String>),
        life_us: i64,
    ) -> Result<Share, DbError> {
        alone(tx).await?;
        let now = now_us(tx.engine());
        let member = format!("{MEMBER}{}", self.name);
        self.acquire_in(tx, &member, life_us).await?;
        // Every start of a process is a member of its own; what it leaves behind guards nothing.
        let forget = format!("DELETE FROM es_lease WHERE resource LIKE '{MEMBER}%' AND expires_us <= {now}");
        tx.execute(&forget, vec![]).await?;
        let renew =
            format!("UPDATE es_lease SET expires_us = {now} + $1 WHERE holder = $2 AND expires_us > {now}");
        tx.execute(&renew, args![life_us, &self.name]).await?;
        let live = format!("SELECT resource, holder, epoch FROM es_lease WHERE expires_us > {now}");
        let mut live_owners: BTreeMap<String, (String, i64)> = BTreeMap::new();
        for row in tx.fetch(&live, vec![]).await? {
            live_owners.insert(row.get(0)?, (row.get(1)?, row.get(2)?));
        }
        let members = live_owners.keys().filter(|resource| resource.starts_with(MEMBER)).cloned();
        let members: BTreeSet<String> = members.collect();
        let fair = wanted.len().div_ceil(members.len().max(1));
        let (mut share, mut counted) = (Share { members, ..Share::default() }, 0);
        for resource in wanted {
            let within = beyond.contains(resource) || counted < fair;
            match live_owners.get(resource) {
                Some((holder, epoch)) if *holder == self.name => {
                    if !within {
                        share.surplus.push(resource.clone());
                    }
                    share.owned.insert(resource.clone(), *epoch);
                }
                Some(_) => continue,
                None if within => match self.acquire_in(tx, resource, life_us).await? {
                    Some(epoch) => {
                        share.owned.insert(resource.clone(), epoch);
                    }
                    None => continue,
                },
                None => {
                    share.left.insert(resource.clone());
                    continue;
                }
            }
            counted += usize::from(!beyond.contains(resource));
        }
        Ok(share)
    }

    /// Who owns a resource now, and where.
    pub async fn owner(&self, resource: &str) -> Result<Option<(String, String)>, DbError> {
        let now = now_us(self.db.engine());
        let sql = format!("SELECT holder, address FROM es_lease WHERE resource = $1 AND expires_us > {now}");
        self.db.fetch_one(&sql, args![resource]).await?.map(|row| Ok((row.get(0)?, row.get(1)?))).transpose()
    }
}

fn life_us(life: Duration) -> i64 {
    i64::try_from(life.as_micros()).unwrap_or(i64::MAX)
}
