//! My profile: reading and changing it.

use eventing::{Command, Decision, Done};
use kernel::{AccountId, Refusal};
use proto::auth as p;

use super::{App, register::handle_taken};
use crate::{
    domain::{
        account::Account,
        profile::{self, Patch, year_of},
    },
    error::{Error, Result},
    store::accounts::{self, AccountRow},
};

impl App {
    pub async fn me(&self, account_id: AccountId) -> Result<p::Me> {
        Ok(self.living(account_id).await?.me())
    }

    /// The row of an account that is neither unknown nor erased.
    pub(crate) async fn living(&self, account_id: AccountId) -> Result<AccountRow> {
        let row = accounts::row(&self.db, account_id).await?.filter(|row| !row.standing.erased);
        Ok(row.ok_or_else(Refusal::not_found)?)
    }

    pub async fn change_me(
        &self,
        command: &Command,
        account_id: AccountId,
        request: p::ChangeMeRequest,
    ) -> Result<(Done, p::Me)> {
        let said = profile::Said {
            display_name: request.display_name,
            handle: request.handle,
            birth_year: request.birth_year,
            sex: request.sex,
            country: request.country,
            region: request.region,
            time_zone: request.time_zone,
            locale: request.locale,
        };
        let mut faults = Vec::new();
        let patch = Patch::parse(&said, year_of(self.now()), &mut faults);
        Refusal::fields(faults)?;
        let changed = self
            .journal
            .execute(
                command,
                &accounts::stream(account_id),
                &account_id.to_string(),
                |account: &Account, now| {
                    let events = profile::change(account, &patch, now)?;
                    let after = account.after(&events);
                    let (old, new) = (account.alive()?.1, after.alive()?.1);
                    let claim = accounts::move_handle(&old.profile.handle, &new.profile.handle, account_id);
                    let mut decision = Decision::of(events)
                        .inline(accounts::put(account_id, &after, now))
                        .answer(200, vec![account_id.to_string()]);
                    decision.claims.extend(claim);
                    Ok(decision)
                },
            )
            .await;
        let done = changed.map_err(|error| match error {
            eventing::Error::Claimed { .. } => Error::Refused(handle_taken()),
            other => other.into(),
        })?;
        Ok((done, self.me(account_id).await?))
    }
}
