//! `/v1/me/privacy`: who sees what.

mod looks;

use std::collections::BTreeMap;

use axum::extract::State;
use proto::auth;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    answer::{self, Answer, Conditions},
    caller::Account,
    json::Json,
    routes::{Doors, Shared},
    values::{Figure, Real},
};

pub(super) fn routes() -> Doors {
    OpenApiRouter::new().routes(routes!(show, put)).merge(looks::routes())
}

/// Audiences a data class, and what else is private.
#[derive(Debug, Serialize, ToSchema)]
struct Privacy {
    /// A data class → a set out of `everyone followers friends groups group:{id}`; empty = only me.
    #[schema(example = json!({"summary": ["followers", "friends"], "heart_rate": []}))]
    audiences: BTreeMap<String, Vec<String>>,
    searchable: bool,
    /// `shown` or `anonymous`.
    board_name: String,
    follow_approval: bool,
    zones: Vec<ZoneView>,
}

/// A place whose surroundings nobody else sees.
#[derive(Debug, Serialize, ToSchema)]
struct ZoneView {
    name: String,
    latitude: Figure,
    longitude: Figure,
    radius_m: Figure,
}

impl Privacy {
    fn of(privacy: auth::Privacy) -> Self {
        let zone = |zone: auth::PrivacyZone| ZoneView {
            name: zone.name,
            latitude: Figure(zone.latitude),
            longitude: Figure(zone.longitude),
            radius_m: Figure(zone.radius_m),
        };
        Self {
            audiences: privacy.audiences.into_iter().map(|one| (one.data_class, one.members)).collect(),
            searchable: privacy.searchable,
            board_name: privacy.board_name,
            follow_approval: privacy.follow_approval,
            zones: privacy.zones.into_iter().map(zone).collect(),
        }
    }
}

/// My privacy settings, with their version as `ETag`.
#[utoipa::path(get, path = "/me/privacy", tag = "me", responses((status = 200, body = Privacy), (status = 304)))]
async fn show(State(door): Shared, caller: Account, conditions: Conditions) -> Answer {
    let reply = caller.call(door.peers.auth().get_privacy(auth::GetPrivacyRequest {})).await?;
    let revision = reply.revision;
    answer::versioned(answer::ok(&Privacy::of(reply)), revision, conditions.if_none_match.as_deref())
}

/// What is left out stays as it is; `zones` replaces them all.
#[derive(Debug, Deserialize, ToSchema)]
struct Settings {
    #[schema(example = json!({"summary": ["followers", "friends"], "heart_rate": []}))]
    audiences: Option<BTreeMap<String, Vec<String>>>,
    searchable: Option<bool>,
    board_name: Option<String>,
    follow_approval: Option<bool>,
    zones: Option<Vec<Zone>>,
}

#[derive(Debug, Deserialize, ToSchema)]
struct Zone {
    #[schema(example = "home")]
    name: String,
    latitude: Real,
    longitude: Real,
    radius_m: Real,
}

/// Sets my privacy. `If-Match` says which version this changes.
#[utoipa::path(put, path = "/me/privacy", tag = "me", request_body = Settings,
    params(("If-Match" = String, Header, description = "the `ETag` that was read")),
    responses((status = 200, body = Privacy)))]
async fn put(
    State(door): Shared,
    caller: Account,
    conditions: Conditions,
    Json(body): Json<Settings>,
) -> Answer {
    let expected = answer::expected_version(conditions.if_match.as_deref())?;
    let audiences = body.audiences.unwrap_or_default().into_iter();
    let zone = |zone: Zone| auth::PrivacyZone {
        name: zone.name,
        latitude: zone.latitude.0,
        longitude: zone.longitude.0,
        radius_m: zone.radius_m.0,
    };
    let request = auth::PutPrivacyRequest {
        if_revision: Some(expected),
        audiences: audiences.map(|(data_class, members)| auth::Audience { data_class, members }).collect(),
        searchable: body.searchable,
        board_name: body.board_name,
        follow_approval: body.follow_approval,
        replace_zones: body.zones.is_some(),
        zones: body.zones.unwrap_or_default().into_iter().map(zone).collect(),
    };
    let reply = caller.call(door.peers.auth().put_privacy(request)).await?;
    let revision = reply.revision;
    answer::versioned(answer::ok(&Privacy::of(reply)), revision, None)
}
