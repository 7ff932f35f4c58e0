//! What others must stop believing: the state topic of revocations, and the table behind it.

use eventing::{
    Db, Plain, Row, Topic, args, outbox,
    sql::{DbError, Tx},
};
use proto::{auth as p, envelope};
use uuid::Uuid;

pub fn topic() -> Topic {
    Topic::state("auth", "revocations")
}

/// Tokens of this session, issued before `before_us`, are refused from now on.
pub async fn revoke_session(tx: &mut dyn Tx, session_id: Uuid, before_us: i64) -> Result<(), DbError> {
    put(tx, &format!("sid:{session_id}"), session_id, false, before_us).await
}

/// The same for all of an account.
pub async fn revoke_account(tx: &mut dyn Tx, account_id: Uuid, before_us: i64) -> Result<(), DbError> {
    put(tx, &format!("sub:{account_id}"), account_id, true, before_us).await
}

async fn put(tx: &mut dyn Tx, key: &str, id: Uuid, account: bool, before_us: i64) -> Result<(), DbError> {
    let row = tx
        .fetch_one(
            "INSERT INTO revocation (key, id, account, revoke_before_us, revision) VALUES ($1, $2, $3, $4, 1)
             ON CONFLICT (key) DO UPDATE
             SET revoke_before_us = excluded.revoke_before_us, revision = revocation.revision + 1
             WHERE excluded.revoke_before_us > revocation.revoke_before_us
             RETURNING revision",
            args![key, id, account, before_us],
        )
        .await?;
    let Some(row) = row else { return Ok(()) };
    let value = Plain::of(&value(id, account, before_us));
    outbox::put(tx, &topic(), key, &id.to_string(), row.get(0)?, &value).await
}

fn value(id: Uuid, account: bool, revoke_before_us: i64) -> p::Revocation {
    p::Revocation { id: bytes::Bytes::copy_from_slice(id.as_bytes()), account, revoke_before_us }
}

/// Values after a key, in the order of keys.
pub async fn page(db: &Db, after_key: &str, max: usize) -> Result<Vec<envelope::State>, DbError> {
    let rows = db
        .fetch(
            "SELECT key, id, account, revoke_before_us, revision FROM revocation WHERE key > $1 ORDER BY key LIMIT $2",
            args![after_key, i64::try_from(max).unwrap_or(i64::MAX)],
        )
        .await?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<envelope::State, DbError> {
    let id: Uuid = row.get(1)?;
    let plain = Plain::of(&value(id, row.get(2)?, row.get(3)?));
    Ok(envelope::State {
        key: row.get(0)?,
        partition_key: id.to_string(),
        revision: row.get(4)?,
        value: Some(parcel(plain)),
        ..envelope::State::default()
    })
}

/// A value without personal fields, as it stands on the topic.
pub fn parcel(plain: Plain) -> envelope::Parcel {
    envelope::Parcel {
        r#type: plain.kind,
        schema_ver: plain.schema_ver,
        payload: plain.payload,
        ..envelope::Parcel::default()
    }
}
