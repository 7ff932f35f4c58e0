//! `/v1/people`: others, as the caller may see them.

use axum::extract::State;
use proto::social;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::accounts::IdParam;
use crate::{
    answer::{self, Answer, List},
    caller::Account,
    query::{Page, Params, PathId, limit},
    routes::{Doors, Shared},
    values::{AnId, SportWord, known},
};

pub(super) fn routes() -> Doors {
    OpenApiRouter::new().routes(routes!(search)).routes(routes!(show))
}

/// What I may see of somebody.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Person {
    pub(super) id: AnId,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    handle: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    relation: Option<Relation>,
}

/// How we stand to each other.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Relation {
    friend: bool,
    follows: bool,
    followed_by: bool,
}

impl Relation {
    pub(super) fn of(relation: social::PersonRelation) -> Self {
        Self { friend: relation.friend, follows: relation.follows, followed_by: relation.followed_by }
    }
}

impl Person {
    pub(super) fn of(person: social::Person) -> Self {
        Self {
            id: AnId::must(&person.account_id),
            display_name: known(person.display_name),
            handle: person.handle,
            country: person.country,
            region: person.region,
            relation: person.relation.map(Relation::of),
        }
    }

    /// Somebody of whom nothing but the id may be seen.
    pub(super) fn nameless(id: AnId) -> Self {
        Self { id, display_name: None, handle: None, country: None, region: None, relation: None }
    }
}

/// Somebody's profile as I may see it.
#[utoipa::path(get, path = "/people/{id}", tag = "people", params(IdParam), responses((status = 200, body = Person)))]
async fn show(State(door): Shared, caller: Account, id: PathId) -> Answer {
    let request = social::GetPersonRequest { account_id: id.bytes() };
    let mut person = caller.call(door.peers.social().get_person(request)).await?;
    // Whoever may be seen at all says how we stand.
    person.relation.get_or_insert_default();
    answer::ok(&Person::of(person))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Search {
    /// A name or a handle, in any script; may be left out when a region or a sport is given.
    q: Option<String>,
    /// ISO 3166-2.
    #[param(example = "KZ-75")]
    region: Option<String>,
    #[param(value_type = Option<SportWord>)]
    sport: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// How many at most, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    #[serde(default, deserialize_with = "limit")]
    limit: Option<u32>,
}

/// People who may be found, best match first.
#[utoipa::path(get, path = "/people", tag = "people", params(Search),
    responses((status = 200, body = List<Person>)))]
async fn search(State(door): Shared, caller: Account, Params(search): Params<Search>) -> Answer {
    let page = Page { cursor: search.cursor, limit: search.limit };
    let request = social::SearchPeopleRequest {
        q: search.q.unwrap_or_default(),
        region: search.region.unwrap_or_default(),
        sport: search.sport.unwrap_or_default(),
        cursor: caller.cursor(&page)?,
        limit: page.limit.unwrap_or_default(),
    };
    let reply = caller.call(door.peers.social().search_people(request)).await?;
    answer::ok(&List {
        next_cursor: caller.next_cursor(&reply.next_cursor),
        items: reply.items.into_iter().map(Person::of).collect(),
    })
}
