//! `/partner/v1/…`, at the root: what shops tell us, signed as Standard Webhooks has it.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use bytes::Bytes;
use http::{HeaderMap, header};
use kernel::{Code, Id, Refusal};
use platform::actor::Actor;
use proto::{auth, promo};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    answer::{self, Answer, raw},
    body::refuse,
    caller::{Anyone, Caller},
    json,
    problem::Problem,
    query::Named,
    routes::{Doors, Shared},
    values::{AnId, Money, Time, known, or_default},
};

pub(super) fn routes() -> Doors {
    OpenApiRouter::new().routes(routes!(order)).routes(routes!(feed))
}

/// A body whose signature is a partner's, and the partner.
struct Signed {
    partner: Caller,
    content_type: String,
    body: Bytes,
}

impl Signed {
    /// The body first, since it is what was signed; nothing of it is read before the signature is checked.
    async fn read(caller: &Anyone, request: Request, bytes_max: usize) -> Result<Self, Response> {
        let signature = signature(request.headers()).map_err(refuse)?;
        let content_type =
            text(request.headers(), header::CONTENT_TYPE.as_str()).unwrap_or_default().to_owned();
        let body = raw(request, bytes_max).await?;
        let verify = auth::VerifyPartnerKeyRequest { body: body.clone(), ..signature };
        let verified = caller.call(caller.door.peers.auth().verify_partner_key(as_gateway(verify))).await;
        let partner = verified.map_err(|problem| refuse(problem.0))?;
        let id = Uuid::from_slice(&partner.partner_id)
            .map_err(|_| refuse(Refusal::new(Code::Internal, "a partner without an id")))?;
        let actor = Actor::Partner { partner_id: Id::new(id) };
        let partner = Caller::new(actor, caller.exchange.clone(), Arc::clone(&caller.door));
        Ok(Self { partner, content_type, body })
    }
}

/// Checking a signature is a question of the gateway's own: the partner is not known yet.
fn as_gateway<T>(message: T) -> tonic::Request<T> {
    platform::context::acting_for(Actor::service("gateway"), message)
}

fn signature(headers: &HeaderMap) -> Result<auth::VerifyPartnerKeyRequest, Refusal> {
    let need = |name: &str| {
        let value = text(headers, name).filter(|value| !value.is_empty() && value.len() <= 1024);
        value.map(str::to_owned).ok_or_else(|| {
            Refusal::new(
                Code::BadSignature,
                format!("the header {name} is needed; the request must be signed"),
            )
        })
    };
    Ok(auth::VerifyPartnerKeyRequest {
        key_id: need("stadion-key")?,
        webhook_id: need("webhook-id")?,
        webhook_timestamp: need("webhook-timestamp")?,
        webhook_signature: need("webhook-signature")?,
        body: Bytes::new(),
    })
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// What every signed request says of itself.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code, reason = "only read by the document")]
struct Signature {
    /// The partner's key id.
    #[param(rename = "Stadion-Key")]
    key: String,
    #[param(rename = "webhook-id")]
    id: String,
    /// Seconds since 1970, at most 5 min ago.
    #[param(rename = "webhook-timestamp")]
    timestamp: String,
    /// `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`.
    #[param(rename = "webhook-signature")]
    signature: String,
}

const ORDER_BYTES_MAX: usize = json::BODY_BYTES_MAX;

/// An order's newest state. States may come out of order; the furthest wins.
#[derive(Debug, Deserialize, ToSchema)]
struct NewOrder {
    #[schema(example = "A-1001")]
    order_id: String,
    /// `placed`, `paid`, `cancelled` or `refunded`.
    #[schema(example = "paid")]
    status: String,
    /// The basket before discount.
    amount: Money,
    #[serde(default, deserialize_with = "or_default")]
    items: Vec<Item>,
    click_token: Option<String>,
    code: Option<String>,
    at: Option<Time>,
    /// All refunded so far; left out with `refunded`: everything.
    refunded_amount: Option<Money>,
}

#[derive(Debug, Deserialize, ToSchema)]
struct Item {
    /// The feed's own `g:id`.
    product_id: String,
    quantity: u32,
    amount: Option<Money>,
}

/// What became of an order.
#[derive(Debug, Serialize, ToSchema)]
struct Order {
    order_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redemption: Option<Redemption>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attribution: Option<Attribution>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Redemption {
    id: AnId,
    #[schema(example = "confirmed")]
    status: String,
}

/// What led to the order.
#[derive(Debug, Serialize, ToSchema)]
struct Attribution {
    /// `click`, `code` or `reservation`.
    kind: String,
}

/// Tells of an order. The same again changes nothing; another amount is 409 `order_mismatch`.
#[utoipa::path(post, path = "/partner/v1/orders", tag = "partners", params(Signature), request_body = NewOrder,
    responses((status = 200, body = Order)), security(("partner" = [])))]
