//! What is asked of statistics, and how it is told.

use jiff::civil::{Date, Weekday};
use kernel::{Refusal, Sport};
use proto::activity as api;

use crate::{
    app::{
        compare::{self, Compared, Span},
        compare_region::{self, Beside},
        records::Best,
        statistics::{Asked, Statistics},
    },
    stats::{
        Interval, Period,
        calendar::{date_of, weekday_of, weekday_word},
        compare::Change,
        records::Mark,
        streak::Streak,
    },
    wire,
};

/// Marks of one record's history.
const HISTORY_MAX: usize = 50;

pub(super) fn sport(text: &str) -> Result<Option<Sport>, Refusal> {
    named("/sport", text, "not a sport of the vocabulary", Sport::parse)
}

fn week_start(text: &str) -> Result<Option<Weekday>, Refusal> {
    named("/week_start", text, "not a day of the week", weekday_of)
}

fn interval(text: &str) -> Result<Option<Interval>, Refusal> {
    named("/interval", text, "day, week, month or year", Interval::parse)
}

fn named<T>(
    pointer: &str,
    text: &str,
    detail: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, Refusal> {
    if text.is_empty() {
        return Ok(None);
    }
    parse(text).map(Some).ok_or_else(|| Refusal::field(pointer, "unknown", detail))
}

pub(super) fn date(pointer: &str, text: &str) -> Result<Option<Date>, Refusal> {
    let plain = |text: &str| (text.len() == 10).then(|| text.parse::<Date>().ok()).flatten();
    if text.is_empty() {
        return Ok(None);
    }
    plain(text)
        .map(Some)
        .ok_or_else(|| Refusal::field(pointer, "not_a_date", "a date as 2026-05-01 is needed"))
}

pub(super) fn asked(request: &api::StatisticsRequest) -> Result<Asked, Refusal> {
    Ok(Asked {
        interval: interval(&request.interval)?.unwrap_or(Interval::Week),
        from: date("/from", &request.from)?,
        to: date("/to", &request.to)?,
        sport: sport(&request.sport)?,
        week_start: week_start(&request.week_start)?,
    })
}

/// Beside what.
pub(super) enum Wanted {
    Own(compare::Asked),
    Region(compare_region::Asked),
}

pub(super) fn comparison(request: &api::CompareRequest) -> Result<Wanted, Refusal> {
    match request.with.as_str() {
        "" | "self" => own(request).map(Wanted::Own),
        "region" => region(request).map(Wanted::Region),
        _ => Err(Refusal::field("/with", "unknown", "self or region")),
    }
}

fn region(request: &api::CompareRequest) -> Result<compare_region::Asked, Refusal> {
    let interval = interval(&request.interval)?.unwrap_or(Interval::Month);
    if interval == Interval::Day {
        return Err(Refusal::field("/interval", "unknown", "week, month or year"));
    }
    Ok(compare_region::Asked { interval, on: date("/from", &request.from)?, sport: sport(&request.sport)? })
}

fn own(request: &api::CompareRequest) -> Result<compare::Asked, Refusal> {
    let span = match (date("/from", &request.from)?, date("/to", &request.to)?) {
        (None, None) => Span::Current(interval(&request.interval)?.unwrap_or(Interval::Week)),
        (Some(from), Some(to)) => Span::Own(from, to),
        _ => return Err(Refusal::field("/from", "incomplete", "from and to belong together")),
    };
    Ok(compare::Asked { span, sport: sport(&request.sport)?, week_start: week_start(&request.week_start)? })
}

#[expect(clippy::cast_precision_loss, reason = "a double is exact up to 2^53 thousandths")]
fn unit(thousandths: i64) -> f64 {
    thousandths as f64 / 1000.0
}

fn period(period: &Period) -> api::Period {
    let sums = &period.sums;
    api::Period {
        from: date_of(period.first).to_string(),
        to: date_of(period.last).to_string(),
        count: sums.count,
        active_days: period.active_days,
        elapsed_time_s: unit(sums.elapsed_ms),
        moving_time_s: unit(sums.moving_ms),
        distance_m: sums.distance_mm.map(unit),
        ascent_m: sums.ascent_mm.map(unit),
        descent_m: sums.descent_mm.map(unit),
        energy_kj: sums.energy_j.map(unit),
    }
}

fn streak(streak: &Streak) -> api::Streak {
    let day = |day: Option<i64>| day.map(|day| date_of(day).to_string()).unwrap_or_default();
    api::Streak {
        current: streak.current,
        longest: streak.longest,
        longest_from: day(streak.longest_span.map(|(first, _)| first)),
        longest_to: day(streak.longest_span.map(|(_, last)| last)),
    }
}

pub(super) fn statistics(found: &Statistics) -> api::StatisticsResponse {
    api::StatisticsResponse {
        interval: found.interval.as_str().to_owned(),
        time_zone: found.time_zone.clone(),
        week_start: weekday_word(found.calendar.week_start).to_owned(),
        items: found.periods.iter().map(period).collect(),
        total: Some(period(&found.total)),
        days: Some(streak(&found.days)),
        weeks: Some(streak(&found.weeks)),
    }
}

pub(super) fn records(found: &[Best]) -> api::RecordsResponse {
    let mark = |mark: &Mark| api::RecordMark {
        value: unit(mark.value),
        activity_id: wire::bytes(mark.activity_id),
        at_us: mark.start_us,
        local_date: date_of(mark.day).to_string(),
    };
    let record = |best: &Best| api::PersonalRecord {
        sport: best.sport.as_str().to_owned(),
        kind: best.kind.name(),
        unit: best.kind.unit().to_owned(),
        best: best.steps.last().map(mark),
        history: best.steps.iter().rev().take(HISTORY_MAX).map(mark).collect(),
    };
    api::RecordsResponse { items: found.iter().map(record).collect() }
}

pub(super) fn compared(found: &Compared) -> api::CompareResponse {
    let change = |change: &Change| api::FigureChange {
        field: change.field.to_owned(),
        difference: unit(change.difference),
        percent: (change.before > 0).then(|| 100.0 * unit(change.difference) / unit(change.before)),
    };
    let interval = match found.span {
        Span::Current(interval) => interval.as_str(),
        Span::Own(..) => "",
    };
    api::CompareResponse {
        with: "self".to_owned(),
        interval: interval.to_owned(),
        current: Some(period(&found.current)),
        previous: Some(period(&found.previous)),
        changes: found.changes.iter().map(change).collect(),
        ..api::CompareResponse::default()
    }
}

pub(super) fn beside(found: Beside) -> api::CompareResponse {
    api::CompareResponse {
        with: "region".to_owned(),
        interval: found.interval.as_str().to_owned(),
        current: Some(period(&found.mine)),
        region: found.region.unwrap_or_default(),
        typical: found.typical,
        ..api::CompareResponse::default()
    }
}
