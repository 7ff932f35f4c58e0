//! `/v1/promos`: campaigns, for marketers.

mod terms;
mod watch;

use axum::extract::State;
use proto::promo;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use self::terms::{Draft, Terms};
use super::accounts::IdParam;
use crate::{
    answer::{self, Answer, List},
    caller::Account,
    json::{Json, MaybeJson},
    query::{Page, Params, PathId, limit},
    routes::{Doors, Shared},
    values::{AnId, Instant, known, or_default},
};

pub(super) fn routes() -> Doors {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, edit))
        .routes(routes!(submit))
        .routes(routes!(approve))
        .routes(routes!(reject))
        .routes(routes!(schedule))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(stop))
        .merge(watch::routes())
}

/// A campaign: its terms, and where it stands.
#[derive(Debug, Serialize, ToSchema)]
struct Campaign {
    id: AnId,
    #[serde(flatten)]
    terms: Terms,
    /// `draft in_review changes_requested rejected approved scheduled running paused draining ended stopped archived`
    #[schema(example = "draft")]
    state: String,
    /// Of the terms: what an approval is bound to.
    revision: String,
    author: AnId,
    approvals: Vec<Approval>,
    /// Of the last rejection or stop.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    waves: Vec<Wave>,
    exhausted: bool,
    created_at: Instant,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<Instant>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CampaignApproval)]
struct Approval {
    approver: AnId,
    revision: String,
    at: Instant,
}

/// When a region's own window opens and closes.
#[derive(Debug, Serialize, ToSchema)]
struct Wave {
    region: String,
    time_zone: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    starts_at: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_at: Option<Instant>,
    /// `pending`, `live`, `paused` or `closed`.
    state: String,
}

impl Campaign {
    fn of(campaign: promo::Campaign) -> Self {
        let approval = |approval: promo::Approval| Approval {
            approver: AnId::must(&approval.approver_id),
            revision: approval.revision,
            at: Instant(approval.at_us),
        };
        let wave = |wave: promo::RegionWave| Wave {
            region: wave.region,
            time_zone: wave.time_zone,
            starts_at: Instant::known(wave.starts_at_us),
            ends_at: Instant::known(wave.ends_at_us),
            state: wave.state,
        };
        Self {
            id: AnId::must(&campaign.id),
            terms: Terms::of(campaign.terms.unwrap_or_default()),
            state: campaign.state,
            revision: campaign.revision,
            author: AnId::must(&campaign.author_id),
            approvals: campaign.approvals.into_iter().map(approval).collect(),
            reason: known(campaign.reason),
            waves: campaign.waves.into_iter().map(wave).collect(),
            exhausted: campaign.exhausted,
            created_at: Instant(campaign.created_at_us),
            updated_at: Instant::known(campaign.updated_at_us),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    state: Option<String>,
    region: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// How many at most, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    #[serde(default, deserialize_with = "limit")]
    limit: Option<u32>,
}

/// The campaigns of my regions.
#[utoipa::path(get, path = "/promos", tag = "marketing", params(Filter),
    responses((status = 200, body = List<Campaign>)))]
async fn list(State(door): Shared, caller: Account, Params(filter): Params<Filter>) -> Answer {
    let page = Page { cursor: filter.cursor, limit: filter.limit };
    let request = promo::ListPromosRequest {
        state: filter.state.unwrap_or_default(),
        region: filter.region.unwrap_or_default(),
        cursor: caller.cursor(&page)?,
        limit: page.limit.unwrap_or_default(),
    };
    let reply = caller.call(door.peers.promo().list_promos(request)).await?;
    answer::ok(&List {
        next_cursor: caller.next_cursor(&reply.next_cursor),
        items: reply.items.into_iter().map(Campaign::of).collect(),
    })
}

/// Drafts a campaign.
#[utoipa::path(post, path = "/promos", tag = "marketing", request_body = Draft,
    responses((status = 201, body = Campaign)))]
async fn create(State(door): Shared, caller: Account, Json(body): Json<Draft>) -> Answer {
    let request = promo::CreatePromoRequest { draft: Some(body.into()) };
    let reply = caller.call(door.peers.promo().create_promo(request)).await?;
    let campaign = Campaign::of(reply);
    answer::created(&format!("/v1/promos/{}", campaign.id), &campaign)
}

/// One campaign.
#[utoipa::path(get, path = "/promos/{id}", tag = "marketing", params(IdParam),
    responses((status = 200, body = Campaign)))]
async fn show(State(door): Shared, caller: Account, id: PathId) -> Answer {
    let request = promo::GetPromoRequest { promo_id: id.bytes() };
    let reply = caller.call(door.peers.promo().get_promo(request)).await?;
    answer::ok(&Campaign::of(reply))
}

