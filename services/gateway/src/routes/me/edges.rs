//! What friends, follows, followers and blocks have in common: an edge to somebody, and a page of them.

use proto::social;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::{
    answer::{self, Answer},
    caller::Account,
    problem::Problem,
    query::Page,
    routes::people::Person,
    values::{AnId, Instant},
};

/// The path parameter `account_id`, for documents.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[allow(dead_code, reason = "only read by the document")]
pub(super) struct AccountParam {
    account_id: AnId,
}

/// How we stand to each other now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Edge {
    /// The other account.
    id: AnId,
    /// `friend invited received`, `following requested`, `blocked` or `none`.
    #[schema(example = "friend")]
    state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Instant>,
}

pub(super) fn edge(view: social::EdgeView) -> Answer {
    answer::ok(&Edge {
        id: AnId::must(&view.account_id),
        state: view.state,
        since: Instant::known(view.since_us),
    })
}

/// Somebody on one of my lists; with the id alone when the profile may not be seen.
#[derive(Debug, Serialize, ToSchema)]
struct Listed {
    #[serde(flatten)]
    person: Person,
    #[schema(example = "friend")]
    state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Instant>,
}

/// A page of people, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct People {
    items: Vec<Listed>,
    /// Send it as `cursor` to go on; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    /// Of all in this state, not of this page alone.
    count: u64,
}

pub(super) fn asked(
    caller: &Account,
    state: Option<String>,
    page: &Page,
) -> Result<social::ListEdgesRequest, Problem> {
    Ok(social::ListEdgesRequest {
        state: state.unwrap_or_default(),
        cursor: caller.cursor(page)?,
        limit: page.limit.unwrap_or_default(),
    })
}

pub(super) fn page(caller: &Account, reply: social::ListEdgesResponse) -> Answer {
    let listed = |edge: social::Edge| Listed {
        person: Person::of(edge.person.unwrap_or_default()),
        state: edge.state,
        since: Instant::known(edge.since_us),
    };
    answer::ok(&People {
        next_cursor: caller.next_cursor(&reply.next_cursor),
        items: reply.items.into_iter().map(listed).collect(),
        count: reply.count,
    })
}
