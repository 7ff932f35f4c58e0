//! Distance on the sphere.

/// Equatorial radius of WGS 84: between 30° and 60° of latitude the ellipsoid is nearer to it than to the mean.
const EARTH_RADIUS_M: f64 = 6_378_137.0;

/// Great-circle distance in metres between two `(latitude, longitude)` in degrees, by the haversine formula.
pub fn haversine_m(from: (f64, f64), to: (f64, f64)) -> f64 {
    let (from_lat, to_lat) = (from.0.to_radians(), to.0.to_radians());
    let half_lat = ((to_lat - from_lat) / 2.0).sin();
    let half_lng = ((to.1 - from.1).to_radians() / 2.0).sin();
    let chord = half_lat * half_lat + from_lat.cos() * to_lat.cos() * half_lng * half_lng;
    2.0 * EARTH_RADIUS_M * chord.clamp(0.0, 1.0).sqrt().asin()
}

/// Whether the pair is a place on Earth. `0, 0` is.
pub(crate) fn on_earth(lat: f64, lng: f64) -> bool {
    (-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lng)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_degree_of_latitude_is_about_111_km() {
        assert!((haversine_m((0.0, 0.0), (1.0, 0.0)) - 111_319.5).abs() < 1.0);
    }

    #[test]
    fn crossing_the_date_line_is_short() {
        assert!(haversine_m((0.0, 179.999), (0.0, -179.999)) < 230.0);
    }

    #[test]
    fn nan_is_nowhere() {
        assert!(!on_earth(f64::NAN, 0.0) && !on_earth(0.0, f64::INFINITY) && on_earth(0.0, 0.0));
    }
}
