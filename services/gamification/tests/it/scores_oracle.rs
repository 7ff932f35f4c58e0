//! Scores once more, as plainly as can be: a fold over the list of what happened, with no memory but that list, and no
//! code of the domain but its types.

use std::collections::BTreeMap;

use gamification::domain::{challenge::Metric, scoring::Score};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use crate::scores_any_order::{END, HOUR_US, LATER, METRICS, Op, Run, START, Story, ZONES, hour};

/// Everything as it is at the end of the list.
#[derive(Default)]
struct End {
    extended: bool,
    stopped_us: Option<i64>,
    line: Option<u64>,
    parts: BTreeMap<usize, (String, bool, i64)>,
    only_me: BTreeMap<usize, bool>,
}

pub(crate) fn fold(story: &Story, who: usize) -> Option<Score> {
    let mut end = End::default();
    for (nth, op) in story.ops.iter().enumerate() {
        match op {
            Op::Join { who, zone, private, joined_h } => {
                end.parts.insert(*who, (ZONES[*zone].to_owned(), *private, hour(*joined_h)));
            }
            Op::Leave { who } => {
                end.parts.remove(who);
            }
            Op::Private { who, private } => {
                if let Some(part) = end.parts.get_mut(who) {
                    part.1 = *private;
                }
            }
            Op::OnlyMe { who, only_me } => {
                end.only_me.insert(*who, *only_me);
            }
            Op::Extend => end.extended = true,
            Op::Stop { at_h } => end.stopped_us = Some(hour(*at_h)),
            Op::Line { back } => end.line = Some((u64::try_from(nth).unwrap() + 1).saturating_sub(*back)),
            Op::Count { .. } | Op::Day { .. } => {}
        }
    }
    let (zone, private, joined_us) = end.parts.get(&who)?.clone();
    let zone = TimeZone::get(&zone).unwrap();
    let metric = story.terms().metric;
    let mut counted: Vec<(i64, i64, i64)> = Vec::new();
    if metric == Metric::Steps {
        for day in 0..5 {
            counted.extend(of_day(story, &end, who, day, &zone, joined_us));
        }
    } else {
        for activity in 0..5 {
            counted.extend(of_activity(story, &end, who, activity, (&zone, private, joined_us)));
        }
    }
    if let Some(attempts) = story.attempts {
        counted.sort_by_key(|(value, reached, began)| (*began, *reached, *value));
        counted.truncate(usize::try_from(attempts).unwrap());
    }
    let latest = counted.iter().map(|(_, reached, _)| *reached).max()?;
    let picked = |better: fn(&i64, &i64) -> bool| {
        let best = counted
            .iter()
            .map(|(value, ..)| *value)
            .reduce(|one, other| if better(&one, &other) { one } else { other });
        let best = best.unwrap();
        let reached_us = counted
            .iter()
            .filter(|(value, ..)| *value == best)
            .map(|(_, reached, _)| *reached)
            .min()
            .unwrap();
        Score { value: best, reached_us }
    };
    Some(match metric {
        Metric::Longest => picked(|one, other| one >= other),
        Metric::Fastest => picked(|one, other| one <= other),
        _ => Score { value: counted.iter().map(|(value, ..)| value).sum(), reached_us: latest },
    })
}

fn in_time(story: &Story, end: &End, received_us: i64, position: u64) -> bool {
    if end.line.is_some_and(|line| position > line) {
        return false;
    }
    let last = if end.extended { LATER } else { END };
    // Of a local window the last end is at UTC−12.
    let last =
        last.parse::<DateTime>().unwrap().to_zoned(TimeZone::UTC).unwrap().timestamp().as_microsecond()
            + if story.local { 12 * HOUR_US } else { 0 };
    end.stopped_us.is_some() || received_us <= last + 24 * HOUR_US
}

fn in_window(story: &Story, end: &End, start_us: i64, zone: &TimeZone) -> bool {
    let at = Timestamp::from_microsecond(start_us).unwrap();
    let clock = if story.local { zone.to_datetime(at) } else { TimeZone::UTC.to_datetime(at) };
    let last: DateTime = if end.extended { LATER } else { END }.parse().unwrap();
    START.parse::<DateTime>().unwrap() <= clock
        && clock < last
        && end.stopped_us.is_none_or(|stopped_us| start_us < stopped_us)
}

fn of_activity(
    story: &Story,
    end: &End,
    who: usize,
    wanted: usize,
    (zone, private, joined_us): (&TimeZone, bool, i64),
) -> Option<(i64, i64, i64)> {
    let mut newest: Option<(&Option<Run>, i64)> = None;
    let mut xp_in_time = 0;
    for (nth, op) in story.ops.iter().enumerate() {
        let Op::Count { who: whose, activity, fact, received_h, xp } = op else { continue };
        let position = u64::try_from(nth).unwrap() + 1;
        if *whose == who && *activity == wanted && in_time(story, end, hour(*received_h), position) {
            newest = Some((fact, hour(*received_h)));
            xp_in_time += xp;
        }
    }
    let (run, received_us) = newest?;
    let run = run.as_ref()?;
    let start_us = hour(run.start_h);
    let hidden = run.only_me.unwrap_or(end.only_me.get(&who).copied().unwrap_or(false));
    let unsaid = (METRICS[story.metric] == "fastest_s").then_some(1_000);
    let far_enough =
        story.least_m.or(unsaid).is_none_or(|least| run.distance_m.is_some_and(|metres| metres >= least));
    let counts = (private || !hidden)
        && far_enough
        && !(story.runs_only && run.cycling)
        && in_window(story, end, start_us, zone)
        && (!story.from_join || start_us >= joined_us);
    let thousandths = match METRICS[story.metric] {
        "distance_m" | "longest_m" => run.distance_m? * 1_000,
        "moving_time_s" | "fastest_s" => run.quarters * 900_000,
        "ascent_m" => run.ascent_m? * 1_000,
        "count" => 1_000,
        _ => xp_in_time * 1_000,
    };
    let reached_us = (start_us + run.quarters * 900_000_000).min(received_us);
    (counts && thousandths > 0).then_some((thousandths, reached_us, start_us))
}

fn of_day(
    story: &Story,
    end: &End,
    who: usize,
    wanted: i32,
    zone: &TimeZone,
    joined_us: i64,
) -> Option<(i64, i64, i64)> {
    let date = |day: i64| jiff::civil::date(2026, 3, 27) + jiff::Span::new().days(day);
    let midnight = |day: i64| date(day).to_zoned(zone.clone()).unwrap().timestamp().as_microsecond();
    let (start_us, end_us) = (midnight(wanted.into()), midnight(i64::from(wanted) + 1));
    if !in_window(story, end, start_us, zone) || (story.from_join && start_us < joined_us) {
        return None;
    }
    let mut all: Option<(i64, i64)> = None;
    for wanted_source in 0..2 {
        let mut newest: Option<(i64, i64)> = None;
        for (nth, op) in story.ops.iter().enumerate() {
            let Op::Day { who: whose, source, day, steps, received_h } = op else { continue };
            let position = u64::try_from(nth).unwrap() + 1;
            let same = *whose == who && *source == wanted_source && *day == wanted;
            if same && in_time(story, end, hour(*received_h), position) {
                newest = Some((*steps * 1_000, end_us.min(hour(*received_h))));
            }
        }
        let Some((value, reached)) = newest.filter(|(value, _)| *value > 0) else { continue };
        let (so_far, at) = all.unwrap_or((0, i64::MIN));
        all = Some((so_far + value, at.max(reached)));
    }
    all.map(|(value, reached)| (value, reached, i64::from(wanted)))
}
