//! Pairings in progress (RFC 8628).

use eventing::{
    Db, Row, args,
    sql::{DbError, Tx},
};
use kernel::AccountId;

/// A pairing that was begun.
#[derive(Clone, Debug)]
pub struct Grant {
    pub device_hash: Vec<u8>,
    pub user_hash: Vec<u8>,
    pub client_id: String,
    pub device_name: Option<String>,
    pub interval_s: i64,
    pub expires_us: i64,
}

pub async fn put(db: &Db, grant: Grant, scope: &'static str) -> Result<(), DbError> {
    let Grant { device_hash, user_hash, client_id, device_name, interval_s, expires_us } = grant;
    db.execute(
        "INSERT INTO device_grant
         (device_hash, user_hash, client_id, scope, device_name, interval_s, polled_us, expires_us, state)
         VALUES ($1, $2, $3, $4, $5, $6, 0, $7, 'pending')",
        args![device_hash, user_hash, client_id, scope, device_name, interval_s, expires_us],
    )
    .await?;
    Ok(())
}

/// Whether a pairing waited for this code.
pub async fn approve(
    db: &Db,
    user_hash: Vec<u8>,
    account_id: AccountId,
    now_us: i64,
) -> Result<bool, DbError> {
    let approved = db
        .execute(
            "UPDATE device_grant SET state = 'approved', account_id = $2
             WHERE user_hash = $1 AND expires_us > $3
               AND (state = 'pending' OR (state = 'approved' AND account_id = $2))",
            args![user_hash, account_id, now_us],
        )
        .await?;
    Ok(approved == 1)
}

/// What a poll finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Poll {
    /// Approved by this account; the grant is used up.
    Granted {
        account_id: AccountId,
        device_name: Option<String>,
    },
    Pending,
    TooFast,
    Expired,
    /// No such code, one of another client, or used before.
    Unknown,
}

/// Seconds that an impatient device must wait longer from now on (RFC 8628 § 3.5).
const SLOWER_S: i64 = 5;

pub async fn poll(
    tx: &mut dyn Tx,
    device_hash: &[u8],
    client_id: &str,
    now_us: i64,
) -> Result<Poll, DbError> {
    let row = tx
        .fetch_one(
            "SELECT state, account_id, device_name, interval_s, polled_us, expires_us FROM device_grant
             WHERE device_hash = $1 AND client_id = $2",
            args![device_hash, client_id],
        )
        .await?;
    let Some(row) = row else { return Ok(Poll::Unknown) };
    let state: String = row.get(0)?;
    if state == "used" {
        return Ok(Poll::Unknown);
    }
    if row.get::<i64>(5)? <= now_us {
        return Ok(Poll::Expired);
    }
    if state == "approved" {
        return granted(tx, device_hash, &row).await;
    }
    let too_fast = row.get::<i64>(4)? + row.get::<i64>(3)? * 1_000_000 > now_us;
    let slower_s = if too_fast { SLOWER_S } else { 0 };
    tx.execute(
        "UPDATE device_grant SET polled_us = $2, interval_s = interval_s + $3 WHERE device_hash = $1",
        args![device_hash, now_us, slower_s],
    )
    .await?;
    Ok(if too_fast { Poll::TooFast } else { Poll::Pending })
}

async fn granted(tx: &mut dyn Tx, device_hash: &[u8], row: &Row) -> Result<Poll, DbError> {
    let used = tx
        .execute(
            "UPDATE device_grant SET state = 'used' WHERE device_hash = $1 AND state = 'approved'",
            args![device_hash],
        )
        .await?;
    if used == 0 {
        return Ok(Poll::Unknown);
    }
    Ok(Poll::Granted { account_id: row.get(1)?, device_name: row.get(2)? })
}
