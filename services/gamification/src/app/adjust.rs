//! What is heard too late for a settlement changes no place: it is said beside it.
//!
//! For each participant concerned the score is worked out once more as if nothing had been late. Where that differs from
//! what was said last, a `PlacementAdjusted` says so.

use std::time::Duration;

use eventing::{Command, Decision, Error, Incoming, StreamId, Tx, sql::DbError};
use kernel::{AccountId, ActivityId, Code, Refusal, time::micros};

use super::{App, challenges::stream_of};
use crate::{
    domain::{
        Challenge,
        challenge::{Event, Metric},
        fact::Receipt,
        scoring::{Contest, Score},
    },
    store::{
        facts,
        scores::{self, ContestRow, ScoreRow},
    },
};

const NAME: &str = "gamification-adjustments";
/// How long our own rows may take to hold what was heard.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was heard of an account.
#[derive(Clone, Copy, Debug)]
pub struct Late {
    pub account: AccountId,
    pub receipt: Receipt,
    pub what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Activity { id: ActivityId, gone: bool },
    Xp,
    Day,
}

/// Says, for every challenge concerned, what would be.
pub async fn adjust(app: &App, incoming: &Incoming, late: Late) -> Result<(), Error> {
    let concerned = concerned(app, late).await?;
    if concerned.is_empty() {
        return Ok(());
    }
    // What was said before this must be in the rows too, or it would be said again.
    let head = app.journal.store().head().await?;
    if !app.projected.reached(head, PATIENCE).await {
        return Err(Refusal::new(Code::Unavailable, "our own rows are behind").into());
    }
    for contest in concerned {
        let Some((before, after, reason)) = differs(app, &contest, late).await? else { continue };
        let (challenge, account) = (contest.id, late.account);
        let stream: StreamId = stream_of(challenge);
        let command = Command::reacting(NAME, incoming, &stream, "adjust");
        let said = |_: &Challenge, now| {
            let (reason, at_us) = (reason.to_owned(), micros(now));
            let (score_before, score_after) = (before, after);
            Ok(Decision::of(vec![Event::PlacementAdjusted {
                challenge,
                account,
                score_before,
                score_after,
                reason,
                at_us,
            }]))
        };
        app.journal.execute::<Challenge, _>(&command, &stream, &challenge.to_string(), said).await?;
    }
    Ok(())
}

/// Challenges of the account that this comes too late for.
async fn concerned(app: &App, late: Late) -> Result<Vec<ContestRow>, DbError> {
    let rows = app.store.taking_part(late.account).await?;
    let looks_at = |metric: Metric| match late.what {
        What::Activity { .. } => !matches!(metric, Metric::Steps | Metric::Xp),
        What::Xp => metric == Metric::Xp,
        What::Day => metric == Metric::Steps,
    };
    Ok(rows
        .into_iter()
        .filter(|row| looks_at(row.terms.metric))
        .filter(|row| row.settled_us.is_some() || !row.contest().in_time(late.receipt))
        .collect())
}

/// What was said last, what would be now, and why; `None` when they agree.
async fn differs(
    app: &App,
    contest: &ContestRow,
    late: Late,
) -> Result<Option<(i64, i64, &'static str)>, DbError> {
    let said = app.store.adjusted(contest.id, late.account).await?;
    let (contest, account) = (contest.clone(), late.account);
    let (row, after, reason) = app
        .store
        .read(move |tx| {
            Box::pin(async move {
                let row = scores::score(tx, contest.id, account).await?;
                let Some(row) = row else { return Ok((None, None, "")) };
                let after = as_if_in_time(tx, &contest, &row).await?;
                let reason = reason(tx, account, late.what).await?;
                Ok::<_, DbError>((Some(row), after, reason))
            })
        })
        .await?;
    let Some(row) = row else { return Ok(None) };
    let before = said.or(row.score.map(|score| score.value)).unwrap_or_default();
    let after = after.map_or(0, |score| score.value);
    Ok((before != after).then_some((before, after, reason)))
}

async fn as_if_in_time(
    tx: &mut dyn Tx,
    contest: &ContestRow,
    row: &ScoreRow,
) -> Result<Option<Score>, DbError> {
    let all = Contest { late_too: true, ..contest.contest() };
    let taking = row.taking(&contest.terms, facts::is_only_me(tx, row.account).await?);
    let metric = contest.terms.metric;
    if metric == Metric::Steps {
        let days = facts::by_item(facts::days_of(tx, row.account).await?);
        return Ok(all.combine(days.iter().filter_map(|(_, heard)| all.day(&taking, heard))));
    }
    let xp = if metric == Metric::Xp { facts::xp_of(tx, row.account).await? } else { Vec::new() };
    let activities = facts::by_item(facts::heard_of(tx, row.account, None).await?);
    let each = activities
        .iter()
        .filter_map(|(activity, heard)| all.activity(&taking, heard, &facts::of_item(&xp, *activity)));
    Ok(all.combine(each))
}

async fn reason(tx: &mut dyn Tx, account: AccountId, what: What) -> Result<&'static str, DbError> {
    let What::Activity { id, gone } = what else { return Ok("late") };
    if gone {
        return Ok("deleted");
    }
    let mut heard = facts::heard_of(tx, account, Some(id)).await?;
    heard.sort_by_key(|(_, heard)| std::cmp::Reverse(heard.revision));
    Ok(match heard.get(1) {
        None => "late",
        Some((_, before)) if before.effort.is_none() => "restored",
        Some(_) => "edited",
    })
}
