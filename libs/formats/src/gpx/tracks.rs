//! Tracks into activities: segments are parted by pauses, tracks soon after one another are one workout.

use jiff::Timestamp;

use super::read::Track;
use crate::activity::{Activity, Pause, Sample, Streams, Total};
use crate::reading::{Damage, Reason};
use crate::xml::points::{self, Point};
use crate::xml::sport::sport;
use crate::{ACTIVITIES_MAX, geo, totals};

const US_PER_S: f64 = 1e6;
/// Tracks further apart are workouts of their own.
const APART_MAX_US: i64 = 30 * 60 * 1_000_000;

pub(super) fn activities(tracks: Vec<Track>, damage: &mut Damage) -> Vec<Activity> {
    let mut workouts: Vec<Track> = Vec::new();
    for track in tracks {
        let track = track.tidied(damage);
        match workouts.last_mut() {
            _ if track.points.is_empty() => {}
            Some(before) if track.continues(before) => before.append(track),
            _ => workouts.push(track),
        }
    }
    if workouts.len() > ACTIVITIES_MAX {
        damage.note(Reason::TooMany);
    }
    let numbered = workouts.into_iter().take(ACTIVITIES_MAX).zip(0..);
    numbered.filter_map(|(track, session_index)| activity(track, session_index)).collect()
}

impl Track {
    /// Soon after the other, and of no other kind.
    fn continues(&self, before: &Self) -> bool {
        let end = before.points.last().and_then(|point| point.at_us);
        let start = self.points.first().and_then(|point| point.at_us);
        let same_kind = before.kind.is_none() || self.kind.is_none() || before.kind == self.kind;
        same_kind && end.zip(start).is_some_and(|(end, start)| (0..=APART_MAX_US).contains(&(start - end)))
    }

    fn append(&mut self, next: Self) {
        self.points.extend(next.points);
        self.name = self.name.take().or(next.name);
        self.kind = self.kind.take().or(next.kind);
        self.offset_s = self.offset_s.or(next.offset_s);
    }

    fn tidied(mut self, damage: &mut Damage) -> Self {
        points::tidy(&mut self.points, damage);
        self
    }
}

fn activity(track: Track, session_index: u32) -> Option<Activity> {
    let start_us = track.points.first()?.at_us?;
    let (sport, sub_sport) = sport(track.kind.as_deref());
    let mut activity = Activity::new(sport, Timestamp::from_microsecond(start_us).ok()?);
    activity.sub_sport = sub_sport.map(str::to_owned);
    activity.name = track.name;
    activity.utc_offset_s = track.offset_s;
    activity.session_index = session_index;
    activity.streams = Streams::with_room(track.points.len());
    let mut last: Option<(f64, Point)> = None;
    let mut way_m = 0.0;
    for point in track.points {
        let time_s = (point.at_us.unwrap_or(start_us) - start_us) as f64 / US_PER_S;
        match last {
            Some((_, last)) if last.segment == point.segment => way_m += step_m(&last.sample, &point.sample),
            Some((start_s, _)) if start_s < time_s => activity.pauses.push(Pause { start_s, end_s: time_s }),
            _ => {}
        }
        activity.streams.push(Sample { time_s, distance_m: Some(way_m), ..point.sample });
        last = Some((time_s, point));
    }
    activity.totals.distance_m = Some(Total::computed(way_m, totals::HAVERSINE, 1));
    totals::complete(&mut activity);
    Some(activity)
}

fn step_m(from: &Sample, to: &Sample) -> f64 {
    from.latlng.zip(to.latlng).map_or(0.0, |(from, to)| geo::haversine_m(from, to))
}
