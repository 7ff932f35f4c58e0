//! When each activity of an account began, those that are shown by others and those that were deleted too: where twins
//! are looked for, and what cannot be together. And what waits for a reviewer.

use eventing::{
    args,
    sql::{Db, DbError, Row, Tx},
};
use kernel::{AccountId, ActivityId};
use prost::Message;

use crate::{
    domain::across::{Begun, Held},
    wire::trace,
};

/// More than anybody does in two days, but for machines.
const AROUND_MAX: i64 = 100;

/// Recordings that are looked at as copies of one.
const ALIKE_MAX: i64 = 16;

const COLUMNS: &str =
    "activity_id, account_id, start_us, revision, position, live, clear, held, utc_offset_s, trace";

/// Who was there first is told by when the recording came in, not by when its key was taken: another recording has the place
/// of the event that brought it. One that is gone keeps its place for when it comes back, and `worked_out`: nothing came
/// in, the same was looked at again.
pub async fn put(tx: &mut dyn Tx, begun: &Begun, worked_out: bool) -> Result<(), DbError> {
    let trace = begun.trace.as_ref();
    // 0: of before places were kept.
    let another = if worked_out {
        ""
    } else {
        "OR (excluded.print IS NOT NULL AND (activity_start.print IS NULL OR excluded.print <> activity_start.print))"
    };
    let sql = format!(
        "INSERT INTO activity_start (activity_id, account_id, start_us, revision, position, live, clear, held,
           utc_offset_s, trace, print) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (activity_id) DO UPDATE SET start_us = excluded.start_us, revision = excluded.revision,
           live = excluded.live, clear = excluded.clear, held = excluded.held, utc_offset_s = excluded.utc_offset_s,
           trace = excluded.trace, print = excluded.print, position = CASE
             WHEN activity_start.position = 0 {another} THEN excluded.position ELSE activity_start.position END"
    );
    tx.execute(
        &sql,
        args![
            begun.activity_id,
            begun.account_id,
            begun.start_us,
            begun.revision,
            begun.position,
            i64::from(begun.live),
            i64::from(begun.clear),
            begun.held.bits(),
            begun.utc_offset_s,
            trace.map(|known| trace::to_proto(known).encode_to_vec()),
            trace.and_then(|known| known.print())
        ],
    )
    .await
    .map(drop)
}

fn begun_of(row: &Row) -> Result<Begun, DbError> {
    let flag = |at: usize| row.get::<i64>(at).map(|flag| flag != 0);
    let trace: Option<Vec<u8>> = row.get(9)?;
    let decoded = trace.map(|raw| proto::activity::Trace::decode(raw.as_slice())).transpose();
    let unreadable = |error| DbError::Statement(format!("an activity's trace: {error}"));
    Ok(Begun {
        activity_id: row.get(0)?,
        account_id: row.get(1)?,
        start_us: row.get(2)?,
        revision: row.get(3)?,
        position: row.get(4)?,
        live: flag(5)?,
        clear: flag(6)?,
        held: Held::of_bits(row.get(7)?),
        utc_offset_s: i32::try_from(row.get::<i64>(8)?).unwrap_or(0),
        trace: decoded.map_err(unreadable)?.map(trace::of_proto),
    })
}

/// How far its rows have come, and recordings that may be the same as its own, itself among them: of whatever account,
/// those that were there first.
pub async fn alike(db: &Db, id: ActivityId) -> Result<(i64, Vec<Begun>), DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM activity_start WHERE activity_id = $1 UNION ALL
         SELECT {COLUMNS} FROM (SELECT {COLUMNS} FROM activity_start
           WHERE print = (SELECT print FROM activity_start WHERE activity_id = $1) AND activity_id <> $1
           ORDER BY position, activity_id LIMIT $2) alike"
    );
    let rows = db.fetch(&sql, args![id, ALIKE_MAX]).await?;
    let found = rows.iter().map(begun_of).collect::<Result<Vec<_>, _>>()?;
    Ok((found.iter().find(|one| one.activity_id == id).map_or(0, |own| own.revision), found))
}

/// How far its row has come; 0: there is none.
pub async fn revision(db: &Db, id: ActivityId) -> Result<i64, DbError> {
    let sql = "SELECT revision FROM activity_start WHERE activity_id = $1";
    db.fetch_one(sql, args![id]).await?.map_or(Ok(0), |row| row.get(0))
}

/// Nothing of theirs is evidence any more.
pub async fn let_go(db: &Db, account: AccountId) -> Result<(), DbError> {
    db.execute("UPDATE activity_start SET live = 0 WHERE account_id = $1", args![account]).await.map(drop)
}

/// Of other accounts those that are held as copies of what may be theirs.
pub async fn copies(db: &Db, account: AccountId) -> Result<Vec<ActivityId>, DbError> {
    let sql = "SELECT DISTINCT copy.activity_id FROM activity_start own JOIN activity_start copy ON copy.print = own.print
         WHERE own.account_id = $1 AND copy.account_id <> $1 AND copy.held >= 2";
    db.fetch(sql, args![account]).await?.iter().map(|row| row.get(0)).collect()
}

/// Those that began no further from an instant than this, the nearest first.
pub async fn around(
    db: &Db,
    account: AccountId,
    start_us: i64,
    reach_us: i64,
) -> Result<Vec<Begun>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM activity_start
         WHERE account_id = $1 AND start_us >= $2 AND start_us <= $3 ORDER BY ABS(start_us - $4), activity_id LIMIT $5"
    );
    let (from, to) = (start_us.saturating_sub(reach_us), start_us.saturating_add(reach_us));
    let rows = db.fetch(&sql, args![account, from, to, start_us, AROUND_MAX]).await?;
    rows.iter().map(begun_of).collect()
}

/// What a reviewer may have to do with it, since when; `None`: nothing is held against it. Who waits keeps the place in the
/// queue, whatever else is said meanwhile.
pub async fn put_case(tx: &mut dyn Tx, begun: &Begun, state: Option<(&str, i64)>) -> Result<(), DbError> {
    let Some((state, since_us)) = state else {
        return tx
            .execute("DELETE FROM verdict_case WHERE activity_id = $1", args![begun.activity_id])
            .await
            .map(drop);
    };
    tx.execute(
        "INSERT INTO verdict_case (activity_id, account_id, state, since_us) VALUES ($1, $2, $3, $4)
         ON CONFLICT (activity_id) DO UPDATE SET state = excluded.state,
           since_us = CASE WHEN verdict_case.state = excluded.state THEN verdict_case.since_us ELSE excluded.since_us END",
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
