//! `/v1/me/offers`, `/v1/me/recommendations`.

use axum::extract::State;
use proto::promo;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    answer::{self, Answer, List},
    caller::Account,
    query::{Page, Params},
    routes::{Doors, Shared, products::Product},
    values::{AnId, Instant, Money, known},
};

pub(super) fn routes() -> Doors {
    OpenApiRouter::new().routes(routes!(offers)).routes(routes!(recommendations))
}

/// Something off, for me.
#[derive(Debug, Serialize, ToSchema)]
struct Offer {
    id: AnId,
    promo_id: AnId,
    name: String,
    /// `percent_off`, `amount_off` or `gift`.
    #[schema(example = "percent_off")]
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    percent: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<Money>,
    products: Vec<ProductName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// Why I have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<Instant>,
    /// `held`, `reserved`, `redeemed` or `expired`.
    #[schema(example = "held")]
    state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    partner_id: Option<AnId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    granted_at: Option<Instant>,
}

#[derive(Debug, Serialize, ToSchema)]
struct ProductName {
    id: AnId,
    title: String,
}

impl Offer {
    fn of(offer: promo::Offer) -> Self {
        let product =
            |product: promo::OfferProduct| ProductName { id: AnId::must(&product.id), title: product.title };
        Self {
            id: AnId::must(&offer.id),
            promo_id: AnId::must(&offer.promo_id),
            name: offer.name,
            kind: offer.kind,
            percent: offer.percent,
            amount: offer.amount.map(Money::from),
            products: offer.products.into_iter().map(product).collect(),
            code: known(offer.code),
            because: known(offer.because),
            valid_until: Instant::known(offer.valid_until_us),
            state: offer.state,
            partner_id: AnId::of(&offer.partner_id),
            granted_at: Instant::known(offer.granted_at_us),
        }
    }
}

/// My offers, newest first.
#[utoipa::path(get, path = "/me/offers", tag = "promo", params(Page), responses((status = 200, body = List<Offer>)))]
async fn offers(State(door): Shared, caller: Account, Params(page): Params<Page>) -> Answer {
    let request =
        promo::ListOffersRequest { cursor: caller.cursor(&page)?, limit: page.limit.unwrap_or_default() };
    let reply = caller.call(door.peers.promo().list_offers(request)).await?;
    answer::ok(&List {
        next_cursor: caller.next_cursor(&reply.next_cursor),
        items: reply.items.into_iter().map(Offer::of).collect(),
    })
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct HowMany {
    #[param(minimum = 1, maximum = 200)]
    #[serde(default, deserialize_with = "crate::query::limit")]
    limit: Option<u32>,
}

/// A product for me, and why.
#[derive(Debug, Serialize, ToSchema)]
struct Recommendation {
    product: Product,
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    offer_id: Option<AnId>,
}

/// Products for me, best first; personal ones only with the consent `recommendations`.
#[utoipa::path(get, path = "/me/recommendations", tag = "promo", params(HowMany),
    responses((status = 200, body = List<Recommendation>)))]
async fn recommendations(State(door): Shared, caller: Account, Params(how): Params<HowMany>) -> Answer {
    let request = promo::ListRecommendationsRequest { limit: how.limit.unwrap_or_default().min(100) };
    let reply = caller.call(door.peers.promo().list_recommendations(request)).await?;
    let recommendation = |one: promo::Recommendation| Recommendation {
        product: Product::of(one.product.unwrap_or_default()),
        reason: one.reason,
        offer_id: one.offer_id.as_deref().and_then(AnId::of),
    };
    answer::ok(&List::whole(reply.items.into_iter().map(recommendation).collect()))
}
