//! `/v1/me/friends`: invited, received, befriended.

use axum::extract::State;
use proto::social;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::edges::{self, AccountParam, Edge, People};
use crate::{
    answer::{self, Answer},
    caller::Account,
    query::{Page, Params, PathId, limit},
    routes::{Doors, Shared},
};

pub(super) fn routes() -> Doors {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(put, delete))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// `friend` (unless said), `invited` by me, or `received` by me.
    #[param(example = "friend")]
    state: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// How many at most, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    #[serde(default, deserialize_with = "limit")]
    limit: Option<u32>,
}

/// My friends, and invitations on their way, newest first.
#[utoipa::path(get, path = "/me/friends", tag = "social", params(Filter), responses((status = 200, body = People)))]
async fn list(State(door): Shared, caller: Account, Params(filter): Params<Filter>) -> Answer {
    let page = Page { cursor: filter.cursor, limit: filter.limit };
    let request = edges::asked(&caller, filter.state, &page)?;
    edges::page(&caller, caller.call(door.peers.social().list_friends(request)).await?)
}

/// On what condition.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = FriendCondition)]
enum Condition {
    Received,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Only {
    /// `received`: accepts, and never invites; 409 when nothing was received.
    #[serde(rename = "if")]
    #[param(inline)]
    condition: Option<Condition>,
}

/// Invites somebody, or accepts their invitation.
#[utoipa::path(put, path = "/me/friends/{account_id}", tag = "social", params(AccountParam, Only),
    responses((status = 200, body = Edge)))]
async fn put(State(door): Shared, caller: Account, id: PathId, Params(only): Params<Only>) -> Answer {
    let only_if_received = matches!(only.condition, Some(Condition::Received));
    let request = social::PutFriendRequest { account_id: id.bytes(), only_if_received };
    edges::edge(caller.call(door.peers.social().put_friend(request)).await?)
}

/// Ends a friendship, withdraws or declines an invitation.
#[utoipa::path(delete, path = "/me/friends/{account_id}", tag = "social", params(AccountParam),
    responses((status = 204)))]
async fn delete(State(door): Shared, caller: Account, id: PathId) -> Answer {
    let request = social::DeleteFriendRequest { account_id: id.bytes() };
    caller.call(door.peers.social().delete_friend(request)).await?;
    answer::no_content()
}
