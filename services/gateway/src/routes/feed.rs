//! `/v1/feed`: what those whom I follow did, as I may see it.
//!
//! Social knows which things come in which order; whether I may see one is asked of its service when it is read. What I
//! may not see is dropped, and the page is filled up from what comes after it.

use std::collections::HashMap;

use axum::extract::State;
use bytes::Bytes;
use proto::{activity, social};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{activities::Activity, people::Person};
use crate::{
    answer::{self, Answer, List},
    caller::Account,
    problem::Problem,
    query::{Page, Params},
    routes::{Doors, Shared},
    values::{AnId, Instant, known},
};

const USUAL: u32 = 30;
const MOST: u32 = 100;
/// How often a page is filled up: behind a wall of hidden things it is answered short, with a cursor that goes on.
const ROUNDS_MAX: usize = 5;

pub(super) fn routes() -> Doors {
    OpenApiRouter::new().routes(routes!(show))
}

/// Something that happened.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FeedItem)]
struct Item {
    id: AnId,
    /// `activity`, `achievement` or `challenge_result`.
    #[schema(example = "activity")]
    kind: String,
    at: Instant,
    account: Person,
    /// Of `activity`.
    #[serde(skip_serializing_if = "Option::is_none")]
    activity: Option<Activity>,
    /// Of `achievement`.
    #[serde(skip_serializing_if = "Option::is_none")]
    badge: Option<String>,
    /// Of `challenge_result`.
    #[serde(skip_serializing_if = "Option::is_none")]
    challenge_id: Option<AnId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rank: Option<u32>,
}

/// What those whom I follow did, newest first.
#[utoipa::path(get, path = "/feed", tag = "social", params(Page), responses((status = 200, body = List<Item>)))]
async fn show(State(door): Shared, caller: Account, Params(page): Params<Page>) -> Answer {
    let wanted = page.limit.unwrap_or(USUAL).min(MOST);
    let mut cursor = caller.cursor(&page)?;
    let mut items = Vec::new();
    for _ in 0..ROUNDS_MAX {
        let missing = wanted.saturating_sub(u32::try_from(items.len()).unwrap_or(u32::MAX));
        if missing == 0 {
            break;
        }
        let request = social::FeedRequest { cursor, limit: missing };
        let rows = caller.call(door.peers.social().feed(request)).await?;
        items.extend(seen(&caller, rows.items).await?);
        cursor = rows.next_cursor;
        if cursor.is_empty() {
            break;
        }
    }
    answer::ok(&List { items, next_cursor: caller.next_cursor(&cursor) })
}

/// The rows of which I may see something, in their order.
async fn seen(caller: &Account, rows: Vec<social::FeedItem>) -> Result<Vec<Item>, Problem> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let mut activities = activities(caller, &rows).await?;
    let item = |row: social::FeedItem| {
        // Social has decided over all but activities: those are shown or hidden by their own service.
        let activity = match row.kind.as_str() {
            "activity" => Some(activities.remove(&row.activity_id)?),
            _ => None,
        };
        // What somebody did may be for more eyes than who they are.
        let account = match row.person {
            Some(person) => Person::of(person),
            None => Person::nameless(AnId::must(&row.account_id)),
        };
        Some(Item {
            id: AnId::must(&row.id),
            kind: row.kind,
            at: Instant(row.at_us),
            account,
            activity: activity.map(Activity::of),
            badge: known(row.badge),
            challenge_id: AnId::of(&row.challenge_id),
            rank: (row.rank > 0).then_some(row.rank),
        })
    };
    Ok(rows.into_iter().filter_map(item).collect())
}

async fn activities(
    caller: &Account,
    rows: &[social::FeedItem],
) -> Result<HashMap<Bytes, activity::ActivityView>, Problem> {
    let activity_ids: Vec<_> =
        rows.iter().map(|row| row.activity_id.clone()).filter(|id| !id.is_empty()).collect();
    if activity_ids.is_empty() {
        return Ok(HashMap::new());
    }
    let request = activity::ShowActivitiesRequest { activity_ids };
    let reply = caller.call(caller.door.peers.activity().show_activities(request)).await?;
    Ok(reply.items.into_iter().map(|view| (view.id.clone(), view)).collect())
}
