//! What a step of events says of progress, facts and achievements, and how it is written: the last word on each row, in
//! few statements.

use std::collections::BTreeMap;

use eventing::{
    Row, Tx, Value, args,
    many::{self, Rows},
    sql::DbError,
};
use kernel::{AccountId, ActivityId};
use prost::Message;
use proto::gamification as wire;

use crate::{
    domain::{
        AchievementId, Fact,
        progress::{BadgeGiven, RewardGiven},
        streak::Run,
    },
    wire::{CHALLENGE, causes_to_wire, reward_to_held},
};

const PROGRESS: &str =
    "SELECT account_id, xp, level, streak_days, streak_last_day, streak_freezes, streak_frozen, rule_version
     FROM progress WHERE account_id IN (VALUES {})";

/// The last word of a step on each row that it touches.
#[derive(Default)]
pub(crate) struct Told {
    progress: BTreeMap<AccountId, Vec<Word>>,
    /// `None`: it counts no more.
    facts: BTreeMap<(AccountId, ActivityId), Option<Fact>>,
    /// `None`: it was taken back.
    achievements: BTreeMap<AchievementId, Option<Vec<Value>>>,
}

/// What an event says of somebody's progress.
pub(crate) enum Word {
    Xp { xp: i64, rule_version: u32 },
    Level(u32),
    Streak(Run),
    Rules(u32),
}

impl Told {
    pub(crate) fn of_progress(&mut self, account: AccountId, word: Word) {
        self.progress.entry(account).or_default().push(word);
    }

    pub(crate) fn fact(&mut self, account: AccountId, activity: ActivityId, fact: Option<Fact>) {
        self.facts.insert((account, activity), fact);
    }

    pub(crate) fn badge(&mut self, given: &BadgeGiven) {
        let because = wire::HeldBadge {
            because: causes_to_wire(&given.award),
            frozen_days: given.award.frozen.clone(),
            ..wire::HeldBadge::default()
        };
        let row = args![
            given.id,
            given.account,
            &given.badge,
            given.award.unlocked_us,
            &given.award.rule,
            given.rule_version,
            because.encode_to_vec()
        ];
        self.achievements.insert(given.id, Some(row));
    }

    /// A challenge's badge explains itself by the place it was given for.
    pub(crate) fn reward(&mut self, given: &RewardGiven) {
        let explained = reward_to_held(given).encode_to_vec();
        let row = args![given.id, given.account, &given.badge, given.at_us, CHALLENGE, 0, explained];
        self.achievements.insert(given.id, Some(row));
    }

    pub(crate) fn no_achievement(&mut self, id: AchievementId) {
        self.achievements.insert(id, None);
    }

    pub(crate) async fn write(self, tx: &mut dyn Tx) -> Result<(), DbError> {
        write_progress(tx, &self.progress).await?;
        write_facts(tx, self.facts).await?;
        write_achievements(tx, self.achievements).await
    }
}

/// A row of progress.
struct Standing {
    xp: i64,
    level: u32,
    days: u32,
    last_day: i64,
    freezes: u32,
    frozen: String,
    rule_version: u32,
}

impl Default for Standing {
    fn default() -> Self {
        Self { xp: 0, level: 1, days: 0, last_day: 0, freezes: 0, frozen: String::new(), rule_version: 1 }
    }
}

impl Standing {
    fn of(row: &Row) -> Result<(AccountId, Self), DbError> {
        let standing = Self {
            xp: row.get(1)?,
            level: row.get(2)?,
            days: row.get(3)?,
            last_day: row.get(4)?,
            freezes: row.get(5)?,
            frozen: row.get(6)?,
            rule_version: row.get(7)?,
        };
        Ok((row.get(0)?, standing))
    }

    fn hear(&mut self, word: &Word) {
        match word {
            Word::Xp { xp, rule_version } => {
                self.xp = *xp;
                self.rule_version = *rule_version;
            }
            Word::Level(level) => self.level = *level,
            Word::Streak(run) => {
                self.days = run.days;
                self.last_day = run.last_day.into();
                self.freezes = run.freezes;
                self.frozen = run.frozen.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
            }
            Word::Rules(version) => self.rule_version = *version,
        }
    }

    fn values(self, account: AccountId) -> Vec<Value> {
        args![
            account,
            self.xp,
            self.level,
            self.days,
            self.last_day,
            self.freezes,
            self.frozen,
            self.rule_version
        ]
    }
}

async fn write_progress(tx: &mut dyn Tx, told: &BTreeMap<AccountId, Vec<Word>>) -> Result<(), DbError> {
    if told.is_empty() {
        return Ok(());
    }
    let keys: Vec<Vec<Value>> = told.keys().map(|account| args![*account]).collect();
    let before = many::fetch(tx, PROGRESS, &keys).await?;
    let mut before = before.iter().map(Standing::of).collect::<Result<BTreeMap<_, _>, _>>()?;
    let mut rows = Rows::new(
        "INSERT INTO progress (account_id, xp, level, streak_days, streak_last_day, streak_freezes, streak_frozen, rule_version)",
        1,
        "ON CONFLICT (account_id) DO UPDATE SET xp = excluded.xp, level = excluded.level,
             streak_days = excluded.streak_days, streak_last_day = excluded.streak_last_day,
             streak_freezes = excluded.streak_freezes, streak_frozen = excluded.streak_frozen,
             rule_version = excluded.rule_version",
    );
    for (account, words) in told {
        let mut standing = before.remove(account).unwrap_or_default();
        words.iter().for_each(|word| standing.hear(word));
        rows.put(standing.values(*account));
    }
    rows.write(tx).await
}

async fn write_facts(
    tx: &mut dyn Tx,
    facts: BTreeMap<(AccountId, ActivityId), Option<Fact>>,
) -> Result<(), DbError> {
    let mut rows = Rows::new(
        "INSERT INTO activity_fact (account_id, activity_id, sport, start_us, end_us, time_zone, utc_offset_s)",
        2,
        "ON CONFLICT (account_id, activity_id) DO UPDATE SET sport = excluded.sport, start_us = excluded.start_us,
             end_us = excluded.end_us, time_zone = excluded.time_zone, utc_offset_s = excluded.utc_offset_s",
    );
    for ((account, activity), fact) in facts {
        match fact {
            Some(fact) => rows.put(args![
                account,
                activity,
                fact.sport.as_str(),
                fact.start_us,
                fact.end_us,
                &fact.time_zone,
                fact.utc_offset_s
            ]),
            None => {
                let sql = "DELETE FROM activity_fact WHERE account_id = $1 AND activity_id = $2";
                tx.execute(sql, args![account, activity]).await?;
            }
        }
    }
    rows.write(tx).await
}

async fn write_achievements(
    tx: &mut dyn Tx,
    achievements: BTreeMap<AchievementId, Option<Vec<Value>>>,
) -> Result<(), DbError> {
    let mut rows = Rows::new(
        "INSERT INTO achievement (achievement_id, account_id, badge, unlocked_us, rule, rule_version, because)",
        1,
        "ON CONFLICT (achievement_id) DO UPDATE SET unlocked_us = excluded.unlocked_us, rule = excluded.rule,
             rule_version = excluded.rule_version, because = excluded.because",
    );
    for (id, row) in achievements {
        match row {
            Some(row) => rows.put(row),
            None => {
                tx.execute("DELETE FROM achievement WHERE achievement_id = $1", args![id]).await?;
            }
        }
    }
    rows.write(tx).await
}
