//! Best efforts: the shortest time over a distance, the highest mean power over a time.

use super::curve::{Curve, Point};
use crate::activity::Streams;

/// The name of the algorithm of distance efforts, see [`efforts`].
pub const QUICKEST_WINDOW: &str = "quickest-window";
/// The name of the algorithm of power efforts, see [`efforts`].
pub const STRONGEST_WINDOW: &str = "strongest-window";
/// Of both.
pub const EFFORTS_VERSION: u16 = 2;

/// Names of distances and their metres.
pub const DISTANCES: [(&str, f64); 7] = [
    ("400m", 400.0),
    ("1km", 1_000.0),
    ("1mi", MILE_M),
    ("5km", 5_000.0),
    ("10km", 10_000.0),
    ("half_marathon", 21_097.5),
    ("marathon", 42_195.0),
];

/// Names of durations of power and their seconds.
pub const POWERS: [(&str, f64); 10] = [
    ("power_5s", 5.0),
    ("power_10s", 10.0),
    ("power_30s", 30.0),
    ("power_1min", 60.0),
    ("power_2min", 120.0),
    ("power_5min", 300.0),
    ("power_10min", 600.0),
    ("power_20min", 1_200.0),
    ("power_30min", 1_800.0),
    ("power_60min", 3_600.0),
];

/// Faster than this between two samples, over a second at least, is no movement: the receiver had lost itself.
pub const JUMP_MPS: f64 = 150.0;

/// The international mile.
pub const MILE_M: f64 = 1_609.344;

/// A power holds until the next sample, but no longer than this; then it is zero.
const HOLD_MAX_S: f64 = 10.0;
/// The last sample has no next one.
const HOLD_LAST_S: f64 = 1.0;

/// What an effort is measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Measure {
    /// [`Effort::value`] is seconds: the fewer the better.
    Time,
    /// [`Effort::value`] is watts: the more the better.
    Power,
}

/// The best stretch of an activity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effort {
    /// Of [`DISTANCES`] or [`POWERS`].
    pub name: &'static str,
    pub measure: Measure,
    /// Seconds it took, or mean watts.
    pub value: f64,
    /// From the activity's start.
    pub start_s: f64,
    pub end_s: f64,
}

impl Effort {
    /// The name of its algorithm.
    pub const fn algorithm(&self) -> &'static str {
        match self.measure {
            Measure::Time => QUICKEST_WINDOW,
            Measure::Power => STRONGEST_WINDOW,
        }
    }
}

/// The best efforts over all of [`DISTANCES`] and [`POWERS`] that the activity is long enough for.
///
/// Distance: the time is that of the clock, stops and pauses within the stretch included; the distance column is
/// taken as straight between its known values and never falling, and what a receiver jumped over ([`JUMP_MPS`]) is no
/// way. Power: the mean over the window; a sample's power
/// holds until the next one, for 10 s at most, and what is missing counts as nothing.
pub fn efforts(streams: &Streams) -> Vec<Effort> {
    let mut efforts = Vec::new();
    if let Some(way) = Curve::of_way(streams).map(without_jumps) {
        efforts.extend(DISTANCES.iter().filter_map(|(name, metres)| over_distance(&way, name, *metres)));
    }
    if streams.power_w.iter().flatten().any(|power_w| *power_w > 0.0) {
        let work = work(streams);
        efforts.extend(POWERS.iter().filter_map(|(name, seconds)| of_power(&work, name, *seconds)));
    }
    efforts
}

fn without_jumps(way: Curve) -> Curve {
    let mut jumped_m = 0.0;
    let mut last: Option<Point> = None;
    let calm = way.0.into_iter().map(|point| {
        if let Some(last) = last {
            let step_m = point.sum - last.sum;
            jumped_m += if step_m > JUMP_MPS * (point.time_s - last.time_s).max(1.0) { step_m } else { 0.0 };
        }
        last = Some(point);
        Point { sum: point.sum - jumped_m, ..point }
    });
    Curve(calm.collect())
}

fn over_distance(way: &Curve, name: &'static str, metres: f64) -> Option<Effort> {
    let window = way.quickest(metres)?;
    let value = window.end_s - window.start_s;
    (value > 0.0).then_some(Effort {
        name,
        measure: Measure::Time,
        value,
        start_s: window.start_s,
        end_s: window.end_s,
    })
}

