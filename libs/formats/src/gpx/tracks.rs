//! Tracks into activities: segments are parted by pauses, tracks soon after one another are one workout.

use jiff::Timestamp;
use kernel::Sport;

use super::read::{Point, Track};
use crate::activity::{Activity, Pause, Sample, Streams, Total};
use crate::reading::{Damage, Reason};
use crate::{ACTIVITIES_MAX, geo, totals};

const US_PER_S: f64 = 1e6;
/// Tracks further apart are workouts of their own.
const APART_MAX_US: i64 = 30 * 60 * 1_000_000;
/// Points further from the middle one are of another age.
const SPAN_MAX_US: u64 = 14 * 86_400 * 1_000_000;

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
        self.kind = self.kind.take().or(next.kind);
        self.offset_s = self.offset_s.or(next.offset_s);
    }

    /// Gives points between timed ones a time on the straight line and leaves out those that have none then,
    /// and those of another age. Sorts the rest.
    fn tidied(mut self, damage: &mut Damage) -> Self {
        let points = &mut self.points;
        interpolate_times(points);
        retain(points, damage, Reason::Untimed, |point| point.at_us.is_some());
        if !points.is_sorted_by_key(|point| point.at_us) {
            points.sort_by_key(|point| point.at_us);
        }
        if let Some(middle) = points.get(points.len() / 2).and_then(|point| point.at_us) {
            let near = |point: &Point| point.at_us.is_some_and(|at_us| at_us.abs_diff(middle) <= SPAN_MAX_US);
            retain(points, damage, Reason::AbsurdTime, near);
        }
        self
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

fn activity(track: Track, session_index: u32) -> Option<Activity> {
    let start_us = track.points.first()?.at_us?;
    let (sport, sub_sport) = sport(track.kind.as_deref());
    let mut activity = Activity::new(sport, Timestamp::from_microsecond(start_us).ok()?);
    activity.sub_sport = sub_sport.map(str::to_owned);
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

/// The words and, from one large site, the numbers found in `<type>`.
fn sport(kind: Option<&str>) -> (Sport, Option<&'static str>) {
    let word = kind.unwrap_or_default().to_ascii_lowercase().replace([' ', '-'], "_");
    match word.as_str() {
        "9" | "run" | "running" | "street_running" | "jogging" => (Sport::Running, None),
        "trail_running" | "trail_run" | "trailrun" => (Sport::Running, Some("trail")),
        "treadmill_running" => (Sport::Running, Some("treadmill")),
        "1" | "ride" | "cycling" | "biking" | "bike" | "bicycling" | "road_biking" => (Sport::Cycling, None),
        "mountain_biking" | "mtb" => (Sport::Cycling, Some("mountain")),
        "gravel_cycling" | "gravel_ride" => (Sport::Cycling, Some("gravel_cycling")),
        "17" | "virtual_ride" | "virtualride" => (Sport::Cycling, Some("virtual_activity")),
        "18" | "ebikeride" | "e_biking" => (Sport::Cycling, Some("e_biking")),
        "4" | "hike" | "hiking" => (Sport::Hiking, None),
        "13" | "snowshoe" | "snowshoeing" => (Sport::Hiking, Some("snowshoeing")),
        "10" | "walk" | "walking" => (Sport::Walking, None),
        "16" | "swim" | "swimming" => (Sport::Swimming, None),
        "open_water_swimming" => (Sport::Swimming, Some("open_water")),
        "2" | "alpine_ski" | "alpineski" | "alpine_skiing" => (Sport::Skiing, Some("alpine_skiing")),
        "3" | "backcountry_ski" | "backcountryski" => (Sport::Skiing, Some("backcountry")),
        "7" | "nordic_ski" | "nordicski" | "cross_country_skiing" => {
            (Sport::Skiing, Some("cross_country_skiing"))
        }
        "ski" | "skiing" => (Sport::Skiing, None),
        "12" | "snowboard" | "snowboarding" => (Sport::Snowboarding, None),
        "5" | "ice_skate" | "ice_skating" => (Sport::Skating, Some("ice_skating")),
        "6" | "inline_skate" | "inline_skating" => (Sport::Skating, Some("inline_skating")),
        "skating" => (Sport::Skating, None),
        "rowing" | "row" => (Sport::Rowing, None),
        "11" | "workout" | "fitness" | "training" => (Sport::Fitness, None),
        "14" | "kitesurf" | "kitesurfing" => (Sport::WaterSport, Some("kitesurfing")),
        "15" | "windsurf" | "windsurfing" => (Sport::WaterSport, Some("windsurfing")),
        "kayaking" | "sailing" | "surfing" | "paddling" => (Sport::WaterSport, None),
        "climbing" | "rock_climbing" => (Sport::Climbing, None),
        other => (Sport::parse(other).unwrap_or(Sport::Other), None),
    }
}
