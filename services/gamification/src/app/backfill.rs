//! Other rules come into force: every account is told what they change, a page of accounts after the other.
//!
//! What is left to do stands in the read model, what was done in each account's own stream: whoever was brought to the
//! rules in force is never told again, so a process that stops in the middle loses nothing and the next one goes on.
//! Accounts whose activities are heard meanwhile are brought there by that, and are not told twice either. It looks again
//! from time to time: while processes are replaced, an older one may still judge by older rules.

use std::{sync::Arc, time::Duration};

use eventing::{Command, Decision, Error, leases::Owned, sealing::SealingError};
use futures::{StreamExt, TryStreamExt, stream};
use kernel::{AccountId, Refusal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};
use uuid::Uuid;

use super::{App, stream_of};
use crate::{
    domain::{Progress, progress::Event},
    metrics,
};

/// The work that one process does.
pub const BACKFILL: &str = "accounts under older rules";

/// Accounts of one page, and commands under way at once: they share the store's commits, and leave room for others'.
const PAGE: u32 = 64;
const AT_ONCE: usize = 8;
const LOOK_AGAIN: Duration = Duration::from_secs(30);
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// How far the rules in force have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    pub version: u32,
    pub accounts_done: i64,
    pub accounts: i64,
}

impl State {
    pub const fn finished(self) -> bool {
        self.accounts_done >= self.accounts
    }
}

pub async fn state(app: &App) -> Result<State, Refusal> {
    let version = app.rules().version;
    let (accounts_done, accounts) = app.store.under_rules(version).await.map_err(eventing::Error::from)?;
    Ok(State { version, accounts_done, accounts })
}

/// Runs until the process stops.
pub async fn run(
    app: App,
    metrics: metrics::Backfill,
    mut owned: watch::Receiver<Owned>,
    shutdown: CancellationToken,
) -> Result<(), String> {
    let metrics = Arc::new(metrics);
    while !shutdown.is_cancelled() {
        let mut wait = LOOK_AGAIN;
        if owned.borrow_and_update().epoch(BACKFILL).is_some() {
            let mine = || !shutdown.is_cancelled() && owned.borrow().epoch(BACKFILL).is_some();
            if let Err(error) = pass(&app, &metrics, mine).await {
                warn!(%error, "accounts are not under the newest rules yet");
                wait = TRY_AGAIN;
            }
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            Ok(()) = owned.changed() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
    Ok(())
}

/// Every account under older rules, once.
async fn pass(app: &App, metrics: &metrics::Backfill, mine: impl Fn() -> bool) -> Result<(), Error> {
    let version = app.rules().version;
    let (mut after, mut brought) = ((0, AccountId::new(Uuid::nil())), 0_usize);
    let (done, of) = app.store.under_rules(version).await?;
    metrics.left(of - done);
    if done < of {
        info!(version, left = of - done, of, "accounts are brought to the rules in force");
    }
    while mine() {
        let page = app.store.under_older_rules(version, after, PAGE).await?;
        let Some(last) = page.last() else {
            if brought > 0 {
                info!(version, accounts = brought, "every account is under the rules in force");
            }
            return Ok(());
        };
        after = *last;
        let mut adopting = Vec::with_capacity(page.len());
        for (_, account) in &page {
            adopting.push(adopt(app, *account));
        }
        stream::iter(adopting).buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await?;
        brought += page.len();
        metrics.brought(page.len());
        debug!(version, accounts = brought, "brought to the rules in force");
    }
    Ok(())
}

/// What the rules in force change for an account. Of somebody whose keys are gone nothing is left to be judged.
async fn adopt(app: &App, account: AccountId) -> Result<(), Error> {
    match tell(app, account, |_| true).await {
        Err(Error::Sealing(SealingError::Destroyed { .. })) => {
            tell(app, account, |event| matches!(event, Event::RulesAdopted { .. })).await
        }
        told => told,
    }
}

async fn tell(app: &App, account: AccountId, what: fn(&Event) -> bool) -> Result<(), Error> {
    let command = Command::by("service:gamification");
    let decide = |progress: &Progress, _| {
        let mut events = progress.reassess(account, &app.rulebook);
        events.retain(what);
        Ok(Decision::of(events))
    };
    let stream = stream_of(account);
    app.journal.execute::<Progress, _>(&command, &stream, &account.to_string(), decide).await.map(|_| ())
}
