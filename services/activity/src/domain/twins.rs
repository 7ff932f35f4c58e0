//! Which activities are the same workout, told by phone, watch and somebody's export; and which of them is shown.
//!
//! Two are the same when
//!
//! - no source keeps them apart: two entries by hand, two keys of one source, two sessions of one file are two;
//! - their sports are of one family (`other` and `multisport` are of each);
//! - they start within 3 min of each other, and half of the time that either of them takes is common to both;
//! - their lengths differ by no more than 15 %, where both have one;
//! - their tracks lie within 150 m of each other, where both have one.
//!
//! Whatever sports, times and lengths say, two are the same when most of the moments of the shorter recording are in the
//! other, to the second and the metre ([`super::trace`]): nobody is twice at the same places at the same moments. So a file
//! that was broken off, or that another program measured otherwise, is no workout beside its whole.
//!
//! A clock that wrote its local time for the world's is off by one of the two's own offset. As many go the same way each
//! day, that is believed only of two with tracks, 50 m apart at most and begun at one place, that start within 5 s
//! but for the offset, and of which neither time nor length differ by more than 1 %.
//!
//! The group is made around the best of them (a part of a recording is never better than its whole): of all that stand for themselves the first in rank takes in whatever is the
//! same as it, then the next. Whoever comes first or last, the same set gives the same groups. What the owner says stands
//! above all that.

use formats::Streams;
use kernel::{ActivityId, Sport};

use super::{
    facts::{Facts, Measured, Origin, Record},
    marks::Verdict,
};

const APART_S_MAX: f64 = 180.0;
/// The farthest that local time lies from the world's.
const ZONE_S_MAX: f64 = 14.0 * 3600.0;
const SHIFTED_APART_S_MAX: f64 = 5.0;
const SHIFTED_MAX: f64 = 0.01;
const SHIFTED_TRACK_M_MAX: f64 = 50.0;
const SHIFTED_BEGIN_M_MAX: f64 = 200.0;
const OVERLAP_MIN: f64 = 0.5;
const LENGTH_MAX: f64 = 0.15;
const TRACK_M_MAX: f64 = 150.0;
const TRACK_POINTS: usize = 256;
const LOOKED_AT: usize = 32;
/// Of the moments of the shorter recording. Two devices carried side by side share a few in a hundred.
const RECORDING_MIN: f64 = 0.6;
/// A recording that takes less of its whole's time than this is a part of it.
const WHOLE_MIN: f64 = 0.95;

/// How far from an activity another of the same workout may start: what is looked through.
pub const REACH_US: i64 = (ZONE_S_MAX + APART_S_MAX) as i64 * 1_000_000;

/// Where twins of an activity are looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whereabouts {
    /// When it begins, and when it began before.
    pub starts_us: Vec<i64>,
    /// Something was said of it and others before. Where it was not, and nobody is near, it stands alone.
    pub bound: bool,
}

impl Whereabouts {
    /// Nowhere, where it is erased: it is nobody's twin.
    pub fn of(record: &Record, previous_start_us: Option<i64>) -> Self {
        let Some(facts) = &record.facts else { return Self::default() };
        let marks = &record.marks;
        let bound = marks.duplicate_of.is_some() || marks.joined.is_some() || !marks.fused_from.is_empty();
        let before = previous_start_us.filter(|before| *before != facts.start_us);
        Self { starts_us: std::iter::once(facts.start_us).chain(before).collect(), bound }
    }
}

/// One that may be a twin.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub id: ActivityId,
    /// Without what others gave it.
    pub record: Record,
    pub track: Option<Track>,
    /// Its owner cut off its beginning or end: what is left is all of it.
    pub cropped: bool,
}

/// Where it went, in few points.
#[derive(Clone, Debug, PartialEq)]
pub struct Track {
    points: Vec<(f64, f64)>,
    /// Positions a minute, as a power of two: one a second is better than one in ten.
    density: i32,
}

impl Track {
    pub fn of(streams: &Streams) -> Option<Self> {
        let placed: Vec<(f64, f64)> = streams.latlng.iter().flatten().copied().collect();
        let span_s = streams.time_s.last().copied().unwrap_or_default().max(1.0);
        if placed.len() < 2 {
            return None;
        }
        let every = placed.len().div_ceil(TRACK_POINTS);
        let density = (placed.len() as f64 * 60.0 / span_s).log2().round();
        #[expect(clippy::cast_possible_truncation, reason = "a logarithm is small")]
        Some(Self { points: placed.into_iter().step_by(every).collect(), density: density as i32 })
    }

