//! Our own events → campaigns, offers, redemptions, products, clicks.

use async_trait::async_trait;
use eventing::{
    DomainEvent, Failure, Incoming, Keeps, Projection, Source, Tx,
    sql::{DbError, hold},
};
use proto::promo as p;

use crate::{
    domain::{campaign, catalogue, click, offer, redemption},
    metrics::Told,
    store::rows,
};

/// Streams of an account, which their partition key names.
const OWNED: [&str; 3] = ["offer", "redemption", "click"];

pub struct OwnJournal {
    told: Told,
}

impl OwnJournal {
    pub fn new(told: Told) -> Self {
        Self { told }
    }
}

#[async_trait]
impl Projection for OwnJournal {
    fn name(&self) -> &'static str {
        "promo-own"
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::OwnJournal]
    }

    fn keeps(&self) -> Keeps {
        Keeps::tables(&[
            "promo_campaign",
            "promo_campaign_region",
            "promo_offer",
            "promo_redemption",
            "promo_product",
            "promo_click",
            "promo_liked",
        ])
    }

    async fn apply(&self, tx: &mut dyn Tx, events: &[Incoming]) -> Result<(), Failure> {
        // Against the reader that forgets accounts: it must not miss what is written of one meanwhile.
        let owned = |incoming: &&Incoming| OWNED.contains(&incoming.event.stream.kind());
        let owners = events.iter().filter(owned);
        hold(tx, owners.filter_map(|incoming| incoming.event.partition_key.parse().ok()).collect()).await?;
        for incoming in events {
            let at_us = incoming.event.at_us;
            match incoming.event.stream.kind() {
                "campaign" => campaign(tx, &campaign::Event::decode(&incoming.plain)?, at_us).await?,
                "offer" => {
                    let event = offer::Event::decode(&incoming.plain)?;
                    offer(tx, &event, at_us).await?;
                    self.told.offer(&event);
                }
                "redemption" => {
                    let event = redemption::Event::decode(&incoming.plain)?;
                    redemption(tx, &event, at_us).await?;
                    self.told.redemption(&event);
                }
                "feed" => feed(tx, incoming, at_us).await?,
                "click" => rows::put_click(tx, &click::Event::decode(&incoming.plain)?, at_us).await?,
                _ => {}
            }
        }
        Ok(())
    }
}

async fn campaign(tx: &mut dyn Tx, event: &campaign::Event, at_us: i64) -> Result<(), DbError> {
    if let campaign::Event::Drafted { campaign, author: by, terms }
    | campaign::Event::Edited { campaign, editor: by, terms } = event
    {
        return rows::put_campaign(tx, *campaign, *by, terms, at_us).await;
    }
    match rows::state_after(event) {
        Some((campaign, state)) => rows::set_campaign_state(tx, campaign, state, at_us).await,
        None => Ok(()),
    }
}

async fn offer(tx: &mut dyn Tx, event: &offer::Event, at_us: i64) -> Result<(), DbError> {
    match event {
        offer::Event::Granted(grant) => rows::put_offer(tx, grant, at_us).await,
        offer::Event::Withheld { offer, campaign, account } => {
            rows::put_withheld(tx, *offer, *campaign, *account, at_us).await
        }
        offer::Event::Reserved { offer, .. } => rows::set_offer_state(tx, *offer, "reserved").await,
        offer::Event::Released { offer, .. } => rows::set_offer_state(tx, *offer, "held").await,
        offer::Event::Redeemed { offer, .. } => rows::set_offer_state(tx, *offer, "redeemed").await,
        offer::Event::Expired { offer } => rows::set_offer_state(tx, *offer, "expired").await,
    }
}

async fn redemption(tx: &mut dyn Tx, event: &redemption::Event, at_us: i64) -> Result<(), DbError> {
    use redemption::Event;
    match event {
        Event::Reserved { basis, .. } => rows::put_redemption(tx, basis, "reserved", at_us).await,
        Event::NeedsReconciliation { basis, .. } => {
            rows::put_redemption(tx, basis, "needs_reconciliation", at_us).await
        }
        Event::Confirmed { redemption } => {
            rows::set_redemption_state(tx, *redemption, "confirmed", at_us).await
        }
        Event::Released { redemption, .. } => {
            rows::set_redemption_state(tx, *redemption, "released", at_us).await
        }
        Event::Expired { redemption } => rows::set_redemption_state(tx, *redemption, "expired", at_us).await,
        Event::Reversed { redemption, whole, .. } => {
            let state = if *whole { "reversed" } else { "partly_reversed" };
            rows::set_redemption_state(tx, *redemption, state, at_us).await
        }
    }
}

/// Products are kept as answers carry them: the event's own messages.
async fn feed(tx: &mut dyn Tx, incoming: &Incoming, at_us: i64) -> Result<(), Failure> {
    if let Some(listed) = incoming.plain.decode::<p::ProductsListed>() {
        for product in &listed?.products {
            rows::put_product(tx, product, at_us).await?;
        }
    } else if let catalogue::Event::Withdrawn { products, .. } = catalogue::Event::decode(&incoming.plain)? {
        for product in products {
            rows::drop_product(tx, product).await?;
        }
    }
    Ok(())
}
