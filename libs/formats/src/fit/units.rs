//! Raw FIT values and units, both ways, so that what is written is read back the same.

use jiff::Timestamp;

/// 1989-12-31T00:00:00Z, the zero of FIT's times.
const EPOCH_S: i64 = 631_065_600;
const SEMICIRCLES: f64 = 2_147_483_648.0;
const KJ_PER_KCAL: f64 = 4.184;

pub(super) fn timestamp(fit_s: u32) -> Option<Timestamp> {
    Timestamp::from_second(EPOCH_S + i64::from(fit_s)).ok()
}

pub(super) fn fit_seconds(timestamp: Timestamp) -> u32 {
    u32::try_from(timestamp.as_second() - EPOCH_S).unwrap_or(0)
}

pub(super) fn degrees(semicircles: i32) -> f64 {
    f64::from(semicircles) * (180.0 / SEMICIRCLES)
}

/// Saturates at the ends and turns NaN into 0, as casts do.
pub(super) fn semicircles(degrees: f64) -> i32 {
    (degrees * (SEMICIRCLES / 180.0)).round() as i32
}

/// Fifths of a metre above -500 m.
pub(super) fn altitude_m(raw: u32) -> f64 {
    f64::from(raw) / 5.0 - 500.0
}

pub(super) fn altitude_raw(metres: f64) -> u32 {
    ((metres + 500.0) * 5.0).round() as u32
}

pub(super) fn energy_kj(calories: f64) -> f64 {
    calories * KJ_PER_KCAL
}

pub(super) fn calories(energy_kj: f64) -> f64 {
    energy_kj / KJ_PER_KCAL
}

/// A count of `1 / scale` units.
pub(super) fn scaled(raw: u32, scale: f64) -> f64 {
    f64::from(raw) / scale
}

/// The place FIT can hold that is nearest.
pub(crate) fn nearest_position((lat, lng): (f64, f64)) -> (f64, f64) {
    (degrees(semicircles(lat)), degrees(semicircles(lng)))
}

/// The altitude FIT can hold that is nearest.
pub(crate) fn nearest_altitude_m(metres: f64) -> f64 {
    altitude_m(altitude_raw(metres))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_values_stay() {
        let place = nearest_position((52.097_312, 6.641_665));
        assert_eq!(nearest_position(place), place);
        let height = nearest_altitude_m(-3.33);
        assert_eq!(nearest_altitude_m(height), height);
    }
}
