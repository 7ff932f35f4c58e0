//! The leagues as they stand: weeks, what each activity has earned in the week of its start, and who sits where.

use std::collections::HashMap;

use eventing::{
    Row, Tx, Value, args,
    many::{self, Rows},
    sql::DbError,
};
use kernel::{AccountId, ActivityId};

use super::Store;
use crate::{
    domain::league::{
        Terms, Week,
        cohort::{Ended, Event as Placed, Outcome, Place, Seated},
    },
    wire::league::{terms_from_bytes, terms_to_bytes},
};

/// A week, and by what it is played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeekRow {
    pub week: Week,
    pub terms: Terms,
    pub state: WeekState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeekState {
    Open,
    /// Nothing that comes now counts; its cohorts are being placed.
    Ended,
    Closed,
}

impl WeekState {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Ended => "ended",
            Self::Closed => "closed",
        }
    }

    fn parse(word: &str) -> Self {
        [Self::Open, Self::Ended].into_iter().find(|state| state.as_str() == word).unwrap_or(Self::Closed)
    }
}

/// Somebody's seat in the open week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub tier: u32,
    pub seat: u32,
    pub cohort: u32,
    pub xp: i64,
}

/// One's end of a closed week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastRow {
    pub place: Place,
    pub size: u32,
    pub ended: Ended,
    pub terms: Terms,
}

/// What an activity has earned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Earned {
    pub week: Week,
    pub xp: i64,
}

const WEEK: &str = "SELECT week, terms, state FROM league_week";

fn week_row(row: &Row) -> Result<WeekRow, DbError> {
    let (terms, state): (Vec<u8>, String) = (row.get(1)?, row.get(2)?);
    let terms = terms_of(&terms)?;
    Ok(WeekRow { week: week_of(row, 0)?, terms, state: WeekState::parse(&state) })
}

fn terms_of(bytes: &[u8]) -> Result<Terms, DbError> {
    terms_from_bytes(bytes).map_err(|error| DbError::Statement(error.to_string()))
}

fn week_of(row: &Row, column: usize) -> Result<Week, DbError> {
    let number: i64 = row.get(column)?;
    i32::try_from(number).map(Week).map_err(|_| DbError::Statement(format!("{number} is no week")))
}

fn number(week: Week) -> i64 {
    i64::from(week.0)
}

/// The week that is open to what comes.
pub(crate) async fn open_week(tx: &mut dyn Tx) -> Result<Option<WeekRow>, DbError> {
    let sql = format!("{WEEK} WHERE state = 'open' ORDER BY week DESC LIMIT 1");
    tx.fetch_one(&sql, args![]).await?.as_ref().map(week_row).transpose()
}

pub(crate) async fn keep_week(tx: &mut dyn Tx, week: Week, terms: &Terms) -> Result<(), DbError> {
    let sql =
        "INSERT INTO league_week (week, terms, state) VALUES ($1, $2, 'open') ON CONFLICT (week) DO NOTHING";
    tx.execute(sql, args![number(week), terms_to_bytes(week, terms)]).await?;
    Ok(())
}

pub(crate) async fn mark_week(tx: &mut dyn Tx, week: Week, state: WeekState) -> Result<(), DbError> {
    let sql = "UPDATE league_week SET state = $2 WHERE week = $1";
    tx.execute(sql, args![number(week), state.as_str()]).await?;
    Ok(())
}

/// What is kept of these activities.
pub(crate) async fn earned(
    tx: &mut dyn Tx,
    activities: &[Vec<Value>],
) -> Result<HashMap<(AccountId, ActivityId), Earned>, DbError> {
    let sql = "SELECT account_id, activity_id, week, xp FROM league_activity
               WHERE (account_id, activity_id) IN (VALUES {})";
    let rows = many::fetch(tx, sql, activities).await?;
    rows.iter()
        .map(|row| Ok(((row.get(0)?, row.get(1)?), Earned { week: week_of(row, 2)?, xp: row.get(3)? })))
        .collect()
}

pub(crate) fn earned_rows() -> Rows {
    Rows::new(
        "INSERT INTO league_activity (account_id, activity_id, week, xp)",
        2,
        "ON CONFLICT (account_id, activity_id) DO UPDATE SET week = excluded.week, xp = excluded.xp",
    )
}

pub(crate) fn earned_values((account, activity): (AccountId, ActivityId), earned: Earned) -> Vec<Value> {
    args![account, activity, number(earned.week), earned.xp]
}

