//! `/v1/offers/{id}/reservations`, `/v1/reservations`: reserved before it is paid.

use axum::extract::State;
use proto::promo;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::accounts::IdParam;
use crate::{
    answer::{self, Answer},
    caller::Account,
    json::Json,
    query::PathId,
    routes::{Doors, Shared},
    values::{AnId, Instant, Money, known},
};

pub(super) fn routes() -> Doors {
    OpenApiRouter::new().routes(routes!(reserve)).routes(routes!(cancel))
}

#[derive(Debug, Deserialize, ToSchema)]
struct NewReservation {
    /// The partner's `order_id`.
    #[schema(example = "A-1001")]
    order_ref: String,
    /// The basket before discount.
    amount: Money,
}

/// A discount held for an order.
#[derive(Debug, Serialize, ToSchema)]
struct Reservation {
    id: AnId,
    /// `reserved confirmed released expired reversed partly_reversed needs_reconciliation`
    #[schema(example = "reserved")]
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    discount: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offer_id: Option<AnId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_ref: Option<String>,
}

/// Reserves an offer of mine for an order. The same `order_ref` again is the same reservation.
#[utoipa::path(post, path = "/offers/{id}/reservations", tag = "promo", params(IdParam),
    request_body = NewReservation, responses((status = 201, body = Reservation)))]
async fn reserve(
    State(door): Shared,
    caller: Account,
    id: PathId,
    Json(body): Json<NewReservation>,
) -> Answer {
    let request = promo::ReserveRequest {
        offer_id: id.bytes(),
        order_ref: body.order_ref,
        amount: Some(body.amount.into()),
    };
    let reply = caller.call(door.peers.promo().reserve(request)).await?;
    let reservation = Reservation {
        id: AnId::must(&reply.id),
        status: reply.status,
        discount: reply.discount.map(Money::from),
        expires_at: Instant::known(reply.expires_at_us),
        offer_id: AnId::of(&reply.offer_id),
        order_ref: known(reply.order_ref),
    };
    answer::created(&format!("/v1/reservations/{}", reservation.id), &reservation)
}

/// Gives a reservation back.
#[utoipa::path(delete, path = "/reservations/{id}", tag = "promo", params(IdParam), responses((status = 204)))]
async fn cancel(State(door): Shared, caller: Account, id: PathId) -> Answer {
    let request = promo::CancelReservationRequest { reservation_id: id.bytes() };
    caller.call(door.peers.promo().cancel_reservation(request)).await?;
    answer::no_content()
}
