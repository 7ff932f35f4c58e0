//! Imports as they are read, and those that are not at their end.

use std::collections::HashMap;

use bytes::Bytes;
use eventing::{
    args,
    sql::{Db, DbError, Row as SqlRow, Tx},
};
use kernel::AccountId;
use prost::Message;
use proto::activity::{Daily, ImportFile, ImportView};

use crate::domain::ImportId;

/// One import; `whole` is without its files.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub import_id: ImportId,
    pub account_id: AccountId,
    pub whole: ImportView,
}

const COLUMNS: &str = "import_id, account_id, whole";

fn row_of(row: &SqlRow) -> Result<Row, DbError> {
    Ok(Row { import_id: row.get(0)?, account_id: row.get(1)?, whole: message(row, 2)? })
}

fn message<M: Message + Default>(row: &SqlRow, at: usize) -> Result<M, DbError> {
    let whole: Bytes = row.get(at)?;
    M::decode(whole).map_err(|error| DbError::Statement(format!("an import's row: {error}")))
}

pub async fn put(tx: &mut dyn Tx, row: &Row) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO import (import_id, account_id, state, created_us, whole) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (import_id) DO UPDATE SET state = excluded.state, whole = excluded.whole",
        args![
            row.import_id,
            row.account_id,
            row.whole.state.clone(),
            row.whole.created_us,
            row.whole.encode_to_vec()
        ],
    )
    .await
    .map(drop)
}

pub async fn current(tx: &mut dyn Tx, id: ImportId) -> Result<Option<Row>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM import WHERE import_id = $1");
    tx.fetch_one(&sql, args![id]).await?.as_ref().map(row_of).transpose()
}

pub async fn get(db: &Db, id: ImportId) -> Result<Option<Row>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM import WHERE import_id = $1");
    db.fetch_one(&sql, args![id]).await?.as_ref().map(row_of).transpose()
}

pub async fn put_file(
    tx: &mut dyn Tx,
    import: ImportId,
    account: AccountId,
    file: &ImportFile,
) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO import_file (import_id, number, account_id, whole) VALUES ($1, $2, $3, $4)
         ON CONFLICT (import_id, number) DO UPDATE SET whole = excluded.whole",
        args![import, file.number, account, file.encode_to_vec()],
    )
    .await
    .map(drop)
}

pub async fn current_file(
    tx: &mut dyn Tx,
    import: ImportId,
    number: u32,
) -> Result<Option<ImportFile>, DbError> {
    let sql = "SELECT whole FROM import_file WHERE import_id = $1 AND number = $2";
    tx.fetch_one(sql, args![import, number]).await?.as_ref().map(|row| message(row, 0)).transpose()
}

/// The files from this number on, in the order of the archive.
pub async fn files(db: &Db, import: ImportId, from: u32, limit: u32) -> Result<Vec<ImportFile>, DbError> {
    let sql = "SELECT whole FROM import_file WHERE import_id = $1 AND number >= $2 ORDER BY number LIMIT $3";
    db.fetch(sql, args![import, from, limit]).await?.iter().map(|row| message(row, 0)).collect()
}

/// Those that somebody has to go on with, oldest first.
pub async fn unfinished(db: &Db, limit: u32) -> Result<Vec<ImportId>, DbError> {
    let sql = "SELECT import_id FROM import WHERE state IN ('planning', 'running', 'rolling_back')
               ORDER BY created_us LIMIT $1";
    db.fetch(sql, args![limit]).await?.iter().map(|row| row.get(0)).collect()
}

/// How far a document was looked through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub bytes_done: i64,
    pub bytes_total: i64,
}

pub async fn put_progress(
    db: &Db,
    import: ImportId,
    account: AccountId,
    progress: Progress,
) -> Result<(), DbError> {
    db.execute(
        "INSERT INTO import_progress (import_id, account_id, bytes_done, bytes_total) VALUES ($1, $2, $3, $4)
         ON CONFLICT (import_id) DO UPDATE SET bytes_done = excluded.bytes_done, bytes_total = excluded.bytes_total",
        args![import, account, progress.bytes_done, progress.bytes_total],
    )
    .await
    .map(drop)
}

pub async fn progress(db: &Db, import: ImportId) -> Result<Progress, DbError> {
    let sql = "SELECT bytes_done, bytes_total FROM import_progress WHERE import_id = $1";
    let row = db.fetch_one(sql, args![import]).await?;
    row.map_or(Ok(Progress::default()), |row| {
        Ok(Progress { bytes_done: row.get(0)?, bytes_total: row.get(1)? })
    })
}

/// What is known of days of a source: by date, the value and its spans as they lie.
pub async fn days(
    db: &Db,
    account: AccountId,
    source: &str,
    kind: &str,
    (first, last): (&str, &str),
) -> Result<HashMap<String, Daily>, DbError> {
    let sql = "SELECT date, value, spans FROM daily WHERE account_id = $1 AND source = $2 AND type = $3 AND live = 1
               AND date >= $4 AND date <= $5";
    let rows = db.fetch(sql, args![account, source, kind, first, last]).await?;
    let day = |row: &SqlRow| {
        let (date, value): (String, f64) = (row.get(0)?, row.get(1)?);
        let kept = message::<Daily>(row, 2)?;
        Ok((date.clone(), Daily { r#type: kind.to_owned(), date, value, ..kept }))
    };
    rows.iter().map(day).collect()
}

pub async fn erase(tx: &mut dyn Tx, account: AccountId) -> Result<(), DbError> {
    tx.execute("DELETE FROM import WHERE account_id = $1", args![account]).await?;
    tx.execute("DELETE FROM import_progress WHERE account_id = $1", args![account]).await?;
    tx.execute("DELETE FROM import_file WHERE account_id = $1", args![account]).await.map(drop)
}
