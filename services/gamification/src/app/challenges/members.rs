//! Members of a group who write challenges for it: a few at a time.

use std::{array, sync::Arc, time::Duration};

use eventing::Error;
use kernel::{AccountId, Code, Refusal};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::{super::App, now_us, staff::Hand};
use crate::domain::{ChallengeId, Terms};

/// So many that are not over yet, one member may have in a group.
pub const UNFINISHED_MAX: usize = 3;

/// How long the read model may take to hold everything that was drafted before.
const PATIENCE: Duration = Duration::from_secs(5);

/// Who is being counted in this process. Accounts share a few locks, so that two seldom wait for each other.
#[derive(Clone)]
pub struct Turns(Arc<[Arc<Mutex<()>>; Turns::LOCKS]>);

impl Default for Turns {
    fn default() -> Self {
        Self(Arc::new(array::from_fn(|_| Arc::default())))
    }
}

impl Turns {
    const LOCKS: usize = 64;

    async fn take(&self, account: AccountId) -> OwnedMutexGuard<()> {
        let number = account.as_bytes().last().map_or(0, |byte| usize::from(*byte));
        self.0[number % Self::LOCKS].clone().lock_owned().await
    }
}

/// The right to write one more challenge for a group as one of its plain members, held until it is written: what
/// somebody writes is counted one after the other. `None`: nobody counts what staff writes.
///
/// # Errors
/// `invalid_field` (`too_many_unfinished`); `unavailable` while what was drafted before is not known.
pub async fn turn(
    app: &App,
    hand: &Hand,
    terms: &Terms,
    id: ChallengeId,
) -> Result<Option<OwnedMutexGuard<()>>, Refusal> {
    let Some(group) = hand.plain_member_of(terms) else { return Ok(None) };
    let turn = app.members_writing.take(hand.account).await;
    let head = app.journal.store().head().await.map_err(Error::from)?;
    if !app.projected.reached(head, PATIENCE).await {
        return Err(Refusal::new(Code::Unavailable, "the challenges are not up to date").retry_after_s(1));
    }
    let unfinished = app.store.unfinished_of(hand.account, now_us(app)).await.map_err(Error::from)?;
    let others = unfinished.iter().filter(|(known, terms)| *known != id && terms.group() == Some(group));
    if others.count() >= UNFINISHED_MAX {
        let detail = "three of your challenges in this group are not over yet: stop one, or wait for its end";
        return Err(Refusal::field("/eligibility", "too_many_unfinished", detail));
    }
    Ok(Some(turn))
}
