//! Privacy zones: circles inside which a track neither starts nor ends for anybody but its owner, and the areas that
//! hide them.

use std::ops::Range;

use serde::{Deserialize, Serialize};

pub const ZONES_MAX: usize = 20;
pub const NAME_CHARS_MAX: usize = 64;
/// Below this a circle hides no address; above, it hides a town.
pub const RADIUS_M: std::ops::RangeInclusive<f64> = 50.0..=10_000.0;

/// A circle on the ground. Degrees WGS 84, metres.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Zone {
    pub name: String,
    pub latitude: f64,
    pub longitude: f64,
    pub radius_m: f64,
}

/// Which member of a zone is not as it should be; the text is the member's name in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ZoneError {
    #[error("name: 1 to {NAME_CHARS_MAX} characters")]
    Name,
    #[error("latitude: a number from -90 to 90")]
    Latitude,
    #[error("longitude: a number from -180 to 180")]
    Longitude,
    #[error("radius_m: a number from 50 to 10000")]
    Radius,
}

impl ZoneError {
    pub const fn field(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Latitude => "latitude",
            Self::Longitude => "longitude",
            Self::Radius => "radius_m",
        }
    }
}

impl Zone {
    /// # Errors
    /// The first member that is out of its range; NaN and infinities are out of every range.
    pub fn check(&self) -> Result<(), ZoneError> {
        if !(1..=NAME_CHARS_MAX).contains(&self.name.chars().count()) {
            return Err(ZoneError::Name);
        }
        if !(-90.0..=90.0).contains(&self.latitude) {
            return Err(ZoneError::Latitude);
        }
        if !(-180.0..=180.0).contains(&self.longitude) {
            return Err(ZoneError::Longitude);
        }
        if RADIUS_M.contains(&self.radius_m) { Ok(()) } else { Err(ZoneError::Radius) }
    }
}

/// How far an area's centre lies from its zone's, in radii of the zone. The mean of the points where tracks from one
/// door cross the border is off by half of that, give or take what 200 tracks leave to chance; less would bring it home.
const SHIFT: std::ops::Range<f64> = 0.9..1.1;
/// How far the border may bulge beyond the smallest circle that holds the whole zone, in parts of that circle's radius.
const BULGE: f64 = 0.15;
/// Bulges around the border: from two to this many.
const WAVES: usize = 3;

/// What is hidden on account of a zone: the whole circle that its owner drew and, off to one side of it, more, with an
/// uneven border. Where it lies to the circle follows from a secret of the owner alone, so that
///
/// - neither the middle of the border nor the mean of the points where tracks cross it is the owner's door;
/// - every track that crosses it at one place is cut at that place, today and in a year: many tracks tell no more than one.
#[derive(Clone, Debug, PartialEq)]
pub struct Area {
    centre: (f64, f64),
    /// Metres: of the smallest circle around `centre` that holds the zone.
    least_m: f64,
    /// Of each bulge its height, in parts of `least_m`, and its turn in radians.
    waves: [(f64, f64); WAVES],
}

impl Area {
    /// `secret`: at least 16 bytes that nobody can guess, the same for the same zone each time.
    pub fn of(zone: &Zone, secret: &[u8]) -> Self {
        // Two bytes a number: finer than a metre matters to nobody.
        let part = |at: usize| {
            let byte = |at: usize| f64::from(secret.get(at).copied().unwrap_or_default());
            (byte(2 * at) * 256.0 + byte(2 * at + 1)) / 65_536.0
        };
        let turn = |at: usize| part(at) * std::f64::consts::TAU;
        let shift_m = (SHIFT.start + (SHIFT.end - SHIFT.start) * part(1)) * zone.radius_m;
        let wave = |index: usize| {
            let height = BULGE / WAVES as f64 * (0.5 + 0.5 * part(2 + 2 * index));
            (height, turn(3 + 2 * index))
        };
        Self {
            centre: moved((zone.latitude, zone.longitude), turn(0), shift_m),
            least_m: zone.radius_m + shift_m,
            waves: std::array::from_fn(wave),
        }
    }

