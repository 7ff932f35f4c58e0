//! `/v1/me/following`: all whom I follow.

use axum::extract::State;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::edges::{self, People};
use crate::{
    answer::Answer,
    caller::Account,
    query::{Page, Params},
    routes::{Doors, Shared},
};

pub(super) fn routes() -> Doors {
    OpenApiRouter::new().routes(routes!(list))
}

/// Whom I follow, newest first.
#[utoipa::path(get, path = "/me/following", tag = "social", params(Page), responses((status = 200, body = People)))]
async fn list(State(door): Shared, caller: Account, Params(page): Params<Page>) -> Answer {
    let request = edges::asked(&caller, None, &page)?;
    edges::page(&caller, caller.call(door.peers.social().list_following(request)).await?)
}
