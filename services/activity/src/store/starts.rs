//! When each activity of an account began, those that are shown by others and those that were deleted too: where twins
//! are looked for. And what waits for a reviewer.

use eventing::{
    args,
    sql::{Db, DbError, Tx},
};
use kernel::{AccountId, ActivityId};

/// More than anybody does in two days, but for machines.
const AROUND_MAX: i64 = 100;

/// One activity as it began.
#[derive(Clone, Copy, Debug)]
pub struct Begun {
    pub activity_id: ActivityId,
    pub account_id: AccountId,
    pub start_us: i64,
    pub revision: i64,
}

pub async fn put(tx: &mut dyn Tx, begun: Begun) -> Result<(), DbError> {
    let Begun { activity_id, account_id, start_us, revision } = begun;
    tx.execute(
        "INSERT INTO activity_start (activity_id, account_id, start_us, revision) VALUES ($1, $2, $3, $4)
         ON CONFLICT (activity_id) DO UPDATE SET start_us = excluded.start_us, revision = excluded.revision",
        args![activity_id, account_id, start_us, revision],
    )
    .await
    .map(drop)
}

/// How far its rows have come.
pub async fn revision(db: &Db, id: ActivityId) -> Result<i64, DbError> {
    let sql = "SELECT revision FROM activity_start WHERE activity_id = $1";
    db.fetch_one(sql, args![id]).await?.map_or(Ok(0), |row| row.get(0))
}

/// Those that began no further from an instant than this, the nearest first.
pub async fn around(
    db: &Db,
    account: AccountId,
    start_us: i64,
    reach_us: i64,
) -> Result<Vec<ActivityId>, DbError> {
    let sql = "SELECT activity_id FROM activity_start
         WHERE account_id = $1 AND start_us >= $2 AND start_us <= $3 ORDER BY ABS(start_us - $4), activity_id LIMIT $5";
    let (from, to) = (start_us.saturating_sub(reach_us), start_us.saturating_add(reach_us));
    let rows = db.fetch(sql, args![account, from, to, start_us, AROUND_MAX]).await?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// What a reviewer may have to do with it, since when; `None`: nothing is held against it.
pub async fn put_case(tx: &mut dyn Tx, begun: Begun, state: Option<(&str, i64)>) -> Result<(), DbError> {
    let Some((state, since_us)) = state else {
        return tx
            .execute("DELETE FROM verdict_case WHERE activity_id = $1", args![begun.activity_id])
            .await
            .map(drop);
    };
    tx.execute(
        "INSERT INTO verdict_case (activity_id, account_id, state, since_us) VALUES ($1, $2, $3, $4)
         ON CONFLICT (activity_id) DO UPDATE SET state = excluded.state, since_us = excluded.since_us",
        args![begun.activity_id, begun.account_id, state, since_us],
    )
    .await
    .map(drop)
}

/// In this state, the longest waiting first.
pub async fn cases(
    db: &Db,
    state: &str,
    behind: Option<ActivityId>,
    limit: u32,
) -> Result<Vec<ActivityId>, DbError> {
    let mut sql = "SELECT activity_id FROM verdict_case WHERE state = $1".to_owned();
    let mut arguments = args![state];
    if let Some(behind) = behind {
        sql += " AND (since_us, activity_id) >
            ((SELECT since_us FROM verdict_case WHERE activity_id = $2), $2)";
        arguments.push(behind.into());
    }
    arguments.push(limit.into());
    sql += &format!(" ORDER BY since_us, activity_id LIMIT ${}", arguments.len());
    db.fetch(&sql, arguments).await?.iter().map(|row| row.get(0)).collect()
}

pub async fn erase(tx: &mut dyn Tx, account: AccountId) -> Result<(), DbError> {
    tx.execute("DELETE FROM activity_start WHERE account_id = $1", args![account]).await?;
    tx.execute("DELETE FROM verdict_case WHERE account_id = $1", args![account]).await.map(drop)
}