    pub fn covers(&self, latitude: f64, longitude: f64) -> bool {
        let away_m = distance_m(self.centre, (latitude, longitude));
        away_m <= self.least_m || away_m <= self.border_m(bearing(self.centre, (latitude, longitude)))
    }

    /// Metres from the centre to the border in this direction.
    fn border_m(&self, bearing: f64) -> f64 {
        let bulge = |(index, (height, turn)): (usize, &(f64, f64))| {
            height * (1.0 + ((index + 2) as f64 * bearing + turn).cos()) / 2.0
        };
        self.least_m * (1.0 + self.waves.iter().enumerate().map(bulge).sum::<f64>())
    }
}

const EARTH_RADIUS_M: f64 = 6_371_008.8;

/// The point so many metres away in this direction, on a plane: zones are small.
fn moved(from: (f64, f64), bearing: f64, by_m: f64) -> (f64, f64) {
    let north = (by_m * bearing.cos() / EARTH_RADIUS_M).to_degrees();
    // At the poles every direction is south, and any longitude will do.
    let around = from.0.to_radians().cos().max(1e-6);
    let east = (by_m * bearing.sin() / EARTH_RADIUS_M / around).to_degrees();
    let longitude = (from.1 + east + 540.0).rem_euclid(360.0) - 180.0;
    ((from.0 + north).clamp(-90.0, 90.0), longitude)
}

/// Radians from north, clockwise, on a plane.
fn bearing(from: (f64, f64), to: (f64, f64)) -> f64 {
    let east = (to.1 - from.1 + 540.0).rem_euclid(360.0) - 180.0;
    (east * from.0.to_radians().cos()).atan2(to.0 - from.0)
}

/// Great-circle distance by the haversine formula on the mean Earth radius (IUGG: 6 371 008.8 m).
fn distance_m(from: (f64, f64), to: (f64, f64)) -> f64 {
    let (lat_a, lat_b) = (from.0.to_radians(), to.0.to_radians());
    let (dlat, dlon) = ((to.0 - from.0).to_radians(), (to.1 - from.1).to_radians());
    let a = (dlat / 2.0).sin().powi(2) + lat_a.cos() * lat_b.cos() * (dlon / 2.0).sin().powi(2);
    2.0 * EARTH_RADIUS_M * a.clamp(0.0, 1.0).sqrt().asin()
}

