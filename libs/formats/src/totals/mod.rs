//! The figures a file does not give, each by a named and versioned algorithm.
//!
//! | figure | algorithm | version |
//! |---|---|---|
//! | elapsed time | `first-to-last` | 1 |
//! | timer | `elapsed-minus-pauses` | 1 |
//! | distance | `distance-stream`, else `haversine` | 1 |
//! | moving time | `speed-3s`, else `timer` | 1 |
//! | ascent, descent | `hysteresis-3m` | 1 |
//! | means and maxima of heart rate, power, cadence | `mean`, `max` of the samples; without samples `mean-of-laps` | 1 |
//! | figures of a multisport parent | `sum-of-legs` | 1 |
//! | splits | `distance-marks` | 1 |
//! | best efforts over distances, of power | `quickest-window`, `strongest-window` | 2 |

mod climb;
mod curve;
mod efforts;
mod legs;
mod moving;
mod splits;
mod track;

pub use climb::climb_m;
pub use efforts::{
    DISTANCES, EFFORTS_VERSION, Effort, JUMP_MPS, MILE_M, Measure, POWERS, QUICKEST_WINDOW, STRONGEST_WINDOW,
    efforts,
};
pub(crate) use legs::complete_of_legs;
pub use moving::moving_time_s;
pub use splits::{DISTANCE_MARKS, SPLITS_MAX, SPLITS_VERSION, Split, splits};
use track::fill_distance;

use crate::activity::{Activity, Streams, Total, Totals};

/// The name of the climbing algorithm, see [`climb_m`].
pub const HYSTERESIS_3M: &str = "hysteresis-3m";
/// Great-circle steps along the positions, pauses left out.
pub const HAVERSINE: &str = "haversine";

/// Fills every total that is still unknown and can be worked out; never replaces one that is known, except the
/// moving time, which is always worked out here so that it means the same for every device, and a distance of zero
/// where the track leads away.
pub fn complete(activity: &mut Activity) {
    let walked_m = fill_distance(&mut activity.streams, &activity.pauses);
    let Activity { totals, streams, pauses, sport, .. } = activity;
    if totals.distance_m.is_some_and(|total| total.value == 0.0) && track::went_away(streams) {
        totals.distance_m = None;
    }
    complete_times(totals, streams, pauses);
    complete_means(totals, streams);
    let walked = walked_m.map(|value| Total::computed(value, HAVERSINE, 1));
    totals.distance_m = totals.distance_m.or(walked).or_else(|| distance(streams));
    if (totals.ascent_m.is_none() || totals.descent_m.is_none())
        && let Some((up, down)) = climb_m(&streams.altitude_m)
    {
        totals.ascent_m.get_or_insert(Total::computed(up, HYSTERESIS_3M, 1));
        totals.descent_m.get_or_insert(Total::computed(down, HYSTERESIS_3M, 1));
    }
    totals.moving_time_s =
        moving_time_s(*sport, streams, pauses, totals.timer_time_s.map(|total| total.value));
}

fn complete_times(totals: &mut Totals, streams: &Streams, pauses: &[crate::Pause]) {
    if totals.elapsed_time_s.is_none()
        && let Some(&last_s) = streams.time_s.last()
    {
        totals.elapsed_time_s = Some(Total::computed(last_s, "first-to-last", 1));
    }
    if totals.timer_time_s.is_none()
        && let Some(elapsed) = totals.elapsed_time_s
    {
        let paused_s: f64 = pauses.iter().map(crate::Pause::duration_s).sum();
        let timer_s = (elapsed.value - paused_s).max(0.0);
        totals.timer_time_s = Some(Total::computed(timer_s, "elapsed-minus-pauses", 1));
    }
}

fn complete_means(totals: &mut Totals, streams: &Streams) {
    let fill = |avg: &mut Option<Total>, max: Option<&mut Option<Total>>, column: &[Option<f64>]| {
        let Some((mean, most)) = mean_and_max(column) else { return };
        let avg = avg.get_or_insert(Total::computed(mean, "mean", 1));
        // Samples of a part of the activity have not seen its maximum.
        if let Some(max) = max.filter(|_| most >= avg.value) {
            max.get_or_insert(Total::computed(most, "max", 1));
        }
    };
    fill(&mut totals.heart_rate_avg_bpm, Some(&mut totals.heart_rate_max_bpm), &streams.heart_rate_bpm);
    fill(&mut totals.power_avg_w, Some(&mut totals.power_max_w), &streams.power_w);
    fill(&mut totals.cadence_avg_rpm, None, &streams.cadence_rpm);
}

fn mean_and_max(column: &[Option<f64>]) -> Option<(f64, f64)> {
    let (mut sum, mut count, mut most) = (0.0, 0_u32, f64::NEG_INFINITY);
    for value in column.iter().flatten() {
        sum += value;
        count += 1;
        most = most.max(*value);
    }
    (count > 0).then(|| (sum / f64::from(count), most))
}

/// Last minus first of the distance column.
fn distance(streams: &Streams) -> Option<Total> {
    let first = streams.distance_m.iter().flatten().next()?;
    let last = streams.distance_m.iter().rev().flatten().next()?;
    Some(Total::computed((last - first).max(0.0), "distance-stream", 1))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use kernel::Sport;

    use super::*;
    use crate::{Pause, Sample, Source};

    #[test]
    fn a_device_figure_is_never_replaced() {
        let mut activity = Activity::new(Sport::Running, Timestamp::UNIX_EPOCH);
        activity.totals.elapsed_time_s = Some(Total::device(5.0));
        activity.streams.push(Sample { time_s: 9.0, ..Sample::default() });
        complete(&mut activity);
        assert_eq!(activity.totals.elapsed_time_s, Some(Total::device(5.0)));
        assert_eq!(activity.totals.timer_time_s.map(|total| total.source), Some(Source::Computed));
    }

    #[test]
    fn pauses_are_no_timer_time() {
        let mut activity = Activity::new(Sport::Running, Timestamp::UNIX_EPOCH);
        for second in 0..=100 {
            activity.streams.push(Sample { time_s: f64::from(second), ..Sample::default() });
        }
        activity.pauses.push(Pause { start_s: 10.0, end_s: 40.0 });
        complete(&mut activity);
        assert_eq!(activity.totals.elapsed_time_s.map(|total| total.value), Some(100.0));
        assert_eq!(activity.totals.timer_time_s.map(|total| total.value), Some(70.0));
    }

    #[test]
    fn zeros_count_in_means() {
        assert_eq!(mean_and_max(&[Some(0.0), None, Some(200.0)]), Some((100.0, 200.0)));
        assert_eq!(mean_and_max(&[None]), None);
    }
}