/// Edits a campaign: what is left out stays. Any edit voids approvals.
#[utoipa::path(patch, path = "/promos/{id}", tag = "marketing", params(IdParam), request_body = Draft,
    responses((status = 200, body = Campaign)))]
async fn edit(State(door): Shared, caller: Account, id: PathId, Json(body): Json<Draft>) -> Answer {
    let request = promo::EditPromoRequest { promo_id: id.bytes(), draft: Some(body.into()) };
    let reply = caller.call(door.peers.promo().edit_promo(request)).await?;
    answer::ok(&Campaign::of(reply))
}

fn action(id: &PathId) -> promo::PromoActionRequest {
    promo::PromoActionRequest { promo_id: id.bytes() }
}

/// Hands a draft in for review.
#[utoipa::path(post, path = "/promos/{id}/submit", tag = "marketing", params(IdParam),
    responses((status = 200, body = Campaign)))]
async fn submit(State(door): Shared, caller: Account, id: PathId) -> Answer {
    let reply = caller.call(door.peers.promo().submit_promo(action(&id))).await?;
    answer::ok(&Campaign::of(reply))
}

#[derive(Debug, Deserialize, ToSchema)]
struct ApprovalOf {
    /// The revision that was read.
    revision: String,
}

/// Approves somebody else's campaign, at the revision that was read.
#[utoipa::path(post, path = "/promos/{id}/approve", tag = "marketing", params(IdParam), request_body = ApprovalOf,
    responses((status = 200, body = Campaign)))]
async fn approve(State(door): Shared, caller: Account, id: PathId, Json(body): Json<ApprovalOf>) -> Answer {
    let request = promo::ApprovePromoRequest { promo_id: id.bytes(), revision: body.revision };
    let reply = caller.call(door.peers.promo().approve_promo(request)).await?;
    answer::ok(&Campaign::of(reply))
}

#[derive(Debug, Deserialize, ToSchema)]
struct Rejection {
    reason: String,
    /// Asks for changes in place of refusing it.
    #[serde(default, deserialize_with = "or_default")]
    changes_requested: bool,
}

/// Rejects a campaign, or asks for changes.
#[utoipa::path(post, path = "/promos/{id}/reject", tag = "marketing", params(IdParam), request_body = Rejection,
    responses((status = 200, body = Campaign)))]
async fn reject(State(door): Shared, caller: Account, id: PathId, Json(body): Json<Rejection>) -> Answer {
    let request = promo::RejectPromoRequest {
        promo_id: id.bytes(),
        reason: body.reason,
        changes_requested: body.changes_requested,
    };
    let reply = caller.call(door.peers.promo().reject_promo(request)).await?;
    answer::ok(&Campaign::of(reply))
}

/// Schedules an approved campaign; a start in the past runs at once.
#[utoipa::path(post, path = "/promos/{id}/schedule", tag = "marketing", params(IdParam),
    responses((status = 200, body = Campaign)))]
async fn schedule(State(door): Shared, caller: Account, id: PathId) -> Answer {
    let reply = caller.call(door.peers.promo().schedule_promo(action(&id))).await?;
    answer::ok(&Campaign::of(reply))
}

/// Pauses a running campaign.
#[utoipa::path(post, path = "/promos/{id}/pause", tag = "marketing", params(IdParam),
    responses((status = 200, body = Campaign)))]
async fn pause(State(door): Shared, caller: Account, id: PathId) -> Answer {
    let reply = caller.call(door.peers.promo().pause_promo(action(&id))).await?;
    answer::ok(&Campaign::of(reply))
}

/// Lets a paused campaign run on.
#[utoipa::path(post, path = "/promos/{id}/resume", tag = "marketing", params(IdParam),
    responses((status = 200, body = Campaign)))]
async fn resume(State(door): Shared, caller: Account, id: PathId) -> Answer {
    let reply = caller.call(door.peers.promo().resume_promo(action(&id))).await?;
    answer::ok(&Campaign::of(reply))
}

#[derive(Debug, Default, Deserialize, ToSchema)]
struct Stop {
    #[serde(default, deserialize_with = "or_default")]
    reason: String,
}

/// Stops a campaign for good. Needs no approval.
#[utoipa::path(post, path = "/promos/{id}/stop", tag = "marketing", params(IdParam), request_body = Stop,
    responses((status = 200, body = Campaign)))]
async fn stop(State(door): Shared, caller: Account, id: PathId, MaybeJson(body): MaybeJson<Stop>) -> Answer {
    let request = promo::StopPromoRequest { promo_id: id.bytes(), reason: body.reason };
    let reply = caller.call(door.peers.promo().stop_promo(request)).await?;
    answer::ok(&Campaign::of(reply))
}
