//! `/v1/activities/{id}/kudos`: well done.

use axum::extract::State;
use bytes::Bytes;
use proto::{activity, social};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::IdParam;
use crate::{
    answer::{self, Answer},
    caller::Account,
    problem::Problem,
    query::PathId,
    routes::{Doors, Shared},
    values::AnId,
};

pub(super) fn routes() -> Doors {
    OpenApiRouter::new().routes(routes!(give, take_back))
}

/// How many said so, and whether I did.
#[derive(Debug, Serialize, ToSchema)]
struct Kudos {
    /// The activity.
    id: AnId,
    count: u32,
    mine: bool,
}

/// Whose an activity is, once its own service has shown it to the caller; else `not_found`.
pub(super) async fn owner(caller: &Account, id: &PathId) -> Result<Bytes, Problem> {
    let request = activity::GetActivityRequest { activity_id: id.bytes() };
    Ok(caller.call(caller.door.peers.activity().get_activity(request)).await?.account_id)
}

async fn asked(caller: &Account, id: &PathId) -> Result<social::KudosRequest, Problem> {
    Ok(social::KudosRequest { activity_id: id.bytes(), owner_id: owner(caller, id).await? })
}

/// Gives kudos, once.
#[utoipa::path(put, path = "/activities/{id}/kudos", tag = "social", params(IdParam),
    responses((status = 200, body = Kudos)))]
async fn give(State(door): Shared, caller: Account, id: PathId) -> Answer {
    let request = asked(&caller, &id).await?;
    let reply = caller.call(door.peers.social().put_kudos(request)).await?;
    answer::ok(&Kudos { id: AnId(id.0), count: reply.count, mine: reply.mine })
}

/// Takes kudos back.
#[utoipa::path(delete, path = "/activities/{id}/kudos", tag = "social", params(IdParam),
    responses((status = 204)))]
async fn take_back(State(door): Shared, caller: Account, id: PathId) -> Answer {
    let request = asked(&caller, &id).await?;
    caller.call(door.peers.social().delete_kudos(request)).await?;
    answer::no_content()
}
