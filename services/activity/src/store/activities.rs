//! Activities and their columns, as they are read.

use async_trait::async_trait;
use bytes::Bytes;
use eventing::{
    args,
    sql::{Db, DbError, Row as SqlRow, Tx, Value},
};
use kernel::{AccountId, ActivityId, Sport};
use prost::Message;
use proto::activity::{StreamChunk, StreamsBlob};

use super::places;
use crate::{streams::StreamType, wire::Whole};

/// One activity as it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub activity_id: ActivityId,
    pub account_id: AccountId,
    pub start_us: i64,
    pub sport: String,
    /// Shown by itself.
    pub live: bool,
    pub revision: i64,
    pub whole: Whole,
}

impl Row {
    /// Not deleted: it is shown, or another tells of it.
    pub fn is_there(&self) -> bool {
        self.live || self.whole.marks.as_ref().is_some_and(|marks| !marks.duplicate_of.is_empty())
    }
}

/// Live activities of an account, newest start first.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    pub account_id: AccountId,
    pub sport: Option<Sport>,
    /// Start ≥.
    pub after_us: i64,
    /// Start <.
    pub before_us: i64,
    /// The last of the page before.
    pub behind: Option<ActivityId>,
    pub limit: u32,
}

/// Where activities are read from. Writes carry the revision of the one writer: an engine with transactions of its own
/// leaves `tx` alone and keeps the row with the higher revision.
#[async_trait]
pub trait ActivityStore: Send + Sync + 'static {
    /// Whether its rows stand in the journal's own database, and are written by `tx`.
    fn is_beside_the_journal(&self) -> bool {
        false
    }
    async fn upsert(&self, tx: &mut dyn Tx, rows: &[Row]) -> Result<(), DbError>;
    /// The row as it stands, whatever its revision: for what must be taken away.
    async fn replace(&self, tx: &mut dyn Tx, row: &Row) -> Result<(), DbError>;
    /// Replaces all columns of an activity by those that this row refers to; the row itself is upserted next.
    async fn put_streams(&self, tx: &mut dyn Tx, row: &Row, blob: StreamsBlob) -> Result<(), DbError>;
    /// The row as this transaction sees it.
    async fn current(&self, tx: &mut dyn Tx, id: ActivityId) -> Result<Option<Row>, DbError>;
    async fn get(&self, id: ActivityId) -> Result<Option<Row>, DbError>;
    /// Those of these that there are, in no order.
    async fn among(&self, ids: &[ActivityId]) -> Result<Vec<Row>, DbError>;
    async fn range(&self, range: Range) -> Result<Vec<Row>, DbError>;
    /// The chunks of these columns, ordered by column and chunk.
    async fn streams(&self, id: ActivityId, types: &[StreamType]) -> Result<Vec<StreamChunk>, DbError>;
    /// The rows of an account, for what must change in all of them.
    async fn of_account(&self, tx: &mut dyn Tx, account: AccountId) -> Result<Vec<Row>, DbError>;
    /// Takes one column of all of an account's activities away.
    async fn drop_stream(&self, tx: &mut dyn Tx, account: AccountId, kind: StreamType)
    -> Result<(), DbError>;
    /// Takes an activity and its columns away, as of this row's revision.
    async fn purge(&self, tx: &mut dyn Tx, row: &Row) -> Result<(), DbError>;
    /// Takes all of an account away; the number of activities.
    async fn erase(&self, tx: &mut dyn Tx, account: AccountId) -> Result<u64, DbError>;
}

/// In the service's own database.
#[derive(Clone)]
pub struct SqlActivities(pub Db);

const COLUMNS: &str = "activity_id, account_id, start_us, sport, live, revision, whole";

fn row_of(row: &SqlRow) -> Result<Row, DbError> {
    let whole: Bytes = row.get(6)?;
    Ok(Row {
        activity_id: row.get(0)?,
        account_id: row.get(1)?,
        start_us: row.get(2)?,
        sport: row.get(3)?,
        live: row.get(4)?,
        revision: row.get(5)?,
        whole: Whole::decode(whole)
            .map_err(|error| DbError::Statement(format!("an activity's row: {error}")))?,
    })
}

#[async_trait]
impl ActivityStore for SqlActivities {
    fn is_beside_the_journal(&self) -> bool {
        true
    }

    async fn upsert(&self, tx: &mut dyn Tx, rows: &[Row]) -> Result<(), DbError> {
        for row in rows {
            let sql = format!(
                "INSERT INTO activity ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7)
                 ON CONFLICT (activity_id) DO UPDATE SET start_us = excluded.start_us, sport = excluded.sport,
                   live = excluded.live, revision = excluded.revision, whole = excluded.whole
                 WHERE excluded.revision > activity.revision"
            );
            let arguments = args![
                row.activity_id,
                row.account_id,
                row.start_us,
                &row.sport,
                row.live,
                row.revision,
                row.whole.encode_to_vec()
            ];
            tx.execute(&sql, arguments).await?;
        }
        Ok(())
    }

