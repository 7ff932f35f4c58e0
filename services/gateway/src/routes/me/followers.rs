//! `/v1/me/followers`: who follows me, and who would like to.

use axum::extract::State;
use proto::social;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::edges::{self, AccountParam, Edge, People};
use crate::{
    answer::{self, Answer},
    caller::Account,
    query::{Page, Params, PathId, limit},
    routes::{Doors, Shared},
};

pub(super) fn routes() -> Doors {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(approve, remove))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// `following` (unless said), or `requested`: they wait for my approval.
    #[param(example = "following")]
    state: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// How many at most, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    #[serde(default, deserialize_with = "limit")]
    limit: Option<u32>,
}

/// My followers, newest first.
#[utoipa::path(get, path = "/me/followers", tag = "social", params(Filter),
    responses((status = 200, body = People)))]
async fn list(State(door): Shared, caller: Account, Params(filter): Params<Filter>) -> Answer {
    let page = Page { cursor: filter.cursor, limit: filter.limit };
    let request = edges::asked(&caller, filter.state, &page)?;
    edges::page(&caller, caller.call(door.peers.social().list_followers(request)).await?)
}

/// Approves a follower who asked.
#[utoipa::path(put, path = "/me/followers/{account_id}", tag = "social", params(AccountParam),
    responses((status = 200, body = Edge)))]
async fn approve(State(door): Shared, caller: Account, id: PathId) -> Answer {
    let request = social::PutFollowerRequest { account_id: id.bytes() };
    edges::edge(caller.call(door.peers.social().put_follower(request)).await?)
}

/// Removes a follower, or declines one who asked.
#[utoipa::path(delete, path = "/me/followers/{account_id}", tag = "social", params(AccountParam),
    responses((status = 204)))]
async fn remove(State(door): Shared, caller: Account, id: PathId) -> Answer {
    let request = social::DeleteFollowerRequest { account_id: id.bytes() };
    caller.call(door.peers.social().delete_follower(request)).await?;
    answer::no_content()
}
