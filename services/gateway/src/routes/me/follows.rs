//! `/v1/me/follows`: whom I follow, one by one.

use axum::extract::State;
use proto::social;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::edges::{self, AccountParam, Edge};
use crate::{
    answer::{self, Answer},
    caller::Account,
    query::PathId,
    routes::{Doors, Shared},
};

pub(super) fn routes() -> Doors {
    OpenApiRouter::new().routes(routes!(put, delete))
}

/// Follows somebody, or asks to where they approve their followers.
#[utoipa::path(put, path = "/me/follows/{account_id}", tag = "social", params(AccountParam),
    responses((status = 200, body = Edge)))]
async fn put(State(door): Shared, caller: Account, id: PathId) -> Answer {
    let request = social::PutFollowRequest { account_id: id.bytes() };
    edges::edge(caller.call(door.peers.social().put_follow(request)).await?)
}

/// Stops following, or withdraws the wish to.
#[utoipa::path(delete, path = "/me/follows/{account_id}", tag = "social", params(AccountParam),
    responses((status = 204)))]
async fn delete(State(door): Shared, caller: Account, id: PathId) -> Answer {
    let request = social::DeleteFollowRequest { account_id: id.bytes() };
    caller.call(door.peers.social().delete_follow(request)).await?;
    answer::no_content()
}
