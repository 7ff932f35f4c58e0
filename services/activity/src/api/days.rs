//! What is asked of days, and how they are told.

use kernel::{Code, Refusal};
use proto::activity as api;

use super::statistics::date;
use crate::{
    app::show_days::{Behind, Day, Page, Source, Wanted},
    domain::{daily::DeviceKind, units},
    wire,
};

/// Of the figures of minutes: thousandths.
const EXACT: f64 = 1_000.0;

pub(super) fn wanted(request: api::ListDaysRequest) -> Result<Wanted, Refusal> {
    Ok(Wanted {
        from: date("/from", &request.from)?,
        to: date("/to", &request.to)?,
        kind: (!request.r#type.is_empty()).then_some(request.r#type),
        behind: behind(&request.cursor)?,
        limit: request.limit,
    })
}

/// Which day. What is no day and no type is not found.
pub(super) fn one(request: api::GetDayRequest) -> Result<(jiff::civil::Date, String), Refusal> {
    let named =
        date("/date", &request.date).ok().flatten().filter(|_| !units::own(&request.r#type).is_empty());
    named.map(|date| (date, request.r#type)).ok_or_else(Refusal::not_found)
}

fn behind(cursor: &str) -> Result<Option<Behind>, Refusal> {
    if cursor.is_empty() {
        return Ok(None);
    }
    let read = || {
        let (date, kind) = cursor.split_once('/')?;
        Some(Behind { date: date.parse().ok()?, kind: kind.to_owned() })
    };
    read().map(Some).ok_or_else(|| Refusal::new(Code::BadCursor, "this cursor is not ours"))
}

pub(super) fn page(page: Page) -> api::ListDaysResponse {
    let next_cursor = page.next.map(|behind| format!("{}/{}", behind.date, behind.kind));
    api::ListDaysResponse {
        items: page.items.iter().map(day).collect(),
        next_cursor: next_cursor.unwrap_or_default(),
    }
}

/// Without its minutes.
fn day(day: &Day) -> api::DayView {
    let sources = day.sources.iter().zip(&day.united.shares);
    api::DayView {
        id: wire::bytes(day.id),
        date: day.date.clone(),
        r#type: day.kind.clone(),
        value: exact(day.united.value()),
        unit: units::own(&day.kind).to_owned(),
        sources: sources
            .map(|(told, share)| api::DaySource {
                source: told.source.clone(),
                device: device(told),
                value_raw: told.daily.value,
                share: *share,
            })
            .collect(),
        runs: Vec::new(),
        rest: None,
    }
}

/// With them.
pub(super) fn by_minutes(found: &Day) -> api::DayView {
    let (runs, rest) = (found.united.runs.iter(), found.united.rest);
    let source = |of: usize| &found.sources[of];
    api::DayView {
        runs: runs
            .map(|run| api::DayRun {
                from_us: run.from_us,
                to_us: run.to_us,
                source: source(run.of).source.clone(),
                device: device(source(run.of)),
                value: exact(run.value),
            })
            .collect(),
        rest: rest.map(|(of, value)| api::DayRest {
            source: source(of).source.clone(),
            device: device(source(of)),
            value: exact(value),
        }),
        ..day(found)
    }
}

fn device(told: &Source) -> String {
    told.daily.device.map(DeviceKind::as_str).unwrap_or_default().to_owned()
}

fn exact(value: f64) -> f64 {
    (value * EXACT).round() / EXACT
}
