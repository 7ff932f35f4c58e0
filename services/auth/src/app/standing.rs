//! What others must know of accounts, from inline rows at the store's head.

use jiff::Timestamp;
use kernel::{AccountId, Refusal};
use proto::auth as p;

use super::App;
use crate::{
    domain::{age, profile::year_of},
    error::Result,
    secrets::Purpose,
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
                let zones = standing.privacy.iter().flat_map(|privacy| &privacy.zones);
                standing.zone_secrets = zones.map(|zone| self.zone_secret(*id, zone)).collect();
                standing
            }
            None => p::AccountStanding { account_id: wire::bytes(*id), ..p::AccountStanding::default() },
        };
        Ok(p::StandingResponse { accounts: ids.iter().map(entry).collect() })
    }
}

impl App {
    /// Follows from the account and, roughly, the place: moved a little, resized or renamed, a zone hides what it hid.
    /// Two areas around one door, laid over each other, would tell more of it than one does.
    fn zone_secret(&self, id: AccountId, zone: &p::PrivacyZone) -> bytes::Bytes {
        #[expect(clippy::cast_possible_truncation, reason = "degrees by 100 are small")]
        let cell = |degrees: f64| ((degrees * 100.0).round() as i32).to_be_bytes();
        let (latitude, longitude) = (cell(zone.latitude), cell(zone.longitude));
        let secret = self.secrets.index(Purpose::Zone, &[id.as_bytes(), &latitude, &longitude]);
        bytes::Bytes::copy_from_slice(&secret)
    }
}

/// It depends on the day, and is not kept.
pub(crate) fn is_minor(standing: &p::AccountStanding, now: Timestamp) -> bool {
    standing.birth_year.is_some_and(|year| age::is_minor(year, year_of(now)))
}
