//! What was heard of activities, of XP and of days, every revision of it, inside the projection's transaction.

use std::collections::HashMap;

use eventing::{
    Row, Tx, Value, args,
    many::{self, Rows},
    sql::DbError,
};
use kernel::{AccountId, ActivityId, Sport};

use super::scores::signed;
use crate::domain::{
    daily::DailyId,
    fact::{Day, Receipt},
    scoring::{DayHeard, Effort, Heard, XpHeard},
};

/// Every revision that was heard of each activity.
pub(crate) fn heard_rows() -> Rows {
    Rows::new(
        "INSERT INTO score_fact (account_id, activity_id, revision, received_us, position, counts, sport, start_us,
           end_us, duration_s, distance_mm, ascent_mm, only_me)",
        3,
        "ON CONFLICT (account_id, activity_id, revision) DO NOTHING",
    )
}

pub(crate) fn heard_values(account: AccountId, activity: ActivityId, heard: &Heard) -> Vec<Value> {
    let effort = heard.effort;
    args![
        account,
        activity,
        signed(heard.revision),
        heard.receipt.at_us,
        signed(heard.receipt.position),
        effort.is_some(),
        effort.map_or("", |effort| effort.sport.as_str()),
        effort.map_or(0, |effort| effort.start_us),
        effort.map_or(0, |effort| effort.end_us),
        effort.map_or(0, |effort| effort.duration_s),
        effort.and_then(|effort| effort.distance_mm),
        effort.and_then(|effort| effort.ascent_mm),
        effort.and_then(|effort| effort.only_me)
    ]
}

const HEARD: &str =
    "SELECT activity_id, revision, received_us, position, counts, sport, start_us, end_us, duration_s,
    distance_mm, ascent_mm, only_me FROM score_fact WHERE account_id = $1";

const HEARD_OF_MANY: &str =
    "SELECT activity_id, revision, received_us, position, counts, sport, start_us, end_us, duration_s,
    distance_mm, ascent_mm, only_me, account_id FROM score_fact";

/// All that was heard of an account's activities, each one's revisions together; of one of them, when it is named.
pub(crate) async fn heard_of(
    tx: &mut dyn Tx,
    account: AccountId,
    activity: Option<ActivityId>,
) -> Result<Vec<(ActivityId, Heard)>, DbError> {
    let rows = match activity {
        Some(activity) => {
            tx.fetch(&format!("{HEARD} AND activity_id = $2"), args![account, activity]).await?
        }
        None => tx.fetch(&format!("{HEARD} ORDER BY activity_id"), args![account]).await?,
    };
    rows.iter().map(heard_row).collect()
}

/// What had been received by a moment of these accounts' activities, each one's revisions together.
pub(crate) async fn heard_until(
    tx: &mut dyn Tx,
    accounts: &[Vec<Value>],
    until_us: i64,
) -> Result<Vec<((AccountId, ActivityId), Heard)>, DbError> {
    let sql = format!(
        "{HEARD_OF_MANY} WHERE account_id IN (VALUES {{}}) AND received_us <= {until_us}
         ORDER BY account_id, activity_id"
    );
    let rows = many::fetch(tx, &sql, accounts).await?;
    rows.iter()
        .map(|row| {
            let (activity, heard) = heard_row(row)?;
            Ok(((row.get(12)?, activity), heard))
        })
        .collect()
}

/// As [`heard_until`], of XP.
pub(crate) async fn xp_until(
    tx: &mut dyn Tx,
    accounts: &[Vec<Value>],
    until_us: i64,
) -> Result<HashMap<(AccountId, ActivityId), Vec<XpHeard>>, DbError> {
    let sql = format!(
        "SELECT account_id, activity_id, received_us, position, xp FROM score_xp
         WHERE account_id IN (VALUES {{}}) AND received_us <= {until_us}"
    );
    let mut found: HashMap<_, Vec<XpHeard>> = HashMap::new();
    for row in many::fetch(tx, &sql, accounts).await? {
        let receipt = Receipt { at_us: row.get(2)?, position: row.get(3)? };
        found.entry((row.get(0)?, row.get(1)?)).or_default().push(XpHeard { receipt, xp: row.get(4)? });
    }
    Ok(found)
}

/// As [`heard_until`], of days.
pub(crate) async fn days_until(
    tx: &mut dyn Tx,
    accounts: &[Vec<Value>],
    until_us: i64,
) -> Result<Vec<((AccountId, DailyId), DayHeard)>, DbError> {
    let sql = format!(
        "SELECT daily_id, revision, received_us, position, local_day, steps, account_id FROM score_day
         WHERE account_id IN (VALUES {{}}) AND received_us <= {until_us} ORDER BY account_id, daily_id"
    );
    let rows = many::fetch(tx, &sql, accounts).await?;
    rows.iter()
        .map(|row| {
            let (daily, heard) = day_row(row)?;
            Ok(((row.get(6)?, daily), heard))
        })
        .collect()
}

