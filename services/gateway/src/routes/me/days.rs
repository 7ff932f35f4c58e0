//! `/v1/me/days`: my days, put together from what several devices tell of them.

use axum::extract::State;
use proto::activity;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::statistics::{first_day, last_day};
use crate::{
    answer::{self, Answer, List},
    caller::Account,
    query::{Named, Page, Params},
    routes::{Doors, Shared},
    values::{AnId, Figure, Instant, known},
};

pub(super) fn routes() -> Doors {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Span {
    /// The first day, `2026-05-01`, or a time on it. 30 days before the last unless said otherwise.
    #[serde(default, deserialize_with = "first_day")]
    from: Option<String>,
    /// The last day, or the time before which it ends. The newest unless said otherwise.
    #[serde(default, deserialize_with = "last_day")]
    to: Option<String>,
    /// Of one type.
    #[serde(rename = "type")]
    #[param(example = "steps")]
    kind: Option<String>,
    /// `next_cursor` of the page before; bound to its list and filters.
    cursor: Option<String>,
    /// How many at most, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    #[serde(default, deserialize_with = "crate::query::limit")]
    limit: Option<u32>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct OneDay {
    /// The local day, `2026-05-01`.
    #[param(format = Date, example = "2026-05-01")]
    date: String,
    #[serde(rename = "type")]
    #[param(rename = "type", example = "steps")]
    kind: String,
}

/// What one source tells of a day, and what of that counts.
#[derive(Debug, Serialize, ToSchema)]
struct DaySource {
    #[schema(example = "healthkit")]
    source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "watch")]
    device: Option<String>,
    /// As it was told.
    value_raw: Figure,
    share: Figure,
}

/// Minutes in a row that are taken from one source.
#[derive(Debug, Serialize, ToSchema)]
struct DayRun {
    from: Instant,
    /// The end of the last of them.
    to: Instant,
    source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    value: Figure,
}

/// What of a day lies in no minute that is known.
#[derive(Debug, Serialize, ToSchema)]
struct DayRest {
    source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    value: Figure,
}

#[derive(Debug, Serialize, ToSchema)]
struct Day {
    id: AnId,
    #[schema(format = Date)]
    date: String,
    #[serde(rename = "type")]
    #[schema(example = "steps")]
    kind: String,
    /// The sum of the shares.
    value: Figure,
    #[schema(example = "count")]
    unit: String,
    sources: Vec<DaySource>,
}

#[derive(Debug, Serialize, ToSchema)]
struct DayByMinutes {
    #[serde(flatten)]
    day: Day,
    /// In order; none overlaps another.
    minutes: Vec<DayRun>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rest: Option<DayRest>,
}

impl Day {
    fn of(day: activity::DayView) -> Self {
        let source = |told: activity::DaySource| DaySource {
            source: told.source,
            device: known(told.device),
            value_raw: Figure(told.value_raw),
            share: Figure(told.share),
        };
        Self {
            id: AnId::must(&day.id),
            date: day.date,
            kind: day.r#type,
            value: Figure(day.value),
            unit: day.unit,
            sources: day.sources.into_iter().map(source).collect(),
        }
    }
}

impl DayByMinutes {
    fn of(mut day: activity::DayView) -> Self {
        let run = |run: activity::DayRun| DayRun {
            from: Instant(run.from_us),
            to: Instant(run.to_us),
            source: run.source,
            device: known(run.device),
            value: Figure(run.value),
        };
        let rest = |rest: activity::DayRest| DayRest {
            source: rest.source,
            device: known(rest.device),
            value: Figure(rest.value),
        };
        let minutes = std::mem::take(&mut day.runs).into_iter().map(run).collect();
        let rest = day.rest.take().map(rest);
        Self { day: Day::of(day), minutes, rest }
    }
}

/// My daily values, newest first.
///
/// Steps, distance, energy, floors and active time that several devices tell of one day are put together minute by
/// minute: each counts once, from one of them. Of other types (sleep, weight) the value is that of one source.
#[utoipa::path(get, path = "/me/days", tag = "activities", params(Span),
    responses((status = 200, body = List<Day>)))]
async fn list(State(door): Shared, caller: Account, Params(span): Params<Span>) -> Answer {
    let page = Page { cursor: span.cursor, limit: span.limit };
    let request = activity::ListDaysRequest {
        from: span.from.unwrap_or_default(),
        to: span.to.unwrap_or_default(),
        r#type: span.kind.unwrap_or_default(),
        cursor: caller.cursor(&page)?,
        limit: page.limit.unwrap_or_default(),
    };
    let reply = caller.call(door.peers.activity().list_days(request)).await?;
    answer::ok(&List {
        next_cursor: caller.next_cursor(&reply.next_cursor),
        items: reply.items.into_iter().map(Day::of).collect(),
    })
}

/// One of my days, with the source of each minute.
#[utoipa::path(get, path = "/me/days/{date}/{type}", tag = "activities", params(OneDay),
    responses((status = 200, body = DayByMinutes)))]
async fn show(State(door): Shared, caller: Account, Named(day): Named<OneDay>) -> Answer {
    let request = activity::GetDayRequest { date: day.date, r#type: day.kind };
    let reply = caller.call(door.peers.activity().get_day(request)).await?;
    answer::ok(&DayByMinutes::of(reply))
}
