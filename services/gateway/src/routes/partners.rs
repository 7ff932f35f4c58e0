//! `/v1/partners`: the shops, for operators.

use axum::extract::State;
use proto::auth;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    answer::{self, Answer, List},
    caller::Account,
    json::Json,
    query::{Page, Params},
    routes::{Doors, Shared},
    values::{AnId, Instant, known, or_default},
};

pub(super) fn routes() -> Doors {
    OpenApiRouter::new().routes(routes!(list, create))
}

/// A shop.
#[derive(Debug, Serialize, ToSchema)]
struct Partner {
    id: AnId,
    name: String,
    regions: Vec<String>,
    /// What it sends as `Stadion-Key`.
    key_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<Instant>,
    /// What it signs with; shown once, when it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "whsec_…")]
    secret: Option<String>,
}

impl Partner {
    fn of(partner: auth::Partner, secret: String) -> Self {
        Self {
            id: AnId::must(&partner.partner_id),
            name: partner.name,
            regions: partner.regions,
            key_id: partner.key_id,
            created_at: Instant::known(partner.created_us),
            secret: known(secret),
        }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
struct NewPartner {
    #[schema(example = "Shymbulak Sport")]
    name: String,
    #[serde(default, deserialize_with = "or_default")]
    #[schema(example = json!(["KZ-75"]))]
    regions: Vec<String>,
}

/// Makes a shop; its secret is shown this once.
#[utoipa::path(post, path = "/partners", tag = "operators", request_body = NewPartner,
    responses((status = 201, body = Partner)))]
async fn create(State(door): Shared, caller: Account, Json(body): Json<NewPartner>) -> Answer {
    let request = auth::CreatePartnerRequest { name: body.name, regions: body.regions };
    let reply = caller.call(door.peers.auth().create_partner(request)).await?;
    let partner = Partner::of(reply.partner.unwrap_or_default(), reply.secret);
    answer::secret(answer::created("/v1/partners", &partner))
}

/// The shops.
#[utoipa::path(get, path = "/partners", tag = "operators", params(Page),
    responses((status = 200, body = List<Partner>)))]
async fn list(State(door): Shared, caller: Account, Params(page): Params<Page>) -> Answer {
    let request = auth::ListPartnersRequest {
        cursor: caller.cursor(&page)?,
        limit: page.limit.unwrap_or_default(),
        partner_ids: Vec::new(),
    };
    let reply = caller.call(door.peers.auth().list_partners(request)).await?;
    answer::ok(&List {
        next_cursor: caller.next_cursor(&reply.next_cursor),
        items: reply.items.into_iter().map(|partner| Partner::of(partner, String::new())).collect(),
    })
}
