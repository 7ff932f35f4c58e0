//! `/v1/me`: the caller's own account.

mod blocks;
mod consents;
mod days;
mod edges;
mod followers;
mod following;
mod follows;
mod friends;
mod game;
mod leagues;
mod offers;
mod privacy;
mod statistics;

use axum::extract::State;
use proto::auth;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::accounts::Role;
use crate::{
    answer::{self, Answer},
    caller::Account,
    json::Json,
    routes::{Doors, Shared},
    values::{AnId, known},
};

pub(super) fn routes() -> Doors {
    OpenApiRouter::new()
        .routes(routes!(show, change))
        .routes(routes!(approve_device))
        .merge(privacy::routes())
        .merge(consents::routes())
        .merge(friends::routes())
        .merge(follows::routes())
        .merge(following::routes())
        .merge(followers::routes())
        .merge(blocks::routes())
        .merge(game::routes())
        .merge(leagues::routes())
        .merge(offers::routes())
        .merge(statistics::routes())
        .merge(days::routes())
}

/// An account as its owner (or an operator) sees it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Me {
    pub(super) id: AnId,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    handle: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    birth_year: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sex: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_zone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    locale: Option<String>,
    roles: Vec<Role>,
}

impl Me {
    pub(super) fn of(me: auth::Me) -> Self {
        Self {
            id: AnId::must(&me.account_id),
            email: known(me.email),
            display_name: known(me.display_name),
            handle: known(me.handle),
            birth_year: me.birth_year,
            sex: me.sex,
            country: me.country,
            region: me.region,
            time_zone: known(me.time_zone),
            locale: known(me.locale),
            roles: Role::all(me.roles),
        }
    }
}

/// My account.
#[utoipa::path(get, path = "/me", tag = "me", responses((status = 200, body = Me)))]
async fn show(State(door): Shared, caller: Account) -> Answer {
    let reply = caller.call(door.peers.auth().get_me(auth::GetMeRequest {})).await?;
    answer::ok(&Me::of(reply))
}

/// What is left out stays as it is; an empty `sex` or `region` clears it.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ProfileChanges)]
struct Changes {
    display_name: Option<String>,
    handle: Option<String>,
    birth_year: Option<i32>,
    sex: Option<String>,
    country: Option<String>,
    region: Option<String>,
    time_zone: Option<String>,
    locale: Option<String>,
}

/// Changes my profile.
#[utoipa::path(patch, path = "/me", tag = "me", request_body = Changes, responses((status = 200, body = Me)))]
async fn change(State(door): Shared, caller: Account, Json(body): Json<Changes>) -> Answer {
    let request = auth::ChangeMeRequest {
        display_name: body.display_name,
        handle: body.handle,
        birth_year: body.birth_year,
        sex: body.sex,
        country: body.country,
        region: body.region,
        time_zone: body.time_zone,
        locale: body.locale,
    };
    let reply = caller.call(door.peers.auth().change_me(request)).await?;
    answer::ok(&Me::of(reply))
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = DeviceApproval)]
struct Approval {
    #[schema(example = "WDJB-MJHT")]
    user_code: String,
}

/// Pairs the watch that shows this code.
#[utoipa::path(post, path = "/me/device-approvals", tag = "me", request_body = Approval, responses((status = 204)))]
async fn approve_device(State(door): Shared, caller: Account, Json(body): Json<Approval>) -> Answer {
    let request = auth::ApproveDeviceRequest { user_code: body.user_code };
    caller.call(door.peers.auth().approve_device(request)).await?;
    answer::no_content()
}