    /// Metres: how far the middle one of its points lies from the other's line, and the other way round the same.
    fn apart_m(&self, other: &Self) -> f64 {
        self.off_m(other).max(other.off_m(self))
    }

    /// Between their first points: who goes the way back begins elsewhere.
    fn begin_m(&self, other: &Self) -> f64 {
        self.points.first().zip(other.points.first()).map_or(f64::MAX, |(one, other)| apart_m(*one, *other))
    }

    fn off_m(&self, other: &Self) -> f64 {
        let every = self.points.len().div_ceil(LOOKED_AT);
        let mut off: Vec<f64> = self.points.iter().step_by(every).map(|at| other.line_m(*at)).collect();
        off.sort_by(f64::total_cmp);
        off.get(off.len() / 2).copied().unwrap_or(f64::MAX)
    }

    /// To the nearest place on its line.
    fn line_m(&self, from: (f64, f64)) -> f64 {
        let steps = self.points.iter().zip(self.points.iter().skip(1));
        steps.map(|(a, b)| segment_m(plane(from, *a), plane(from, *b))).fold(f64::MAX, f64::min)
    }
}

/// Metres east and north of an origin that is near.
fn plane(origin: (f64, f64), at: (f64, f64)) -> (f64, f64) {
    const DEGREE_M: f64 = 111_195.0;
    let east = (at.1 - origin.1 + 540.0).rem_euclid(360.0) - 180.0;
    (east * DEGREE_M * origin.0.to_radians().cos(), (at.0 - origin.0) * DEGREE_M)
}

/// From the origin to the line between two points.
fn segment_m(a: (f64, f64), b: (f64, f64)) -> f64 {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let square = dx * dx + dy * dy;
    let along = if square > 0.0 { (-(a.0 * dx + a.1 * dy) / square).clamp(0.0, 1.0) } else { 0.0 };
    (a.0 + along * dx).hypot(a.1 + along * dy)
}

/// Metres between two points that are near each other; far ones are far.
pub(super) fn apart_m(from: (f64, f64), to: (f64, f64)) -> f64 {
    let (east, north) = plane(from, to);
    east.hypot(north)
}

/// Why two are the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    pub apart_s: f64,
    /// A clock was wrong by this.
    pub shifted_s: f64,
    /// Of the time that either of them takes, the part that is common to both.
    pub overlap: f64,
    /// Between their lengths, as a part of the longer one.
    pub length: Option<f64>,
    pub track_m: Option<f64>,
    /// Of the moments of the shorter recording, the part that is in the other, where that is most of them.
    pub recording: Option<f64>,
}

impl Evidence {
    /// In sentences, for their owner.
    pub fn told(&self) -> Vec<String> {
        let mut told = vec![format!("they start {:.0} s apart", self.apart_s.abs())];
        if self.shifted_s != 0.0 {
            told.push(format!("one clock was set {:+.2} h off", self.shifted_s / 3600.0));
        }
        told.push(format!("{:.0} % of the time is common to both", self.overlap * 100.0));
        told.extend(self.length.map(|length| format!("their lengths differ by {:.1} %", length * 100.0)));
        told.extend(self.track_m.map(|track_m| format!("their tracks lie {track_m:.0} m apart")));
        told.extend(self.recording.map(|part| {
            format!(
                "they are one recording: {:.0} % of the moments of the shorter one are in the other, at the same places",
                part * 100.0
            )
        }));
        told
    }
}

#[derive(PartialEq, Eq)]
enum Family {
    Foot,
    Cycling,
    Water,
    Rowing,
    Snow,
    Skating,
    Indoor,
    Other(Sport),
    Any,
}

const fn family(sport: Sport) -> Family {
    match sport {
        Sport::Running | Sport::Walking | Sport::Hiking => Family::Foot,
        Sport::Cycling => Family::Cycling,
        Sport::Swimming | Sport::WaterSport => Family::Water,
        Sport::Rowing => Family::Rowing,
        Sport::Skiing | Sport::Snowboarding => Family::Snow,
        Sport::Skating => Family::Skating,
        Sport::Strength | Sport::Fitness | Sport::Yoga | Sport::Dance => Family::Indoor,
        Sport::Other | Sport::Multisport => Family::Any,
        sport => Family::Other(sport),
    }
}

