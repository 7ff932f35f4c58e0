//! What auth says of an account, at its store's head. Who cannot reach it answers `unavailable`.

use kernel::{AccountId, Code, Refusal};
use privacy::{DataClass, FieldMask, Owner, Relation, Settings, visible};
use proto::auth;

use super::App;
use crate::{store::Row, wire};

/// The facts that this service needs.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Known, and not erased.
    pub present: bool,
    /// IANA.
    pub time_zone: Option<String>,
    pub health_consent: bool,
    pub minor: bool,
    pub settings: Settings,
}

impl App {
    pub async fn standing(&self, account: AccountId) -> Result<Standing, Refusal> {
        let request = auth::StandingRequest { account_ids: vec![wire::bytes(account)] };
        let answer = self.peers.auth().standing(request).await.map_err(|status| {
            tracing::warn!(code = ?status.code(), "auth did not say how an account stands");
            Refusal::new(Code::Unavailable, "accounts cannot be asked at the moment").retry_after_s(1)
        })?;
        let standing = answer.into_inner().accounts.pop();
        standing
            .map(standing_of)
            .ok_or_else(|| Refusal::new(Code::Internal, "auth answered without an account"))
    }

    /// What this viewer may see of an activity. Of others' only what their owner shows to everyone: relations are not
    /// known here yet, and what is not known hides.
    pub async fn mask(&self, row: &Row, viewer: AccountId) -> Result<FieldMask, Refusal> {
        if row.account_id == viewer {
            return Ok(FieldMask::ALL);
        }
        Ok(self.standing(row.account_id).await?.mask(row))
    }

    /// The live activity and what this viewer may see of it; `not_found` when that is nothing.
    pub async fn look(&self, id: kernel::ActivityId, viewer: AccountId) -> Result<super::Seen, Refusal> {
        let row = self.activities.get(id).await.map_err(eventing::Error::from)?;
        let row = row.filter(|row| row.live).ok_or_else(Refusal::not_found)?;
        let mask = self.mask(&row, viewer).await?;
        if !mask.shows(DataClass::Summary) {
            return Err(Refusal::not_found());
        }
        Ok(super::Seen { row, mask })
    }
}

impl Standing {
    pub fn mask(&self, row: &Row) -> FieldMask {
        let owner = Owner { settings: &self.settings, minor: self.minor, erased: !self.present };
        visible(&owner, wire::visibility_of(&row.whole).as_ref(), &Relation::stranger())
    }
}

fn standing_of(standing: auth::AccountStanding) -> Standing {
    Standing {
        present: standing.known && !standing.erased,
        time_zone: (!standing.time_zone.is_empty()).then_some(standing.time_zone),
        health_consent: standing.consents.iter().any(|purpose| purpose == "health_data"),
        minor: standing.minor,
        settings: platform::sight::settings(standing.privacy.unwrap_or_default()),
    }
}
