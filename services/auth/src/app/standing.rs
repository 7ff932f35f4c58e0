//! What others must know of accounts, from inline rows at the store's head.

use jiff::Timestamp;
use kernel::{AccountId, Refusal};
use proto::auth as p;

use super::App;
use crate::{
    domain::{age, profile::year_of},
    error::Result,
    store::accounts,
    wire,
};

/// Accounts asked for in one call.
pub const ACCOUNTS_MAX: usize = 200;

impl App {
    /// One entry for each account, in the order asked.
    pub async fn standing(&self, ids: &[AccountId]) -> Result<p::StandingResponse> {
        if ids.len() > ACCOUNTS_MAX {
            return Err(Refusal::field("/account_ids", "too_many", "at most 200 accounts").into());
        }
        let mut distinct = ids.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        let rows = accounts::rows(&self.db, &distinct).await?;
        let now = self.now();
        let entry = |id: &AccountId| match rows.get(id) {
            Some(row) => {
                let mut standing = row.standing.clone();
                standing.minor = is_minor(&standing, now);
                standing
            }
            None => p::AccountStanding { account_id: wire::bytes(*id), ..p::AccountStanding::default() },
        };
        Ok(p::StandingResponse { accounts: ids.iter().map(entry).collect() })
    }
}

/// It depends on the day, and is not kept.
pub(crate) fn is_minor(standing: &p::AccountStanding, now: Timestamp) -> bool {
    standing.birth_year.is_some_and(|year| age::is_minor(year, year_of(now)))
}
