//! Tracks into activities: segments are parted by pauses, tracks soon after one another are one workout.

use jiff::Timestamp;
use kernel::Sport;

use super::read::Track;
use crate::activity::{Activity, Pause, Sample, Streams};
use crate::reading::{Damage, Reason};
use crate::{ACTIVITIES_MAX, geo, totals};

const US_PER_S: f64 = 1e6;
/// Tracks further apart are workouts of their own.
const APART_MAX_US: i64 = 30 * 60 * 1_000_000;
/// Points further from the middle one are of another age.
const SPAN_MAX_US: i64 = 14 * 86_400 * 1_000_000;

/// A point with its time, and the number of its segment.
#[derive(Clone, Copy)]
struct Timed {
    at_us: i64,
    segment: u32,
    sample: Sample,
}

/// A track or several that are one workout.
struct Workout {
    kind: Option<String>,
    offset_s: Option<i32>,
    points: Vec<Timed>,
}

pub(super) fn activities(tracks: Vec<Track>, damage: &mut Damage) -> Vec<Activity> {
    let mut workouts: Vec<Workout> = Vec::new();
    for track in tracks {
        let workout = timed(track, damage);
        match workouts.last_mut() {
            _ if workout.points.is_empty() => {}
            Some(last) if last.goes_on_with(&workout) => last.append(workout),
            _ => workouts.push(workout),
        }
    }
    if workouts.len() > ACTIVITIES_MAX {
        damage.note(Reason::TooMany);
    }
    let numbered = workouts.into_iter().take(ACTIVITIES_MAX).zip(0..);
    numbered.filter_map(|(workout, session_index)| activity(workout, session_index)).collect()
}

impl Workout {
    fn goes_on_with(&self, next: &Self) -> bool {
        let (Some(end), Some(start)) = (self.points.last(), next.points.first()) else { return true };
        let same_kind = self.kind.is_none() || next.kind.is_none() || self.kind == next.kind;
        same_kind && (0..=APART_MAX_US).contains(&(start.at_us - end.at_us))
    }

    fn append(&mut self, next: Self) {
        self.points.extend(next.points);
        self.kind = self.kind.take().or(next.kind);
        self.offset_s = self.offset_s.or(next.offset_s);
    }
}

/// Gives points between timed ones a time on the straight line; those before and after the timed are left out,
/// and so are those of another age. Sorts them.
fn timed(track: Track, damage: &mut Damage) -> Workout {
    let mut points = Vec::with_capacity(track.columns.len());
    let mut pending: Vec<(u32, Sample)> = Vec::new();
    for ((sample, at_us), segment) in track.columns.into_iter().zip(track.times).zip(track.segments) {
        let Some(at_us) = at_us else {
            pending.push((segment, sample));
            continue;
        };
        match points.last().copied() {
            Some(last) => between(last, at_us, &pending, &mut points),
            None if !pending.is_empty() => damage.note(Reason::Untimed),
            None => {}
        }
        pending.clear();
        points.push(Timed { at_us, segment, sample });
    }
    if !pending.is_empty() {
        damage.note(Reason::Untimed);
    }
    if !points.is_sorted_by_key(|point| point.at_us) {
        points.sort_by_key(|point| point.at_us);
    }
    if let Some(middle) = points.get(points.len() / 2).map(|point| point.at_us) {
        let before = points.len();
        points.retain(|point| point.at_us.abs_diff(middle) <= SPAN_MAX_US.unsigned_abs());
        if points.len() < before {
            damage.note(Reason::AbsurdTime);
        }
    }
    Workout { kind: track.kind, offset_s: track.offset_s, points }
}

fn between(last: Timed, next_us: i64, pending: &[(u32, Sample)], points: &mut Vec<Timed>) {
    let step_us = (next_us - last.at_us) as f64 / (pending.len() + 1) as f64;
    for (number, (segment, sample)) in pending.iter().enumerate() {
        let at_us = last.at_us + (step_us * (number + 1) as f64) as i64;
        points.push(Timed { at_us, segment: *segment, sample: *sample });
    }
}

fn activity(workout: Workout, session_index: u32) -> Option<Activity> {
    let start_us = workout.points.first()?.at_us;
    let (sport, sub_sport) = sport(workout.kind.as_deref());
    let mut activity = Activity::new(sport, Timestamp::from_microsecond(start_us).ok()?);
    activity.sub_sport = sub_sport.map(str::to_owned);
    activity.utc_offset_s = workout.offset_s;
    activity.session_index = session_index;
    activity.streams = Streams::with_room(workout.points.len());
    let mut last: Option<Timed> = None;
    let mut way_m = 0.0;
    for point in workout.points {
        let time_s = (point.at_us - start_us) as f64 / US_PER_S;
        match last {
            Some(last) if last.segment == point.segment => way_m += step_m(&last.sample, &point.sample),
            Some(last) if last.at_us < point.at_us => {
                let start_s = (last.at_us - start_us) as f64 / US_PER_S;
                activity.pauses.push(Pause { start_s, end_s: time_s });
            }
            _ => {}
        }
        activity.streams.push(Sample { time_s, distance_m: Some(way_m), ..point.sample });
        last = Some(point);
    }
    totals::complete(&mut activity);
    Some(activity)
}

fn step_m(from: &Sample, to: &Sample) -> f64 {
    match (from.latlng, to.latlng) {
        (Some(from), Some(to)) => geo::haversine_m(from, to),
        _ => 0.0,
    }
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
