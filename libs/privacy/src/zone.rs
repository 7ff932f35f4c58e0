//! Privacy zones: circles inside which a track neither starts nor ends for anybody but its owner.

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

    /// Does the zone cover this point?
    pub fn covers(&self, latitude: f64, longitude: f64) -> bool {
        distance_m((self.latitude, self.longitude), (latitude, longitude)) <= self.radius_m
    }
}

/// Great-circle distance by the haversine formula on the mean Earth radius (IUGG: 6 371 008.8 m).
fn distance_m(from: (f64, f64), to: (f64, f64)) -> f64 {
    const EARTH_RADIUS_M: f64 = 6_371_008.8;
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
pub fn shown(track: &[Option<(f64, f64)>], zones: &[Zone]) -> Range<usize> {
    let covered = |point: &(f64, f64)| zones.iter().any(|zone| zone.covers(point.0, point.1));
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

    fn home() -> Vec<Zone> {
        vec![Zone { name: "home".into(), latitude: 43.2, longitude: 76.9, radius_m: 400.0 }]
    }

    #[test]
    fn a_degree_of_latitude_is_about_111_km() {
        assert!((distance_m((0.0, 0.0), (1.0, 0.0)) - 111_195.0).abs() < 1.0);
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
