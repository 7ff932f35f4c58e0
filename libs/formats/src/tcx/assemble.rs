//! Legs into activities: tracks are parted by pauses, laps repeat the point they part at, legs of a session are one.

use jiff::Timestamp;
use kernel::Sport;

use super::read::{LapSums, Leg};
use crate::activity::{Activity, Lap, Pause, Sample, Streams, Total, Totals};
use crate::reading::{Damage, Reason};
use crate::xml::points::{self, Point};
use crate::xml::sport::sport;
use crate::{ACTIVITIES_MAX, totals};

const US_PER_S: f64 = 1e6;
const DAY_US: u64 = 86_400 * 1_000_000;
const KJ_PER_KCAL: f64 = 4.184;
/// Laps whose sums fall short of their span by less than this were not paused.
const ROUNDING_S: f64 = 1.0;

pub(super) fn activities(legs: Vec<Leg>, damage: &mut Damage) -> Vec<Activity> {
    let mut activities: Vec<Activity> = Vec::new();
    let mut session: Option<(u32, Vec<Activity>)> = None;
    let mut session_index = 0;
    for leg in legs {
        let of_session = leg.session;
        if session.as_ref().map(|(number, _)| *number) != of_session {
            activities.extend(session.take().and_then(|(_, legs)| whole(legs, &mut session_index)));
        }
        let Some(activity) = activity(leg, damage) else { continue };
        match of_session {
            Some(number) => session.get_or_insert_with(|| (number, Vec::new())).1.push(activity),
            None => activities.push(numbered(activity, &mut session_index)),
        }
    }
    activities.extend(session.and_then(|(_, legs)| whole(legs, &mut session_index)));
    if activities.len() > ACTIVITIES_MAX {
        damage.note(Reason::TooMany);
        activities.truncate(ACTIVITIES_MAX);
    }
    activities
}

fn numbered(activity: Activity, session_index: &mut u32) -> Activity {
    let activity = Activity { session_index: *session_index, ..activity };
    *session_index += 1;
    activity
}

/// Several legs have a parent.
fn whole(mut legs: Vec<Activity>, session_index: &mut u32) -> Option<Activity> {
    if legs.len() < 2 {
        return legs.pop().map(|only| numbered(only, session_index));
    }
    legs.sort_by_key(|leg| leg.start);
    let first = legs.first()?;
    let mut parent = Activity::new(Sport::Multisport, first.start);
    parent.utc_offset_s = first.utc_offset_s;
    parent.devices.clone_from(&first.devices);
    parent.name = legs.iter_mut().fold(None, |name, leg| name.or(leg.name.take()));
    parent = numbered(parent, session_index);
    for leg in legs {
        let after_s = leg.start.duration_since(parent.start).as_secs_f64();
        let reached_s = parent.streams.time_s.last().copied().unwrap_or(0.0);
        for sample in leg.streams.samples() {
            let time_s = (sample.time_s + after_s).max(reached_s);
            // Each leg counts its way from its own start.
            parent.streams.push(Sample { time_s, distance_m: None, ..sample });
        }
        parent.laps.extend(leg.laps.iter().map(|lap| Lap { start_s: lap.start_s + after_s, ..*lap }));
        let paused_s = parent.pauses.last().map_or(0.0, |pause| pause.end_s);
        let shifted = leg
            .pauses
            .iter()
            .map(|pause| Pause { start_s: pause.start_s + after_s, end_s: pause.end_s + after_s });
        parent.pauses.extend(shifted.filter(|pause| pause.start_s >= paused_s));
        parent.legs.push(numbered(leg, session_index));
    }
    totals::complete_of_legs(&mut parent);
    Some(parent)
}

