//! Where some accounts stand. Naming somebody does not find who is anonymous to the caller.

use std::collections::BTreeSet;

use kernel::{AccountId, Refusal};

use super::{
    App,
    access::{Opened, Viewer},
    page::Page,
    teams,
};
use crate::{boards::ChallengeId, domain::board::Board};

pub const ACCOUNTS_MAX: usize = 200;

pub struct Ranks {
    pub challenge: ChallengeId,
    /// Empty: all.
    pub segment: String,
    pub accounts: Vec<AccountId>,
}

impl App {
    /// In order of rank; those who are not there, or not by name, are left out. Of `teams`: those that the accounts are in.
    ///
    /// # Errors
    /// As [`App::open`]; `unauthenticated` for strangers, `invalid_field` for too many accounts.
    pub async fn ranks(&self, viewer: Viewer, asked: Ranks) -> Result<Page, Refusal> {
        if asked.accounts.len() > ACCOUNTS_MAX {
            let detail = format!("at most {ACCOUNTS_MAX} accounts at once");
            return Err(Refusal::field("/accounts", "too_many", detail));
        }
        let Opened { cell, terms, .. } = self.open(asked.challenge, viewer).await?;
        let me = viewer.account()?;
        if let Some(teams) = teams::asked(&cell, &terms, &asked.segment).filter(|_| !asked.segment.is_empty())
        {
            let known = self.known_by_name(&cell, Some(me), &asked.accounts).await?;
            let theirs: BTreeSet<AccountId> = known.into_iter().filter_map(|one| teams.of(one)).collect();
            let theirs: Vec<AccountId> = theirs.into_iter().collect();
            let pick = |board: &Board| board.ranks(teams::EVERY, &theirs);
            return Ok(self.teams((teams, &terms), viewer, pick).await);
        }
        let wanted = self.wanted(&cell, viewer, &asked.segment).await?;
        let known = self.known_by_name(&cell, Some(me), &asked.accounts).await?;
        self.page((&cell, &terms), viewer, &wanted, |board| board.ranks(wanted.scope(), &known)).await
    }
}
