//! The rows as the projection writes them, inside its transaction.

use eventing::{Tx, args, sql::DbError};
use kernel::{AccountId, ActivityId};
use prost::Message;
use proto::gamification as wire;

use crate::{
    domain::{
        AchievementId, Fact,
        progress::{BadgeGiven, RewardGiven},
        streak::Run,
    },
    wire::{bytes_of, causes_to_wire},
};

pub(crate) async fn keep_fact(
    tx: &mut dyn Tx,
    account: AccountId,
    activity: ActivityId,
    fact: &Fact,
) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO activity_fact (account_id, activity_id, sport, start_us, end_us, time_zone, utc_offset_s)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (account_id, activity_id) DO UPDATE SET sport = excluded.sport, start_us = excluded.start_us,
             end_us = excluded.end_us, time_zone = excluded.time_zone, utc_offset_s = excluded.utc_offset_s",
        args![account, activity, fact.sport.as_str(), fact.start_us, fact.end_us, &fact.time_zone, fact.utc_offset_s],
    )
    .await?;
    Ok(())
}

pub(crate) async fn drop_fact(
    tx: &mut dyn Tx,
    account: AccountId,
    activity: ActivityId,
) -> Result<(), DbError> {
    tx.execute(
        "DELETE FROM activity_fact WHERE account_id = $1 AND activity_id = $2",
        args![account, activity],
    )
    .await?;
    Ok(())
}

pub(crate) async fn set_xp(
    tx: &mut dyn Tx,
    account: AccountId,
    xp: i64,
    rule_version: u32,
) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO progress (account_id, xp, level, streak_days, streak_last_day, rule_version)
         VALUES ($1, $2, 1, 0, 0, $3)
         ON CONFLICT (account_id) DO UPDATE SET xp = excluded.xp, rule_version = excluded.rule_version",
        args![account, xp, rule_version],
    )
    .await?;
    Ok(())
}

pub(crate) async fn set_rules(tx: &mut dyn Tx, account: AccountId, rule_version: u32) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO progress (account_id, xp, level, streak_days, streak_last_day, rule_version)
         VALUES ($1, 0, 1, 0, 0, $2) ON CONFLICT (account_id) DO UPDATE SET rule_version = excluded.rule_version",
        args![account, rule_version],
    )
    .await?;
    Ok(())
}

pub(crate) async fn set_level(tx: &mut dyn Tx, account: AccountId, level: u32) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO progress (account_id, xp, level, streak_days, streak_last_day) VALUES ($1, 0, $2, 0, 0)
         ON CONFLICT (account_id) DO UPDATE SET level = excluded.level",
        args![account, level],
    )
    .await?;
    Ok(())
}

pub(crate) async fn set_streak(tx: &mut dyn Tx, account: AccountId, run: &Run) -> Result<(), DbError> {
    let frozen = run.frozen.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    tx.execute(
        "INSERT INTO progress (account_id, xp, level, streak_days, streak_last_day, streak_freezes, streak_frozen)
         VALUES ($1, 0, 1, $2, $3, $4, $5)
         ON CONFLICT (account_id) DO UPDATE SET streak_days = excluded.streak_days,
             streak_last_day = excluded.streak_last_day, streak_freezes = excluded.streak_freezes,
             streak_frozen = excluded.streak_frozen",
        args![account, run.days, run.last_day, run.freezes, frozen],
    )
    .await?;
    Ok(())
}

pub(crate) async fn keep_achievement(tx: &mut dyn Tx, given: &BadgeGiven) -> Result<(), DbError> {
    let because = wire::HeldBadge {
        because: causes_to_wire(&given.award),
        frozen_days: given.award.frozen.clone(),
        ..wire::HeldBadge::default()
    };
    tx.execute(
        "INSERT INTO achievement (achievement_id, account_id, badge, unlocked_us, rule, rule_version, because)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (achievement_id) DO UPDATE SET unlocked_us = excluded.unlocked_us, rule = excluded.rule,
             rule_version = excluded.rule_version, because = excluded.because",
        args![
            given.id,
            given.account,
            &given.badge,
            given.award.unlocked_us,
            &given.award.rule,
            given.rule_version,
            because.encode_to_vec()
        ],
    )
    .await?;
    Ok(())
}

/// A challenge's badge explains itself by the place it was given for.
pub(crate) async fn keep_reward(tx: &mut dyn Tx, given: &RewardGiven) -> Result<(), DbError> {
    let because = wire::HeldBadge {
        because: vec![wire::Because {
            activity_id: bytes_of(given.challenge),
            value: given.rank.into(),
            at_us: given.at_us,
        }],
        ..wire::HeldBadge::default()
    };
    tx.execute(
        "INSERT INTO achievement (achievement_id, account_id, badge, unlocked_us, rule, rule_version, because)
         VALUES ($1, $2, $3, $4, 'challenge', 0, $5) ON CONFLICT (achievement_id) DO NOTHING",
        args![given.id, given.account, &given.badge, given.at_us, because.encode_to_vec()],
    )
    .await?;
    Ok(())
}

pub(crate) async fn drop_achievement(tx: &mut dyn Tx, id: AchievementId) -> Result<(), DbError> {
    tx.execute("DELETE FROM achievement WHERE achievement_id = $1", args![id]).await?;
    Ok(())
}
