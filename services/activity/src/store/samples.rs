//! Samples (a primary store: they are in no journal), days, and the senders' marks.

use eventing::{
    args,
    sql::{Db, DbError, Tx, hold},
};
use kernel::AccountId;
use prost::Message;
use proto::activity::Daily;

use super::taken::{self, Taken};
use crate::domain::{DailyId, SessionId, input};

#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub key: String,
    pub version: i64,
    pub kind: String,
    pub at_us: i64,
    pub value: f64,
}

/// Keeps samples; the higher version of a key wins, whichever comes first. What was taken away of the account since it
/// was `asked` for does not come back: of an erased one nothing is kept, and after a withdrawal nothing that tells of the
/// body.
pub async fn put(
    db: &Db,
    account: AccountId,
    source: &str,
    mut samples: Vec<Sample>,
    asked: Taken,
) -> Result<(), DbError> {
    let source = source.to_owned();
    // Two that bring the same keys take them in one order, and none waits for the other in a circle.
    samples.sort_by(|one, other| one.key.cmp(&other.key));
    db.transact(move |tx| {
        Box::pin(async move {
            hold(tx, vec![account.uuid()]).await?;
            let taken = taken::of(tx, &[account.uuid()]).await?.remove(&account.uuid()).unwrap_or_default();
            if taken.erased {
                return Ok(());
            }
            let withdrawn = taken.withdrawals != asked.withdrawals;
            for sample in samples.into_iter().filter(|sample| !(withdrawn && input::is_health(&sample.kind))) {
                tx.execute(
                    "INSERT INTO metric (account_id, source, key, type, at_us, value, version, live)
                     VALUES ($1, $2, $3, $4, $5, $6, $7, 1)
                     ON CONFLICT (account_id, source, key) DO UPDATE SET type = excluded.type, at_us = excluded.at_us,
                       value = excluded.value, version = excluded.version, live = 1
                     WHERE excluded.version > metric.version",
                    args![account, &source, sample.key, sample.kind, sample.at_us, sample.value, sample.version],
                )
                .await?;
            }
            Ok(())
        })
    })
    .await
}

/// What is known of a key: its version, and whether it lives.
pub async fn find(
    db: &Db,
    account: AccountId,
    source: &str,
    key: &str,
) -> Result<Option<(i64, bool)>, DbError> {
    let sql = "SELECT version, live FROM metric WHERE account_id = $1 AND source = $2 AND key = $3";
    db.fetch_one(sql, args![account, source, key])
        .await?
        .map(|row| Ok((row.get(0)?, row.get(1)?)))
        .transpose()
}

/// Deletes keys as of a version; of keys that were not known too, so that older versions that come later lose.
pub async fn delete(
    db: &Db,
    account: AccountId,
    source: &str,
    mut keys: Vec<(String, i64)>,
) -> Result<(), DbError> {
    let source = source.to_owned();
    keys.sort();
    db.transact(move |tx| {
        Box::pin(async move {
            for (key, version) in keys {
                tx.execute(
                    "INSERT INTO metric (account_id, source, key, type, at_us, value, version, live)
                     VALUES ($1, $2, $3, '', 0, 0.0, $4, 0)
                     ON CONFLICT (account_id, source, key) DO UPDATE SET value = 0.0, version = excluded.version, live = 0
                     WHERE excluded.version >= metric.version",
                    args![account, &source, key, version],
                )
                .await?;
            }
            Ok(())
        })
    })
    .await
}

/// Where a sender says it has come to: kept, or, when it says nothing, told as it was kept.
pub async fn mark(
    db: &Db,
    account: AccountId,
    source: &str,
    session: Option<SessionId>,
    said: &str,
    at_us: i64,
) -> Result<Option<String>, DbError> {
    let session = session.map_or_else(Vec::new, |session| session.as_bytes().to_vec());
    if said.is_empty() {
        let sql = "SELECT mark FROM sync_cursor WHERE account_id = $1 AND source = $2 AND session_id = $3";
        return db.fetch_one(sql, args![account, source, session]).await?.map(|row| row.get(0)).transpose();
    }
    db.execute(
        "INSERT INTO sync_cursor (account_id, source, session_id, mark, at_us) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (account_id, source, session_id) DO UPDATE SET mark = excluded.mark, at_us = excluded.at_us",
        args![account, source, session, said, at_us],
    )
    .await?;
    Ok(Some(said.to_owned()))
}

/// A day's value as it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct DayRow {
    pub daily_id: DailyId,
    pub account_id: AccountId,
    pub source: String,
    pub client_version: i64,
    pub daily: Daily,
}

pub async fn put_day(tx: &mut dyn Tx, row: &DayRow) -> Result<(), DbError> {
    let daily = &row.daily;
    tx.execute(
        "INSERT INTO daily (daily_id, account_id, source, type, date, value, spans, health, live, client_version)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9)
         ON CONFLICT (daily_id) DO UPDATE SET type = excluded.type, date = excluded.date, value = excluded.value,
           spans = excluded.spans, health = excluded.health, live = 1, client_version = excluded.client_version
         WHERE excluded.client_version > daily.client_version",
        args![
            row.daily_id,
            row.account_id,
            &row.source,
            &daily.r#type,
            &daily.date,
            daily.value,
            Daily { spans: daily.spans.clone(), ..Daily::default() }.encode_to_vec(),
            input::is_health(&daily.r#type),
            row.client_version
        ],
    )
    .await?;
    Ok(())
}

pub async fn delete_day(tx: &mut dyn Tx, id: DailyId, client_version: i64) -> Result<(), DbError> {
    tx.execute(
        "UPDATE daily SET live = 0, client_version = $2 WHERE daily_id = $1 AND client_version <= $2",
        args![id, client_version],
    )
    .await?;
    Ok(())
}

/// Takes what tells of the body away: its keeping is no longer agreed to.
pub async fn drop_health(tx: &mut dyn Tx, account: AccountId) -> Result<(), DbError> {
    tx.execute("DELETE FROM daily WHERE account_id = $1 AND health = 1", args![account]).await?;
    let kinds: Vec<String> =
        input::METRICS.iter().filter(|metric| metric.3).map(|metric| format!("'{}'", metric.0)).collect();
    let sql = format!("DELETE FROM metric WHERE account_id = $1 AND type IN ({})", kinds.join(", "));
    tx.execute(&sql, args![account]).await?;
    Ok(())
}

pub async fn erase(tx: &mut dyn Tx, account: AccountId) -> Result<(), DbError> {
    for table in ["daily", "metric", "sync_cursor"] {
        tx.execute(&format!("DELETE FROM {table} WHERE account_id = $1"), args![account]).await?;
    }
    Ok(())
}
