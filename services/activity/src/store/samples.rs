//! Samples (a primary store: they are in no journal) and days.

use std::collections::HashMap;

use eventing::{
    args,
    sql::{Db, DbError, Tx, Value, hold},
};
use kernel::AccountId;
use prost::Message;
use proto::activity::Daily;

use super::{
    places,
    taken::{self, Taken},
};
use crate::domain::{DailyId, input};

#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub key: String,
    pub version: i64,
    pub kind: String,
    pub at_us: i64,
    pub value: f64,
    /// By how much the sender's clock was put right.
    pub skew_s: i64,
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
                    "INSERT INTO metric (account_id, source, key, type, at_us, value, version, live, skew_s)
                     VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8)
                     ON CONFLICT (account_id, source, key) DO UPDATE SET type = excluded.type, at_us = excluded.at_us,
                       value = excluded.value, version = excluded.version, live = 1, skew_s = excluded.skew_s
                     WHERE excluded.version > metric.version",
                    args![
                        account,
                        &source,
                        sample.key,
                        sample.kind,
                        sample.at_us,
                        sample.value,
                        sample.version,
                        sample.skew_s
                    ],
                )
                .await?;
            }
            Ok(())
        })
    })
    .await
}

/// What is known of keys: the version of each, and whether it lives.
pub async fn find(
    db: &Db,
    account: AccountId,
    source: &str,
    keys: &[&str],
) -> Result<HashMap<String, (i64, bool)>, DbError> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let places = places(3, keys.len());
    let sql = format!(
        "SELECT key, version, live FROM metric WHERE account_id = $1 AND source = $2 AND key IN ({places})"
    );
    let mut arguments = args![account, source];
    arguments.extend(keys.iter().map(|key| Value::from(*key)));
    let rows = db.fetch(&sql, arguments).await?;
    rows.iter().map(|row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?)))).collect()
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
                     ON CONFLICT (account_id, source, key) DO UPDATE SET type = excluded.type, at_us = excluded.at_us,
                       value = excluded.value, version = excluded.version, live = 0, skew_s = 0
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
            Daily { spans: daily.spans.clone(), device: daily.device.clone(), ..Daily::default() }
                .encode_to_vec(),
            input::is_health(&daily.r#type),
            row.client_version
        ],
    )
    .await?;
    Ok(())
}

/// Its version stays, so that older ones that come later lose; nothing else does.
pub async fn delete_day(tx: &mut dyn Tx, id: DailyId, client_version: i64) -> Result<(), DbError> {
    tx.execute(
        "UPDATE daily SET type = '', date = '', value = 0.0, spans = $3, live = 0, client_version = $2
         WHERE daily_id = $1 AND client_version <= $2",
        args![id, client_version, Vec::new()],
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
    for table in ["daily", "metric", "sync_cursor", "sync_source"] {
        tx.execute(&format!("DELETE FROM {table} WHERE account_id = $1"), args![account]).await?;
    }
    Ok(())
}
