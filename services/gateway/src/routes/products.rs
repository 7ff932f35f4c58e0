//! `/v1/products`, `/v1/clicks`: the catalogue, and the way to the shop.

use axum::extract::State;
use proto::promo;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::accounts::IdParam;
use crate::{
    answer::{self, Answer, List},
    caller::Account,
    json::Json,
    query::{Page, Params, PathId, limit},
    routes::{Doors, Shared},
    values::{AnId, Instant, Money, known},
};

pub(super) fn routes() -> Doors {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show)).routes(routes!(click))
}

/// Something that a partner sells.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Product {
    id: AnId,
    partner_id: AnId,
    /// The feed's own `g:id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    feed_product_id: Option<String>,
    title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    brand: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    product_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sale_price: Option<Money>,
    /// `in_stock`, `out_of_stock`, `preorder` or `backorder`.
    #[serde(skip_serializing_if = "Option::is_none")]
    availability: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<Instant>,
}

impl Product {
    pub(super) fn of(product: promo::Product) -> Self {
        Self {
            id: AnId::must(&product.id),
            partner_id: AnId::must(&product.partner_id),
            feed_product_id: known(product.feed_product_id),
            title: product.title,
            description: known(product.description),
            brand: known(product.brand),
            product_type: known(product.product_type),
            price: product.price.map(Money::from),
            sale_price: product.sale_price.map(Money::from),
            availability: known(product.availability),
            image_url: known(product.image_url),
            url: known(product.url),
            updated_at: Instant::known(product.updated_at_us),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Search {
    partner: Option<AnId>,
    /// Words of the title or the brand.
    q: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// How many at most, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    #[serde(default, deserialize_with = "limit")]
    limit: Option<u32>,
}

/// The catalogue.
#[utoipa::path(get, path = "/products", tag = "promo", params(Search),
    responses((status = 200, body = List<Product>)))]
async fn list(State(door): Shared, caller: Account, Params(search): Params<Search>) -> Answer {
    let page = Page { cursor: search.cursor, limit: search.limit };
    let request = promo::ListProductsRequest {
        partner_id: search.partner.map(AnId::bytes),
        query: search.q.unwrap_or_default(),
        cursor: caller.cursor(&page)?,
        limit: page.limit.unwrap_or_default(),
    };
    let reply = caller.call(door.peers.promo().list_products(request)).await?;
    answer::ok(&List {
        next_cursor: caller.next_cursor(&reply.next_cursor),
        items: reply.items.into_iter().map(Product::of).collect(),
    })
}

/// One product.
#[utoipa::path(get, path = "/products/{id}", tag = "promo", params(IdParam),
    responses((status = 200, body = Product)))]
async fn show(State(door): Shared, caller: Account, id: PathId) -> Answer {
    let request = promo::GetProductRequest { product_id: id.bytes() };
    let reply = caller.call(door.peers.promo().get_product(request)).await?;
    answer::ok(&Product::of(reply))
}

#[derive(Debug, Deserialize, ToSchema)]
struct NewClick {
    product_id: AnId,
    offer_id: Option<AnId>,
}

/// The way to the shop, with the token by which a purchase finds back.
#[derive(Debug, Serialize, ToSchema)]
struct Click {
    click_token: String,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Instant>,
}

/// Follows a product to its shop.
#[utoipa::path(post, path = "/clicks", tag = "promo", request_body = NewClick,
    responses((status = 201, body = Click)))]
async fn click(State(door): Shared, caller: Account, Json(body): Json<NewClick>) -> Answer {
    let request =
        promo::ClickRequest { product_id: body.product_id.bytes(), offer_id: body.offer_id.map(AnId::bytes) };
    let reply = caller.call(door.peers.promo().click(request)).await?;
    let click = Click {
        click_token: reply.click_token,
        url: reply.url,
        expires_at: Instant::known(reply.expires_at_us),
    };
    answer::with(http::StatusCode::CREATED, &click)
}

impl From<promo::Money> for Money {
    fn from(money: promo::Money) -> Self {
        Self { amount_minor: money.amount_minor, currency: money.currency }
    }
}

impl From<Money> for promo::Money {
    fn from(money: Money) -> Self {
        Self { amount_minor: money.amount_minor, currency: money.currency }
    }
}
