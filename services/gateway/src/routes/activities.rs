//! `/v1/activities`: mine, and others' as I may see them.

mod columns;
mod comments;
mod detail;
mod duplicates;
mod export;
mod kudos;
mod verdict;
mod view;

use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use futures::StreamExt;
use http::{HeaderMap, HeaderValue, header};
use kernel::Code;
use proto::activity::{self, original_chunk::Part};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) use self::view::Activity;
use super::accounts::IdParam;
use crate::{
    answer::{self, Answer, Conditions, List},
    caller::Account,
    json::Json,
    problem::Problem,
    query::{Page, Params, PathId, limit, time},
    routes::{Doors, Shared},
    values::{AnId, Figure, Instant, Real, SportWord, Time},
};

pub(super) fn routes() -> Doors {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, change, delete))
        .routes(routes!(restore))
        .routes(routes!(history))
        .routes(routes!(columns::streams))
        .routes(routes!(explanation))
        .routes(routes!(original))
        .routes(routes!(export::export))
        .merge(duplicates::routes())
        .merge(verdict::routes())
        .merge(kudos::routes())
        .merge(comments::routes())
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    #[param(value_type = Option<SportWord>)]
    sport: Option<String>,
    /// Started at or after.
    #[serde(default, deserialize_with = "time")]
    #[param(value_type = Option<Time>)]
    after: Option<Time>,
    /// Started before.
    #[serde(default, deserialize_with = "time")]
    #[param(value_type = Option<Time>)]
    before: Option<Time>,
    /// Somebody else's, as far as I may see them.
    account: Option<AnId>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// How many at most, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    #[serde(default, deserialize_with = "limit")]
    limit: Option<u32>,
}

/// Activities, newest first.
#[utoipa::path(get, path = "/activities", tag = "activities", params(Filter),
    responses((status = 200, body = List<Activity>)))]
async fn list(State(door): Shared, caller: Account, Params(filter): Params<Filter>) -> Answer {
    let page = Page { cursor: filter.cursor, limit: filter.limit };
    let request = activity::ListActivitiesRequest {
        account_id: filter.account.map(AnId::bytes).unwrap_or_default(),
        sport: filter.sport.unwrap_or_default(),
        after_us: filter.after.map(Time::us),
        before_us: filter.before.map(Time::us),
        cursor: caller.cursor(&page)?,
        limit: page.limit.unwrap_or_default(),
        as_account_id: Default::default(),
    };
    let reply = caller.call(door.peers.activity().list_activities(request)).await?;
    answer::ok(&List {
        next_cursor: caller.next_cursor(&reply.next_cursor),
        items: reply.items.into_iter().map(Activity::of).collect(),
    })
}

/// An activity written by hand.
#[derive(Debug, Deserialize, ToSchema)]
struct Entry {
    #[schema(value_type = SportWord, example = "running")]
    sport: String,
    sub_sport: Option<String>,
    name: Option<String>,
    start_at: Time,
    time_zone: Option<String>,
    elapsed_time_s: Real,
    timer_time_s: Option<Real>,
    /// The timer's, unless said.
    moving_time_s: Option<Real>,
    distance_m: Option<Real>,
    ascent_m: Option<Real>,
    descent_m: Option<Real>,
    energy_kj: Option<Real>,
    heart_rate_avg_bpm: Option<Real>,
    heart_rate_max_bpm: Option<Real>,
    power_avg_w: Option<Real>,
    power_max_w: Option<Real>,
    cadence_avg_rpm: Option<Real>,
    #[schema(example = json!(["followers"]))]
    visibility: Option<Vec<String>>,
}

fn figure(real: Option<Real>) -> Option<f64> {
    real.map(|real| real.0)
}

fn visibility(audiences: Option<Vec<String>>) -> Option<activity::Visibility> {
    audiences.map(|audiences| activity::Visibility { audiences })
}

/// Writes an activity by hand.
#[utoipa::path(post, path = "/activities", tag = "activities", request_body = Entry,
    responses((status = 201, body = Activity)))]
