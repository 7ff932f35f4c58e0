//! Files that come in parts. The next part goes where the durable ones end, and moves that end in the same transaction: of two
//! who send the same part one does, whichever process they came to.

use bytes::Bytes;
use eventing::{
    args,
    sql::{Db, DbError, Row as SqlRow, Tx, hold},
};
use kernel::AccountId;
use prost::Message;
use proto::activity::ResumableHow;

use crate::domain::{ResumableId, SessionId};

/// Waits for the rest.
pub const OPEN: &str = "open";
/// All of it is here; it is put together.
pub const RECEIVED: &str = "received";
/// It is an upload, or an import, of the same id.
pub const DONE: &str = "done";

#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub resumable_id: ResumableId,
    pub account_id: AccountId,
    pub session_id: Option<SessionId>,
    pub length: i64,
    /// Durable.
    pub received: i64,
    pub state: String,
    pub expires_us: i64,
    pub how: ResumableHow,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub start: i64,
    pub size: i64,
    pub blob: String,
}

const COLUMNS: &str = "resumable_id, account_id, session_id, length, received, state, expires_us, whole";

fn row_of(row: &SqlRow) -> Result<Row, DbError> {
    let whole: Bytes = row.get(7)?;
    let how = ResumableHow::decode(whole);
    Ok(Row {
        resumable_id: row.get(0)?,
        account_id: row.get(1)?,
        session_id: row.get(2)?,
        length: row.get(3)?,
        received: row.get(4)?,
        state: row.get(5)?,
        expires_us: row.get(6)?,
        how: how.map_err(|error| DbError::Statement(format!("a resumable's row: {error}")))?,
    })
}

/// Makes one, if what the account has unfinished then stays within these bytes; one of this id that is there stays. Whether
/// it is there now.
pub async fn create(db: &Db, row: Row, unfinished_max: i64) -> Result<bool, DbError> {
    db.transact(move |tx| {
        Box::pin(async move {
            hold(tx, vec![row.account_id.uuid()]).await?;
            let sql = "SELECT CAST(COALESCE(SUM(length), 0) AS BIGINT) FROM resumable
                       WHERE account_id = $1 AND state <> 'done' AND resumable_id <> $2";
            let sum = tx.fetch_one(sql, args![row.account_id, row.resumable_id]).await?;
            let unfinished: i64 = sum.map_or(Ok(0), |row| row.get(0))?;
            let fits = unfinished.saturating_add(row.length) <= unfinished_max;
            if fits {
                insert(tx, row).await?;
            }
            Ok(fits)
        })
    })
    .await
}

async fn insert(tx: &mut dyn Tx, row: Row) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO resumable (resumable_id, account_id, session_id, length, received, state, expires_us, whole)
         VALUES ($1, $2, $3, $4, 0, $5, $6, $7) ON CONFLICT (resumable_id) DO NOTHING",
        args![
            row.resumable_id,
            row.account_id,
            row.session_id,
            row.length,
            row.state,
            row.expires_us,
            row.how.encode_to_vec()
        ],
    )
    .await
    .map(drop)
}

pub async fn get(db: &Db, id: ResumableId) -> Result<Option<Row>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM resumable WHERE resumable_id = $1");
    db.fetch_one(&sql, args![id]).await?.as_ref().map(row_of).transpose()
}

/// Adds a durable part, if the file still ends where it begins. Whether it did.
pub async fn advance(db: &Db, row: &Row, part: Part, expires_us: i64) -> Result<bool, DbError> {
    let (id, end) = (row.resumable_id, part.start + part.size);
    let state = if end == row.length { RECEIVED } else { OPEN };
    db.transact(move |tx| {
        Box::pin(async move {
            let moved = tx
                .execute(
                    "UPDATE resumable SET received = $1, state = $2, expires_us = $3
                     WHERE resumable_id = $4 AND received = $5 AND state = 'open'",
                    args![end, state, expires_us, id, part.start],
                )
                .await?;
            if moved == 0 {
                return Ok(false);
            }
            tx.execute(
                "INSERT INTO resumable_part (resumable_id, start, size, blob) VALUES ($1, $2, $3, $4)",
                args![id, part.start, part.size, part.blob],
            )
            .await?;
            Ok(true)
        })
    })
    .await
}

pub async fn parts(db: &Db, id: ResumableId) -> Result<Vec<Part>, DbError> {
    let sql = "SELECT start, size, blob FROM resumable_part WHERE resumable_id = $1 ORDER BY start";
    let part = |row: &SqlRow| Ok(Part { start: row.get(0)?, size: row.get(1)?, blob: row.get(2)? });
    db.fetch(sql, args![id]).await?.iter().map(part).collect()
}

/// It became what it was sent for; its parts are not needed any more.
pub async fn finish(db: &Db, id: ResumableId, expires_us: i64) -> Result<(), DbError> {
    db.transact(move |tx| {
        Box::pin(async move {
            tx.execute(
                "UPDATE resumable SET state = 'done', expires_us = $1 WHERE resumable_id = $2",
                args![expires_us, id],
            )
            .await?;
            tx.execute("DELETE FROM resumable_part WHERE resumable_id = $1", args![id]).await.map(drop)
        })
    })
    .await
}

pub async fn delete(db: &Db, id: ResumableId) -> Result<(), DbError> {
    db.transact(move |tx| {
        Box::pin(async move {
            tx.execute("DELETE FROM resumable WHERE resumable_id = $1", args![id]).await?;
            tx.execute("DELETE FROM resumable_part WHERE resumable_id = $1", args![id]).await.map(drop)
        })
    })
    .await
}

/// Those that are whole and not yet put together.
pub async fn received(db: &Db, limit: u32) -> Result<Vec<ResumableId>, DbError> {
    let sql = "SELECT resumable_id FROM resumable WHERE state = 'received' ORDER BY expires_us LIMIT $1";
    db.fetch(sql, args![limit]).await?.iter().map(|row| row.get(0)).collect()
}

/// Those of which nothing was heard for too long, and those that are done for as long.
pub async fn expired(db: &Db, now_us: i64, limit: u32) -> Result<Vec<Row>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM resumable WHERE state <> 'received' AND expires_us < $1 ORDER BY expires_us LIMIT $2"
    );
    db.fetch(&sql, args![now_us, limit]).await?.iter().map(row_of).collect()
}

pub async fn erase(tx: &mut dyn Tx, account: AccountId) -> Result<(), DbError> {
    tx.execute(
        "DELETE FROM resumable_part WHERE resumable_id IN
           (SELECT resumable_id FROM resumable WHERE account_id = $1)",
        args![account],
    )
    .await?;
    tx.execute("DELETE FROM resumable WHERE account_id = $1", args![account]).await.map(drop)
}
