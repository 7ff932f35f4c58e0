//! What each activity adds to its athlete's statistics: one row a part, replaced whole, summed when it is asked for.

use std::ops::RangeInclusive;

use eventing::{
    args,
    sql::{Db, DbError, Row, Tx, Value},
};
use kernel::{AccountId, ActivityId, Sport};

use crate::stats::{Barred, DaySums, Part, Sums};

/// How an activity stands before an event.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    pub revision: i64,
    pub barred: Barred,
}

pub async fn known(tx: &mut dyn Tx, id: ActivityId) -> Result<Option<Known>, DbError> {
    let sql = "SELECT revision, barred FROM contribution WHERE activity_id = $1 AND part = 0";
    let row = tx.fetch_one(sql, args![id]).await?;
    row.map(|row| Ok(Known { revision: row.get(0)?, barred: Barred::of(row.get(1)?) })).transpose()
}

/// A revision of an activity, with the figures of all its parts.
pub struct Contribution {
    pub activity_id: ActivityId,
    pub account_id: AccountId,
    pub revision: i64,
    pub barred: Barred,
    /// Others' comparisons may count it.
    pub shared: bool,
    pub parts: Vec<Part>,
}

/// Takes the place of whatever there was of the activity.
pub async fn put(tx: &mut dyn Tx, one: &Contribution) -> Result<(), DbError> {
    tx.execute("DELETE FROM contribution WHERE activity_id = $1", args![one.activity_id]).await?;
    for (place, part) in (0_u32..).zip(&one.parts) {
        let sql = "INSERT INTO contribution (activity_id, part, account_id, revision, barred, shared, start_us, day, sport,
               elapsed_ms, moving_ms, distance_mm, ascent_mm, descent_mm, energy_j, efforts)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
        let arguments = args![
            one.activity_id,
            place,
            one.account_id,
            one.revision,
            one.barred.bits(),
            one.shared,
            part.start_us,
            part.day,
            part.sport.as_str(),
            part.elapsed_ms,
            part.moving_ms,
            part.distance_mm,
            part.ascent_mm,
            part.descent_mm,
            part.energy_j,
            efforts_to_text(&part.efforts)
        ];
        tx.execute(sql, arguments).await?;
    }
    Ok(())
}

/// The same figures count from now on, or no more.
pub async fn stand(tx: &mut dyn Tx, id: ActivityId, revision: i64, barred: Barred) -> Result<(), DbError> {
    let sql = "UPDATE contribution SET revision = $1, barred = $2 WHERE activity_id = $3";
    tx.execute(sql, args![revision, barred.bits(), id]).await.map(drop)
}

/// It was purged.
pub async fn forget(tx: &mut dyn Tx, id: ActivityId) -> Result<(), DbError> {
    tx.execute("DELETE FROM contribution WHERE activity_id = $1", args![id]).await.map(drop)
}

pub async fn erase(tx: &mut dyn Tx, account: AccountId) -> Result<(), DbError> {
    tx.execute("DELETE FROM contribution WHERE account_id = $1", args![account]).await.map(drop)
}

/// Whose, and what of it counts: whole activities, or the parts of one sport.
fn counted(account: AccountId, sport: Option<Sport>) -> (String, Vec<Value>) {
    let mut arguments = args![account];
    let sort = match sport {
        None => "part = 0",
        Some(sport) => {
            arguments.push(Value::from(sport.as_str()));
            "sport = $2"
        }
    };
    (format!("account_id = $1 AND barred = 0 AND {sort}"), arguments)
}

/// The sums of each day of the span that has any, oldest first.
pub async fn days(
    db: &Db,
    account: AccountId,
    sport: Option<Sport>,
    span: RangeInclusive<i64>,
) -> Result<Vec<DaySums>, DbError> {
    let (which, mut arguments) = counted(account, sport);
    arguments.extend(args![*span.start(), *span.end()]);
    let (first, last) = (arguments.len() - 1, arguments.len());
    // Sums of BIGINT are NUMERIC on PostgreSQL.
    let sums = ["elapsed_ms", "moving_ms", "distance_mm", "ascent_mm", "descent_mm", "energy_j"]
        .map(|column| format!("CAST(SUM({column}) AS BIGINT)"))
        .join(", ");
    let sql = format!(
        "SELECT day, COUNT(DISTINCT activity_id), {sums} FROM contribution
         WHERE {which} AND day BETWEEN ${first} AND ${last} GROUP BY day ORDER BY day"
    );
    db.fetch(&sql, arguments).await?.iter().map(day_of).collect()
}

fn day_of(row: &Row) -> Result<DaySums, DbError> {
    let sums = Sums {
        count: row.get(1)?,
        elapsed_ms: row.get(2)?,
        moving_ms: row.get(3)?,
        distance_mm: row.get(4)?,
        ascent_mm: row.get(5)?,
        descent_mm: row.get(6)?,
        energy_j: row.get(7)?,
    };
    Ok(DaySums { day: row.get(0)?, sums })
}

/// Every day with an activity, oldest first.
pub async fn active_days(db: &Db, account: AccountId, sport: Option<Sport>) -> Result<Vec<i64>, DbError> {
    let (which, arguments) = counted(account, sport);
    let sql = format!("SELECT DISTINCT day FROM contribution WHERE {which} ORDER BY day");
    db.fetch(&sql, arguments).await?.iter().map(|row| row.get(0)).collect()
}

/// Everything that counts, in the order in which it was done.
pub async fn done(
    db: &Db,
    account: AccountId,
    sport: Option<Sport>,
) -> Result<Vec<(ActivityId, Part)>, DbError> {
    let mut arguments = args![account];
    let of_sport = sport.map_or("", |sport| {
        arguments.push(Value::from(sport.as_str()));
        "AND sport = $2"
    });
    let sql = format!(
        "SELECT activity_id, sport, start_us, day, elapsed_ms, moving_ms, distance_mm, ascent_mm, descent_mm, energy_j,
           efforts
         FROM contribution WHERE account_id = $1 AND barred = 0 {of_sport} ORDER BY start_us, activity_id, part"
    );
    db.fetch(&sql, arguments).await?.iter().map(part_of).collect()
}

fn part_of(row: &Row) -> Result<(ActivityId, Part), DbError> {
    let sport: String = row.get(1)?;
    let part = Part {
        sport: Sport::parse(&sport).unwrap_or(Sport::Other),
        start_us: row.get(2)?,
        day: row.get(3)?,
        elapsed_ms: row.get(4)?,
        moving_ms: row.get(5)?,
        distance_mm: row.get(6)?,
        ascent_mm: row.get(7)?,
        descent_mm: row.get(8)?,
        energy_j: row.get(9)?,
        efforts: row.get::<Option<String>>(10)?.map_or_else(Vec::new, |text| efforts_of(&text)),
    };
    Ok((row.get(0)?, part))
}

/// `5km=1500000 power_5s=700000`; none is NULL.
fn efforts_to_text(efforts: &[(String, i64)]) -> Option<String> {
    let words: Vec<_> = efforts.iter().map(|(name, value)| format!("{name}={value}")).collect();
    (!words.is_empty()).then(|| words.join(" "))
}

fn efforts_of(text: &str) -> Vec<(String, i64)> {
    let word = |word: &str| {
        let (name, value) = word.split_once('=')?;
        Some((name.to_owned(), value.parse().ok()?))
    };
    text.split(' ').filter_map(word).collect()
}