async fn order(State(door): Shared, caller: Anyone, request: Request) -> Answer {
    let signed = match Signed::read(&caller, request, ORDER_BYTES_MAX).await {
        Ok(signed) => signed,
        Err(response) => return Ok(response),
    };
    if !essence(&signed.content_type).eq_ignore_ascii_case("application/json") {
        return Err(Problem::new(Code::UnsupportedMediaType, "the body must be application/json"));
    }
    let body: NewOrder = json::parse(&signed.body)?;
    let item = |item: Item| promo::OrderItem {
        product_id: item.product_id,
        quantity: item.quantity,
        amount: item.amount.map(Into::into),
    };
    let request = promo::RecordOrderRequest {
        order_id: body.order_id,
        status: body.status,
        amount: Some(body.amount.into()),
        items: body.items.into_iter().map(item).collect(),
        click_token: body.click_token.unwrap_or_default(),
        code: body.code.unwrap_or_default(),
        at_us: body.at.map(Time::us),
        refunded_amount: body.refunded_amount.map(Into::into),
    };
    let reply = signed.partner.call(door.peers.promo().record_order(request)).await?;
    let redemption = |one: promo::Redemption| Redemption { id: AnId::must(&one.id), status: one.status };
    answer::ok(&Order {
        order_id: reply.order_id,
        status: known(reply.status),
        redemption: reply.redemption.map(redemption),
        attribution: known(reply.attribution).map(|kind| Attribution { kind }),
    })
}

fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

/// What was taken of a feed.
#[derive(Debug, Serialize, ToSchema)]
struct FeedState {
    /// That the feed holds now.
    products: u32,
    /// The first 1 000.
    rejected: Vec<RejectedLine>,
    rejected_count: u32,
}

#[derive(Debug, Serialize, ToSchema)]
struct RejectedLine {
    line: u32,
    code: String,
    detail: String,
}

const FEED_KINDS: &[&str] = &["application/xml", "text/xml", "text/tab-separated-values"];

/// Replaces a feed of products: Google Merchant XML or TSV.
#[utoipa::path(put, path = "/partner/v1/feeds/{feed}", tag = "partners", params(Signature, ("feed" = String, Path)),
    request_body(content((String = "application/xml"), (String = "text/tab-separated-values"))),
    responses((status = 200, body = FeedState)), security(("partner" = [])))]
async fn feed(State(door): Shared, caller: Anyone, Named(feed): Named<String>, request: Request) -> Answer {
    let signed = match Signed::read(&caller, request, door.config.feed_bytes_max).await {
        Ok(signed) => signed,
        Err(response) => return Ok(response),
    };
    let kind = essence(&signed.content_type).to_ascii_lowercase();
    if !FEED_KINDS.contains(&kind.as_str()) {
        let detail = "the feed must be application/xml or text/tab-separated-values";
        return Err(Problem::new(Code::UnsupportedMediaType, detail));
    }
    let request = promo::PutFeedRequest { feed, content_type: kind, body: signed.body.clone() };
    let reply = signed.partner.call(door.peers.promo().put_feed(request)).await?;
    let line =
        |line: promo::RejectedLine| RejectedLine { line: line.line, code: line.code, detail: line.detail };
    answer::ok(&FeedState {
        products: reply.products,
        rejected: reply.rejected.into_iter().map(line).collect(),
        rejected_count: reply.rejected_count,
    })
}
