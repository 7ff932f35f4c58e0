//! `/v1/activities/{id}/duplicates`: the same workout told twice.

use axum::extract::State;
use proto::activity;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{Activity, IdParam, view::Device};
use crate::{
    answer::{self, Answer, List},
    caller::Account,
    query::{Named, PathId},
    routes::{Doors, Shared},
    values::{AnId, Figure, LocalInstant, known},
};

pub(super) fn routes() -> Doors {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(link, split))
}

/// Another telling of the same workout.
#[derive(Debug, Serialize, ToSchema)]
struct Duplicate {
    id: AnId,
    /// `primary`: the one that is shown and counts; `linked`: one that it stands for; `split`: kept apart by its owner.
    #[schema(example = "linked")]
    state: String,
    #[schema(example = "healthkit")]
    source: String,
    start_at: LocalInstant,
    elapsed_time_s: Figure,
    #[serde(skip_serializing_if = "Option::is_none")]
    distance_m: Option<Figure>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    devices: Vec<Device>,
    /// Who says so: `found` by comparison, or the `owner`.
    by: String,
    /// What of it stands among the figures that are shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, example = json!(["heart_rate"]))]
    gives: Vec<String>,
    /// What was compared, in sentences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, example = json!(["they start 3 s apart"]))]
    because: Vec<String>,
}

/// What is the same workout as an activity of mine, and what I have split from it. The newest is not more right than the
/// oldest: the one with the best track is shown, completed from the others.
#[utoipa::path(get, path = "/activities/{id}/duplicates", tag = "activities", params(IdParam),
    responses((status = 200, body = List<Duplicate>)))]
async fn list(State(door): Shared, caller: Account, id: PathId) -> Answer {
    let request = activity::DuplicatesRequest { activity_id: id.bytes() };
    let reply = caller.call(door.peers.activity().duplicates(request)).await?;
    let duplicate = |twin: activity::Duplicate| Duplicate {
        id: AnId::must(&twin.activity_id),
        state: twin.state,
        source: twin.source,
        start_at: LocalInstant { us: twin.start_us, offset_s: twin.utc_offset_s },
        elapsed_time_s: Figure(twin.elapsed_time_s),
        distance_m: Figure::known(twin.distance_m),
        devices: twin.devices.into_iter().map(Device::of).collect(),
        by: known(twin.by).unwrap_or_default(),
        gives: twin.gives,
        because: twin.because,
    };
    answer::ok(&List::whole(reply.items.into_iter().map(duplicate).collect()))
}

fn asked((id, other): (Uuid, Uuid)) -> activity::LinkDuplicateRequest {
    activity::LinkDuplicateRequest { activity_id: AnId(id).bytes(), other_id: AnId(other).bytes() }
}

/// Says that another activity of mine is the same workout: it is shown as a source of this one, and counts once.
#[utoipa::path(put, path = "/activities/{id}/duplicates/{other}", tag = "activities",
    params(("id" = AnId, Path), ("other" = AnId, Path)), responses((status = 200, body = Activity)))]
async fn link(State(door): Shared, caller: Account, Named(ids): Named<(Uuid, Uuid)>) -> Answer {
    let reply = caller.call(door.peers.activity().link_duplicate(asked(ids))).await?;
    let revision = reply.revision;
    answer::versioned(answer::ok(&Activity::of(reply)), revision, None)
}

/// Says that another activity of mine is not the same workout. It is shown and counts by itself, and is not linked again
/// unless I say so.
#[utoipa::path(delete, path = "/activities/{id}/duplicates/{other}", tag = "activities",
    params(("id" = AnId, Path), ("other" = AnId, Path)), responses((status = 204)))]
async fn split(State(door): Shared, caller: Account, Named(ids): Named<(Uuid, Uuid)>) -> Answer {
    caller.call(door.peers.activity().split_duplicate(asked(ids))).await?;
    answer::no_content()
}