/// The rows of a track that others may see: what lies between leaving the zones and coming back into one for good.
/// `track` is (latitude, longitude) in degrees, `None` where the device had no position. A track that never leaves
/// the zones is hidden whole; one that only passes through a zone is not cut.
///
/// Rows without a position next to a cut go with it: they belong to the hidden start or end.
pub fn shown(track: &[Option<(f64, f64)>], areas: &[Area]) -> Range<usize> {
    let covered = |point: &(f64, f64)| areas.iter().any(|area| area.covers(point.0, point.1));
    let outside = |row: &Option<(f64, f64)>| row.as_ref().is_some_and(|point| !covered(point));
    let starts_inside = track.iter().flatten().next().is_some_and(covered);
    let ends_inside = track.iter().flatten().next_back().is_some_and(covered);

    let start = if starts_inside { track.iter().position(outside).unwrap_or(track.len()) } else { 0 };
    let end =
        if ends_inside { track.iter().rposition(outside).map_or(0, |last| last + 1) } else { track.len() };
    start.min(end)..end
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUT: Option<(f64, f64)> = Some((43.30, 76.90));
    const HOME: Option<(f64, f64)> = Some((43.2, 76.9));

    fn zone() -> Zone {
        Zone { name: "home".into(), latitude: 43.2, longitude: 76.9, radius_m: 400.0 }
    }

    fn home() -> Vec<Area> {
        vec![Area::of(&zone(), &[7; 32])]
    }

    #[test]
    fn a_degree_of_latitude_is_about_111_km() {
        assert!((distance_m((0.0, 0.0), (1.0, 0.0)) - 111_195.0).abs() < 1.0);
    }

    #[test]
    fn an_area_holds_its_whole_zone_and_is_neither_round_nor_around_it() {
        for seed in 0..=255_u8 {
            let secret: Vec<u8> =
                (0..32_u8).map(|at| at.wrapping_mul(37).wrapping_add(seed) ^ seed.rotate_left(3)).collect();
            let area = Area::of(&zone(), &secret);
            let (mut reaches, mut mean) = (Vec::new(), (0.0, 0.0));
            for degree in (0..360).step_by(3) {
                let towards = |by_m| moved((43.2, 76.9), f64::from(degree).to_radians(), by_m);
                let (latitude, longitude) = towards(399.0);
                assert!(area.covers(latitude, longitude), "seed {seed}, {degree} degrees");
                let reach = (400..3000).step_by(5).find(|by_m| {
                    let (latitude, longitude) = towards(f64::from(*by_m));
                    !area.covers(latitude, longitude)
                });
                let reach_m = f64::from(reach.unwrap_or(3000));
                let (sin, cos) = f64::from(degree).to_radians().sin_cos();
                mean = (mean.0 + reach_m * cos / 120.0, mean.1 + reach_m * sin / 120.0);
                reaches.push(reach_m);
            }
            let off_m = mean.0.hypot(mean.1);
            assert!(
                off_m > 140.0,
                "seed {seed}: tracks in all directions cross it {off_m} m off the door in the mean"
            );
            let (least, most) = (
                reaches.iter().copied().fold(f64::MAX, f64::min),
                reaches.iter().copied().fold(0.0, f64::max),
            );
            assert!(least < 530.0 && most > 1_100.0 && most < 1_410.0, "seed {seed}: {least} to {most} m");
        }
    }

    #[test]
    fn a_zone_at_the_date_line_reaches_over_it() {
        let zone = Zone { latitude: 0.0, longitude: 179.9999, ..zone() };
        let area = Area::of(&zone, &[64, 0, 0, 0]);
        assert!(area.covers(0.0, -179.999) && area.covers(0.0, 179.999) && !area.covers(0.0, 0.0));
    }

    #[test]
    fn start_and_end_inside_a_zone_are_cut() {
        assert_eq!(shown(&[None, HOME, HOME, OUT, OUT, None, HOME], &home()), 3..5);
    }

    #[test]
    fn passing_through_a_zone_cuts_nothing() {
        assert_eq!(shown(&[OUT, HOME, OUT], &home()), 0..3);
        assert_eq!(shown(&[HOME, OUT, HOME, OUT], &home()), 1..4);
    }

    #[test]
    fn a_track_that_never_leaves_is_hidden_whole() {
        assert!(shown(&[HOME, None, HOME], &home()).is_empty());
    }

    #[test]
    fn without_zones_or_positions_all_is_shown() {
        assert_eq!(shown(&[HOME, OUT], &[]), 0..2);
        assert_eq!(shown(&[None, None], &home()), 0..2);
        assert_eq!(shown(&[], &home()), 0..0);
    }

    #[test]
    fn members_out_of_range_are_named() {
        let zone = |latitude: f64, longitude: f64, radius_m: f64| Zone {
            name: "home".into(),
            latitude,
            longitude,
            radius_m,
        };
        assert_eq!(zone(43.2, 76.9, 400.0).check(), Ok(()));
        assert_eq!(zone(f64::NAN, 76.9, 400.0).check(), Err(ZoneError::Latitude));
        assert_eq!(zone(43.2, 180.1, 400.0).check(), Err(ZoneError::Longitude));
        assert_eq!(zone(43.2, 76.9, 1e300).check(), Err(ZoneError::Radius));
        assert_eq!(Zone { name: String::new(), ..zone(0.0, 0.0, 400.0) }.check(), Err(ZoneError::Name));
    }
}
