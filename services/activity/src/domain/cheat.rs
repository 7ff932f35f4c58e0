//! What cannot be: rules that say why, each with what was seen and what the limit is. A new limit, or a new rule, is a new
//! version of all of them; what older ones said stays as it was said.
//!
//! | rule | is broken by |
//! |---|---|
//! | `speed` | a minute faster than anybody is in this sport |
//! | `average_speed` | a whole activity, of 1 km and more, faster than the best in the world; without a track by the moving time |
//! | `jumps` | a track of which a tenth, and more than 1 km, was passed at the speed of an aeroplane |
//! | `acceleration` | ten changes of speed and more that no body survives |
//! | `climb` | 300 m and more upward, faster than the best in the world |
//! | `vehicle` | ten minutes at a racer's speed with the pulse, or the power, of somebody who sits |
//! | `still_heart` | twenty minutes on the way without one change of the heart rate |
//! | `edited` | a total that the file's own track, all there, is not half of |
//!
//! Those that look at several activities stand in [`super::across`], under the same version.
//!
//! What is not there breaks no rule: an entry by hand has no track, and is held to its totals alone.

use formats::{Streams, totals::JUMP_MPS};
use kernel::Sport;

use super::{
    facts::{Facts, Record},
    marks::{Judgement, Reason, Verdict},
};

/// Raised with every change of a rule or a limit.
pub const RULES_VERSION: u32 = 3;

const WINDOW_S: f64 = 60.0;
const AVERAGE_LEAST_M: f64 = 1_000.0;
const ACCELERATION_MPS2: f64 = 12.0;
const ACCELERATIONS_MAX: usize = 10;
const CLIMB_LEAST_M: f64 = 300.0;
const VEHICLE_S: f64 = 600.0;
const STILL_S: f64 = 1_200.0;
const STILL_ROWS: usize = 200;

/// What a sport's best do, with room: metres a second over a minute, over a whole activity, and at ease in a car.
#[derive(Clone, Copy)]
struct Limits {
    minute_mps: f64,
    average_mps: f64,
    /// Above this for ten minutes a body works hard.
    racing_mps: f64,
    climb_mps: f64,
}

/// `None`: a sport in which the body is not what moves, or that knows no such limits.
const fn limits(sport: Sport) -> Option<Limits> {
    let (minute_mps, average_mps, racing_mps, climb_mps) = match sport {
        // 1 000 m in 2:11 are 7.6 m/s.
        Sport::Running => (9.0, 7.7, 5.5, 0.75),
        Sport::Walking => (6.0, 5.0, 4.0, 0.75),
        Sport::Hiking => (9.0, 7.0, 5.0, 0.75),
        // Downhill at 100 km/h; the hour record is 15.8 m/s.
        Sport::Cycling => (32.0, 17.0, 14.0, 1.0),
        // 100 m in 47 s are 2.1 m/s; a current helps.
        Sport::Swimming => (4.0, 3.0, 3.0, f64::INFINITY),
        Sport::Rowing => (8.0, 6.5, 6.0, f64::INFINITY),
        Sport::Skating => (20.0, 15.5, 13.0, 1.0),
        Sport::Skiing | Sport::Snowboarding => (60.0, 30.0, f64::INFINITY, f64::INFINITY),
        _ => return None,
    };
    Some(Limits { minute_mps, average_mps, racing_mps, climb_mps })
}

/// The record with what the rules say of it. What a reviewer decided of other figures does not hold for these.
pub fn judged(mut record: Record, streams: Option<&Streams>) -> Record {
    let reasons = record.facts.as_ref().map(|facts| reasons(facts, streams)).unwrap_or_default();
    if reasons.is_empty() {
        record.marks.verdict = Verdict::Clear;
        record.judgement = None;
    } else {
        record.marks.verdict = Verdict::Flagged;
        record.judgement = Some(Judgement { rules_version: RULES_VERSION, reasons, ..Judgement::default() });
    }
    record
}

/// Every rule that is broken.
pub fn reasons(facts: &Facts, streams: Option<&Streams>) -> Vec<Reason> {
    let Some(limits) = limits(facts.sport) else { return Vec::new() };
    let streams = streams.filter(|streams| streams.time_s.len() > 1);
    let mut found = vec![average_speed(facts, limits, streams.is_some()), climb(facts, limits)];
    if let Some(streams) = streams {
        let way = way(streams);
        found.extend([
            speed(facts.sport, &way, limits),
            jumps(&way),
            acceleration(&way),
            vehicle(streams, &way, limits),
            still_heart(streams, &way),
            edited(facts, streams, &way),
        ]);
    }
    found.into_iter().flatten().collect()
}

fn reason(
    rule: &str,
    (value, limit, unit): (f64, f64, &str),
    part_s: Option<(f64, f64)>,
    detail: String,
) -> Option<Reason> {
    Some(Reason { rule: rule.to_owned(), detail, value, limit, unit: unit.to_owned(), part_s })
}

