//! What others must know of accounts, from inline rows at the store's head.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;
use kernel::{AccountId, Refusal};
use prost::Message;
use proto::auth as p;

use super::App;
use crate::{
    domain::{age, profile::year_of},
    error::Result,
    secrets::{Purpose, sha256},
    store::{accounts, near::Told},
    wire,
};

/// Accounts asked for in one call.
pub const ACCOUNTS_MAX: usize = 200;

impl App {
    /// One entry for each account, in the order asked; `held` as [`p::StandingRequest`] has it.
    pub async fn standing(&self, ids: &[AccountId], held: &[u64]) -> Result<p::StandingResponse> {
        if ids.len() > ACCOUNTS_MAX {
            return Err(Refusal::field("/account_ids", "too_many", "at most 200 accounts").into());
        }
        let known = self.told(ids).await?;
        let entry = |(id, held): (&AccountId, u64)| {
            let nothing =
                || p::AccountStanding { account_id: wire::bytes(*id), ..p::AccountStanding::default() };
            match known.get(id).map(|told| &told.standing) {
                Some(standing) if standing.stamp == held => {
                    p::AccountStanding { stamp: held, same: true, ..nothing() }
                }
                Some(standing) => standing.clone(),
                None => nothing(),
            }
        };
        let held = held.iter().copied().chain(std::iter::repeat(0));
        Ok(p::StandingResponse { accounts: ids.iter().zip(held).map(entry).collect() })
    }

    /// Those of them that are known.
    async fn told(&self, ids: &[AccountId]) -> Result<HashMap<AccountId, Arc<Told>>> {
        let year = year_of(self.now());
        let as_of = self.near.hear(&self.journal).await?;
        let mut known = self.near.of(ids, year);
        let mut others: Vec<AccountId> = ids.iter().copied().filter(|id| !known.contains_key(id)).collect();
        others.sort_unstable();
        others.dedup();
        for (id, row) in accounts::rows(&self.db, &others).await? {
            let told = Arc::new(Told { year, standing: self.as_told(id, row.standing) });
            self.near.keep(id, told.clone(), as_of);
            known.insert(id, told);
        }
        Ok(known)
    }

    /// A row's standing with what depends on the day and on our secrets, stamped.
    fn as_told(&self, id: AccountId, mut standing: p::AccountStanding) -> p::AccountStanding {
        standing.minor = is_minor(&standing, self.now());
        let zones = standing.privacy.iter().flat_map(|privacy| &privacy.zones);
        standing.zone_secrets = zones.map(|zone| self.zone_secret(id, zone)).collect();
        let hash = sha256(&standing.encode_to_vec());
        let [a, b, c, d, e, f, g, h, ..] = hash;
        standing.stamp = u64::from_be_bytes([a, b, c, d, e, f, g, h]).max(1);
        standing
    }

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
