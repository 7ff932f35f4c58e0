//! The table of contents of the public surface: one file a resource, mirroring the URL tree.
//!
//! HTTP ↔ proto only; what is allowed and what happens is decided by the services.

mod accounts;
mod achievements;
mod activities;
mod boards;
mod challenges;
mod feed;
mod groups;
mod imports;
mod live_sessions;
mod me;
mod oauth;
mod partner;
mod partners;
mod password_resets;
mod people;
mod products;
mod promos;
mod reservations;
pub(crate) mod resumables;
mod rules;
mod sessions;
mod sync;
mod uploads;

use std::sync::Arc;

use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;

use crate::door::Door;

/// Routes with their documentation.
pub(crate) type Doors = OpenApiRouter<Arc<Door>>;

/// What handlers share.
pub(crate) type Shared = State<Arc<Door>>;

/// Everything under `/v1` that answers JSON.
pub(crate) fn v1() -> Doors {
    OpenApiRouter::new()
        .merge(accounts::routes())
        .merge(sessions::routes())
        .merge(password_resets::routes())
        .merge(me::routes())
        .merge(people::routes())
        .merge(groups::routes())
        .merge(feed::routes())
        .merge(partners::routes())
        .merge(uploads::routes())
        .merge(imports::routes())
        .merge(resumables::routes())
        .merge(sync::routes())
        .merge(live_sessions::routes())
        .merge(activities::routes())
        .merge(achievements::routes())
        .merge(challenges::routes())
        .merge(boards::routes())
        .merge(rules::routes())
        .merge(products::routes())
        .merge(reservations::routes())
        .merge(promos::routes())
}

/// What stands at the root: OAuth and the partners.
pub(crate) fn root() -> Doors {
    OpenApiRouter::new().merge(oauth::routes()).merge(partner::routes())
}
