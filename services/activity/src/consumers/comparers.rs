//! auth's events → who agreed to be compared with the people of their region, and which that is.

use async_trait::async_trait;
use eventing::{
    Failure, Incoming, Keeps, Projection, Source,
    sql::{Tx, hold},
};
use kernel::AccountId;
use proto::auth;

use crate::{store::regions, wire};

/// The consent that it takes.
pub const PURPOSE: &str = "region_comparison";

pub struct Comparers;

#[async_trait]
impl Projection for Comparers {
    fn name(&self) -> &'static str {
        "activity.comparers.1"
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::Topic("auth")]
    }

    fn keeps(&self) -> Keeps {
        Keeps::tables(&["comparer"])
    }

    async fn apply(&self, tx: &mut dyn Tx, events: &[Incoming]) -> Result<(), Failure> {
        hold(tx, events.iter().filter_map(|event| event.event.partition_key.parse().ok()).collect()).await?;
        for incoming in events {
            let plain = &incoming.plain;
            if let Some(event) = plain.decode::<auth::AccountRegistered>() {
                let event = event?;
                placed(tx, &event.account_id, event.profile).await?;
            } else if let Some(event) = plain.decode::<auth::ProfileChanged>() {
                let event = event?;
                placed(tx, &event.account_id, event.profile).await?;
            } else if let Some(event) = plain.decode::<auth::ConsentGiven>() {
                let event = event?;
                agreed(tx, &event.account_id, &event.purpose, true).await?;
            } else if let Some(event) = plain.decode::<auth::ConsentWithdrawn>() {
                let event = event?;
                agreed(tx, &event.account_id, &event.purpose, false).await?;
            } else if let Some(event) = plain.decode::<auth::AccountErased>() {
                regions::forget(tx, wire::id(&event?.account_id, "account_id")?).await?;
            }
        }
        Ok(())
    }
}

/// A profile that cannot be read any more is that of an erased account.
async fn placed(tx: &mut dyn Tx, id: &[u8], profile: Option<auth::Profile>) -> Result<(), Failure> {
    let account: AccountId = wire::id(id, "account_id")?;
    let Some(profile) = profile else { return Ok(regions::forget(tx, account).await?) };
    Ok(regions::put_region(tx, account, profile.region.as_deref()).await?)
}

async fn agreed(tx: &mut dyn Tx, id: &[u8], purpose: &str, agrees: bool) -> Result<(), Failure> {
    if purpose == PURPOSE {
        regions::put_agrees(tx, wire::id(id, "account_id")?, agrees).await?;
    }
    Ok(())
}
