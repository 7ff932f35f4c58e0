//! `/v1/people`: others, as the caller may see them.

use axum::extract::State;
use proto::social;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::accounts::IdParam;
use crate::{
    answer::{self, Answer},
    caller::Account,
    query::PathId,
    routes::{Doors, Shared},
    values::{AnId, known},
};

pub(super) fn routes() -> Doors {
    OpenApiRouter::new().routes(routes!(show))
}

/// What I may see of somebody.
#[derive(Debug, Serialize, ToSchema)]
struct Person {
    id: AnId,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    handle: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<String>,
    relation: Relation,
}

/// How we stand to each other.
#[derive(Debug, Serialize, ToSchema)]
struct Relation {
    friend: bool,
    follows: bool,
    followed_by: bool,
}

/// Somebody's profile as I may see it.
#[utoipa::path(get, path = "/people/{id}", tag = "people", params(IdParam), responses((status = 200, body = Person)))]
async fn show(State(door): Shared, caller: Account, id: PathId) -> Answer {
    let request = social::GetPersonRequest { account_id: id.bytes() };
    let person = caller.call(door.peers.social().get_person(request)).await?;
    let relation = person.relation.unwrap_or_default();
    answer::ok(&Person {
        id: AnId::must(&person.account_id),
        display_name: known(person.display_name),
        handle: person.handle,
        country: person.country,
        region: person.region,
        relation: Relation {
            friend: relation.friend,
            follows: relation.follows,
            followed_by: relation.followed_by,
        },
    })
}