fn activity(mut leg: Leg, damage: &mut Damage) -> Option<Activity> {
    points::tidy(&mut leg.points, damage);
    let first_us = leg.points.first().and_then(|point| point.at_us);
    let start_us = start_us(&leg, first_us)?;
    let (sport, sub_sport) =
        if leg.transition { (Sport::Other, Some("transition")) } else { sport(leg.sport.as_deref()) };
    let mut activity = Activity::new(sport, Timestamp::from_microsecond(start_us).ok()?);
    activity.name = leg.notes.take().or(leg.plan.take());
    activity.sub_sport = leg.sub_sport.take().or(sub_sport.map(str::to_owned));
    let lap_offset_s = leg.laps.iter().find_map(|lap| lap.start?.offset_s);
    activity.utc_offset_s = leg.offset_s.or(lap_offset_s);
    activity.devices = leg.device.take().into_iter().collect();
    let spans = spans(&leg.laps, start_us);
    add_points(&mut activity, &leg, &spans, start_us);
    add_laps(&mut activity, &leg.laps, &spans);
    let worth =
        !activity.streams.is_empty() || activity.totals.timer_time_s.is_some_and(|timer| timer.value > 0.0);
    totals::complete(&mut activity);
    worth.then_some(activity)
}

/// The first lap's start, if it is of the points' age and not after them.
fn start_us(leg: &Leg, first_us: Option<i64>) -> Option<i64> {
    let stated_us = leg.laps.iter().find_map(|lap| lap.start).or(leg.id).map(|moment| moment.at_us);
    let Some(first_us) = first_us else { return stated_us };
    let fitting =
        stated_us.filter(|start_us| *start_us <= first_us && first_us.abs_diff(*start_us) <= DAY_US);
    fitting.or(Some(first_us))
}

/// When each lap began, in seconds from the start; none if it does not say, or lies elsewhere.
fn spans(laps: &[LapSums], start_us: i64) -> Vec<Option<f64>> {
    let after_s = |lap: &LapSums| {
        let after_us = lap.start?.at_us.checked_sub(start_us)?;
        (0..=14 * DAY_US.cast_signed()).contains(&after_us).then_some(after_us as f64 / US_PER_S)
    };
    laps.iter().map(after_s).collect()
}

fn add_points(activity: &mut Activity, leg: &Leg, starts_s: &[Option<f64>], start_us: i64) {
    activity.streams = Streams::with_room(leg.points.len());
    let mut last: Option<(f64, Point)> = None;
    for point in &leg.points {
        let time_s = (point.at_us.unwrap_or(start_us) - start_us).max(0) as f64 / US_PER_S;
        if let Some((last_s, before)) = last.filter(|(_, before)| before.segment != point.segment) {
            if last_s == time_s {
                // A lap repeats the point at which the one before ended.
                activity.streams.absorb_into_last(point.sample);
                last = Some((time_s, *point));
                continue;
            }
            let (from, to) = (lap_of(&leg.laps, before.segment), lap_of(&leg.laps, point.segment));
            let gap_s = time_s - last_s;
            let paused_s =
                if from == to { gap_s } else { unaccounted_s(leg, starts_s, activity, from).min(gap_s) };
            if paused_s > 0.0 {
                activity.pauses.push(Pause { start_s: time_s - paused_s, end_s: time_s });
            }
        }
        activity.streams.push(Sample { time_s, ..point.sample });
        last = Some((time_s, *point));
    }
}

/// The lap that a track lies in.
fn lap_of(laps: &[LapSums], segment: u32) -> usize {
    laps.partition_point(|lap| lap.first_segment <= segment)
}

/// The part of a lap's span that is neither its timer's nor a pause found within: it stood still at the lap's end.
fn unaccounted_s(leg: &Leg, starts_s: &[Option<f64>], activity: &Activity, lap: usize) -> f64 {
    let lap = lap.saturating_sub(1);
    let (Some(Some(start_s)), Some(Some(next_s))) = (starts_s.get(lap), starts_s.get(lap + 1)) else {
        return 0.0;
    };
    let Some(timer_s) = leg.laps.get(lap).and_then(|lap| lap.timer_time_s) else { return 0.0 };
    let within = activity.pauses.iter().filter(|pause| pause.start_s >= *start_s);
    let rest_s = next_s - start_s - timer_s - within.map(Pause::duration_s).sum::<f64>();
    if rest_s < ROUNDING_S { 0.0 } else { rest_s }
}

