//! Moving time: when the speed was at least that of somebody under way.

use kernel::Sport;

use super::curve::{Curve, Point};
use super::track::running_time_s;
use crate::activity::{Pause, Streams, Total};

/// Speed is judged over this long around each step.
const WINDOW_S: f64 = 3.0;
const MOVING_MPS: f64 = 0.5;
const MOVING_SLOW_MPS: f64 = 0.3;
/// Samples over less of the timer than this tell of a part: a phone may have sent a piece of the route.
const COVERED_LEAST: f64 = 0.9;

/// Seconds in which the speed over a 3 s window is at least 0.5 m/s (0.3 in sports at walking pace), pauses
/// left out, never more than the timer (`speed-3s`). Without positions, distance or speed, or with those of a part only,
/// it is the timer itself (`timer`), as nothing speaks against it.
pub fn moving_time_s(
    sport: Sport,
    streams: &Streams,
    pauses: &[Pause],
    timer_s: Option<f64>,
) -> Option<Total> {
    let running_s = running_time_s(&streams.time_s, pauses);
    let covered_s = running_s.last().zip(running_s.first()).map_or(0.0, |(last, first)| last - first);
    let covers = timer_s.is_none_or(|timer_s| covered_s >= COVERED_LEAST * timer_s);
    match moving_curve(sport, streams, &running_s).filter(|_| covers) {
        Some(moving) => {
            let moving_s = moving.sum().min(timer_s.unwrap_or(f64::INFINITY));
            Some(Total::computed(moving_s, "speed-3s", 1))
        }
        None => timer_s.map(|value| Total::computed(value, "timer", 1)),
    }
}

/// Seconds moved up to each moment of `running_s`; `None` where nothing tells.
pub(super) fn moving_curve(sport: Sport, streams: &Streams, running_s: &[f64]) -> Option<Curve> {
    let way_m = way_m(streams, running_s)?;
    let least_mps = if at_walking_pace(sport) { MOVING_SLOW_MPS } else { MOVING_MPS };
    Some(seconds_at_least(least_mps, running_s, &way_m))
}

const fn at_walking_pace(sport: Sport) -> bool {
    matches!(sport, Sport::Walking | Sport::Hiking | Sport::Climbing | Sport::Swimming)
}

/// Two pointers walk along, so the cost is linear however dense the samples are.
fn seconds_at_least(least_mps: f64, running_s: &[f64], way_m: &[f64]) -> Curve {
    let points = || running_s.iter().copied().zip(way_m.iter().copied());
    let (mut tail, mut head) = (points().peekable(), points());
    let Some(mut from) = points().next() else { return Curve::default() };
    let mut to = from;
    let mut moving_s = 0.0;
    let mut curve = Vec::with_capacity(running_s.len());
    curve.push(Point { time_s: from.0, sum: 0.0 });
    for (&start_s, &end_s) in running_s.iter().zip(running_s.iter().skip(1)) {
        let step_s = end_s - start_s;
        if step_s <= 0.0 {
            continue;
        }
        let middle_s = (start_s + end_s) / 2.0;
        let (from_s, to_s) = (start_s.min(middle_s - WINDOW_S / 2.0), end_s.max(middle_s + WINDOW_S / 2.0));
        while let Some(point) = tail.next_if(|point| point.0 <= from_s) {
            from = point;
        }
        while to.0 < to_s
            && let Some(point) = head.next()
        {
            to = point;
        }
        let window_s = to.0 - from.0;
        if window_s > 0.0 && (to.1 - from.1) / window_s >= least_mps {
            moving_s += step_s;
        }
        curve.push(Point { time_s: end_s, sum: moving_s });
    }
    Curve(curve)
}

