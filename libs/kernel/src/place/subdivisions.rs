//! Which regions there are: ISO 3166-2 with its changes up to 2024, after the data of the package `iso-3166` 4.4.0 (MIT).

/// A line a country that has regions: its code, then the parts behind the dash.
const PARTS: &str = include_str!("subdivisions.tsv");

pub(super) fn exists(country: &str, part: &str) -> bool {
    let line = PARTS.lines().find_map(|line| line.strip_prefix(country)?.strip_prefix(' '));
    line.is_some_and(|parts| parts.split(' ').any(|known| known == part))
}