/// The seats of these accounts in a week.
pub(crate) async fn entries(
    tx: &mut dyn Tx,
    week: Week,
    accounts: &[Vec<Value>],
) -> Result<HashMap<AccountId, Entry>, DbError> {
    let sql = format!(
        "SELECT account_id, tier, seat, cohort, xp FROM league_entry WHERE week = {} AND account_id IN (VALUES {{}})",
        week.0
    );
    let rows = many::fetch(tx, &sql, accounts).await?;
    rows.iter()
        .map(|row| {
            let entry = Entry { tier: row.get(1)?, seat: row.get(2)?, cohort: row.get(3)?, xp: row.get(4)? };
            Ok((row.get(0)?, entry))
        })
        .collect()
}

pub(crate) fn entry_rows() -> Rows {
    Rows::new(
        "INSERT INTO league_entry (account_id, week, tier, seat, cohort, xp)",
        2,
        "ON CONFLICT (account_id, week) DO UPDATE SET xp = excluded.xp",
    )
}

pub(crate) fn entry_values(account: AccountId, week: Week, entry: &Entry) -> Vec<Value> {
    args![account, number(week), entry.tier, entry.seat, entry.cohort, entry.xp]
}

/// What these accounts have earned in a week by now, whether or not they sit in it.
pub(crate) async fn sums(
    tx: &mut dyn Tx,
    week: Week,
    accounts: &[Vec<Value>],
) -> Result<HashMap<AccountId, i64>, DbError> {
    let sql = format!(
        "SELECT account_id, CAST(SUM(xp) AS BIGINT) FROM league_activity
         WHERE week = {} AND account_id IN (VALUES {{}}) GROUP BY account_id",
        week.0
    );
    let rows = many::fetch(tx, &sql, accounts).await?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// Everybody who has earned something in a week before it was opened, in the order of accounts.
pub(crate) async fn waiting(tx: &mut dyn Tx, week: Week) -> Result<Vec<(AccountId, i64)>, DbError> {
    let sql = "SELECT account_id, CAST(SUM(xp) AS BIGINT) FROM league_activity WHERE week = $1
               GROUP BY account_id HAVING SUM(xp) > 0 ORDER BY account_id";
    tx.fetch(sql, args![number(week)]).await?.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// The tier in which each of these left its last week; who has never played is absent.
pub(crate) async fn tiers(
    tx: &mut dyn Tx,
    accounts: &[Vec<Value>],
) -> Result<HashMap<AccountId, u32>, DbError> {
    let sql = "SELECT account_id, week, next_tier FROM league_entry
               WHERE next_tier IS NOT NULL AND account_id IN (VALUES {})";
    let mut newest: HashMap<AccountId, (i64, u32)> = HashMap::new();
    for row in many::fetch(tx, sql, accounts).await? {
        let (week, tier): (i64, u32) = (row.get(1)?, row.get(2)?);
        let known = newest.entry(row.get(0)?).or_insert((week, tier));
        *known = (*known).max((week, tier));
    }
    Ok(newest.into_iter().map(|(account, (_, tier))| (account, tier)).collect())
}

/// The seat after the last one of a tier.
pub(crate) async fn next_seat(tx: &mut dyn Tx, week: Week, tier: u32) -> Result<u32, DbError> {
    let sql = "SELECT seat FROM league_entry WHERE week = $1 AND tier = $2 ORDER BY seat DESC LIMIT 1";
    let last: Option<u32> =
        tx.fetch_one(sql, args![number(week), tier]).await?.map(|row| row.get(0)).transpose()?;
    Ok(last.map_or(0, |seat| seat.saturating_add(1)))
}

/// How a week ended for somebody who still sits in it.
pub(crate) async fn keep_place(tx: &mut dyn Tx, placed: &Placed) -> Result<(), DbError> {
    let Some(ended) = placed.ended else { return Ok(()) };
    tx.execute(
        "UPDATE league_entry SET rank = $3, size = $4, xp = $5, outcome = $6, next_tier = $7
         WHERE account_id = $1 AND week = $2",
        args![
            placed.account,
            number(placed.place.week),
            ended.rank,
            placed.size,
            ended.xp,
            ended.outcome.as_str(),
            ended.next_tier
        ],
    )
    .await?;
    Ok(())
}

pub(crate) async fn forget(tx: &mut dyn Tx, account: AccountId) -> Result<(), DbError> {
    for table in ["league_activity", "league_entry"] {
        tx.execute(&format!("DELETE FROM {table} WHERE account_id = $1"), args![account]).await?;
    }
    Ok(())
}

impl Store {
    /// The week that is played, or whose end is being worked out; `None` before the first.
    pub async fn newest_week(&self) -> Result<Option<WeekRow>, DbError> {
        let sql = format!("{WEEK} ORDER BY week DESC LIMIT 1");
        self.db.fetch_one(&sql, args![]).await?.as_ref().map(week_row).transpose()
    }

    /// One's seat in a week.
    pub async fn league_entry(&self, account: AccountId, week: Week) -> Result<Option<Entry>, DbError> {
        let sql = "SELECT tier, seat, cohort, xp FROM league_entry WHERE account_id = $1 AND week = $2";
        let row = self.db.fetch_one(sql, args![account, number(week)]).await?;
        let entry = |row: Row| {
            Ok(Entry { tier: row.get(0)?, seat: row.get(1)?, cohort: row.get(2)?, xp: row.get(3)? })
        };
        row.map(entry).transpose()
    }

    /// The tier in which one left its last week.
    pub async fn league_tier(&self, account: AccountId) -> Result<Option<u32>, DbError> {
        let sql = "SELECT next_tier FROM league_entry WHERE account_id = $1 AND next_tier IS NOT NULL
                   ORDER BY week DESC LIMIT 1";
        self.db.fetch_one(sql, args![account]).await?.map(|row| row.get(0)).transpose()
    }

    /// The tier in which one plays: of the open week, or the one that the last week led to.
    pub async fn league_now(&self, account: AccountId) -> Result<Option<u32>, DbError> {
        let sql = "SELECT tier, next_tier FROM league_entry WHERE account_id = $1 ORDER BY week DESC LIMIT 1";
        let row = self.db.fetch_one(sql, args![account]).await?;
        row.map(|row| Ok(row.get::<Option<u32>>(1)?.unwrap_or(row.get(0)?))).transpose()
    }

    /// Who sits in a cohort, with or without XP.
    pub async fn cohort(&self, place: Place) -> Result<Vec<Seated>, DbError> {
        let sql =
            "SELECT account_id, seat, xp FROM league_entry WHERE week = $1 AND tier = $2 AND cohort = $3
                   ORDER BY seat";
        let rows = self.db.fetch(sql, args![number(place.week), place.tier, place.cohort]).await?;
        rows.iter().map(seated).collect()
    }

    /// Cohorts of a week in their order, behind one of them, whole, as far as `seats_max` places go.
    pub async fn cohorts(
        &self,
        week: Week,
        after: Option<Place>,
        seats_max: u32,
    ) -> Result<Vec<(Place, Vec<Seated>)>, DbError> {
        let (tier, cohort) = after.map_or((-1, -1), |at| (i64::from(at.tier), i64::from(at.cohort)));
        let sql = "SELECT account_id, seat, xp, tier, cohort FROM league_entry
                   WHERE week = $1 AND (tier > $2 OR (tier = $2 AND cohort > $3)) ORDER BY tier, seat LIMIT $4";
        let rows = self.db.fetch(sql, args![number(week), tier, cohort, seats_max]).await?;
        let mut cohorts: Vec<(Place, Vec<Seated>)> = Vec::new();
        for row in &rows {
            let place = Place { week, tier: row.get(3)?, cohort: row.get(4)? };
            match cohorts.last_mut().filter(|(of, _)| *of == place) {
                Some((_, seats)) => seats.push(seated(row)?),
                None => cohorts.push((place, vec![seated(row)?])),
            }
        }
        // The last one may have been cut: it comes whole with the next page.
        if rows.len() >= seats_max as usize && cohorts.len() > 1 {
            cohorts.pop();
        }
        Ok(cohorts)
    }

    /// One's weeks that are closed, the newest first, before a week.
    pub async fn past_leagues(
        &self,
        account: AccountId,
        before: i64,
        limit: u32,
    ) -> Result<Vec<PastRow>, DbError> {
        let sql = "SELECT e.week, e.tier, e.cohort, e.size, e.rank, e.xp, e.outcome, e.next_tier, w.terms
                   FROM league_entry e JOIN league_week w ON w.week = e.week
                   WHERE e.account_id = $1 AND e.week < $2 AND e.outcome IS NOT NULL ORDER BY e.week DESC LIMIT $3";
        self.db.fetch(sql, args![account, before, limit]).await?.iter().map(past_row).collect()
    }
}

fn seated(row: &Row) -> Result<Seated, DbError> {
    Ok(Seated { account: row.get(0)?, seat: row.get(1)?, xp: row.get(2)? })
}

fn past_row(row: &Row) -> Result<PastRow, DbError> {
    let (outcome, terms): (String, Vec<u8>) = (row.get(6)?, row.get(8)?);
    let unknown = || DbError::Statement(format!("{outcome} is no outcome of a week"));
    let outcome = Outcome::parse(&outcome).ok_or_else(unknown)?;
    Ok(PastRow {
        place: Place { week: week_of(row, 0)?, tier: row.get(1)?, cohort: row.get(2)? },
        size: row.get(3)?,
        ended: Ended { rank: row.get(4)?, xp: row.get(5)?, outcome, next_tier: row.get(7)? },
        terms: terms_of(&terms)?,
    })
}
