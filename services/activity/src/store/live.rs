//! What is told live (a primary store: it is in no journal), until some time after it has become an activity.
//!
//! Whoever changes something of a session holds its account, so that nothing is told to one that ends or is erased.

use std::collections::HashSet;

use eventing::{
    args,
    sql::{Db, DbError, Row as SqlRow, Statement, Tx, Value, hold},
};
use kernel::{AccountId, ActivityId};

use super::{
    places,
    taken::{self, Taken as TakenAway},
};
use crate::domain::{
    LiveId,
    live::{self, Point, Taken},
};

/// Points written by one statement.
const ROWS_AT_ONCE: usize = 64;
/// Points read at once.
const PAGE: u32 = 5_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Open,
    /// Nothing more is taken: it is becoming an activity.
    Ending,
    Ended,
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Ending => "ending",
            Self::Ended => "ended",
        }
    }
}

/// A session beside its stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub live_id: LiveId,
    pub account_id: AccountId,
    pub state: State,
    pub started_us: i64,
    /// When something new was told last, by our clock.
    pub heard_us: i64,
    /// The newest point's own time.
    pub newest_us: Option<i64>,
    pub points: u32,
    /// Of the newest point: they ascend as points come.
    pub sequence: i64,
    pub activity_id: Option<ActivityId>,
}

const COLUMNS: &str =
    "live_id, account_id, state, started_us, heard_us, newest_us, points, sequence, activity_id";

fn row_of(row: &SqlRow) -> Result<Row, DbError> {
    let state: String = row.get(2)?;
    Ok(Row {
        live_id: row.get(0)?,
        account_id: row.get(1)?,
        state: match state.as_str() {
            "open" => State::Open,
            "ending" => State::Ending,
            _ => State::Ended,
        },
        started_us: row.get(3)?,
        heard_us: row.get(4)?,
        newest_us: row.get(5)?,
        points: row.get(6)?,
        sequence: row.get(7)?,
        activity_id: row.get(8)?,
    })
}

/// A point in its place among what has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Told {
    pub sequence: i64,
    pub point: Point,
}

const POINT_COLUMNS: &str =
    "sequence, at_us, latitude, longitude, altitude_m, heart_rate_bpm, power_w, cadence_rpm, speed_mps,
     temperature_c, distance_m";

fn told_of(row: &SqlRow) -> Result<Told, DbError> {
    let (latitude, longitude): (Option<f64>, Option<f64>) = (row.get(2)?, row.get(3)?);
    let point = Point {
        at_us: row.get(1)?,
        latlng: latitude.zip(longitude),
        altitude_m: row.get(4)?,
        heart_rate_bpm: row.get(5)?,
        power_w: row.get(6)?,
        cadence_rpm: row.get(7)?,
        speed_mps: row.get(8)?,
        temperature_c: row.get(9)?,
        distance_m: row.get(10)?,
    };
    Ok(Told { sequence: row.get(0)?, point })
}

/// Opens a session, in the append that starts it.
pub fn opening(id: LiveId, account: AccountId, started_us: i64, now_us: i64) -> Statement {
    Statement::new(
        "INSERT INTO live_session (live_id, account_id, state, started_us, heard_us, points, sequence)
         VALUES ($1, $2, 'open', $3, $4, 0, 0) ON CONFLICT (live_id) DO NOTHING",
        args![id, account, started_us, now_us],
    )
}

/// Says what became of it, in the append that ends it.
pub fn ending(id: LiveId, activity: Option<ActivityId>) -> Statement {
    Statement::new(
        "UPDATE live_session SET state = 'ended', activity_id = $2 WHERE live_id = $1",
        args![id, activity],
    )
}

pub async fn get(db: &Db, id: LiveId) -> Result<Option<Row>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM live_session WHERE live_id = $1");
    db.fetch_one(&sql, args![id]).await?.as_ref().map(row_of).transpose()
}