fn of_power(work: &Curve, name: &'static str, seconds: f64) -> Option<Effort> {
    let (window, joules) = work.steepest(seconds)?;
    (joules > 0.0).then_some(Effort {
        name,
        measure: Measure::Power,
        value: joules / seconds,
        start_s: window.start_s,
        end_s: window.end_s,
    })
}

/// Joules since the start.
fn work(streams: &Streams) -> Curve {
    let mut points: Vec<Point> = Vec::with_capacity(streams.len() + 1);
    let mut sum = 0.0;
    let next_s = streams.time_s.iter().skip(1).map(Some).chain([None]);
    for ((&time_s, power_w), next_s) in streams.time_s.iter().zip(&streams.power_w).zip(next_s) {
        points.push(Point { time_s, sum });
        let until_next_s = next_s.map_or(HOLD_LAST_S, |next_s| next_s - time_s);
        let hold_s = until_next_s.min(HOLD_MAX_S);
        sum += power_w.unwrap_or(0.0) * hold_s;
        if next_s.is_none() || hold_s < until_next_s {
            points.push(Point { time_s: time_s + hold_s, sum });
        }
    }
    Curve(points)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Sample;

    fn best(streams: &Streams, name: &str) -> Option<Effort> {
        efforts(streams).into_iter().find(|effort| effort.name == name)
    }

    fn way(points: &[(f64, f64)]) -> Streams {
        let mut streams = Streams::default();
        for &(time_s, metres) in points {
            streams.push(Sample { time_s, distance_m: Some(metres), ..Sample::default() });
        }
        streams
    }

    #[test]
    fn an_even_pace_is_the_effort_over_every_distance_it_covers() {
        let run =
            way(&(0..=2_000).map(|second| (f64::from(second), f64::from(second) * 5.0)).collect::<Vec<_>>());
        for (name, seconds) in [("400m", 80.0), ("1km", 200.0), ("1mi", MILE_M / 5.0), ("10km", 2_000.0)] {
            let effort = best(&run, name).expect(name);
            assert!((effort.value - seconds).abs() < 1e-3, "{name}: {}", effort.value);
        }
        assert_eq!(best(&run, "half_marathon"), None);
    }

    #[test]
    fn a_fast_stretch_in_the_middle_is_found_and_cut_between_the_samples() {
        // 600 m slowly, 400 m at 8 m/s, 600 m slowly.
        let run = way(&[(0.0, 0.0), (200.0, 600.0), (250.0, 1_000.0), (450.0, 1_600.0)]);
        let effort = best(&run, "400m").expect("long enough");
        assert!((effort.value - 50.0).abs() < 1e-3 && (effort.start_s - 200.0).abs() < 1e-3);
        // 1 km: the fast 400 m and 600 m at 3 m/s.
        assert!((best(&run, "1km").expect("long enough").value - 250.0).abs() < 1e-3);
    }

    #[test]
    fn a_stop_counts_in_the_time_of_a_distance() {
        let run = way(&[(0.0, 0.0), (100.0, 300.0), (400.0, 300.0), (500.0, 600.0)]);
        assert!((best(&run, "400m").expect("long enough").value - (400.0 / 3.0 + 300.0)).abs() < 1e-3);
    }

    #[test]
    fn power_is_the_mean_of_the_best_window_and_a_gap_is_nothing() {
        let mut ride = Streams::default();
        for second in 0..60 {
            let power_w = if (20..30).contains(&second) { 400.0 } else { 100.0 };
            ride.push(Sample { time_s: f64::from(second), power_w: Some(power_w), ..Sample::default() });
        }
        let value = |streams: &Streams, name: &str| best(streams, name).expect(name).value;
        assert!((value(&ride, "power_5s") - 400.0).abs() < 1e-9);
        assert!((value(&ride, "power_30s") - 200.0).abs() < 1e-9);
        assert!((value(&ride, "power_1min") - 150.0).abs() < 1e-9);
        // After an hour without a sample, the power of before is no longer there.
        ride.push(Sample { time_s: 3_700.0, power_w: Some(100.0), ..Sample::default() });
        assert!(value(&ride, "power_60min") < 3.0);
    }

    #[test]
    fn a_receiver_that_loses_itself_makes_nobody_fast() {
        let steady: Vec<(f64, f64)> =
            (0..=600).map(|second| (f64::from(second), f64::from(second) * 3.0)).collect();
        let honest = best(&way(&steady), "400m").map(|effort| effort.value);
        for jump_m in [300.0, 800.0, 5_000.0] {
            let astray: Vec<(f64, f64)> = steady
                .iter()
                .map(|(time_s, m)| (*time_s, m + if *time_s > 300.0 { jump_m } else { 0.0 }))
                .collect();
            let found = best(&way(&astray), "400m").map(|effort| effort.value);
            let (found, honest) = (found.unwrap(), honest.unwrap());
            // The step itself, of which nothing is known, is a second more.
            assert!((honest..=honest + 1.5).contains(&found), "{jump_m} m: {found} s for {honest}");
        }
    }

    #[test]
    fn without_distance_and_power_there_are_no_efforts() {
        let mut streams = Streams::default();
        streams.push(Sample { heart_rate_bpm: Some(120.0), ..Sample::default() });
        assert_eq!(efforts(&streams), []);
        assert_eq!(efforts(&way(&[(0.0, 5.0), (100.0, 5.0)])), []);
    }

    /// Steps of seconds and metres, sums of them.
    fn walks() -> impl Strategy<Value = Vec<(f64, f64)>> {
        prop::collection::vec((1..40_u32, 0..150_u32), 2..60).prop_map(|steps| {
            let (mut time_s, mut metres) = (0.0, 0.0);
            let rest = steps.into_iter().map(|(seconds, way)| {
                time_s += f64::from(seconds);
                metres += f64::from(way);
                (time_s, metres)
            });
            std::iter::once((0.0, 0.0)).chain(rest).collect()
        })
    }

    /// The distance at a time, straight from the definition.
    fn way_at(points: &[(f64, f64)], time_s: f64) -> f64 {
        let pair = points.windows(2).find(|pair| time_s <= pair[1].0);
        pair.map_or(points[points.len() - 1].1, |pair| {
            pair[0].1 + (pair[1].1 - pair[0].1) * (time_s - pair[0].0).max(0.0) / (pair[1].0 - pair[0].0)
        })
    }

    proptest! {
        #[test]
        fn no_window_is_shorter_than_the_effort_and_the_effort_covers_its_distance(points in walks()) {
            let last_s = points[points.len() - 1].0;
            match best(&way(&points), "400m") {
                None => prop_assert!(points[points.len() - 1].1 < 400.0),
                Some(effort) => {
                    let covered = way_at(&points, effort.end_s) - way_at(&points, effort.start_s);
                    prop_assert!((covered - 400.0).abs() < 1e-3, "covers {covered}");
                    let mut start_s = 0.0;
                    while start_s < last_s {
                        let end_s = start_s + effort.value - 0.01;
                        let covered = way_at(&points, end_s.min(last_s)) - way_at(&points, start_s);
                        prop_assert!(covered < 400.0, "{start_s} to {end_s} covers {covered}");
                        start_s += 0.25;
                    }
                }
            }
        }

        #[test]
        fn no_window_has_more_power_than_the_effort(
            powers in prop::collection::vec((1..30_u32, prop::option::of(0..1000_u32)), 1..80),
        ) {
            let mut streams = Streams::default();
            let mut by_second = Vec::new();
            for (step_s, power_w) in powers {
                let power_w = power_w.map(f64::from);
                streams.push(Sample { time_s: by_second.len() as f64, power_w, ..Sample::default() });
                by_second.extend((0..step_s).map(|second| if second < 10 { power_w.unwrap_or(0.0) } else { 0.0 }));
            }
            // The last sample holds for a second.
            by_second.truncate(*streams.time_s.last().expect("one") as usize + 1);
            for (name, seconds) in [("power_5s", 5), ("power_30s", 30), ("power_1min", 60)] {
                let means = by_second.windows(seconds).map(|window| window.iter().sum::<f64>() / seconds as f64);
                let most = means.reduce(f64::max).filter(|most| *most > 0.0);
                match (best(&streams, name), most) {
                    (Some(effort), Some(most)) => prop_assert!((effort.value - most).abs() < 1e-6, "{name}"),
                    (effort, most) => prop_assert_eq!(effort.map(|effort| effort.value), most, "{}", name),
                }
            }
        }
    }
}
