//! `/v1/me/statistics`, `/v1/me/records`, `/v1/me/comparison`: what my activities add up to.

use axum::extract::State;
use jiff::{
    civil::{Date, Time as TimeOfDay},
    tz::Offset,
};
use proto::activity;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    answer::{self, Answer, List},
    caller::Account,
    query::Params,
    routes::{Doors, Shared},
    values::{AnId, Figure, Instant, SportWord, Time, known},
};

pub(super) fn routes() -> Doors {
    OpenApiRouter::new().routes(routes!(statistics)).routes(routes!(records)).routes(routes!(comparison))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Span {
    /// How long a period is: `week` unless said otherwise.
    #[param(inline, value_type = Option<IntervalWord>)]
    interval: Option<String>,
    /// The first day, `2026-05-01`, or a time on it. Widened to whole periods.
    #[serde(default, deserialize_with = "first_day")]
    from: Option<String>,
    /// The last day, `2026-05-31`, or the time before which it ends. Today unless said otherwise.
    #[serde(default, deserialize_with = "last_day")]
    to: Option<String>,
    /// Of one sport; a leg of a multisport activity counts for its own.
    #[param(value_type = Option<SportWord>)]
    sport: Option<String>,
    /// The day on which weeks begin, `monday`; unless said otherwise the usual one of my locale or country.
    week_start: Option<String>,
}

#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
#[schema(rename_all = "snake_case")]
enum IntervalWord {
    Day,
    Week,
    Month,
    Year,
}

/// A date, or the day of a time on the clock that it was written by.
pub(super) fn first_day<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    day(&String::deserialize(deserializer)?, |date, _| Some(date)).ok_or_else(not_a_day).map(Some)
}

/// A date, or the last day before a time.
pub(super) fn last_day<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    let before = |date: Date, time: TimeOfDay| {
        if time == TimeOfDay::midnight() { date.yesterday().ok() } else { Some(date) }
    };
    day(&String::deserialize(deserializer)?, before).ok_or_else(not_a_day).map(Some)
}

fn day(text: &str, of_time: impl Fn(Date, TimeOfDay) -> Option<Date>) -> Option<String> {
    if text.len() == 10 {
        return text.parse::<Date>().ok().map(|date| date.to_string());
    }
    // A plus sign that was not escaped arrives as a space.
    let time = Time::parse(&text.replace(' ', "+"))?;
    let offset = Offset::from_seconds(time.offset_s.unwrap_or(0)).ok()?;
    let local = offset.to_datetime(time.at);
    of_time(local.date(), local.time()).map(|date| date.to_string())
}

fn not_a_day<E: serde::de::Error>() -> E {
    E::custom("a date as 2026-05-01, or a time as RFC 3339 has it, is needed")
}

/// What a span of days adds up to. What no activity in it tells of is absent.
#[derive(Debug, Serialize, ToSchema)]
struct Period {
    /// The first day.
    #[schema(format = Date)]
    from: String,
    /// The last day.
    #[schema(format = Date)]
    to: String,
    /// Activities.
    count: u32,
    /// Days with at least one.
    active_days: u32,
    elapsed_time_s: Figure,
    /// Of each activity its moving time, else its timer's, else its elapsed time.
    moving_time_s: Figure,
    #[serde(skip_serializing_if = "Option::is_none")]
    distance_m: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ascent_m: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    descent_m: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    energy_kj: Option<Figure>,
}

impl Period {
    fn of(period: activity::Period) -> Self {
        Self {
            from: period.from,
            to: period.to,
            count: period.count,
            active_days: period.active_days,
            elapsed_time_s: Figure(period.elapsed_time_s),
            moving_time_s: Figure(period.moving_time_s),
            distance_m: Figure::known(period.distance_m),
            ascent_m: Figure::known(period.ascent_m),
            descent_m: Figure::known(period.descent_m),
            energy_kj: Figure::known(period.energy_kj),
        }
    }
}

/// In a row.
#[derive(Debug, Serialize, ToSchema)]
struct Streak {
    /// Up to today, or up to the one before while this one is not over.
    current: u32,
    longest: u32,
    /// The first day of the longest.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = Date)]
    longest_from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = Date)]
    longest_to: Option<String>,
}

