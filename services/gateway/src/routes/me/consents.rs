//! `/v1/me/consents`: what I agreed to, with receipts.

use axum::extract::State;
use proto::auth;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    answer::{self, Answer, List},
    caller::Account,
    json::Json,
    query::Named,
    routes::{Doors, Shared},
    values::{AnId, Instant},
};

pub(super) fn routes() -> Doors {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(give, withdraw))
}

/// Proof of a consent.
#[derive(Debug, Serialize, ToSchema)]
struct Receipt {
    id: AnId,
    #[schema(example = "health_data")]
    purpose: String,
    text_version: String,
    /// SHA-256 of the text, hex.
    text_hash: String,
    locale: String,
    /// `self` or `guardian`.
    given_by: String,
    lawful_basis: String,
    given_at: Instant,
    #[serde(skip_serializing_if = "Option::is_none")]
    withdrawn_at: Option<Instant>,
    /// The signed receipt (JWS), verifiable with `/.well-known/jwks.json`.
    receipt: String,
}

impl Receipt {
    fn of(receipt: auth::ConsentReceipt) -> Self {
        Self {
            id: AnId::must(&receipt.receipt_id),
            purpose: receipt.purpose,
            text_version: receipt.text_version,
            text_hash: hex::encode(&receipt.text_hash),
            locale: receipt.locale,
            given_by: receipt.given_by,
            lawful_basis: receipt.lawful_basis,
            given_at: Instant(receipt.given_us),
            withdrawn_at: receipt.withdrawn_us.map(Instant),
            receipt: receipt.receipt,
        }
    }
}

/// My consents, current and withdrawn.
#[utoipa::path(get, path = "/me/consents", tag = "me", responses((status = 200, body = List<Receipt>)))]
async fn list(State(door): Shared, caller: Account) -> Answer {
    let reply = caller.call(door.peers.auth().list_consents(auth::ListConsentsRequest {})).await?;
    answer::ok(&List::whole(reply.items.into_iter().map(Receipt::of).collect()))
}

#[derive(Debug, Deserialize, ToSchema)]
struct Consent {
    #[schema(example = "1")]
    text_version: String,
    locale: Option<String>,
}

/// Consents to a purpose.
#[utoipa::path(put, path = "/me/consents/{purpose}", tag = "me", request_body = Consent,
    params(("purpose" = String, Path, example = "health_data")), responses((status = 200, body = Receipt)))]
async fn give(
    State(door): Shared,
    caller: Account,
    Named(purpose): Named<String>,
    Json(body): Json<Consent>,
) -> Answer {
    let request = auth::PutConsentRequest { purpose, text_version: body.text_version, locale: body.locale };
    let reply = caller.call(door.peers.auth().put_consent(request)).await?;
    answer::ok(&Receipt::of(reply))
}

/// Withdraws a consent.
#[utoipa::path(delete, path = "/me/consents/{purpose}", tag = "me",
    params(("purpose" = String, Path, example = "health_data")), responses((status = 204)))]
async fn withdraw(State(door): Shared, caller: Account, Named(purpose): Named<String>) -> Answer {
    caller.call(door.peers.auth().withdraw_consent(auth::WithdrawConsentRequest { purpose })).await?;
    answer::no_content()
}
