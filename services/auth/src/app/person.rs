//! Another's profile, as the viewer may see it.

use kernel::{AccountId, Refusal};
use privacy::{DataClass, Owner, Relation, visible};
use proto::auth as p;

use super::{App, standing::is_minor};
use crate::{error::Result, wire};

impl App {
    /// Who may not be seen is not found: the answer does not tell which.
    pub async fn person(&self, viewer: Option<AccountId>, account_id: AccountId) -> Result<p::Person> {
        let standing = self.living(account_id).await?.standing;
        let settings =
            wire::settings_in(standing.privacy.clone().unwrap_or_default()).map_err(eventing::Error::from)?;
        let owner =
            Owner { settings: &settings, minor: is_minor(&standing, self.now()), erased: standing.erased };
        let relation = Relation::of(viewer, account_id);
        if !visible(&owner, None, &relation).shows(DataClass::Profile) {
            return Err(Refusal::not_found().into());
        }
        Ok(p::Person {
            account_id: standing.account_id,
            display_name: standing.display_name,
            handle: Some(standing.handle),
            country: standing.country,
            region: standing.region,
            relation: Some(p::Relation::default()),
        })
    }
}
