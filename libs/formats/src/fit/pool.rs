//! Swims in a pool: what the lengths tell where the records do not.

use super::message::PoolLength;
use crate::activity::{Activity, Length, Sample, Streams};

/// Takes in the lengths that began within the activity.
pub(super) fn add_lengths<'a>(
    activity: &mut Activity,
    lengths: impl Iterator<Item = &'a PoolLength>,
    start: u32,
    pool_length_m: Option<f64>,
) {
    let offset_s = |time: u32| f64::from(time.saturating_sub(start));
    activity.lengths = lengths.map(|one| Length { start_s: offset_s(one.start), ..one.length }).collect();
    activity.lengths.sort_by(|one, other| one.start_s.total_cmp(&other.start_s));
    activity.pool_length_m = pool_length_m.filter(|_| !activity.lengths.is_empty());
    let counted = activity.streams.distance_m.iter().flatten().any(|metres| *metres > 0.0);
    let placed = activity.streams.latlng.iter().any(Option::is_some);
    if let Some(pool_length_m) = activity.pool_length_m
        && !counted
        && !placed
    {
        count_distance(&mut activity.streams, &activity.lengths, pool_length_m);
    }
}

/// Metres behind at each moment: a length is swum evenly, a rest is none. Without records, the walls become some.
fn count_distance(streams: &mut Streams, lengths: &[Length], pool_length_m: f64) {
    let mut walls = vec![(0.0, 0.0)];
    let mut swum_m = 0.0;
    for length in lengths {
        let end_s = length.start_s + length.elapsed_time_s.unwrap_or(0.0);
        walls.push((length.start_s, swum_m));
        if length.active {
            swum_m += pool_length_m;
        }
        walls.push((end_s, swum_m));
    }
    walls.dedup();
    let mut latest_s = 0.0_f64;
    walls.iter_mut().for_each(|(at_s, _)| {
        latest_s = latest_s.max(*at_s);
        *at_s = latest_s;
    });
    if streams.is_empty() {
        for (time_s, metres) in walls {
            streams.push(Sample { time_s, distance_m: Some(metres), ..Sample::default() });
        }
        return;
    }
    let mut segments = walls.iter().zip(walls.iter().skip(1)).peekable();
    for (&time_s, distance_m) in streams.time_s.iter().zip(&mut streams.distance_m) {
        while segments.next_if(|(_, to)| to.0 < time_s).is_some() {}
        *distance_m = Some(match segments.peek() {
            None => swum_m,
            Some((from, to)) if to.0 > from.0 => {
                from.1 + (to.1 - from.1) * ((time_s - from.0) / (to.0 - from.0)).clamp(0.0, 1.0)
            }
            Some((from, _)) => from.1,
        });
    }
}
