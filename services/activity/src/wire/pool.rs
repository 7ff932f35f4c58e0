//! Swims in a pool as they stand in events and in answers.

use formats::Length;
use proto::activity as wire;

use super::some;
use crate::domain::facts::Pool;

/// `None`: it was in no pool.
pub fn to_proto(pool: &Pool) -> Option<wire::Pool> {
    let length = |length: &Length| wire::PoolLength {
        start_s: length.start_s,
        elapsed_time_s: length.elapsed_time_s,
        timer_time_s: length.timer_time_s,
        active: length.active,
        stroke: length.stroke.unwrap_or_default().to_owned(),
        strokes: length.strokes.map(u32::from),
        cadence_rpm: length.cadence_rpm,
    };
    let told = || wire::Pool { length_m: pool.length_m, lengths: pool.lengths.iter().map(length).collect() };
    (*pool != Pool::default()).then(told)
}

pub fn of(pool: wire::Pool) -> Pool {
    let length = |length: wire::PoolLength| Length {
        start_s: length.start_s,
        elapsed_time_s: length.elapsed_time_s,
        timer_time_s: length.timer_time_s,
        active: length.active,
        stroke: some(length.stroke).and_then(|word| Length::stroke_of(&word)),
        strokes: length.strokes.and_then(|strokes| strokes.try_into().ok()),
        cadence_rpm: length.cadence_rpm,
    };
    Pool { length_m: pool.length_m, lengths: pool.lengths.into_iter().map(length).collect() }
}
