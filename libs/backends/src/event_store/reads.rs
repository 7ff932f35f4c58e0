//! Reading the journal and what stands beside it.

use bytes::Bytes;
use eventing::{
    Row, args,
    event::{Position, Recorded, StreamId, Version},
    sql::{Db, DbError},
    store::{Answered, DueTimer, Snapshot, StoreError},
};
use prost::Message;
use proto::envelope::{CommandResult, Meta};

const COLUMNS: &str =
    "position, stream_id, version, event_id, partition_key, type, schema_ver, payload, meta, at_us";

fn limit(max: usize) -> i64 {
    i64::try_from(max).unwrap_or(i64::MAX)
}

pub(super) async fn head(db: &Db) -> Result<Position, StoreError> {
    let row = db.fetch_one("SELECT COALESCE(MAX(position), 0) FROM es_event", vec![]).await?;
    Ok(row.map_or(Ok(0), |row| row.get(0))?)
}

pub(super) async fn load(
    db: &Db,
    stream: &StreamId,
    after: Version,
    max: usize,
) -> Result<Vec<Recorded>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM es_event WHERE stream_id = $1 AND version > $2 ORDER BY version LIMIT $3"
    );
    let rows = db.fetch(&sql, args![stream.as_str(), after, limit(max)]).await?;
    rows.iter().map(recorded).collect()
}

pub(super) async fn read_all(db: &Db, after: Position, max: usize) -> Result<Vec<Recorded>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM es_event WHERE position > $1 ORDER BY position LIMIT $2");
    let rows = db.fetch(&sql, args![after, limit(max)]).await?;
    rows.iter().map(recorded).collect()
}

fn recorded(row: &Row) -> Result<Recorded, StoreError> {
    let meta = Meta::decode(row.get::<Bytes>(8)?)
        .map_err(|error| StoreError::Corrupt(format!("an event's envelope is unreadable: {error}")))?;
    Ok(Recorded {
        position: row.get(0)?,
        stream: StreamId::named(&row.get::<String>(1)?),
        version: row.get(2)?,
        event_id: row.get(3)?,
        partition_key: row.get(4)?,
        kind: row.get(5)?,
        schema_ver: row.get(6)?,
        payload: row.get(7)?,
        meta,
        at_us: row.get(9)?,
    })
}

pub(super) async fn answered(db: &Db, actor: &str, key: &str) -> Result<Option<Answered>, StoreError> {
    let sql =
        "SELECT request_hash, stream_id, position, result FROM es_command WHERE actor = $1 AND key = $2";
    let Some(row) = db.fetch_one(sql, args![actor, key]).await? else { return Ok(None) };
    let result = CommandResult::decode(row.get::<Bytes>(3)?)
        .map_err(|error| StoreError::Corrupt(format!("a command's result is unreadable: {error}")))?;
    Ok(Some(Answered {
        request_hash: row.get(0)?,
        stream: StreamId::named(&row.get::<String>(1)?),
        position: row.get(2)?,
        result,
    }))
}

pub(super) async fn claimed_by(db: &Db, scope: &str, key: &str) -> Result<Option<StreamId>, StoreError> {
    let row = db
        .fetch_one("SELECT stream_id FROM es_claim WHERE scope = $1 AND key = $2", args![scope, key])
        .await?;
    Ok(row.map(|row| row.get::<String>(0)).transpose()?.map(|name| StreamId::named(&name)))
}

pub(super) async fn snapshot(db: &Db, stream: &StreamId) -> Result<Option<Snapshot>, StoreError> {
    let sql = "SELECT version, state_ver, state FROM es_snapshot WHERE stream_id = $1";
    let row = db.fetch_one(sql, args![stream.as_str()]).await?;
    let read = |row: Row| {
        Ok::<_, DbError>(Snapshot { version: row.get(0)?, state_ver: row.get(1)?, state: row.get(2)? })
    };
    Ok(row.map(read).transpose()?)
}

pub(super) async fn due_timers(db: &Db, now_us: i64, max: usize) -> Result<Vec<DueTimer>, StoreError> {
    let sql = "SELECT due_us, stream_id, command_id, payload FROM es_timer
         WHERE state = 'waiting' AND due_us <= $1 ORDER BY due_us, stream_id, command_id LIMIT $2";
    let rows = db.fetch(sql, args![now_us, limit(max)]).await?;
    rows.iter()
        .map(|row| {
            Ok(DueTimer {
                due_us: row.get(0)?,
                stream: StreamId::named(&row.get::<String>(1)?),
                command_id: row.get(2)?,
                payload: row.get(3)?,
            })
        })
        .collect()
}

pub(super) async fn next_timer_us(db: &Db) -> Result<Option<i64>, StoreError> {
    let row = db.fetch_one("SELECT MIN(due_us) FROM es_timer WHERE state = 'waiting'", vec![]).await?;
    Ok(row.map_or(Ok(None), |row| row.get(0))?)
}