/// Metres behind at each sample, gaps filled; `None` when nothing tells of movement, as on a trainer.
fn way_m(streams: &Streams, running_s: &[f64]) -> Option<Vec<f64>> {
    if tells(&streams.distance_m) || streams.latlng.iter().any(Option::is_some) {
        return interpolated(running_s, &streams.distance_m);
    }
    tells(&streams.speed_mps).then(|| {
        let (mut last_s, mut sum_m) = (None, 0.0);
        let mut way_m = Vec::with_capacity(running_s.len());
        for (&now_s, speed_mps) in running_s.iter().zip(&streams.speed_mps) {
            sum_m += speed_mps.unwrap_or(0.0) * (now_s - last_s.unwrap_or(now_s));
            last_s = Some(now_s);
            way_m.push(sum_m);
        }
        way_m
    })
}

/// A column of nothing but zeros is a sensor that is not there.
fn tells(column: &[Option<f64>]) -> bool {
    column.iter().flatten().any(|value| *value > 0.0)
}

/// Straight lines between the known values, level before the first and after the last.
fn interpolated(running_s: &[f64], column: &[Option<f64>]) -> Option<Vec<f64>> {
    let mut known =
        running_s.iter().zip(column).filter_map(|(time, value)| Some((*time, (*value)?))).peekable();
    let mut before = *known.peek()?;
    let mut filled = Vec::with_capacity(running_s.len());
    for (&now_s, value) in running_s.iter().zip(column) {
        if let Some(value) = value {
            before = (now_s, *value);
            known.next();
            filled.push(*value);
            continue;
        }
        let after = known.peek().copied().unwrap_or(before);
        let span_s = after.0 - before.0;
        let share = if span_s > 0.0 { ((now_s - before.0) / span_s).clamp(0.0, 1.0) } else { 0.0 };
        filled.push(before.1 + (after.1 - before.1) * share);
    }
    Some(filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sample;

    fn at_speed(sport: Sport, mps: f64, seconds: u32) -> f64 {
        let mut streams = Streams::default();
        for second in 0..=seconds {
            let time_s = f64::from(second);
            streams.push(Sample { time_s, distance_m: Some(time_s * mps), ..Sample::default() });
        }
        moving_time_s(sport, &streams, &[], None).map_or(-1.0, |total| total.value)
    }

    #[test]
    fn a_runner_at_four_tenths_stands_and_a_hiker_walks() {
        assert_eq!(at_speed(Sport::Running, 0.4, 60), 0.0);
        assert_eq!(at_speed(Sport::Hiking, 0.4, 60), 60.0);
        assert_eq!(at_speed(Sport::Running, 3.0, 60), 60.0);
    }

    #[test]
    fn a_stop_is_not_moving() {
        let mut streams = Streams::default();
        for second in 0..300_u32 {
            let way = if second < 100 { second } else { 100.max(second.saturating_sub(100)) };
            let distance_m = Some(f64::from(way) * 3.0);
            streams.push(Sample { time_s: f64::from(second), distance_m, ..Sample::default() });
        }
        let moving = moving_time_s(Sport::Running, &streams, &[], None).map_or(0.0, |total| total.value);
        assert!((moving - 199.0).abs() <= 3.0, "{moving}");
    }

    #[test]
    fn samples_of_a_part_say_nothing_of_the_whole() {
        let mut streams = Streams::default();
        for second in 0..=100 {
            let distance_m = Some(f64::from(second) * 3.0);
            streams.push(Sample { time_s: f64::from(second), distance_m, ..Sample::default() });
        }
        let told =
            |timer_s| moving_time_s(Sport::Running, &streams, &[], Some(timer_s)).map(|total| total.value);
        assert_eq!(told(1_790.0), Some(1_790.0));
        assert!(told(105.0).is_some_and(|moved_s| moved_s <= 100.0));
    }

    #[test]
    fn on_a_trainer_without_speed_the_timer_is_moving_time() {
        let mut streams = Streams::default();
        streams.push(Sample { time_s: 0.0, distance_m: Some(0.0), ..Sample::default() });
        let total = moving_time_s(Sport::Cycling, &streams, &[], Some(77.0));
        assert_eq!(total, Some(Total::computed(77.0, "timer", 1)));
    }
}
