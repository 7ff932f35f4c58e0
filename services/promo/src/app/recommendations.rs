//! Products for an account: what can be bought where it is, ranked by what it agreed to be known for.

use kernel::{AccountId, Refusal};

use super::{App, page, people};
use crate::{
    domain::{
        ids::{OfferId, PartnerId},
        recommend::{self, Candidate, HeldOffer, Taste, Why},
    },
    store::{OfferRow, ProductRow},
    wire,
};

/// The consent without which nothing personal is looked at.
pub const CONSENT: &str = "recommendations";
/// Offers that a recommendation looks at.
const OFFERS_MAX: u32 = 50;

#[derive(Debug)]
pub struct Recommended {
    pub product: ProductRow,
    pub reason: Reason,
    pub offer: Option<OfferId>,
}

/// Why, with what its sentence needs.
#[derive(Debug)]
pub enum Reason {
    Offer(Box<OfferRow>),
    Sport(String),
    RegionalFavourite,
    New,
}

pub async fn list(app: &App, account: AccountId, limit: u32) -> Result<Vec<Recommended>, Refusal> {
    let limit = page(limit, 20, 100) as usize;
    let standing = people::standing(app, account).await?;
    let Some(region) = standing.region.clone() else { return Ok(Vec::new()) };
    let personal = standing.consents.iter().any(|purpose| purpose == CONSENT);
    let (taste, offers) = if personal { taste(app, account).await? } else { (Taste::default(), Vec::new()) };
    let mut partners: Vec<PartnerId> = offers.iter().map(|offer| offer.partner).collect();
    partners.sort();
    partners.dedup();
    let rows = app.store.candidates(&region, &partners).await.map_err(eventing::Error::from)?;
    let candidates: Vec<Candidate> = rows
        .iter()
        .filter_map(|row| {
            Some(Candidate {
                product: row.row.id,
                partner: wire::id_of(&row.row.product.partner_id)?,
                feed_product: row.row.product.feed_product_id.clone(),
                words: row.words.clone(),
                clicks: row.clicks,
                listed_at_us: row.listed_us,
            })
        })
        .collect();
    let picks = recommend::pick(personal.then_some(&taste), &candidates, limit);
    let mut recommended = Vec::with_capacity(picks.len());
    for pick in picks {
        let Some(row) = rows.iter().find(|row| row.row.id == pick.product) else { continue };
        let held = |id: OfferId| offers.iter().find(|offer| offer.id == id).cloned();
        let reason = match pick.why {
            Why::Offer(id) => held(id).map_or(Reason::New, |offer| Reason::Offer(Box::new(offer))),
            Why::Sport(sport) => Reason::Sport(sport),
            Why::RegionalFavourite => Reason::RegionalFavourite,
            Why::New => Reason::New,
        };
        recommended.push(Recommended { product: row.row.clone(), reason, offer: pick.offer });
    }
    Ok(recommended)
}

async fn taste(app: &App, account: AccountId) -> Result<(Taste, Vec<OfferRow>), Refusal> {
    let now_us = kernel::time::micros(app.now());
    let mut offers = app.store.offers(account, None, OFFERS_MAX).await.map_err(eventing::Error::from)?;
    offers.retain(|offer| offer.state == "held" && offer.valid_until_us > now_us);
    let mut sports = people::earned(app, account, 0).await?.sports;
    sports.sort_by(|one, two| two.activities.cmp(&one.activities).then_with(|| one.sport.cmp(&two.sport)));
    let held = |offer: &OfferRow| HeldOffer {
        offer: offer.id,
        partner: offer.partner,
        product_ids: offer.terms.product_ids.iter().cloned().collect(),
    };
    let taste = Taste {
        sports: sports.into_iter().map(|it| it.sport).collect(),
        offers: offers.iter().map(held).collect(),
    };
    Ok((taste, offers))
}