/// How many of the account's sessions are open.
pub async fn open(db: &Db, account: AccountId) -> Result<i64, DbError> {
    let sql = "SELECT COUNT(*) FROM live_session WHERE account_id = $1 AND state = 'open'";
    db.fetch_one(sql, args![account]).await?.map_or(Ok(0), |row| row.get(0))
}

/// What became of a batch: the session as it is then, and the answer to each point. None when it takes nothing any more.
pub struct Put {
    pub row: Row,
    pub taken: Option<Vec<Taken>>,
}

/// A batch that comes to a session.
pub struct Batch {
    pub live: LiveId,
    pub account: AccountId,
    pub points: Vec<Point>,
    /// Points of a session.
    pub most: usize,
    pub now_us: i64,
    /// As it was before auth was asked what may be kept.
    pub asked: TakenAway,
}

/// Keeps what is new. `None`: there is no such session of this account.
pub async fn put(db: &Db, batch: Batch) -> Result<Option<Put>, DbError> {
    db.transact(move |tx| Box::pin(async move { put_in(tx, batch).await })).await
}

async fn put_in(tx: &mut dyn Tx, mut batch: Batch) -> Result<Option<Put>, DbError> {
    let account = batch.account.uuid();
    hold(tx, vec![account]).await?;
    let away = taken::of(tx, &[account]).await?.remove(&account).unwrap_or_default();
    let own = |row: &Row| row.account_id == batch.account && !away.erased;
    let Some(mut row) = current(tx, batch.live).await?.filter(own) else { return Ok(None) };
    if row.state != State::Open {
        return Ok(Some(Put { row, taken: None }));
    }
    if away.withdrawals != batch.asked.withdrawals {
        batch.points.iter_mut().for_each(|point| point.heart_rate_bpm = None);
    }
    let known = if row.points == 0 { HashSet::new() } else { known(tx, &batch).await? };
    let count = usize::try_from(row.points).unwrap_or(usize::MAX);
    let taken = live::take(&batch.points, &known, count, row.newest_us, batch.most);
    let new = batch.points.iter().zip(&taken).filter(|(_, taken)| taken.is_new()).map(|(point, _)| *point);
    // Sequences are moments of ours, so that a gap between two does not tell how many somebody may not see.
    let mut sequence = row.sequence.max(batch.now_us.saturating_sub(1));
    let new: Vec<Told> = new
        .map(|point| {
            sequence += 1;
            Told { sequence, point }
        })
        .collect();
    for told in new.chunks(ROWS_AT_ONCE) {
        insert(tx, &batch, told).await?;
    }
    if let Some(last) = new.last() {
        row.sequence = last.sequence;
        row.heard_us = batch.now_us;
        row.points = row.points.saturating_add(u32::try_from(new.len()).unwrap_or(u32::MAX));
        row.newest_us = row.newest_us.max(new.iter().map(|told| told.point.at_us).max());
        tx.execute(
            "UPDATE live_session SET heard_us = $2, newest_us = $3, points = $4, sequence = $5 WHERE live_id = $1",
            args![row.live_id, row.heard_us, row.newest_us, row.points, row.sequence],
        )
        .await?;
    }
    Ok(Some(Put { row, taken: Some(taken) }))
}

async fn current(tx: &mut dyn Tx, id: LiveId) -> Result<Option<Row>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM live_session WHERE live_id = $1");
    tx.fetch_one(&sql, args![id]).await?.as_ref().map(row_of).transpose()
}

/// Those times of the batch that the session has.
async fn known(tx: &mut dyn Tx, batch: &Batch) -> Result<HashSet<i64>, DbError> {
    if batch.points.is_empty() {
        return Ok(HashSet::new());
    }
    let sql = format!(
        "SELECT at_us FROM live_point WHERE live_id = $1 AND at_us IN ({})",
        places(2, batch.points.len())
    );
    let mut arguments = args![batch.live];
    arguments.extend(batch.points.iter().map(|point| Value::Int(point.at_us)));
    tx.fetch(&sql, arguments).await?.iter().map(|row| row.get(0)).collect()
}

