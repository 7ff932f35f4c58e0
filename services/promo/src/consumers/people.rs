//! auth's events → where partners sell; and whose rows go.

use async_trait::async_trait;
use eventing::{Failure, Incoming, Keeps, Projection, Source, Tx, sql::hold};
use proto::auth;

use crate::{store::rows, wire::id_of};

pub struct People;

#[async_trait]
impl Projection for People {
    fn name(&self) -> &'static str {
        "promo-people"
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::Topic("auth")]
    }

    fn keeps(&self) -> Keeps {
        Keeps::Tables {
            tables: &["promo_partner_region", "promo_offer", "promo_redemption", "promo_click"],
            // Who is gone is gone for all that is made anew, too.
            spared: &["promo_gone"],
        }
    }

    async fn apply(&self, tx: &mut dyn Tx, events: &[Incoming]) -> Result<(), Failure> {
        // Partners too: in two processes their regions are replaced at the same time.
        let held = events.iter().filter_map(|incoming| incoming.event.partition_key.parse().ok());
        hold(tx, held.collect()).await?;
        for incoming in events {
            if let Some(created) = incoming.plain.decode::<auth::PartnerCreated>() {
                let created = created?;
                let id = id_of(&created.partner_id).ok_or_else(|| no_uuid("partner_id"))?;
                rows::put_partner(tx, id, &created.regions).await?;
            } else if let Some(erased) = incoming.plain.decode::<auth::AccountErased>() {
                let id = id_of(&erased?.account_id).ok_or_else(|| no_uuid("account_id"))?;
                rows::forget_account(tx, id).await?;
            }
        }
        Ok(())
    }
}

fn no_uuid(field: &str) -> Failure {
    Failure::Poison(format!("{field} is no uuid"))
}
