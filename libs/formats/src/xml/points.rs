//! Track points: sorted, each with a time, all of one age.

use crate::activity::Sample;
use crate::reading::{Damage, Reason};

/// Points further from the middle one are of another age.
const SPAN_MAX_US: u64 = 14 * 86_400 * 1_000_000;

/// A track point; the time and the way of its sample are unknown as yet.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Point {
    /// Microseconds since 1970.
    pub(crate) at_us: Option<i64>,
    /// The number of its segment in the file.
    pub(crate) segment: u32,
    pub(crate) sample: Sample,
}

/// Gives points between timed ones a time on the straight line and leaves out those that have none then,
/// and those of another age. Sorts the rest.
pub(crate) fn tidy(points: &mut Vec<Point>, damage: &mut Damage) {
    interpolate_times(points);
    retain(points, damage, Reason::Untimed, |point| point.at_us.is_some());
    if !points.is_sorted_by_key(|point| point.at_us) {
        points.sort_by_key(|point| point.at_us);
    }
    if let Some(middle) = points.get(points.len() / 2).and_then(|point| point.at_us) {
        let near = |point: &Point| point.at_us.is_some_and(|at_us| at_us.abs_diff(middle) <= SPAN_MAX_US);
        retain(points, damage, Reason::AbsurdTime, near);
    }
}

fn retain(points: &mut Vec<Point>, damage: &mut Damage, reason: Reason, keep: impl Fn(&Point) -> bool) {
    let before = points.len();
    points.retain(keep);
    if points.len() < before {
        damage.note(reason);
    }
}

fn interpolate_times(points: &mut [Point]) {
    let mut rest = points;
    while let Some(first) = rest.iter().position(|point| point.at_us.is_some()) {
        let Some((timed, after)) = rest.get_mut(first..).and_then(<[Point]>::split_first_mut) else { return };
        let gap = after.iter().position(|point| point.at_us.is_some());
        let next_us = gap.and_then(|gap| after.get(gap)).and_then(|point| point.at_us);
        if let (Some(gap), Some(from_us), Some(to_us)) = (gap, timed.at_us, next_us) {
            let step_us = (to_us - from_us) as f64 / (gap + 1) as f64;
            for (number, point) in after.iter_mut().take(gap).enumerate() {
                point.at_us = Some(from_us + (step_us * (number + 1) as f64) as i64);
            }
        }
        rest = after.get_mut(gap.unwrap_or(usize::MAX)..).unwrap_or_default();
    }
}