fn average_speed(facts: &Facts, limits: Limits, tracked: bool) -> Option<Reason> {
    let distance_m = facts.distance_m.filter(|distance_m| *distance_m >= AVERAGE_LEAST_M)?;
    // The longest of the times: a timer that stood still while it moved tells of no speed. Of what is only stated it is
    // the one that counts.
    let times = [Some(facts.elapsed_time_s), facts.timer_time_s, facts.moving_time_s];
    let stated = facts.moving_time_s.filter(|_| !tracked);
    let time_s = stated.unwrap_or_else(|| times.into_iter().flatten().fold(0.0, f64::max));
    let mps = if time_s > 0.0 { distance_m / time_s } else { f64::MAX };
    (mps > limits.average_mps).then_some(())?;
    let detail = format!(
        "{:.1} km in {:.0} s are {mps:.1} m/s; the best of this sport reach {:.1} m/s",
        distance_m / 1000.0,
        time_s,
        limits.average_mps
    );
    reason("average_speed", (mps, limits.average_mps, "m/s"), None, detail)
}

fn climb(facts: &Facts, limits: Limits) -> Option<Reason> {
    let ascent_m = facts.ascent_m.filter(|ascent_m| *ascent_m >= CLIMB_LEAST_M)?;
    let mps = if facts.elapsed_time_s > 0.0 { ascent_m / facts.elapsed_time_s } else { f64::MAX };
    (mps > limits.climb_mps).then_some(())?;
    let detail = format!(
        "{ascent_m:.0} m upward in {:.0} s; at most {:.2} m/s is possible",
        facts.elapsed_time_s, limits.climb_mps
    );
    reason("climb", (mps, limits.climb_mps, "m/s"), None, detail)
}

/// Where on its way it was at which time: by the positions, or by the distance that the device counted, whichever is
/// less. A receiver that strays makes nobody fast, and neither does a wheel that is set too large.
fn way(streams: &Streams) -> Vec<(f64, f64)> {
    let mut last: Option<(f64, f64)> = None;
    let mut sum_m = 0.0;
    let placed = streams.time_s.iter().zip(&streams.latlng).filter_map(|(time_s, at)| {
        let at = (*at)?;
        sum_m += last.map_or(0.0, |last| super::twins::apart_m(last, at));
        last = Some(at);
        Some((*time_s, sum_m))
    });
    let placed: Vec<(f64, f64)> = placed.collect();
    let counted = streams.time_s.iter().zip(&streams.distance_m);
    let counted: Vec<(f64, f64)> = counted.filter_map(|(time, way)| Some((*time, (*way)?))).collect();
    let length_m =
        |way: &[(f64, f64)]| way.last().zip(way.first()).map_or(f64::MAX, |(last, first)| last.1 - first.1);
    let (least, other) =
        if length_m(&counted) < length_m(&placed) { (counted, placed) } else { (placed, counted) };
    // A column of a few values, or of nothing but zeros, is a sensor that is not there.
    if least.len() * 2 < other.len() || (length_m(&least) == 0.0 && !other.is_empty()) {
        other
    } else {
        least
    }
}

/// The fastest stretch of at least so many seconds: its speed, from, to. Linear in the points.
fn fastest(way: &[(f64, f64)], least_s: f64) -> Option<(f64, f64, f64)> {
    let mut from = 0;
    let mut best: Option<(f64, f64, f64)> = None;
    for end in way {
        // The latest beginning that is long enough ago.
        while way.get(from + 1).is_some_and(|next| end.0 - next.0 >= least_s) {
            from += 1;
        }
        let Some(begin) = way.get(from).filter(|begin| end.0 - begin.0 >= least_s) else { continue };
        let mps = (end.1 - begin.1) / (end.0 - begin.0);
        if best.is_none_or(|best| mps > best.0) {
            best = Some((mps, begin.0, end.0));
        }
    }
    best
}

fn speed(sport: Sport, way: &[(f64, f64)], limits: Limits) -> Option<Reason> {
    let calm = without_jumps(way);
    let (mps, from_s, to_s) = fastest(&calm, WINDOW_S).filter(|best| best.0 > limits.minute_mps)?;
    let detail = format!(
        "{mps:.1} m/s over {:.0} s; nobody is faster than {:.1} m/s in {}",
        to_s - from_s,
        limits.minute_mps,
        sport.as_str()
    );
    reason("speed", (mps, limits.minute_mps, "m/s"), Some((from_s, to_s)), detail)
}

/// A receiver that loses itself for a moment makes nobody fast.
fn without_jumps(way: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut jumped_m = 0.0;
    let mut calm = Vec::with_capacity(way.len());
    let mut last: Option<(f64, f64)> = None;
    for point in way {
        if let Some(last) = last
            && is_jump(last, *point)
        {
            jumped_m += point.1 - last.1;
        }
        last = Some(*point);
        calm.push((point.0, point.1 - jumped_m));
    }
    calm
}

fn is_jump(from: (f64, f64), to: (f64, f64)) -> bool {
    to.1 - from.1 > JUMP_MPS * (to.0 - from.0).max(1.0)
}

