//! My privacy settings: as they take effect, and changing them.

use eventing::{Command, Decision, Done, Loaded};
use kernel::AccountId;
use proto::auth as p;

use super::App;
use crate::{
    domain::{
        account::Account,
        privacy::{self, Patch},
    },
    error::Result,
    store::accounts,
    wire,
};

impl App {
    /// Every class, with the owner's choice or the default; a minor's within the ceiling.
    pub async fn privacy(&self, account_id: AccountId) -> Result<p::Privacy> {
        let loaded: Loaded<Account> = self.journal.load(&accounts::stream(account_id)).await?;
        loaded.state.alive()?;
        let account = &loaded.state;
        let minor = account.is_minor(self.now());
        let settings = &account.privacy;
        let board_name = if minor { ::privacy::BoardName::Anonymous } else { settings.board_name };
        Ok(p::Privacy {
            audiences: wire::audiences_out(&settings.effective(minor)),
            searchable: settings.searchable,
            board_name: board_name.as_str().to_owned(),
            follow_approval: settings.follow_approval,
            zones: settings.zones.iter().map(wire::zone_out).collect(),
            revision: account.privacy_revision,
        })
    }

    pub async fn put_privacy(
        &self,
        command: &Command,
        account_id: AccountId,
        request: p::PutPrivacyRequest,
    ) -> Result<(Done, p::Privacy)> {
        let zones = request.zones.into_iter().map(wire::zone_in).collect();
        let patch = Patch::parse(&privacy::Said {
            audiences: request.audiences.into_iter().map(|one| (one.data_class, one.members)).collect(),
            searchable: request.searchable,
            board_name: request.board_name,
            follow_approval: request.follow_approval,
            zones: request.replace_zones.then_some(zones),
        })?;
        let if_revision = request.if_revision;
        let done = self
            .journal
            .execute(
                command,
                &accounts::stream(account_id),
                &account_id.to_string(),
                |account: &Account, now| {
                    let events = privacy::change(account, &patch, if_revision, now)?;
                    let after = account.after(&events);
                    Ok(Decision::of(events)
                        .inline(accounts::put(account_id, &after, now))
                        .answer(200, vec![account_id.to_string()]))
                },
            )
            .await?;
        Ok((done, self.privacy(account_id).await?))
    }
}