async fn create(State(door): Shared, caller: Account, Json(body): Json<Entry>) -> Answer {
    let request = activity::CreateActivityRequest {
        sport: body.sport,
        sub_sport: body.sub_sport.unwrap_or_default(),
        name: body.name.unwrap_or_default(),
        start_us: body.start_at.us(),
        utc_offset_s: body.start_at.offset_s,
        time_zone: body.time_zone.unwrap_or_default(),
        elapsed_time_s: body.elapsed_time_s.0,
        timer_time_s: figure(body.timer_time_s),
        moving_time_s: figure(body.moving_time_s),
        distance_m: figure(body.distance_m),
        ascent_m: figure(body.ascent_m),
        descent_m: figure(body.descent_m),
        energy_kj: figure(body.energy_kj),
        heart_rate_avg_bpm: figure(body.heart_rate_avg_bpm),
        heart_rate_max_bpm: figure(body.heart_rate_max_bpm),
        power_avg_w: figure(body.power_avg_w),
        power_max_w: figure(body.power_max_w),
        cadence_avg_rpm: figure(body.cadence_avg_rpm),
        visibility: visibility(body.visibility),
    };
    let reply = caller.call(door.peers.activity().create_activity(request)).await?;
    let revision = reply.revision;
    let activity = Activity::of(reply);
    let location = activity.location();
    answer::versioned(answer::created(&location, &activity), revision, None)
}

/// One activity, with its revision as `ETag`.
#[utoipa::path(get, path = "/activities/{id}", tag = "activities", params(IdParam),
    responses((status = 200, body = Activity), (status = 304)))]
async fn show(State(door): Shared, caller: Account, id: PathId, conditions: Conditions) -> Answer {
    let request = activity::GetActivityRequest { activity_id: id.bytes() };
    let reply = caller.call(door.peers.activity().get_activity(request)).await?;
    let revision = reply.revision;
    answer::versioned(answer::ok(&Activity::of(reply)), revision, conditions.if_none_match.as_deref())
}

/// What is left out stays as it is. Start, times and figures change on entries written by hand only.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ActivityChanges)]
struct Changes {
    name: Option<String>,
    #[schema(value_type = Option<SportWord>)]
    sport: Option<String>,
    sub_sport: Option<String>,
    /// null: back to the account's own settings.
    #[serde(default, deserialize_with = "named")]
    #[schema(value_type = Option<Vec<String>>)]
    visibility: Option<Option<Vec<String>>>,
    start_at: Option<Time>,
    elapsed_time_s: Option<Real>,
    timer_time_s: Option<Real>,
    moving_time_s: Option<Real>,
    distance_m: Option<Real>,
    ascent_m: Option<Real>,
    descent_m: Option<Real>,
    energy_kj: Option<Real>,
    power_avg_w: Option<Real>,
    power_max_w: Option<Real>,
    cadence_avg_rpm: Option<Real>,
}

/// Tells null, `Some(None)`, from what was left out, `None`.
fn named<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

/// Changes an activity of mine. `If-Match` says which revision this changes.
#[utoipa::path(patch, path = "/activities/{id}", tag = "activities", request_body = Changes,
    params(IdParam, ("If-Match" = String, Header, description = "the `ETag` that was read")),
    responses((status = 200, body = Activity)))]
