//! The read models: what is answered without folding a stream.

pub mod challenges;
mod dry_run;
pub mod facts;
pub mod leagues;
pub mod ledger;
pub mod past;
pub mod placements;
pub mod rows;
pub mod scores;
pub mod standings;

use eventing::{Db, args, sql::DbError};
use jiff::tz::TimeZone;
use kernel::AccountId;
use prost::Message;
use proto::gamification as wire;

use crate::{
    domain::{
        AchievementId,
        fact::{self, Day},
        streak::Run,
    },
    wire::because_from_row,
};

/// Reads over one service's database; cheap to clone.
#[derive(Clone)]
pub struct Store {
    db: Db,
}

/// What an account has been told last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgressRow {
    pub xp: i64,
    pub level: u32,
    pub run: Run,
}

impl Default for ProgressRow {
    fn default() -> Self {
        Self { xp: 0, level: 1, run: Run::default() }
    }
}

/// A badge held.
#[derive(Clone, Debug, PartialEq)]
pub struct AchievementRow {
    pub id: AchievementId,
    pub badge: String,
    pub unlocked_us: i64,
}

/// Why a badge is held.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    pub rule: String,
    pub rule_version: u32,
    pub because: Vec<wire::Because>,
    /// Of a streak: days that freezes covered.
    pub frozen: Vec<Day>,
}

/// What was done in one sport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SportRow {
    pub sport: String,
    pub activities: u32,
    pub last_end_us: i64,
}

impl Store {
    pub fn new(db: Db) -> Self {
        Self { db }
    }

    /// An account without a row has done nothing yet.
    pub async fn progress(&self, account: AccountId) -> Result<ProgressRow, DbError> {
        let row = self
            .db
            .fetch_one(
                "SELECT xp, level, streak_days, streak_last_day, streak_freezes, streak_frozen FROM progress
                 WHERE account_id = $1",
                args![account],
            )
            .await?;
        let Some(row) = row else { return Ok(ProgressRow::default()) };
        let (last_day, frozen): (i64, String) = (row.get(3)?, row.get(5)?);
        let run = Run {
            days: row.get(2)?,
            last_day: Day::try_from(last_day).unwrap_or_default(),
            freezes: row.get(4)?,
            frozen: frozen.split_whitespace().filter_map(|day| day.parse().ok()).collect(),
        };
        Ok(ProgressRow { xp: row.get(0)?, level: row.get(1)?, run })
    }

    /// The zone of the account's newest activity.
    pub async fn newest_zone(&self, account: AccountId) -> Result<Option<TimeZone>, DbError> {
        let row = self
            .db
            .fetch_one(
                "SELECT time_zone, utc_offset_s FROM activity_fact WHERE account_id = $1 ORDER BY start_us DESC LIMIT 1",
                args![account],
            )
            .await?;
        let Some(row) = row else { return Ok(None) };
        let (name, offset_s): (String, i64) = (row.get(0)?, row.get(1)?);
        Ok(Some(fact::zone_of(&name, i32::try_from(offset_s).ok())))
    }

    /// Badges of an account, the newest first, behind `after` = (unlocked_us, id).
    pub async fn achievements(
        &self,
        account: AccountId,
        after: (i64, AchievementId),
        limit: u32,
    ) -> Result<Vec<AchievementRow>, DbError> {
        let rows = self
            .db
            .fetch(
                "SELECT achievement_id, badge, unlocked_us FROM achievement
                 WHERE account_id = $1 AND (unlocked_us < $2 OR (unlocked_us = $2 AND achievement_id < $3))
                 ORDER BY unlocked_us DESC, achievement_id DESC LIMIT $4",
                args![account, after.0, after.1, limit],
            )
            .await?;
        rows.iter()
            .map(|row| Ok(AchievementRow { id: row.get(0)?, badge: row.get(1)?, unlocked_us: row.get(2)? }))
            .collect()
    }

    /// Why an account holds one of *its* badges; `None` for another's and for what is not held.
    pub async fn explanation(
        &self,
        account: AccountId,
        id: AchievementId,
    ) -> Result<Option<Explanation>, DbError> {
        let row = self
            .db
            .fetch_one(
                "SELECT rule, rule_version, because FROM achievement WHERE achievement_id = $1 AND account_id = $2",
                args![id, account],
            )
            .await?;
        let Some(row) = row else { return Ok(None) };
        let because: Vec<u8> = row.get(2)?;
        let held = wire::HeldBadge::decode(because.as_slice())
            .map_err(|error| DbError::Statement(format!("an explanation is not readable: {error}")))?;
        let rule: String = row.get(0)?;
        Ok(Some(Explanation {
            because: because_from_row(&rule, held.because),
            rule,
            rule_version: row.get(1)?,
            frozen: held.frozen_days,
        }))
    }

    pub async fn badges(&self, account: AccountId) -> Result<Vec<String>, DbError> {
        let rows = self
            .db
            .fetch(
                "SELECT DISTINCT badge FROM achievement WHERE account_id = $1 ORDER BY badge",
                args![account],
            )
            .await?;
        rows.iter().map(|row| row.get(0)).collect()
    }

    pub async fn sports(&self, account: AccountId) -> Result<Vec<SportRow>, DbError> {
        let rows = self
            .db
            .fetch(
                "SELECT sport, COUNT(*), MAX(end_us) FROM activity_fact WHERE account_id = $1
                 GROUP BY sport ORDER BY sport",
                args![account],
            )
            .await?;
        rows.iter()
            .map(|row| Ok(SportRow { sport: row.get(0)?, activities: row.get(1)?, last_end_us: row.get(2)? }))
            .collect()
    }

    /// Accounts that were told what they have by these rules or newer ones, and all there are.
    pub async fn under_rules(&self, version: u32) -> Result<(i64, i64), DbError> {
        let sql = "SELECT CAST(COALESCE(SUM(CASE WHEN rule_version >= $1 THEN 1 ELSE 0 END), 0) AS BIGINT), COUNT(*)
                   FROM progress";
        let row = self.db.fetch_one(sql, args![version]).await?;
        row.map_or(Ok((0, 0)), |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// Accounts under older rules with their versions, in the order of both, behind one of them.
    pub async fn under_older_rules(
        &self,
        version: u32,
        after: (u32, AccountId),
        limit: u32,
    ) -> Result<Vec<(u32, AccountId)>, DbError> {
        let sql = "SELECT rule_version, account_id FROM progress
                   WHERE rule_version < $1 AND (rule_version > $2 OR (rule_version = $2 AND account_id > $3))
                   ORDER BY rule_version, account_id LIMIT $4";
        let rows = self.db.fetch(sql, args![version, after.0, after.1, limit]).await?;
        rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
    }

    /// Accounts that have a progress, in order of their ids, behind `after`.
    pub async fn accounts(&self, after: AccountId, limit: u32) -> Result<Vec<AccountId>, DbError> {
        let rows = self
            .db
            .fetch(
                "SELECT account_id FROM progress WHERE account_id > $1 ORDER BY account_id LIMIT $2",
                args![after, limit],
            )
            .await?;
        rows.iter().map(|row| row.get(0)).collect()
    }
}
