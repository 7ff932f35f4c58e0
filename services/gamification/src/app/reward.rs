//! What places are worth: points in the ledger, badges among the achievements.
//!
//! One command for each (challenge, account), keyed so. The ledger remembers its entries and the progress its rewards, so
//! that neither is given twice however long ago the command was answered.

use eventing::{Command, Error, StreamId};
use futures::{StreamExt, TryStreamExt, stream};
use kernel::{AccountId, time::micros};

use super::{App, stream_of};
use crate::{
    domain::{
        AchievementId, ChallengeId, Progress, Terms,
        challenge::{Placement, RewardAt},
        placing,
        points::{ACCOUNT, Ledger, Posted, REWARDS, entry_id},
        progress::RewardGiven,
    },
    store::scores::ContestRow,
};

/// Commands under way at once: they share the store's commits.
const AT_ONCE: usize = 64;

/// Rewards everybody of these who has earned something.
pub async fn reward(app: &App, challenge: ChallengeId, placements: &[Placement]) -> Result<(), Error> {
    // Terms were kept long before anybody was placed.
    let Some(contest) = app.store.contest(challenge).await? else { return Ok(()) };
    if contest.terms.rewards.is_empty() {
        return Ok(());
    }
    let mut commands = Vec::new();
    for placement in placements {
        if placing::rewards(&contest.terms, placement).next().is_some() {
            commands.push(give(app, &contest, placement));
        }
    }
    stream::iter(commands).buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await?;
    Ok(())
}

async fn give(app: &App, contest: &ContestRow, placement: &Placement) -> Result<(), Error> {
    let (challenge, account) = (contest.id, placement.account);
    let command = Command::by("reactor:gamification-rewards")
        .keyed(format!("{challenge}/{account}/reward"), bytes::Bytes::new());
    if app.journal.replayed(&command).await?.is_some() {
        return Ok(());
    }
    let (points, progress) = (StreamId::of("points", account), stream_of(account));
    let (command, points, progress) = (&command, &points, &progress);
    app.journal
        .retrying(|| async move {
            let now_us = micros(app.journal.now());
            let ledger = app.journal.load::<Ledger>(points).await?;
            let standing = app.journal.load::<Progress>(progress).await?;
            let posted = ledger.state.post(entries(&contest.terms, challenge, placement, now_us));
            let given: Vec<_> = badges(&contest.terms, challenge, placement, now_us)
                .into_iter()
                .flat_map(|badge| standing.state.reward(badge))
                .collect();
            let mut batch = app.journal.batch(command);
            batch.write(&ledger, &account.to_string(), posted);
            batch.write(&standing, &account.to_string(), given);
            batch.commit().await.map(|_| ())
        })
        .await
}

fn entries(terms: &Terms, challenge: ChallengeId, placement: &Placement, at_us: i64) -> Vec<Posted> {
    let account = placement.account;
    placing::rewards(terms, placement)
        .map(|(index, reward)| Posted {
            entry: entry_id(challenge, account, index),
            account,
            debit: REWARDS.to_owned(),
            credit: ACCOUNT.to_owned(),
            points: reward.points,
            challenge,
            rank: rank(placement),
            at_us,
        })
        .collect()
}

fn badges(terms: &Terms, challenge: ChallengeId, placement: &Placement, at_us: i64) -> Vec<RewardGiven> {
    let (account, anonymous) = (placement.account, placement.anonymous);
    let mut badges: Vec<RewardGiven> = Vec::new();
    for (_, reward) in placing::rewards(terms, placement) {
        let Some(badge) = reward.badge.clone() else { continue };
        let id = reward_id(challenge, account, &badge);
        let rank = if matches!(reward.at, RewardAt::Places { .. }) { rank(placement) } else { 0 };
        if !badges.iter().any(|given| given.id == id) {
            badges.push(RewardGiven { id, account, badge, challenge, rank, at_us, anonymous });
        }
    }
    badges
}

/// What the place is that is rewarded: the team's, where there is one.
fn rank(placement: &Placement) -> u32 {
    placement.team.map_or(placement.rank, |team| team.rank)
}

/// Apart from the id that a rule's badge of the same name has: no rule takes this one back.
pub fn reward_id(challenge: ChallengeId, account: AccountId, badge: &str) -> AchievementId {
    AchievementId::derived(&[b"reward", challenge.as_bytes(), account.as_bytes(), badge.as_bytes()])
}