fn are_related(one: Sport, other: Sport) -> bool {
    let (one, other) = (family(one), family(other));
    one == Family::Any || other == Family::Any || one == other
}

/// A source that tells of both tells of two.
fn are_kept_apart(one: &Origin, other: &Origin) -> bool {
    match (one, other) {
        (Origin::Manual, Origin::Manual) => true,
        (Origin::Sync { source: one, .. }, Origin::Sync { source: other, .. }) => one == other,
        (Origin::Upload { upload_id: one, .. }, Origin::Upload { upload_id: other, .. }) => one == other,
        _ => false,
    }
}

/// Of the moments of the shorter recording, the part that is in the other, where that makes them one.
pub fn one_recording(one: &Record, other: &Record) -> Option<f64> {
    let part = one.trace.as_ref()?.part_shared(other.trace.as_ref()?)?;
    (part >= RECORDING_MIN).then_some(part)
}

/// What speaks for their being the same as far as recordings, times and figures tell; tracks are yet to be looked at.
fn by_figures(one: &Candidate, other: &Candidate) -> Option<Evidence> {
    let (a, b) = (one.record.facts.as_ref()?, other.record.facts.as_ref()?);
    if are_kept_apart(&one.record.origin, &other.record.origin) {
        return None;
    }
    let recording = one_recording(&one.record, &other.record);
    if recording.is_none() && !are_related(a.sport, b.sport) {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "two days of microseconds are exact")]
    let between_s = (b.start_us - a.start_us) as f64 / 1e6;
    let is_near = recording.is_some() || between_s.abs() <= APART_S_MAX;
    let shifted_s = if is_near { 0.0 } else { shift_s(between_s, a, b)? };
    let apart_s = between_s - shifted_s;
    let common_s = (a.elapsed_time_s.min(apart_s + b.elapsed_time_s) - apart_s.max(0.0)).max(0.0);
    let either_s = a.elapsed_time_s.max(apart_s + b.elapsed_time_s) - apart_s.min(0.0);
    let overlap = if either_s > 0.0 { common_s / either_s } else { 0.0 };
    let length = a.distance_m.zip(b.distance_m).filter(|(a, b)| a.max(*b) > 0.0);
    let length = length.map(|(a, b)| (a - b).abs() / a.max(b));
    let fits = if recording.is_some() {
        true
    } else if shifted_s == 0.0 {
        overlap >= OVERLAP_MIN && length.is_none_or(|length| length <= LENGTH_MAX)
    } else {
        let longer_s = a.elapsed_time_s.max(b.elapsed_time_s);
        apart_s.abs() <= SHIFTED_APART_S_MAX
            && (a.elapsed_time_s - b.elapsed_time_s).abs() <= longer_s * SHIFTED_MAX
            && length.is_some_and(|length| length <= SHIFTED_MAX)
    };
    fits.then_some(Evidence { apart_s, shifted_s, overlap, length, track_m: None, recording })
}

/// What lies between two starts because one clock wrote its local time for the world's; `None`: nothing of the kind.
fn shift_s(between_s: f64, a: &Facts, b: &Facts) -> Option<f64> {
    let offsets = [a.utc_offset_s, b.utc_offset_s].map(f64::from);
    let shifts = offsets.into_iter().filter(|offset_s| *offset_s != 0.0 && offset_s.abs() <= ZONE_S_MAX);
    let mut shifts = shifts.map(|offset_s| offset_s.abs().copysign(between_s));
    shifts.find(|shift_s| (between_s - shift_s).abs() <= SHIFTED_APART_S_MAX)
}

/// Whether a look at the tracks of these two is worth it.
pub fn may_be_same(one: &Candidate, other: &Candidate) -> bool {
    by_figures(one, other).is_some()
}

pub fn same(one: &Candidate, other: &Candidate) -> Option<Evidence> {
    let evidence = by_figures(one, other)?;
    let tracks = one.track.as_ref().zip(other.track.as_ref());
    let track_m = tracks.map(|(one, other)| one.apart_m(other));
    let fits = match (track_m, tracks) {
        _ if evidence.recording.is_some() => true,
        (Some(track_m), _) if evidence.shifted_s == 0.0 => track_m <= TRACK_M_MAX,
        (Some(track_m), Some((one, other))) => {
            track_m <= SHIFTED_TRACK_M_MAX && one.begin_m(other) <= SHIFTED_BEGIN_M_MAX
        }
        _ => evidence.shifted_s == 0.0,
    };
    fits.then_some(Evidence { track_m, ..evidence })
}

