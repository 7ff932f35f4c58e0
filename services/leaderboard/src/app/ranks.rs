//! Where some accounts stand. Naming somebody does not find who is anonymous to the caller.

use kernel::{AccountId, Refusal};

use super::{
    App,
    access::{Opened, Viewer},
    page::Page,
};
use crate::boards::ChallengeId;

pub const ACCOUNTS_MAX: usize = 200;

pub struct Ranks {
    pub challenge: ChallengeId,
    /// Empty: all.
    pub segment: String,
    pub accounts: Vec<AccountId>,
}

impl App {
    /// In order of rank; those who are not there, or not by name, are left out.
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
        let wanted = self.wanted(&cell, viewer, &asked.segment).await?;
        let known = self.known_by_name(&cell, Some(me), &asked.accounts).await?;
        self.page((&cell, &terms), viewer, &wanted, |board| board.ranks(wanted.scope(), &known)).await
    }
}
