//! Splits: the activity cut at every kilometre or mile.

use kernel::Sport;

use super::curve::Curve;
use super::moving::moving_curve;
use crate::activity::Streams;

/// The name of the splitting algorithm, see [`splits`].
pub const DISTANCE_MARKS: &str = "distance-marks";
pub const SPLITS_VERSION: u16 = 1;

/// Most splits of one activity; the way beyond them is left out.
pub const SPLITS_MAX: usize = 2_000;
/// A rest shorter than this is none.
const REST_MIN_M: f64 = 1.0;

/// The stretch from one mark to the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Split {
    /// From the activity's start.
    pub start_s: f64,
    /// The unit, less in the last one.
    pub distance_m: f64,
    /// By the clock, stops and pauses included.
    pub elapsed_time_s: f64,
    /// By the algorithm of [`super::moving_time_s`].
    pub moving_time_s: f64,
    /// Altitude of its last sample minus that of its first.
    pub elevation_change_m: Option<f64>,
    /// Means of its samples, missing ones left out.
    pub heart_rate_avg_bpm: Option<f64>,
    pub power_avg_w: Option<f64>,
    pub cadence_avg_rpm: Option<f64>,
}

/// Cuts the activity at every `unit_m` of its distance column. A mark is passed at the first moment at which the
/// distance, straight between its known values and never falling, reaches it; so a stop on a mark belongs to the
/// split after it. What is left at the end is a shorter split. Empty where no distance is known.
pub fn splits(sport: Sport, streams: &Streams, unit_m: f64) -> Vec<Split> {
    let Some(way) = Curve::of_way(streams).filter(|_| unit_m >= REST_MIN_M) else { return Vec::new() };
    let moving = moving_curve(sport, streams, &streams.time_s);
    let mut start_s = way.0.first().map_or(0.0, |first| first.time_s);
    let split = |(end_s, distance_m): (f64, f64)| {
        let elapsed_time_s = end_s - start_s;
        let moved_s = moving.as_ref().map(|moving| moving.at(end_s) - moving.at(start_s));
        let split = Split {
            start_s,
            distance_m,
            elapsed_time_s,
            moving_time_s: moved_s.unwrap_or(elapsed_time_s).min(elapsed_time_s),
            elevation_change_m: None,
            heart_rate_avg_bpm: None,
            power_avg_w: None,
            cadence_avg_rpm: None,
        };
        start_s = end_s;
        split.with_samples(streams, end_s)
    };
    marks(&way, unit_m).into_iter().map(split).collect()
}

/// When each mark is passed, and the metres since the one before.
fn marks(way: &Curve, unit_m: f64) -> Vec<(f64, f64)> {
    let mut marks = Vec::new();
    let mut passed_m = 0.0;
    for segment in way.segments() {
        while segment.to.sum >= passed_m + unit_m {
            passed_m += unit_m;
            marks.push((segment.time_at(passed_m), unit_m));
            if marks.len() >= SPLITS_MAX {
                return marks;
            }
        }
    }
    let rest_m = way.sum() - passed_m;
    let end = way.segments().find(|segment| segment.to.sum >= way.sum());
    marks.extend(end.filter(|_| rest_m >= REST_MIN_M).map(|end| (end.to.time_s, rest_m)));
    marks
}

