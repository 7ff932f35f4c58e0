//! Who may be compared with whom, and what is usual among them.

use std::ops::RangeInclusive;

use bytes::Bytes;
use eventing::{
    args,
    sql::{Db, DbError, Row, Tx},
};
use kernel::{AccountId, Sport};

use crate::stats::{Interval, Sums, region::OnePerson};

/// Where somebody is now; nowhere that they told: `None`.
pub async fn put_region(tx: &mut dyn Tx, account: AccountId, region: Option<&str>) -> Result<(), DbError> {
    let sql = "INSERT INTO comparer (account_id, region, agrees) VALUES ($1, $2, 0)
         ON CONFLICT (account_id) DO UPDATE SET region = excluded.region";
    tx.execute(sql, args![account, region]).await.map(drop)
}

pub async fn put_agrees(tx: &mut dyn Tx, account: AccountId, agrees: bool) -> Result<(), DbError> {
    let sql = "INSERT INTO comparer (account_id, region, agrees) VALUES ($1, NULL, $2)
         ON CONFLICT (account_id) DO UPDATE SET agrees = excluded.agrees";
    tx.execute(sql, args![account, agrees]).await.map(drop)
}

pub async fn forget(tx: &mut dyn Tx, account: AccountId) -> Result<(), DbError> {
    tx.execute("DELETE FROM comparer WHERE account_id = $1", args![account]).await.map(drop)
}

/// A region, a sport and a period that is over.
#[derive(Clone, Debug)]
pub struct Cell {
    pub region: String,
    pub sport: Option<Sport>,
    pub interval: Interval,
    pub days: RangeInclusive<i64>,
}

impl Cell {
    fn sport(&self) -> &'static str {
        self.sport.map_or("", Sport::as_str)
    }
}

/// What was said of the cell, if it was.
pub async fn said(db: &Db, cell: &Cell) -> Result<Option<Bytes>, DbError> {
    let sql =
        "SELECT typical FROM region_cell WHERE region = $1 AND sport = $2 AND period = $3 AND first_day = $4";
    let arguments = args![&cell.region, cell.sport(), cell.interval.as_str(), *cell.days.start()];
    db.fetch_one(sql, arguments).await?.map(|row| row.get(0)).transpose()
}

/// Says it, unless somebody was first.
pub async fn say(db: &Db, cell: &Cell, typical: Vec<u8>) -> Result<(), DbError> {
    let sql =
        "INSERT INTO region_cell (region, sport, period, first_day, typical) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (region, sport, period, first_day) DO NOTHING";
    let arguments = args![&cell.region, cell.sport(), cell.interval.as_str(), *cell.days.start(), typical];
    db.execute(sql, arguments).await.map(drop)
}

/// What each person of the cell did in it, of what is not for themselves alone. Who did nothing is not in it.
pub async fn people(db: &Db, cell: &Cell) -> Result<Vec<OnePerson>, DbError> {
    let mut arguments = args![&cell.region, *cell.days.start(), *cell.days.end()];
    let sort = cell.sport.map_or("c.part = 0", |sport| {
        arguments.push(sport.as_str().into());
        "c.sport = $4"
    });
    let sums = ["moving_ms", "distance_mm", "ascent_mm", "energy_j"]
        .map(|column| format!("CAST(SUM(c.{column}) AS BIGINT)"))
        .join(", ");
    let sql = format!(
        "SELECT COUNT(DISTINCT c.day), COUNT(DISTINCT c.activity_id), {sums}
         FROM comparer m JOIN contribution c ON c.account_id = m.account_id
         WHERE m.region = $1 AND m.agrees = 1 AND c.barred = 0 AND c.shared = 1 AND {sort}
           AND c.day BETWEEN $2 AND $3
         GROUP BY c.account_id"
    );
    db.fetch(&sql, arguments).await?.iter().map(person_of).collect()
}

fn person_of(row: &Row) -> Result<OnePerson, DbError> {
    let sums = Sums {
        count: row.get(1)?,
        moving_ms: row.get(2)?,
        distance_mm: row.get(3)?,
        ascent_mm: row.get(4)?,
        energy_j: row.get(5)?,
        ..Sums::default()
    };
    Ok(OnePerson { active_days: row.get(0)?, sums })
}