async fn insert(tx: &mut dyn Tx, batch: &Batch, told: &[Told]) -> Result<(), DbError> {
    const WIDTH: usize = 13;
    let rows: Vec<String> =
        (0..told.len()).map(|row| format!("({})", places(1 + row * WIDTH, WIDTH))).collect();
    let sql = format!(
        "INSERT INTO live_point (live_id, account_id, {POINT_COLUMNS}) VALUES {}
         ON CONFLICT (live_id, at_us) DO NOTHING",
        rows.join(", ")
    );
    let mut arguments = Vec::with_capacity(told.len() * WIDTH);
    for Told { sequence, point } in told {
        let (latitude, longitude) = point.latlng.unzip();
        arguments.extend(args![
            batch.live,
            batch.account,
            *sequence,
            point.at_us,
            latitude,
            longitude,
            point.altitude_m,
            point.heart_rate_bpm,
            point.power_w,
            point.cadence_rpm,
            point.speed_mps,
            point.temperature_c,
            point.distance_m
        ]);
    }
    tx.execute(&sql, arguments).await.map(drop)
}

/// From now on nothing more is taken. `None`: there is no such session, or its account is erased.
pub async fn close(db: &Db, id: LiveId, account: AccountId) -> Result<Option<Row>, DbError> {
    db.transact(move |tx| {
        Box::pin(async move {
            hold(tx, vec![account.uuid()]).await?;
            let Some(row) = current(tx, id).await? else { return Ok(None) };
            if row.state == State::Open {
                let sql = "UPDATE live_session SET state = $2 WHERE live_id = $1";
                tx.execute(sql, args![id, State::Ending.as_str()]).await?;
            }
            Ok(Some(row))
        })
    })
    .await
}

/// All points, in order of their own time.
pub async fn points(db: &Db, id: LiveId) -> Result<Vec<Point>, DbError> {
    let sql = format!(
        "SELECT {POINT_COLUMNS} FROM live_point WHERE live_id = $1 AND at_us > $2 ORDER BY at_us LIMIT $3"
    );
    let mut all: Vec<Point> = Vec::new();
    loop {
        let behind = all.last().map_or(i64::MIN, |last| last.at_us);
        let rows = db.fetch(&sql, args![id, behind, PAGE]).await?;
        for row in &rows {
            all.push(told_of(row)?.point);
        }
        if rows.len() < PAGE as usize {
            return Ok(all);
        }
    }
}

/// Points as they came, behind this sequence.
pub async fn told(db: &Db, id: LiveId, behind: i64, limit: u32) -> Result<Vec<Told>, DbError> {
    let sql = format!(
        "SELECT {POINT_COLUMNS} FROM live_point WHERE live_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3"
    );
    db.fetch(&sql, args![id, behind, limit]).await?.iter().map(told_of).collect()
}

/// Its time is over.
pub async fn forget(db: &Db, id: LiveId) -> Result<(), DbError> {
    db.transact(move |tx| {
        Box::pin(async move {
            tx.execute("DELETE FROM live_point WHERE live_id = $1", args![id]).await?;
            tx.execute("DELETE FROM live_session WHERE live_id = $1", args![id]).await.map(drop)
        })
    })
    .await
}

/// Takes what tells of the body away: its keeping is no longer agreed to.
pub async fn drop_health(tx: &mut dyn Tx, account: AccountId) -> Result<(), DbError> {
    let sql =
        "UPDATE live_point SET heart_rate_bpm = NULL WHERE account_id = $1 AND heart_rate_bpm IS NOT NULL";
    tx.execute(sql, args![account]).await.map(drop)
}

pub async fn erase(tx: &mut dyn Tx, account: AccountId) -> Result<(), DbError> {
    tx.execute("DELETE FROM live_point WHERE account_id = $1", args![account]).await?;
    tx.execute("DELETE FROM live_session WHERE account_id = $1", args![account]).await.map(drop)
}
