//! Distance along the positions, and time with the pauses taken out.

use crate::activity::{Pause, Streams};
use crate::geo;

/// Farther away than this, somebody has moved whatever the device says; nearer, positions only swarm.
const AWAY_M: f64 = 100.0;

/// Whether the distance column, or the positions where it says nothing, tell that somebody went away.
pub(super) fn went_away(streams: &Streams) -> bool {
    let counted = || streams.distance_m.iter().flatten();
    if let (Some(first), Some(most)) = (counted().next(), counted().copied().reduce(f64::max))
        && most - first >= AWAY_M
    {
        return true;
    }
    let mut places = streams.latlng.iter().flatten();
    let Some(first) = places.next() else { return false };
    places.any(|place| geo::haversine_m(*first, *place) >= AWAY_M)
}

/// Gives the distance column the haversine sums of the positions, if the device gave no distance at all, or
/// nothing but zeros on a track that leads away. A step that is mostly pause does not count. Gives the whole
/// length if it did so.
pub(super) fn fill_distance(streams: &mut Streams, pauses: &[Pause]) -> Option<f64> {
    if streams.latlng.iter().all(Option::is_none) {
        return None;
    }
    let counted = streams.distance_m.iter().any(Option::is_some);
    let denied = counted && streams.distance_m.iter().flatten().all(|metres| *metres == 0.0);
    if counted && !(denied && went_away(streams)) {
        return None;
    }
    streams.distance_m.iter_mut().for_each(|metres| *metres = None);
    let running_s = running_time_s(&streams.time_s, pauses);
    let mut last: Option<((f64, f64), f64, f64)> = None;
    let mut sum_m = 0.0;
    for (((&position, &time_s), &run_s), distance_m) in
        streams.latlng.iter().zip(&streams.time_s).zip(&running_s).zip(&mut streams.distance_m)
    {
        let Some(here) = position else { continue };
        if let Some((there, last_time_s, last_run_s)) = last
            && 2.0 * (run_s - last_run_s) >= time_s - last_time_s
        {
            sum_m += geo::haversine_m(there, here);
        }
        last = Some((here, time_s, run_s));
        *distance_m = Some(sum_m);
    }
    Some(sum_m)
}

/// The timer at each of the times: the time minus the pauses before it.
pub(super) fn running_time_s(time_s: &[f64], pauses: &[Pause]) -> Vec<f64> {
    let mut coming = pauses.iter().peekable();
    let mut over_s = 0.0;
    let mut running = Vec::with_capacity(time_s.len());
    for &now_s in time_s {
        while let Some(pause) = coming.next_if(|pause| pause.end_s <= now_s) {
            over_s += pause.duration_s();
        }
        let within_s = coming.peek().map_or(0.0, |pause| (now_s - pause.start_s).max(0.0));
        running.push(now_s - over_s - within_s);
    }
    running
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sample;

    #[test]
    fn the_timer_stands_still_in_a_pause() {
        let pauses = [Pause { start_s: 2.0, end_s: 5.0 }];
        assert_eq!(running_time_s(&[0.0, 2.0, 3.0, 5.0, 6.0], &pauses), [0.0, 2.0, 2.0, 2.0, 3.0]);
    }

    #[test]
    fn moving_while_paused_is_no_distance() {
        let mut streams = Streams::default();
        for (time_s, lat) in [(0.0, 0.0), (10.0, 0.001), (100.0, 0.5), (110.0, 0.501)] {
            streams.push(Sample { time_s, latlng: Some((lat, 0.0)), ..Sample::default() });
        }
        fill_distance(&mut streams, &[Pause { start_s: 11.0, end_s: 99.0 }]);
        let length_m = streams.distance_m.last().copied().flatten().unwrap_or_default();
        assert!((length_m - 222.6).abs() < 0.1, "{length_m}");
    }
}
