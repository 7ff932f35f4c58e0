//! Mails on their way.

use eventing::{
    Db, Value, args,
    sql::{BoxFuture, DbError, Tx},
};
use uuid::Uuid;

pub struct Row {
    pub id: Uuid,
    pub put_us: i64,
    pub tries: u32,
    pub sealed: Vec<u8>,
}

pub async fn put(db: &Db, id: Uuid, now_us: i64, sealed: Vec<u8>) -> Result<(), DbError> {
    let sql = "INSERT INTO mail (mail_id, put_us, next_us, tries, sealed) VALUES ($1, $2, $2, 0, $3)";
    db.execute(sql, args![id, now_us, sealed]).await?;
    Ok(())
}

/// Those whose turn came first. Their next turn is `until_us`: whoever claims at the same time leaves them.
pub async fn claim(db: &Db, now_us: i64, until_us: i64, max: u32) -> Result<Vec<Row>, DbError> {
    fn work(tx: &mut dyn Tx, args: Vec<Value>) -> BoxFuture<'_, Result<Vec<eventing::Row>, DbError>> {
        Box::pin(async move {
            let sql = "UPDATE mail SET next_us = $2, tries = tries + 1 WHERE next_us <= $1 AND mail_id IN
                 (SELECT mail_id FROM mail WHERE next_us <= $1 ORDER BY next_us, mail_id LIMIT $3)
                 RETURNING mail_id, put_us, tries, sealed";
            tx.fetch(sql, args).await
        })
    }
    // Asked outside of a transaction first: mostly there is nothing, and then nothing is written.
    let first = db.fetch_one("SELECT 1 FROM mail WHERE next_us <= $1 LIMIT 1", args![now_us]).await?;
    if first.is_none() {
        return Ok(Vec::new());
    }
    let rows = db.transact(move |tx| work(tx, args![now_us, until_us, max])).await?;
    rows.iter()
        .map(|row| Ok(Row { id: row.get(0)?, put_us: row.get(1)?, tries: row.get(2)?, sealed: row.get(3)? }))
        .collect()
}

pub async fn put_off(db: &Db, id: Uuid, next_us: i64) -> Result<(), DbError> {
    db.execute("UPDATE mail SET next_us = $2 WHERE mail_id = $1", args![id, next_us]).await?;
    Ok(())
}

pub async fn forget(db: &Db, id: Uuid) -> Result<(), DbError> {
    db.execute("DELETE FROM mail WHERE mail_id = $1", args![id]).await?;
    Ok(())
}

/// How many there are, and when the first of them was put.
pub async fn depth(db: &Db) -> Result<(i64, Option<i64>), DbError> {
    match db.fetch_one("SELECT COUNT(*), MIN(put_us) FROM mail", args![]).await? {
        Some(row) => Ok((row.get(0)?, row.get(1)?)),
        None => Ok((0, None)),
    }
}
