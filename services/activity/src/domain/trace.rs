//! What tells a recording from others: where it began and ended, and a sketch of what it is made of.
//!
//! The sketch is of the moments of a recording: which second, and in which square of 3 m. Of the hashes of all of them the
//! 16 least are kept (bottom-k, Broder 1997). Two recordings share as many of the least as they share moments. So a copy in
//! another format, cut at its ends, is known by few numbers; and two devices carried side by side share next to none, as
//! they are not within the same metres in the same second for long. Where there is no track, power with cadence stand in.

use std::collections::{BTreeSet, HashSet};

use formats::{Activity, Streams};
use kernel::time;

/// Raised when moments are hashed otherwise: sketches of two versions share nothing.
const SKETCH_VERSION: u64 = 1;
const KEPT: usize = 16;
/// Least moments that two must have in common before it is said how much of the one is in the other.
const COMMON_MIN: usize = 3;
/// A recording of fewer moments is not told from others.
const MOMENTS_MIN: usize = 60;
/// Who stands still, or turns a wheel at one speed, is like anybody who does.
const PLACES_MIN: usize = 30;
/// 3.3 m of latitude: coarser than the six digits that converters keep, finer than two receivers agree. An odd number,
/// so that rounded coordinates do not lie on borders.
const SQUARES_A_DEGREE: f64 = 33_331.7;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    /// In order; empty where there is too little to be known by.
    pub sketch: Vec<u64>,
    /// As it was recorded: what its owner calls it later changes nothing of where it was. `None`: nowhere.
    pub way: Option<Way>,
    /// It says how far its clock is from the world's: it is set right.
    pub offset_stated: bool,
}

/// Where it went, as far as it matters to whatever came before and after.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Way {
    pub begin: Spot,
    pub end: Spot,
    /// The farthest of it from its beginning.
    pub reach_m: f64,
}

/// Degrees, seconds from the start.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spot {
    pub at_s: f64,
    pub latitude: f64,
    pub longitude: f64,
}

impl Trace {
    /// `None` where nothing can be told by it.
    pub fn of(activity: &Activity) -> Option<Self> {
        let sketch = sketch(&activity.streams, time::micros(activity.start));
        let mut subs = activity.legs.iter().chain([activity]).filter_map(|part| part.sub_sport.as_deref());
        let way = if subs.any(is_nowhere) { None } else { Way::of(&activity.streams) };
        let offset_stated = activity.utc_offset_s.is_some();
        Self { sketch, way, offset_stated }.telling()
    }

    /// The same recording, which was made nowhere.
    pub fn nowhere(self) -> Option<Self> {
        Self { way: None, ..self }.telling()
    }

    fn telling(self) -> Option<Self> {
        (self.way.is_some() || !self.sketch.is_empty()).then_some(self)
    }

    /// The same recording, of which only these rows are left: it is known by what it was.
    pub fn cropped(self, left: &Streams) -> Self {
        Self { way: self.way.and_then(|_| Way::of(left)), ..self }
    }

    /// Under which it is looked up.
    pub fn print(&self) -> Option<i64> {
        self.sketch.first().map(|least| least.cast_signed())
    }

    /// Of the moments of both, the part that both have, with what it is estimated from.
    pub fn shared(&self, other: &Self) -> f64 {
        let both: BTreeSet<u64> = self.sketch.iter().chain(&other.sketch).copied().collect();
        let least: Vec<u64> = both.into_iter().take(KEPT).collect();
        let common =
            least.iter().filter(|one| self.sketch.contains(one) && other.sketch.contains(one)).count();
        if least.is_empty() { 0.0 } else { common as f64 / least.len() as f64 }
    }

    /// Of the moments of whichever has fewer, the part that the other has too; `None` where too few are common to tell. Of
    /// the least of both, what one has and the other has not is not in it: the other keeps all that is as little.
    pub fn part_shared(&self, other: &Self) -> Option<f64> {
        let most = *self.sketch.last()?.min(other.sketch.last()?);
        let known = |of: &Self| of.sketch.iter().filter(|one| **one <= most).count();
        let common = self.sketch.iter().filter(|one| other.sketch.contains(one)).count();
        (common >= COMMON_MIN).then(|| common as f64 / known(self).min(known(other)) as f64)
    }
}

impl Way {
    fn of(streams: &Streams) -> Option<Self> {
        let placed = streams.time_s.iter().zip(&streams.latlng);
        let mut spots = placed.filter_map(|(at_s, at)| {
            let (latitude, longitude) = (*at)?;
            Some(Spot { at_s: *at_s, latitude, longitude })
        });
        let begin = spots.next()?;
        let (mut end, mut reach_m) = (begin, 0.0_f64);
        for spot in spots {
            reach_m = reach_m.max(begin.apart_m(&spot));
            end = spot;
        }
        Some(Self { begin, end, reach_m })
    }
}

impl Spot {
    /// Metres over the ground, anywhere on Earth.
    pub fn apart_m(&self, other: &Self) -> f64 {
        formats::haversine_m((self.latitude, self.longitude), (other.latitude, other.longitude))
    }
}

/// Where it says that it was, nobody was: a world that is made up, or a roof under which receivers stray.
pub fn is_nowhere(sub_sport: &str) -> bool {
    sub_sport.starts_with("virtual")
        || sub_sport.starts_with("indoor")
        || matches!(sub_sport, "treadmill" | "spin")
}

fn sketch(streams: &Streams, start_us: i64) -> Vec<u64> {
    let placed = moments(streams, start_us, &streams.latlng, |(latitude, longitude)| {
        (square(latitude * SQUARES_A_DEGREE), square(longitude * SQUARES_A_DEGREE))
    });
    if !placed.is_empty() {
        return placed;
    }
    let turned: Vec<Option<(f64, f64)>> = streams
        .power_w
        .iter()
        .zip(&streams.cadence_rpm)
        .map(|(power, cadence)| (*power).zip(*cadence))
        .collect();
    moments(streams, start_us, &turned, |(power, cadence)| (square(power), square(cadence)))
}

/// The least hashes of the moments of a column.
fn moments(
    streams: &Streams,
    start_us: i64,
    column: &[Option<(f64, f64)>],
    cell: impl Fn((f64, f64)) -> (i64, i64),
) -> Vec<u64> {
    let (mut least, mut count, mut cells) = (BTreeSet::new(), 0, HashSet::new());
    for (time_s, value) in streams.time_s.iter().zip(column) {
        let Some(value) = value else { continue };
        let cell = cell(*value);
        count += 1;
        if cells.len() < PLACES_MIN {
            cells.insert(cell);
        }
        let second = (start_us.saturating_add(square(time_s * 1e6)) + 500_000).div_euclid(1_000_000);
        let hash = [second, cell.0, cell.1].iter().fold(SKETCH_VERSION, |hash, part| mix(hash, *part));
        if least.len() < KEPT || least.last().is_some_and(|most| hash < *most) {
            least.insert(hash);
            if least.len() > KEPT {
                least.pop_last();
            }
        }
    }
    if count >= MOMENTS_MIN && cells.len() >= PLACES_MIN { least.into_iter().collect() } else { Vec::new() }
}

#[expect(clippy::cast_possible_truncation, reason = "`as` saturates")]
fn square(value: f64) -> i64 {
    value.round() as i64
}

/// The finaliser of `SplitMix64` (Steele, Lea, Flood 2014) over what was so far and the next.
fn mix(hash: u64, part: i64) -> u64 {
    let mut mixed = hash.rotate_left(17) ^ part.cast_unsigned();
    mixed = mixed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