impl Streak {
    fn of(streak: Option<activity::Streak>) -> Self {
        let streak = streak.unwrap_or_default();
        Self {
            current: streak.current,
            longest: streak.longest,
            longest_from: known(streak.longest_from),
            longest_to: known(streak.longest_to),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
struct Streaks {
    /// Days with an activity.
    days: Streak,
    /// Weeks with one.
    weeks: Streak,
}

#[derive(Debug, Serialize, ToSchema)]
struct Statistics {
    #[schema(inline, value_type = IntervalWord)]
    interval: String,
    /// What today is said by. Past days stay those of where they were spent.
    time_zone: String,
    #[schema(example = "monday")]
    week_start: String,
    /// Each period of the span, the empty ones too, oldest first.
    items: Vec<Period>,
    /// All of them together.
    total: Period,
    /// Of all time.
    streaks: Streaks,
}

/// My sums by day, week, month or year, and my streaks.
///
/// An activity belongs to the day on which it began, on the clock of where it began. Deleted activities count nowhere.
#[utoipa::path(get, path = "/me/statistics", tag = "activities", params(Span),
    responses((status = 200, body = Statistics)))]
async fn statistics(State(door): Shared, caller: Account, Params(span): Params<Span>) -> Answer {
    let request = activity::StatisticsRequest {
        interval: span.interval.unwrap_or_default(),
        from: span.from.unwrap_or_default(),
        to: span.to.unwrap_or_default(),
        sport: span.sport.unwrap_or_default(),
        week_start: span.week_start.unwrap_or_default(),
    };
    let reply = caller.call(door.peers.activity().statistics(request)).await?;
    answer::ok(&Statistics {
        interval: reply.interval,
        time_zone: reply.time_zone,
        week_start: reply.week_start,
        items: reply.items.into_iter().map(Period::of).collect(),
        total: Period::of(reply.total.unwrap_or_default()),
        streaks: Streaks { days: Streak::of(reply.days), weeks: Streak::of(reply.weeks) },
    })
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct OfSport {
    /// Of one sport; a leg of a multisport activity counts for its own.
    #[param(value_type = Option<SportWord>)]
    sport: Option<String>,
}

/// A mark, and the activity that set it.
#[derive(Debug, Serialize, ToSchema)]
struct RecordMark {
    value: Figure,
    activity_id: AnId,
    /// When the activity began.
    at: Instant,
    /// On the clock of where it began.
    #[schema(format = Date)]
    local_date: String,
}

impl RecordMark {
    fn of(mark: activity::RecordMark) -> Self {
        Self {
            value: Figure(mark.value),
            activity_id: AnId::must(&mark.activity_id),
            at: Instant(mark.at_us),
            local_date: mark.local_date,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
struct PersonalRecord {
    #[schema(value_type = SportWord)]
    sport: String,
    /// `longest_distance`, `longest_time`, `most_ascent`, `most_energy`; the best time over a distance, `fastest_400m` to
    /// `fastest_marathon`; the best mean power over a time, `power_5s` to `power_60min`.
    #[schema(example = "longest_distance")]
    kind: String,
    /// Of the values: m, s, kJ or W.
    #[schema(example = "m")]
    unit: String,
    #[serde(flatten)]
    best: RecordMark,
    /// Every mark that was the best when it was set, newest first; at most 50.
    history: Vec<RecordMark>,
}

/// My personal records, and how they came about.
///
/// Whatever is edited or deleted gives its records back to whichever activity had them before.
#[utoipa::path(get, path = "/me/records", tag = "activities", params(OfSport),
    responses((status = 200, body = List<PersonalRecord>)))]
async fn records(State(door): Shared, caller: Account, Params(of): Params<OfSport>) -> Answer {
    let request = activity::RecordsRequest { sport: of.sport.unwrap_or_default() };
    let reply = caller.call(door.peers.activity().records(request)).await?;
    let record = |record: activity::PersonalRecord| {
        Some(PersonalRecord {
            sport: record.sport,
            kind: record.kind,
            unit: record.unit,
            best: RecordMark::of(record.best?),
            history: record.history.into_iter().map(RecordMark::of).collect(),
        })
    };
    answer::ok(&List::whole(reply.items.into_iter().filter_map(record).collect()))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Beside {
    /// `self`: the same span before. `region`: what is usual in mine, for those who agreed to `region_comparison`.
    #[param(example = "self")]
    with: Option<String>,
    /// `self`: the period that today is in, so far, beside as many days of the one before; `week` unless said
    /// otherwise. `region`: a whole period that is over, `month` unless said otherwise; weeks begin on Mondays.
    #[param(inline, value_type = Option<IntervalWord>)]
    interval: Option<String>,
    /// `self`, with `to`, in place of `interval`: these days, beside as many right before. `region`: a day of the
    /// period, the newest that is over unless said otherwise.
    #[serde(default, deserialize_with = "first_day")]
    from: Option<String>,
    #[serde(default, deserialize_with = "last_day")]
    to: Option<String>,
    #[param(value_type = Option<SportWord>)]
    sport: Option<String>,
    /// The day on which weeks begin, `monday`.
    week_start: Option<String>,
}

/// How one figure changed.
#[derive(Debug, Serialize, ToSchema)]
struct FigureChange {
    #[schema(example = "distance_m")]
    field: String,
    difference: Figure,
    /// Absent where there was nothing before.
    #[serde(skip_serializing_if = "Option::is_none")]
    percent: Option<Figure>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Comparison {
    with: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(inline, value_type = Option<IntervalWord>)]
    interval: Option<String>,
    current: Period,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<Period>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    changes: Vec<FigureChange>,
    /// Of `region`: mine.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "KZ-75")]
    region: Option<String>,
    /// Of `region`: absent where there are not enough people to say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    typical: Option<Typical>,
}

/// What is usual in a region: of each figure the mean of the middle half of those who have it, at least 20 people, to
/// two digits. It is worked out once, two days after the period's end or later, and is the same ever after.
#[derive(Debug, Serialize, ToSchema)]
struct Typical {
    /// Rounded down to one digit.
    people_at_least: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    active_days: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    moving_time_s: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    distance_m: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ascent_m: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    energy_kj: Option<Figure>,
}

impl Typical {
    fn of(typical: activity::Typical) -> Self {
        Self {
            people_at_least: typical.people_at_least,
            count: Figure::known(typical.count),
            active_days: Figure::known(typical.active_days),
            moving_time_s: Figure::known(typical.moving_time_s),
            distance_m: Figure::known(typical.distance_m),
            ascent_m: Figure::known(typical.ascent_m),
            energy_kj: Figure::known(typical.energy_kj),
        }
    }
}

/// A span of mine beside the one before it, or beside what is usual in my region.
#[utoipa::path(get, path = "/me/comparison", tag = "activities", params(Beside),
    responses((status = 200, body = Comparison)))]
async fn comparison(State(door): Shared, caller: Account, Params(beside): Params<Beside>) -> Answer {
    let request = activity::CompareRequest {
        with: beside.with.unwrap_or_default(),
        interval: beside.interval.unwrap_or_default(),
        from: beside.from.unwrap_or_default(),
        to: beside.to.unwrap_or_default(),
        sport: beside.sport.unwrap_or_default(),
        week_start: beside.week_start.unwrap_or_default(),
    };
    let reply = caller.call(door.peers.activity().compare(request)).await?;
    let change = |change: activity::FigureChange| FigureChange {
        field: change.field,
        difference: Figure(change.difference),
        percent: Figure::known(change.percent),
    };
    answer::ok(&Comparison {
        with: reply.with,
        interval: known(reply.interval),
        current: Period::of(reply.current.unwrap_or_default()),
        previous: reply.previous.map(Period::of),
        changes: reply.changes.into_iter().map(change).collect(),
        region: known(reply.region),
        typical: reply.typical.map(Typical::of),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &str) -> Option<(String, String)> {
        let span: Span = serde_urlencoded(query)?;
        Some((span.from.unwrap_or_default(), span.to.unwrap_or_default()))
    }

    fn serde_urlencoded(query: &str) -> Option<Span> {
        let uri = format!("http://here/?{query}").parse().expect("a uri");
        axum::extract::Query::<Span>::try_from_uri(&uri).ok().map(|query| query.0)
    }

    #[test]
    fn a_span_is_said_in_dates_or_in_times_of_which_the_last_is_not_reached() {
        let days = |from: &str, to: &str| Some((from.to_owned(), to.to_owned()));
        assert_eq!(asked("from=2026-05-01&to=2026-05-31"), days("2026-05-01", "2026-05-31"));
        let times = "from=2026-05-01T00:00:00%2B05:00&to=2026-06-01T00:00:00+05:00";
        assert_eq!(asked(times), days("2026-05-01", "2026-05-31"));
        assert_eq!(asked("to=2026-06-01T00:00:01Z"), days("", "2026-06-01"));
        assert_eq!(asked("from=yesterday"), None);
        assert_eq!(asked("from=2026-02-30"), None);
    }
}
