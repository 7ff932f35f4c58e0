//! What siblings need to evaluate the clauses of a rule.

use std::{collections::BTreeMap, time::Duration};

use eventing::Position;
use kernel::{AccountId, Refusal};

use super::{App, stream_of};
use crate::{domain::Progress, store::SportRow};

pub const ACCOUNTS_MAX: usize = 200;

/// How long the read models may take to reach what the caller has seen, before the streams themselves are asked.
const PATIENCE: Duration = Duration::from_millis(100);

#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    pub account: AccountId,
    pub level: u32,
    pub badges: Vec<String>,
    pub sports: Vec<SportRow>,
}

impl Facts {
    pub fn last_activity_us(&self) -> Option<i64> {
        self.sports.iter().map(|sport| sport.last_end_us).max()
    }
}

/// In the order asked; never older than `seen`.
pub async fn facts(app: &App, accounts: &[AccountId], seen: Position) -> Result<Vec<Facts>, Refusal> {
    if accounts.len() > ACCOUNTS_MAX {
        return Err(Refusal::field(
            "/account_ids",
            "too_many",
            format!("at most {ACCOUNTS_MAX} accounts at once"),
        ));
    }
    let current = seen == 0 || app.projected.reached(seen, PATIENCE).await;
    let mut all = Vec::with_capacity(accounts.len());
    for &account in accounts {
        all.push(if current { of_rows(app, account).await? } else { of_stream(app, account).await? });
    }
    Ok(all)
}

async fn of_rows(app: &App, account: AccountId) -> Result<Facts, eventing::Error> {
    let level = app.store.progress(account).await?.level;
    let badges = app.store.badges(account).await?;
    Ok(Facts { account, level, badges, sports: app.store.sports(account).await? })
}

async fn of_stream(app: &App, account: AccountId) -> Result<Facts, eventing::Error> {
    let progress = app.journal.load::<Progress>(&stream_of(account)).await?.state;
    let mut sports: BTreeMap<&str, SportRow> = BTreeMap::new();
    for (_, fact) in progress.facts() {
        let sport = fact.sport.as_str();
        let row = sports.entry(sport).or_insert_with(|| SportRow {
            sport: sport.to_owned(),
            activities: 0,
            last_end_us: fact.end_us,
        });
        row.activities += 1;
        row.last_end_us = row.last_end_us.max(fact.end_us);
    }
    let sports = sports.into_values().collect();
    let mut badges: Vec<String> = progress.badges.keys().chain(progress.rewards.values()).cloned().collect();
    badges.sort_unstable();
    badges.dedup();
    Ok(Facts { account, level: progress.level, badges, sports })
}