impl Split {
    /// Fills in what the samples after its start and up to its end tell; the first of all is in the first.
    fn with_samples(mut self, streams: &Streams, end_s: f64) -> Self {
        let begin = streams.time_s.partition_point(|time_s| *time_s < self.start_s);
        let end = streams.time_s.partition_point(|time_s| *time_s <= end_s);
        fn within(column: &[Option<f64>], begin: usize, end: usize) -> &[Option<f64>] {
            column.get(begin..end).unwrap_or_default()
        }
        let mean =
            |column: &[Option<f64>]| super::mean_and_max(within(column, begin, end)).map(|(mean, _)| mean);
        self.heart_rate_avg_bpm = mean(&streams.heart_rate_bpm);
        self.power_avg_w = mean(&streams.power_w);
        self.cadence_avg_rpm = mean(&streams.cadence_rpm);
        let altitudes = || within(&streams.altitude_m, begin, end).iter().flatten();
        self.elevation_change_m =
            altitudes().next().zip(altitudes().last()).map(|(first, last)| last - first);
        self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Sample;

    fn run(points: &[(f64, f64)]) -> Streams {
        let mut streams = Streams::default();
        for &(time_s, metres) in points {
            streams.push(Sample {
                time_s,
                distance_m: Some(metres),
                heart_rate_bpm: Some(100.0 + metres / 100.0),
                altitude_m: Some(metres / 10.0),
                ..Sample::default()
            });
        }
        streams
    }

    #[test]
    fn two_and_a_half_kilometres_are_three_splits() {
        let splits =
            splits(Sport::Running, &run(&[(0.0, 0.0), (250.0, 1_000.0), (1_000.0, 2_500.0)]), 1_000.0);
        let times: Vec<_> = splits.iter().map(|split| (split.start_s, split.elapsed_time_s)).collect();
        assert_eq!(times, [(0.0, 250.0), (250.0, 500.0), (750.0, 250.0)]);
        assert_eq!(
            splits.iter().map(|split| split.distance_m).collect::<Vec<_>>(),
            [1_000.0, 1_000.0, 500.0]
        );
        assert_eq!(splits[0].heart_rate_avg_bpm, Some(105.0));
        assert_eq!(splits[0].elevation_change_m, Some(100.0));
    }

    #[test]
    fn a_stop_on_the_mark_belongs_to_the_next_split_and_is_no_moving_time() {
        let way = (0..=700).map(|second| {
            let moved = if second <= 250 { second } else { 250.max(second - 200) };
            (f64::from(second), f64::from(moved) * 4.0)
        });
        let splits = splits(Sport::Running, &run(&way.collect::<Vec<_>>()), 1_000.0);
        assert_eq!(splits.iter().map(|split| split.elapsed_time_s).collect::<Vec<_>>(), [250.0, 450.0]);
        assert!((splits[1].moving_time_s - 250.0).abs() <= 3.0, "{}", splits[1].moving_time_s);
    }

    #[test]
    fn without_distance_there_are_no_splits() {
        let mut streams = Streams::default();
        streams.push(Sample::default());
        assert_eq!(splits(Sport::Running, &streams, 1_000.0), []);
        assert_eq!(splits(Sport::Running, &run(&[(0.0, 0.0), (9.0, 9_000.0)]), 0.0), []);
    }

    proptest! {
        #[test]
        fn splits_add_up_and_end_where_the_distance_is_reached(
            steps in prop::collection::vec((0..40_u32, 0..500_u32), 2..60),
        ) {
            let (mut time_s, mut metres) = (0.0, 0.0);
            let points: Vec<_> = steps.iter().map(|(seconds, way)| {
                time_s += f64::from(*seconds);
                metres += f64::from(*way);
                (time_s, metres)
            }).collect();
            let way_m = metres - points[0].1;
            let splits = splits(Sport::Running, &run(&points), 1_000.0);
            let covered: f64 = splits.iter().map(|split| split.distance_m).sum();
            prop_assert!((covered - way_m).abs() <= 1.0, "{covered} of {way_m}");
            for (number, split) in splits.iter().enumerate() {
                prop_assert!(split.elapsed_time_s >= 0.0 && split.moving_time_s >= 0.0);
                prop_assert!(split.moving_time_s <= split.elapsed_time_s + 1e-6);
                // The first moment at which so much is behind, by looking at every segment.
                let mark_m = (number as f64 * 1_000.0 + split.distance_m).min(way_m);
                let reached_s = points.windows(2).find(|pair| pair[1].1 - points[0].1 >= mark_m).map(|pair| {
                    let step_m = pair[1].1 - pair[0].1;
                    let rest_m = mark_m - (pair[0].1 - points[0].1);
                    let share = if step_m > 0.0 { rest_m / step_m } else { 1.0 };
                    pair[0].0 + (pair[1].0 - pair[0].0) * share
                });
                let end_s = split.start_s + split.elapsed_time_s;
                prop_assert!(reached_s.is_some_and(|reached_s| (reached_s - end_s).abs() < 1e-6), "{reached_s:?} {end_s}");
            }
        }
    }
}
