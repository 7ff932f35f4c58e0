//! Where participants stood at a moment that is over: worked out from what had been received by then.

use std::collections::HashMap;

use eventing::{Tx, Value, args, sql::DbError};
use kernel::AccountId;

use super::{
    Store, facts,
    scores::{self, ContestRow, ScoreRow},
};
use crate::domain::{
    ChallengeId,
    challenge::Metric,
    scoring::{Contribution, Score, Taking},
};

/// Participants of one page.
const PAGE: usize = 512;

/// Somebody who had a score then.
#[derive(Clone, Debug, PartialEq)]
pub struct Past {
    pub row: ScoreRow,
    pub score: Score,
    /// The place in activity's journal of the newest that had been received of them.
    pub heard: u64,
}

/// Some of those who had a score, in the order of accounts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PastPage {
    pub scores: Vec<Past>,
    /// Whose successors the next page begins with.
    pub next: Option<AccountId>,
}

impl Store {
    /// A page of who takes part and had joined by then. `None`: there is no such challenge.
    pub async fn past(
        &self,
        challenge: ChallengeId,
        at_us: i64,
        after: Option<AccountId>,
    ) -> Result<Option<PastPage>, DbError> {
        self.db
            .look(move |tx| {
                Box::pin(async move {
                    let Some(contest) = scores::contest(tx, challenge).await? else { return Ok(None) };
                    let mut rows = scores::taking_part(tx, challenge, after, PAGE).await?;
                    let next = rows.last().filter(|_| rows.len() == PAGE).map(|row| row.account);
                    rows.retain(|row| row.joined_us <= at_us);
                    let scores = worked_out(tx, &contest, rows, at_us).await?;
                    Ok(Some(PastPage { scores, next }))
                })
            })
            .await
    }
}

async fn worked_out(
    tx: &mut dyn Tx,
    contest: &ContestRow,
    rows: Vec<ScoreRow>,
    at_us: i64,
) -> Result<Vec<Past>, DbError> {
    let accounts: Vec<Vec<Value>> = rows.iter().map(|row| args![row.account]).collect();
    let only_me = facts::only_me_of(tx, &accounts).await?;
    let takings = rows.iter().map(|row| {
        let taking = row.taking(&contest.terms, only_me.contains(&row.account));
        (row.account, taking)
    });
    let takings: HashMap<AccountId, Taking> = takings.collect();
    let mut counted = Counted::default();
    let metric = contest.terms.metric;
    if metric == Metric::Steps {
        for ((account, _), heard) in facts::by_item(facts::days_until(tx, &accounts, at_us).await?) {
            let one = contest.contest().day(&takings[&account], &heard);
            counted.take(account, one, heard.iter().map(|heard| heard.receipt.position));
        }
    } else {
        let xp = match metric {
            Metric::Xp => facts::xp_until(tx, &accounts, at_us).await?,
            _ => HashMap::new(),
        };
        for (item, heard) in facts::by_item(facts::heard_until(tx, &accounts, at_us).await?) {
            let xp = xp.get(&item).map_or(&[][..], Vec::as_slice);
            let one = contest.contest().activity(&takings[&item.0], &heard, xp);
            counted.take(item.0, one, heard.iter().map(|heard| heard.receipt.position));
        }
    }
    let past = |row: ScoreRow| {
        let (all, heard) = counted.of.remove(&row.account)?;
        Some(Past { score: contest.contest().combine(all)?, heard, row })
    };
    Ok(rows.into_iter().filter_map(past).collect())
}

/// What each account contributes, and the newest that was heard of it.
#[derive(Default)]
struct Counted {
    of: HashMap<AccountId, (Vec<Contribution>, u64)>,
}

impl Counted {
    fn take(&mut self, account: AccountId, one: Option<Contribution>, heard: impl Iterator<Item = u64>) {
        let (all, newest) = self.of.entry(account).or_default();
        all.extend(one);
        *newest = heard.fold(*newest, u64::max);
    }
}