/// Whether it was broken off: another has all of its recording, and more.
fn is_part(at: usize, candidates: &[Candidate]) -> bool {
    let one = &candidates[at];
    let is_whole = |other: &Candidate| {
        recorded_s(&one.record) < recorded_s(&other.record) * WHOLE_MIN
            && by_figures(one, other).is_some_and(|evidence| evidence.recording.is_some())
    };
    !one.cropped && candidates.iter().any(is_whole)
}

/// From its first place to its last one, whatever its figures say; without places as long as it took.
fn recorded_s(record: &Record) -> f64 {
    let way = record.trace.as_ref().and_then(|trace| trace.way);
    let took_s = || record.facts.as_ref().map_or(0.0, |facts| facts.elapsed_time_s);
    way.map_or_else(took_s, |way| way.end.at_s - way.begin.at_s)
}

/// The higher the better. What is there decides, never when it came.
fn rank(at: usize, candidates: &[Candidate]) -> impl Ord + use<> {
    let candidate = &candidates[at];
    let record = &candidate.record;
    let facts = record.facts.as_ref();
    let measured = record.explained.iter().filter(|total| total.measured == Measured::Device).count();
    let heart = record.health.as_ref().is_some_and(|health| health.has_heart_rate_stream);
    let source = match record.origin {
        Origin::Upload { .. } => 2,
        Origin::Sync { .. } => 1,
        Origin::Manual => 0,
    };
    (
        record.marks.verdict == Verdict::Clear,
        !is_part(at, candidates),
        candidate.track.as_ref().map(|track| track.density),
        facts.map(|facts| facts.stream_types.len() + usize::from(heart)),
        source,
        measured,
        facts.map(|facts| facts.laps.len()),
        std::cmp::Reverse(candidate.id),
    )
}

/// One workout: the places of its primary, and of those that tell of the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub primary: usize,
    pub members: Vec<usize>,
}

/// Every candidate in exactly one group.
pub fn groups(candidates: &[Candidate]) -> Vec<Group> {
    let mut ranked: Vec<usize> = (0..candidates.len()).collect();
    ranked.sort_by_cached_key(|at| std::cmp::Reverse(rank(*at, candidates)));
    let place = |id: ActivityId| candidates.iter().position(|candidate| candidate.id == id);
    // Of two that were joined to each other, the better one stands for itself.
    let joined = |at: usize| {
        let to = candidates[at].record.marks.joined.and_then(place).filter(|to| *to != at)?;
        let back = candidates[to].record.marks.joined == Some(candidates[at].id);
        let better = ranked.iter().position(|one| *one == at) < ranked.iter().position(|one| *one == to);
        (!(back && better)).then_some(to)
    };
    let mut groups: Vec<Group> = Vec::new();
    for at in ranked.iter().copied().filter(|at| joined(*at).is_none()) {
        let fits = |group: &&mut Group| {
            same(&candidates[group.primary], &candidates[at]).is_some() && !is_apart(candidates, group, at)
        };
        match groups.iter_mut().find(fits) {
            Some(group) => group.members.push(at),
            None => groups.push(Group { primary: at, members: Vec::new() }),
        }
    }
    let mut waiting: Vec<usize> = ranked.iter().copied().filter(|at| joined(*at).is_some()).collect();
    // Each round finds a place for those joined to what has one; a ring of them stands for itself.
    while !waiting.is_empty() {
        let before = waiting.len();
        waiting.retain(|at| {
            let to = joined(*at);
            let holds =
                |group: &&mut Group| to.is_some_and(|to| group.primary == to || group.members.contains(&to));
            groups.iter_mut().find(holds).map(|group| group.members.push(*at)).is_none()
        });
        if waiting.len() == before {
            groups.push(Group { primary: waiting.remove(0), members: Vec::new() });
        }
    }
    groups
}

fn is_apart(candidates: &[Candidate], group: &Group, at: usize) -> bool {
    let one = &candidates[at];
    let mut others = std::iter::once(&group.primary).chain(&group.members).map(|other| &candidates[*other]);
    others
        .any(|other| one.record.marks.apart.contains(&other.id) || other.record.marks.apart.contains(&one.id))
}

#[cfg(test)]
#[path = "twins_tests.rs"]
mod tests;