fn heard_row(row: &Row) -> Result<(ActivityId, Heard), DbError> {
    let effort = if row.get::<bool>(4)? {
        Some(Effort {
            sport: Sport::parse(&row.get::<String>(5)?).unwrap_or(Sport::Other),
            start_us: row.get(6)?,
            end_us: row.get(7)?,
            duration_s: row.get(8)?,
            distance_mm: row.get(9)?,
            ascent_mm: row.get(10)?,
            only_me: row.get(11)?,
        })
    } else {
        None
    };
    let receipt = Receipt { at_us: row.get(2)?, position: row.get(3)? };
    Ok((row.get(0)?, Heard { revision: row.get(1)?, receipt, effort }))
}

/// What each telling of XP said of each activity.
pub(crate) fn xp_rows() -> Rows {
    Rows::new(
        "INSERT INTO score_xp (account_id, activity_id, told_at, received_us, position, xp)",
        3,
        "ON CONFLICT (account_id, activity_id, told_at) DO NOTHING",
    )
}

pub(crate) fn xp_values(
    account: AccountId,
    activity: ActivityId,
    told_at: i64,
    heard: XpHeard,
) -> Vec<Value> {
    args![account, activity, told_at, heard.receipt.at_us, signed(heard.receipt.position), heard.xp]
}

pub(crate) async fn xp_of(
    tx: &mut dyn Tx,
    account: AccountId,
) -> Result<Vec<(ActivityId, XpHeard)>, DbError> {
    let rows = tx
        .fetch(
            "SELECT activity_id, received_us, position, xp FROM score_xp WHERE account_id = $1",
            args![account],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let receipt = Receipt { at_us: row.get(1)?, position: row.get(2)? };
            Ok((row.get(0)?, XpHeard { receipt, xp: row.get(3)? }))
        })
        .collect()
}

pub(crate) async fn keep_day(
    tx: &mut dyn Tx,
    account: AccountId,
    daily: DailyId,
    heard: &DayHeard,
) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO score_day (account_id, daily_id, revision, received_us, position, local_day, steps)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (account_id, daily_id, revision) DO NOTHING",
        args![
            account,
            daily,
            signed(heard.revision),
            heard.receipt.at_us,
            signed(heard.receipt.position),
            heard.local_day,
            heard.steps
        ],
    )
    .await?;
    Ok(())
}

pub(crate) async fn days_of(
    tx: &mut dyn Tx,
    account: AccountId,
) -> Result<Vec<(DailyId, DayHeard)>, DbError> {
    let rows = tx
        .fetch(
            "SELECT daily_id, revision, received_us, position, local_day, steps FROM score_day
             WHERE account_id = $1 ORDER BY daily_id",
            args![account],
        )
        .await?;
    rows.iter().map(day_row).collect()
}

fn day_row(row: &Row) -> Result<(DailyId, DayHeard), DbError> {
    let receipt = Receipt { at_us: row.get(2)?, position: row.get(3)? };
    let local_day = Day::try_from(row.get::<i64>(4)?).unwrap_or_default();
    Ok((row.get(0)?, DayHeard { revision: row.get(1)?, receipt, local_day, steps: row.get(5)? }))
}

/// What was heard of an account is forgotten: it was erased.
pub(crate) async fn forget(tx: &mut dyn Tx, account: AccountId) -> Result<(), DbError> {
    for table in ["score_fact", "score_xp", "score_day", "score_only_me"] {
        tx.execute(&format!("DELETE FROM {table} WHERE account_id = $1"), args![account]).await?;
    }
    Ok(())
}

pub(crate) async fn set_only_me(tx: &mut dyn Tx, account: AccountId, only_me: bool) -> Result<(), DbError> {
    let sql = if only_me {
        "INSERT INTO score_only_me (account_id) VALUES ($1) ON CONFLICT (account_id) DO NOTHING"
    } else {
        "DELETE FROM score_only_me WHERE account_id = $1"
    };
    tx.execute(sql, args![account]).await?;
    Ok(())
}

pub(crate) async fn is_only_me(tx: &mut dyn Tx, account: AccountId) -> Result<bool, DbError> {
    let row =
        tx.fetch_one("SELECT account_id FROM score_only_me WHERE account_id = $1", args![account]).await?;
    Ok(row.is_some())
}

/// Those of the accounts whose activities are for nobody unless one says otherwise.
pub(crate) async fn only_me_of(tx: &mut dyn Tx, accounts: &[Vec<Value>]) -> Result<Vec<AccountId>, DbError> {
    let sql = "SELECT account_id FROM score_only_me WHERE account_id IN (VALUES {})";
    many::fetch(tx, sql, accounts).await?.iter().map(|row| row.get(0)).collect()
}

/// What belongs to one item.
pub(crate) fn of_item<Item: PartialEq, Of: Copy>(all: &[(Item, Of)], item: Item) -> Vec<Of> {
    all.iter().filter(|(of, _)| *of == item).map(|(_, one)| *one).collect()
}

/// Runs of the same item: rows come in the order of their items.
pub(crate) fn by_item<Item: PartialEq, Of>(all: Vec<(Item, Of)>) -> Vec<(Item, Vec<Of>)> {
    let mut runs: Vec<(Item, Vec<Of>)> = Vec::new();
    for (item, one) in all {
        match runs.last_mut().filter(|(last, _)| *last == item) {
            Some((_, run)) => run.push(one),
            None => runs.push((item, vec![one])),
        }
    }
    runs
}