async fn change(
    State(door): Shared,
    caller: Account,
    id: PathId,
    conditions: Conditions,
    Json(body): Json<Changes>,
) -> Answer {
    let request = activity::ChangeActivityRequest {
        activity_id: id.bytes(),
        expected_revision: answer::expected_version(conditions.if_match.as_deref())?,
        name: body.name,
        sport: body.sport,
        sub_sport: body.sub_sport,
        clear_visibility: matches!(body.visibility, Some(None)),
        visibility: visibility(body.visibility.flatten()),
        start_us: body.start_at.map(Time::us),
        utc_offset_s: body.start_at.and_then(|start| start.offset_s),
        elapsed_time_s: figure(body.elapsed_time_s),
        timer_time_s: figure(body.timer_time_s),
        moving_time_s: figure(body.moving_time_s),
        distance_m: figure(body.distance_m),
        ascent_m: figure(body.ascent_m),
        descent_m: figure(body.descent_m),
        energy_kj: figure(body.energy_kj),
        power_avg_w: figure(body.power_avg_w),
        power_max_w: figure(body.power_max_w),
        cadence_avg_rpm: figure(body.cadence_avg_rpm),
    };
    let reply = caller.call(door.peers.activity().change_activity(request)).await?;
    let revision = reply.revision;
    answer::versioned(answer::ok(&Activity::of(reply)), revision, None)
}

/// Deletes an activity of mine; for 30 days, unless the operator says otherwise, it can be restored.
///
/// Then what is kept of it is destroyed, and with the last activity of a file the file.
#[utoipa::path(delete, path = "/activities/{id}", tag = "activities", params(IdParam), responses((status = 204)))]
async fn delete(State(door): Shared, caller: Account, id: PathId, conditions: Conditions) -> Answer {
    let expected =
        conditions.if_match.as_deref().map(|tag| answer::expected_version(Some(tag))).transpose()?;
    let request = activity::DeleteActivityRequest { activity_id: id.bytes(), expected_revision: expected };
    caller.call(door.peers.activity().delete_activity(request)).await?;
    answer::no_content()
}

/// Takes a deletion back. What was purged since is not found.
#[utoipa::path(post, path = "/activities/{id}/restore", tag = "activities", params(IdParam),
    responses((status = 200, body = Activity)))]
async fn restore(State(door): Shared, caller: Account, id: PathId) -> Answer {
    let request = activity::RestoreActivityRequest { activity_id: id.bytes() };
    let reply = caller.call(door.peers.activity().restore_activity(request)).await?;
    let revision = reply.revision;
    answer::versioned(answer::ok(&Activity::of(reply)), revision, None)
}

/// An activity as it was from some moment on.
#[derive(Debug, Serialize, ToSchema)]
struct Revision {
    revision: u64,
    at: Instant,
    /// `recorded`, `replaced`, `edited`, `cropped`, `recomputed`, `deleted`, `restored`, `linked`, `unlinked`, `fused`, `flagged`,
    /// `appealed` or `cleared`.
    kind: String,
    /// `owner`, `device`, `moderator`, or `system`: what was found or worked out here.
    actor: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    changed: Vec<String>,
    /// As it was then; absent when it was deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    activity: Option<Activity>,
}

/// The history of an activity of mine, newest first.
#[utoipa::path(get, path = "/activities/{id}/history", tag = "activities", params(IdParam, Page),
    responses((status = 200, body = List<Revision>)))]
async fn history(State(door): Shared, caller: Account, id: PathId, Params(page): Params<Page>) -> Answer {
    let request = activity::HistoryRequest {
        activity_id: id.bytes(),
        cursor: caller.cursor(&page)?,
        limit: page.limit.unwrap_or_default(),
    };
    let reply = caller.call(door.peers.activity().history(request)).await?;
    let revision = |revision: activity::Revision| Revision {
        revision: revision.revision,
        at: Instant(revision.at_us),
        kind: revision.kind,
        actor: revision.actor,
        changed: revision.changed,
        activity: revision.activity.map(Activity::of),
    };
    answer::ok(&List {
        next_cursor: caller.next_cursor(&reply.next_cursor),
        items: reply.items.into_iter().map(revision).collect(),
    })
}

/// How a total is had that nobody worked out: as it was told.
const AS_STATED: &str = "as-stated";

/// Where a total comes from.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TotalExplanation)]
struct Explanation {
    /// A total; `laps`, `splits.km`, `splits.mile` (the value: how many); `efforts.5km`.
    #[schema(example = "ascent_m")]
    field: String,
    value: Figure,
    /// `device`, `client`, `owner` or `computed`.
    source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "hysteresis-3m")]
    algorithm: Option<String>,
    version: u32,
    /// Where it is, or is worked out from, another recording of the same workout.
    #[serde(skip_serializing_if = "Option::is_none")]
    given_by: Option<Giver>,
}

