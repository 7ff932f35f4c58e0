//! Codes that were mailed: sign-ups waiting for theirs, and password resets. Five tries each.

use eventing::{
    Db, Row, Statement, args,
    sql::{BoxFuture, DbError, Tx},
};
use uuid::Uuid;

pub const TRIES_MAX: i64 = 5;

/// A sign-up that waits. For an address that is known already it looks the same, and no code fits it.
#[derive(Clone, Debug)]
pub struct Registration {
    pub id: Uuid,
    pub code_hash: Vec<u8>,
    pub guardian_code_hash: Option<Vec<u8>>,
    /// What was said, wrapped.
    pub sealed: Vec<u8>,
    pub created_us: i64,
    pub expires_us: i64,
}

pub async fn put_registration(db: &Db, registration: Registration) -> Result<(), DbError> {
    let Registration { id, code_hash, guardian_code_hash, sealed, created_us, expires_us } = registration;
    db.execute(
        "INSERT INTO registration (registration_id, code_hash, guardian_code_hash, tries, sealed, created_us, expires_us)
         VALUES ($1, $2, $3, 0, $4, $5, $6)",
        args![id, code_hash, guardian_code_hash, sealed, created_us, expires_us],
    )
    .await?;
    Ok(())
}

/// The registration, at the cost of one of its tries; `None` when it is not there, too old, or tried too often.
pub async fn try_registration(db: &Db, id: Uuid, now_us: i64) -> Result<Option<Registration>, DbError> {
    let row = returning(
        db,
        "UPDATE registration SET tries = tries + 1 WHERE registration_id = $1 AND tries < $2 AND expires_us > $3
         RETURNING code_hash, guardian_code_hash, sealed, created_us, expires_us",
        args![id, TRIES_MAX, now_us],
    )
    .await?;
    let read = |row: Row| {
        Ok::<_, DbError>(Registration {
            id,
            code_hash: row.get(0)?,
            guardian_code_hash: row.get(1)?,
            sealed: row.get(2)?,
            created_us: row.get(3)?,
            expires_us: row.get(4)?,
        })
    };
    row.map(read).transpose()
}

/// The right code without the guardian's costs no try.
pub async fn give_try_back(db: &Db, id: Uuid) -> Result<(), DbError> {
    db.execute("UPDATE registration SET tries = tries - 1 WHERE registration_id = $1", args![id]).await?;
    Ok(())
}

/// Whether it was still there: of several who finish at once, one takes it.
pub async fn take_registration(db: &Db, id: Uuid) -> Result<bool, DbError> {
    Ok(db.execute("DELETE FROM registration WHERE registration_id = $1", args![id]).await? == 1)
}

/// Who made the code: a mail's request does not overwrite what an operator's tool handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetOrigin {
    Mail,
    Tool,
}

impl ResetOrigin {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Tool => "tool",
        }
    }
}

pub async fn put_reset(
    db: &Db,
    email_key: [u8; 32],
    origin: ResetOrigin,
    code_hash: Vec<u8>,
    expires_us: i64,
) -> Result<(), DbError> {
    db.execute(
        "INSERT INTO reset (email_key, origin, code_hash, tries, expires_us) VALUES ($1, $2, $3, 0, $4)
         ON CONFLICT (email_key, origin) DO UPDATE
         SET code_hash = excluded.code_hash, tries = 0, expires_us = excluded.expires_us",
        args![email_key.as_slice(), origin.as_str(), code_hash, expires_us],
    )
    .await?;
    Ok(())
}

/// The hashes of the codes that could be meant, at the cost of one try each.
pub async fn try_reset(db: &Db, email_key: [u8; 32], now_us: i64) -> Result<Vec<Vec<u8>>, DbError> {
    let key = email_key.to_vec();
    db.transact(move |tx| {
        Box::pin(async move {
            let rows = tx
                .fetch(
                    "UPDATE reset SET tries = tries + 1 WHERE email_key = $1 AND tries < $2 AND expires_us > $3
                     RETURNING code_hash",
                    args![key, TRIES_MAX, now_us],
                )
                .await?;
            rows.iter().map(|row| row.get(0)).collect()
        })
    })
    .await
}

/// Goes into the append that changes the password: the code is used with it, or not at all.
pub fn forget_resets(email_key: [u8; 32]) -> Statement {
    Statement::new("DELETE FROM reset WHERE email_key = $1", args![email_key.as_slice()])
}

/// One statement that answers a row, in a transaction of its own.
pub(super) async fn returning(
    db: &Db,
    sql: &'static str,
    args: Vec<eventing::Value>,
) -> Result<Option<Row>, DbError> {
    fn work<'t>(
        tx: &'t mut dyn Tx,
        sql: &'static str,
        args: Vec<eventing::Value>,
    ) -> BoxFuture<'t, Result<Option<Row>, DbError>> {
        Box::pin(async move { tx.fetch_one(sql, args).await })
    }
    db.transact(move |tx| work(tx, sql, args)).await
}
