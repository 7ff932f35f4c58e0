//! `/v1/me/blocks`: with whom I want nothing to do.

use axum::extract::State;
use proto::social;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::edges::{self, AccountParam, Edge, People};
use crate::{
    answer::{self, Answer},
    caller::Account,
    query::{Page, Params, PathId},
    routes::{Doors, Shared},
};

pub(super) fn routes() -> Doors {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(put, delete))
}

/// Whom I block, newest first.
#[utoipa::path(get, path = "/me/blocks", tag = "social", params(Page), responses((status = 200, body = People)))]
async fn list(State(door): Shared, caller: Account, Params(page): Params<Page>) -> Answer {
    let request = edges::asked(&caller, None, &page)?;
    edges::page(&caller, caller.call(door.peers.social().list_blocks(request)).await?)
}

/// Blocks somebody: from this answer on neither of us sees the other anywhere.
#[utoipa::path(put, path = "/me/blocks/{account_id}", tag = "social", params(AccountParam),
    responses((status = 200, body = Edge)))]
async fn put(State(door): Shared, caller: Account, id: PathId) -> Answer {
    let request = social::PutBlockRequest { account_id: id.bytes() };
    edges::edge(caller.call(door.peers.social().put_block(request)).await?)
}

/// Takes a block back. What it ended stays ended.
#[utoipa::path(delete, path = "/me/blocks/{account_id}", tag = "social", params(AccountParam),
    responses((status = 204)))]
async fn delete(State(door): Shared, caller: Account, id: PathId) -> Answer {
    let request = social::DeleteBlockRequest { account_id: id.bytes() };
    caller.call(door.peers.social().delete_block(request)).await?;
    answer::no_content()
}