    async fn replace(&self, tx: &mut dyn Tx, row: &Row) -> Result<(), DbError> {
        let sql = "UPDATE activity SET whole = $1 WHERE activity_id = $2";
        tx.execute(sql, args![row.whole.encode_to_vec(), row.activity_id]).await?;
        Ok(())
    }

    async fn put_streams(&self, tx: &mut dyn Tx, row: &Row, blob: StreamsBlob) -> Result<(), DbError> {
        let id = row.activity_id;
        tx.execute("DELETE FROM activity_stream WHERE activity_id = $1", args![id]).await?;
        for chunk in blob.chunks {
            tx.execute(
                "INSERT INTO activity_stream (activity_id, stream, chunk, data) VALUES ($1, $2, $3, $4)",
                args![id, chunk.stream, chunk.chunk, chunk.data],
            )
            .await?;
        }
        Ok(())
    }

    async fn current(&self, tx: &mut dyn Tx, id: ActivityId) -> Result<Option<Row>, DbError> {
        let sql = format!("SELECT {COLUMNS} FROM activity WHERE activity_id = $1");
        tx.fetch_one(&sql, args![id]).await?.as_ref().map(row_of).transpose()
    }

    async fn get(&self, id: ActivityId) -> Result<Option<Row>, DbError> {
        let sql = format!("SELECT {COLUMNS} FROM activity WHERE activity_id = $1");
        self.0.fetch_one(&sql, args![id]).await?.as_ref().map(row_of).transpose()
    }

    async fn among(&self, ids: &[ActivityId]) -> Result<Vec<Row>, DbError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let places = places(1, ids.len());
        let sql = format!("SELECT {COLUMNS} FROM activity WHERE activity_id IN ({places})");
        let arguments = ids.iter().copied().map(Value::from).collect();
        self.0.fetch(&sql, arguments).await?.iter().map(row_of).collect()
    }

    async fn range(&self, range: Range) -> Result<Vec<Row>, DbError> {
        let mut sql = format!(
            "SELECT {COLUMNS} FROM activity WHERE account_id = $1 AND live = 1 AND start_us >= $2 AND start_us < $3"
        );
        let mut arguments = args![range.account_id, range.after_us, range.before_us];
        if let Some(sport) = range.sport {
            arguments.push(Value::from(sport.as_str()));
            sql += &format!(" AND sport = ${}", arguments.len());
        }
        if let Some(behind) = range.behind {
            let sought = "SELECT start_us FROM activity WHERE activity_id = $1 AND account_id = $2";
            let Some(found) = self.0.fetch_one(sought, args![behind, range.account_id]).await? else {
                return Ok(Vec::new());
            };
            arguments.push(Value::from(found.get::<i64>(0)?));
            arguments.push(Value::from(behind));
            let (start, id) = (arguments.len() - 1, arguments.len());
            sql += &format!(" AND (start_us < ${start} OR (start_us = ${start} AND activity_id > ${id}))");
        }
        arguments.push(Value::from(range.limit));
        sql += &format!(" ORDER BY start_us DESC, activity_id LIMIT ${}", arguments.len());
        self.0.fetch(&sql, arguments).await?.iter().map(row_of).collect()
    }

    async fn streams(&self, id: ActivityId, types: &[StreamType]) -> Result<Vec<StreamChunk>, DbError> {
        if types.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT stream, chunk, data FROM activity_stream WHERE activity_id = $1 AND stream IN ({}) ORDER BY stream, chunk",
            places(2, types.len())
        );
        let mut arguments = args![id];
        arguments.extend(types.iter().map(|kind| Value::from(kind.as_str())));
        let rows = self.0.fetch(&sql, arguments).await?;
        rows.iter()
            .map(|row| Ok(StreamChunk { stream: row.get(0)?, chunk: row.get(1)?, data: row.get(2)? }))
            .collect()
    }

    async fn of_account(&self, tx: &mut dyn Tx, account: AccountId) -> Result<Vec<Row>, DbError> {
        let sql = format!("SELECT {COLUMNS} FROM activity WHERE account_id = $1");
        tx.fetch(&sql, args![account]).await?.iter().map(row_of).collect()
    }

    async fn drop_stream(
        &self,
        tx: &mut dyn Tx,
        account: AccountId,
        kind: StreamType,
    ) -> Result<(), DbError> {
        tx.execute(
            "DELETE FROM activity_stream WHERE stream = $1
             AND activity_id IN (SELECT activity_id FROM activity WHERE account_id = $2)",
            args![kind.as_str(), account],
        )
        .await?;
        Ok(())
    }

    async fn purge(&self, tx: &mut dyn Tx, row: &Row) -> Result<(), DbError> {
        for table in ["activity_stream", "activity"] {
            let sql = format!("DELETE FROM {table} WHERE activity_id = $1");
            tx.execute(&sql, args![row.activity_id]).await?;
        }
        Ok(())
    }

    async fn erase(&self, tx: &mut dyn Tx, account: AccountId) -> Result<u64, DbError> {
        tx.execute(
            "DELETE FROM activity_stream WHERE activity_id IN (SELECT activity_id FROM activity WHERE account_id = $1)",
            args![account],
        )
        .await?;
        tx.execute("DELETE FROM activity WHERE account_id = $1", args![account]).await
    }
}