fn add_laps(activity: &mut Activity, laps: &[LapSums], starts_s: &[Option<f64>]) {
    let last_s = activity.streams.time_s.last().copied();
    let mut reached_s = 0.0;
    for (index, lap) in laps.iter().enumerate() {
        let start_s = starts_s.get(index).copied().flatten().unwrap_or(reached_s);
        let end_s = starts_s.get(index + 1).copied().flatten().or(last_s);
        let span_s = end_s.map(|end_s| end_s - start_s).filter(|span_s| *span_s > 0.0);
        let elapsed_time_s =
            span_s.map(|span_s| span_s.max(lap.timer_time_s.unwrap_or(0.0))).or(lap.timer_time_s);
        reached_s = start_s + elapsed_time_s.unwrap_or(0.0);
        activity.laps.push(Lap {
            start_s,
            elapsed_time_s,
            timer_time_s: lap.timer_time_s,
            distance_m: lap.distance_m,
            energy_kj: lap.energy_kcal.map(|kcal| kcal * KJ_PER_KCAL),
            heart_rate_avg_bpm: lap.heart_rate_avg_bpm,
            heart_rate_max_bpm: lap.heart_rate_max_bpm,
            power_avg_w: lap.power_avg_w,
            power_max_w: lap.power_max_w,
            cadence_avg_rpm: lap.cadence_avg_rpm,
            ..Lap::default()
        });
    }
    activity.totals = sums(&activity.laps, last_s.map_or(reached_s, |last_s| last_s.max(reached_s)));
    if !activity.streams.is_empty() {
        // The samples tell more than a mean of means.
        let Totals { heart_rate_avg_bpm, power_avg_w, cadence_avg_rpm, .. } = &mut activity.totals;
        let single = activity.laps.len() == 1;
        for (mean, column) in [
            (heart_rate_avg_bpm, &activity.streams.heart_rate_bpm),
            (power_avg_w, &activity.streams.power_w),
            (cadence_avg_rpm, &activity.streams.cadence_rpm),
        ] {
            if !single && column.iter().any(Option::is_some) {
                *mean = None;
            }
        }
    }
}

/// What the laps add up to. A sum is known when every lap has its part.
fn sums(laps: &[Lap], last_s: f64) -> Totals {
    if laps.is_empty() {
        return Totals::default();
    }
    let sum =
        |figure: fn(&Lap) -> Option<f64>| laps.iter().map(figure).sum::<Option<f64>>().map(Total::device);
    let most =
        |figure: fn(&Lap) -> Option<f64>| laps.iter().filter_map(figure).reduce(f64::max).map(Total::device);
    Totals {
        elapsed_time_s: Some(Total::computed(last_s, "first-to-last", 1)),
        timer_time_s: sum(|lap| lap.timer_time_s),
        distance_m: sum(|lap| lap.distance_m),
        energy_kj: sum(|lap| lap.energy_kj),
        heart_rate_avg_bpm: mean(laps, |lap| lap.heart_rate_avg_bpm),
        heart_rate_max_bpm: most(|lap| lap.heart_rate_max_bpm),
        power_avg_w: mean(laps, |lap| lap.power_avg_w),
        power_max_w: most(|lap| lap.power_max_w),
        cadence_avg_rpm: mean(laps, |lap| lap.cadence_avg_rpm),
        ..Totals::default()
    }
}

/// The laps' means, each by the time that its timer ran.
fn mean(laps: &[Lap], figure: fn(&Lap) -> Option<f64>) -> Option<Total> {
    if let [lap] = laps {
        return figure(lap).map(Total::device);
    }
    let known = laps.iter().filter_map(|lap| Some((figure(lap)?, lap.timer_time_s?)));
    let (sum, time_s) =
        known.fold((0.0, 0.0), |(sum, time_s), (mean, lap_s)| (sum + mean * lap_s, time_s + lap_s));
    (time_s > 0.0).then(|| Total::computed(sum / time_s, "mean-of-laps", 1))
}