/// Which other recording of the same workout gave it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TotalGiver)]
struct Giver {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "healthkit")]
    source: Option<String>,
    /// Told to its owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    activity_id: Option<AnId>,
}

impl Giver {
    fn of(item: &activity::Explanation) -> Option<Self> {
        let source = crate::values::known(item.given_by_source.clone());
        let activity_id = AnId::of(&item.given_by_activity_id);
        (source.is_some() || activity_id.is_some()).then_some(Self { source, activity_id })
    }
}

/// Where each total of an activity comes from.
#[utoipa::path(get, path = "/activities/{id}/explanation", tag = "activities", params(IdParam),
    responses((status = 200, body = List<Explanation>)))]
async fn explanation(State(door): Shared, caller: Account, id: PathId) -> Answer {
    let request = activity::ExplanationRequest { activity_id: id.bytes() };
    let reply = caller.call(door.peers.activity().explanation(request)).await?;
    let finite = reply.items.into_iter().filter(|item| item.value.is_finite());
    let explanation = |item: activity::Explanation| Explanation {
        given_by: Giver::of(&item),
        field: item.field,
        value: Figure(item.value),
        source: item.source,
        algorithm: crate::values::known(item.algorithm).or_else(|| Some(AS_STATED.to_owned())),
        version: item.version.max(1),
    };
    answer::ok(&List::whole(finite.map(explanation).collect()))
}

/// The file that an activity of mine came in, as it was.
#[utoipa::path(get, path = "/activities/{id}/original", tag = "activities", params(IdParam),
    responses((status = 200, content((String = "application/vnd.ant.fit"), (String = "application/gpx+xml"),
        (String = "application/vnd.garmin.tcx+xml"), (String = "application/gzip"),
        (String = "application/octet-stream")))))]
async fn original(State(door): Shared, caller: Account, id: PathId) -> Answer {
    let request = activity::OriginalRequest { activity_id: id.bytes() };
    file(caller.call(door.peers.activity().original(request)).await?).await
}

/// A file that comes in chunks after a header.
async fn file(mut chunks: tonic::Streaming<activity::OriginalChunk>) -> Answer {
    let first = chunks.next().await.transpose().map_err(|status| Problem(platform::refusal(&status)))?;
    let Some(activity::OriginalChunk { part: Some(Part::Header(head)) }) = first else {
        return Err(Problem::new(Code::Internal, "a file without a header"));
    };
    let data = chunks.filter_map(|chunk| async move {
        match chunk {
            Ok(activity::OriginalChunk { part: Some(Part::Data(data)) }) => Some(Ok(data)),
            Ok(_) => None,
            Err(status) => Some(Err(status)),
        }
    });
    let mut response: Response = Body::from_stream(data).into_response();
    describe(response.headers_mut(), &head);
    Ok(response)
}

/// Of files of activities, as they came and as they are written.
const FILE_TYPES: [&str; 4] =
    ["application/vnd.ant.fit", "application/gpx+xml", "application/vnd.garmin.tcx+xml", "application/gzip"];

fn describe(headers: &mut HeaderMap, head: &activity::OriginalHeader) {
    // Whatever the file says it is, a browser must only ever save it: of these words, and as an attachment.
    let kind = FILE_TYPES.into_iter().find(|kind| *kind == head.content_type);
    let kind = kind.unwrap_or("application/octet-stream");
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if head.size_bytes > 0 {
        headers.insert(header::CONTENT_LENGTH, head.size_bytes.unsigned_abs().into());
    }
    let plain = |byte: &char| byte.is_ascii_alphanumeric() || "-_. ".contains(*byte);
    let name: String = head.filename.chars().filter(plain).take(100).collect();
    let name = if name.trim_matches(['.', ' ']).is_empty() { "activity" } else { name.as_str() };
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
}
