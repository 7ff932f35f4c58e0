//! Uploads as they are read, and those that wait for a reader.

use bytes::Bytes;
use eventing::{
    Position, args,
    sql::{Db, DbError, Row as SqlRow, Tx, Value},
};
use kernel::AccountId;
use prost::Message;
use proto::activity::UploadView;

use crate::domain::{SessionId, UploadId};

/// One upload. `whole.status` is `queued` until it is final.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub upload_id: UploadId,
    pub account_id: AccountId,
    pub session_id: Option<SessionId>,
    /// The upload that brought the same file first.
    pub original: Option<UploadId>,
    pub received_us: i64,
    /// The position of the upload's first event.
    pub received_pos: i64,
    pub whole: UploadView,
}

const COLUMNS: &str = "upload_id, account_id, session_id, original_id, received_us, received_pos, whole";

fn row_of(row: &SqlRow) -> Result<Row, DbError> {
    let whole: Bytes = row.get(6)?;
    Ok(Row {
        upload_id: row.get(0)?,
        account_id: row.get(1)?,
        session_id: row.get(2)?,
        original: row.get(3)?,
        received_us: row.get(4)?,
        received_pos: row.get(5)?,
        whole: UploadView::decode(whole)
            .map_err(|error| DbError::Statement(format!("an upload's row: {error}")))?,
    })
}

pub async fn put(tx: &mut dyn Tx, row: &Row) -> Result<(), DbError> {
    let state = if row.whole.status == "queued" { "received" } else { "final" };
    tx.execute(
        "INSERT INTO upload (upload_id, account_id, session_id, original_id, state, received_us, received_pos, whole)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (upload_id) DO UPDATE SET state = excluded.state, whole = excluded.whole",
        args![
            row.upload_id,
            row.account_id,
            row.session_id,
            row.original,
            state,
            row.received_us,
            row.received_pos,
            row.whole.encode_to_vec()
        ],
    )
    .await?;
    Ok(())
}

pub async fn current(tx: &mut dyn Tx, id: UploadId) -> Result<Option<Row>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM upload WHERE upload_id = $1");
    tx.fetch_one(&sql, args![id]).await?.as_ref().map(row_of).transpose()
}

pub async fn get(db: &Db, id: UploadId) -> Result<Option<Row>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM upload WHERE upload_id = $1");
    db.fetch_one(&sql, args![id]).await?.as_ref().map(row_of).transpose()
}

/// Newest first; of one sender only, when `session` is given.
pub async fn range(
    db: &Db,
    account: AccountId,
    session: Option<SessionId>,
    behind: Option<UploadId>,
    limit: u32,
) -> Result<Vec<Row>, DbError> {
    let mut sql = format!("SELECT {COLUMNS} FROM upload WHERE account_id = $1");
    let mut arguments = args![account];
    if let Some(session) = session {
        arguments.push(Value::from(session));
        sql += &format!(" AND session_id = ${}", arguments.len());
    }
    if let Some(behind) = behind {
        let sought = "SELECT received_us FROM upload WHERE upload_id = $1 AND account_id = $2";
        let Some(found) = db.fetch_one(sought, args![behind, account]).await? else { return Ok(Vec::new()) };
        arguments.push(Value::from(found.get::<i64>(0)?));
        arguments.push(Value::from(behind));
        let (at, id) = (arguments.len() - 1, arguments.len());
        sql += &format!(" AND (received_us < ${at} OR (received_us = ${at} AND upload_id > ${id}))");
    }
    arguments.push(Value::from(limit));
    sql += &format!(" ORDER BY received_us DESC, upload_id LIMIT ${}", arguments.len());
    db.fetch(&sql, arguments).await?.iter().map(row_of).collect()
}

/// The uploads that wait to be read, oldest first.
pub async fn waiting(db: &Db, limit: u32) -> Result<Vec<UploadId>, DbError> {
    let sql = "SELECT upload_id FROM upload WHERE state = 'received' ORDER BY received_us LIMIT $1";
    db.fetch(sql, args![limit]).await?.iter().map(|row| row.get(0)).collect()
}

/// How many of the uploads received up to this position of the journal wait to be read.
pub async fn waiting_up_to(db: &Db, position: Position) -> Result<i64, DbError> {
    let sql = "SELECT COUNT(*) FROM upload WHERE state = 'received' AND received_pos <= $1";
    let row = db.fetch_one(sql, args![position]).await?;
    row.map_or(Ok(0), |row| row.get(0))
}

pub async fn erase(tx: &mut dyn Tx, account: AccountId) -> Result<u64, DbError> {
    tx.execute("DELETE FROM upload WHERE account_id = $1", args![account]).await
}