fn jumps(way: &[(f64, f64)]) -> Option<Reason> {
    let steps = way.iter().zip(way.iter().skip(1));
    let jumped_m: f64 =
        steps.filter(|(from, to)| is_jump(**from, **to)).map(|(from, to)| to.1 - from.1).sum();
    let whole_m = way.last()?.1;
    let share = if whole_m > 0.0 { jumped_m / whole_m } else { 0.0 };
    (jumped_m > 1_000.0 && share > 0.1).then_some(())?;
    let detail = format!("{:.1} km of the track were jumped over", jumped_m / 1000.0);
    reason("jumps", (share, 0.1, "share of the track"), None, detail)
}

fn acceleration(way: &[(f64, f64)]) -> Option<Reason> {
    let speeds: Vec<(f64, f64)> = way
        .windows(2)
        .filter_map(|pair| match pair {
            [from, to] if to.0 > from.0 && !is_jump(*from, *to) => {
                Some((to.0, (to.1 - from.1) / (to.0 - from.0)))
            }
            _ => None,
        })
        .collect();
    let beyond = |pair: &&[(f64, f64)]| match pair {
        [from, to] => (to.1 - from.1).abs() / (to.0 - from.0).max(1.0) > ACCELERATION_MPS2,
        _ => false,
    };
    let many = speeds.windows(2).filter(beyond).count();
    // A bad receiver shakes: what counts is how much of the way it is.
    let most = ACCELERATIONS_MAX.max(speeds.len() / 50);
    (many > most).then_some(())?;
    let detail =
        format!("the speed changed {many} times by more than {ACCELERATION_MPS2:.0} m/s in a second");
    reason("acceleration", (many as f64, most as f64, "changes"), None, detail)
}

fn vehicle(streams: &Streams, way: &[(f64, f64)], limits: Limits) -> Option<Reason> {
    let (mps, from_s, to_s) =
        fastest(&without_jumps(way), VEHICLE_S).filter(|best| best.0 > limits.racing_mps)?;
    let mean = |column: &[Option<f64>]| {
        let within = streams.time_s.iter().zip(column).filter(|(time, _)| (from_s..=to_s).contains(*time));
        let known: Vec<f64> = within.filter_map(|(_, value)| *value).collect();
        (known.len() > 20).then(|| known.iter().sum::<f64>() / known.len() as f64)
    };
    let at_rest = mean(&streams.heart_rate_bpm).filter(|bpm| *bpm < 95.0).map(|bpm| (bpm, 95.0, "bpm"));
    let idle = mean(&streams.power_w).filter(|watts| *watts < 40.0).map(|watts| (watts, 40.0, "W"));
    let (value, limit, unit) = at_rest.or(idle)?;
    let detail = format!(
        "{mps:.1} m/s for {:.0} min at {value:.0} {unit}: that is how one sits in a vehicle",
        (to_s - from_s) / 60.0
    );
    reason("vehicle", (value, limit, unit), Some((from_s, to_s)), detail)
}

fn still_heart(streams: &Streams, way: &[(f64, f64)]) -> Option<Reason> {
    let moved_m = way.last()?.1;
    let mut beats =
        streams.time_s.iter().zip(&streams.heart_rate_bpm).filter_map(|(time, bpm)| Some((*time, (*bpm)?)));
    let first = beats.next()?;
    let (mut since, mut rows, mut longest) = (first, 1_usize, (0.0, 0.0, 0.0));
    for beat in beats {
        if beat.1.to_bits() != since.1.to_bits() {
            (since, rows) = (beat, 0);
        }
        rows += 1;
        if rows >= STILL_ROWS && beat.0 - since.0 > longest.2 {
            longest = (since.0, beat.0, beat.0 - since.0);
        }
    }
    (longest.2 >= STILL_S && moved_m > AVERAGE_LEAST_M).then_some(())?;
    let detail = format!("the heart rate did not change once in {:.0} min under way", longest.2 / 60.0);
    reason("still_heart", (longest.2, STILL_S, "s"), Some((longest.0, longest.1)), detail)
}

/// Only where the track is there nearly all of the time: what a lost receiver did not see may well have been walked.
fn edited(facts: &Facts, streams: &Streams, way: &[(f64, f64)]) -> Option<Reason> {
    let told_m = facts.distance_m.filter(|told_m| *told_m >= AVERAGE_LEAST_M)?;
    let placed = streams.latlng.iter().flatten().count();
    let (first, last) = (way.first()?, way.last()?);
    let whole = placed * 10 >= streams.len() * 9 && (last.0 - first.0) * 10.0 >= facts.elapsed_time_s * 9.0;
    // A receiver that stands still altogether has not seen anything.
    (whole && placed > 60 && last.1 > AVERAGE_LEAST_M / 2.0 && last.1 * 2.0 < told_m).then_some(())?;
    let detail = format!(
        "{:.1} km are claimed, and the file's own track is {:.1} km long",
        told_m / 1000.0,
        last.1 / 1000.0
    );
    reason("edited", (told_m, last.1 * 2.0, "m"), None, detail)
}

#[cfg(test)]
#[path = "cheat_tests.rs"]
mod tests;
