//! Device files in and out: bytes to columns, no I/O, no clock, no panics.
//!
//! | module | subject |
//! |---|---|
//! | [`reading`] | what a file gave: [`Reading`], [`Problem`], [`Salvage`] |
//! | [`activity`] | the neutral shape every format is read into |
//! | [`fit`] | FIT: decoder, sessions, writer |
//! | [`gpx`] | GPX 1.0 and 1.1: reader, writer |
//! | [`totals`] | the figures a file does not give: moving time, ascent, means |
//! | [`synth`] | made-up workouts for demos, tests and load |
//!
//! Invariants: nothing is allocated by a header's word; every loop is linear in the bytes at hand; what a
//! file holds in one format and in another comes out in the same units.

#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::panic, clippy::expect_used, clippy::unwrap_used)
)]

pub mod activity;
pub mod fit;
mod geo;
pub mod gpx;
mod inflate;
pub mod reading;
pub mod synth;
pub mod totals;

use std::borrow::Cow;

pub use activity::{Activity, Device, Lap, Pause, Sample, Source, Streams, Total, Totals};
pub use fit::write;
pub use kernel::Sport;
pub use reading::{Format, Problem, Reading, Salvage};

use reading::{Damage, Reason};

const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
const ZIP_MAGIC: &[u8] = b"PK\x03\x04";
const UTF8_BOM: &[u8] = &[0xef, 0xbb, 0xbf];

/// Most track points or records one file may hold: eleven days at one a second.
pub const RECORDS_MAX: usize = 1_000_000;
/// Most activities one file may hold.
pub const ACTIVITIES_MAX: usize = 100;

/// Reads a device file, told apart by its content and not by its name.
///
/// # Errors
/// [`Problem::NotActivity`] for anything that is not a workout (other formats, courses, routes without times),
/// [`Problem::Unreadable`] for an empty, hostile or wholly broken file. A damaged file with readable records
/// is not an error: see [`Reading::salvage`].
pub fn read(bytes: &[u8]) -> Result<Reading, Problem> {
    if bytes.is_empty() {
        return Err(Problem::unreadable("the file is empty"));
    }
    let mut damage = Damage::default();
    let gzipped = bytes.starts_with(GZIP_MAGIC);
    let plain = if gzipped { Cow::Owned(inflate::gunzip(bytes, &mut damage)?) } else { Cow::Borrowed(bytes) };
    let (format, activities) = read_plain(&plain, &mut damage)?;
    Ok(Reading { format, gzipped, salvage: damage.into_salvage(&activities), activities })
}

fn read_plain(bytes: &[u8], damage: &mut Damage) -> Result<(Format, Vec<Activity>), Problem> {
    if fit::is_fit(bytes) {
        return Ok((Format::Fit, fit::read(bytes, damage)?));
    }
    if looks_like_xml(bytes) {
        return Ok((Format::Gpx, gpx::read(bytes, damage)?));
    }
    Err(Problem::not_activity(match bytes {
        _ if damage.has(Reason::Gzip) => return Err(Problem::unreadable("the gzip data is broken")),
        _ if bytes.starts_with(ZIP_MAGIC) => "a ZIP archive, not an activity file",
        _ if bytes.starts_with(GZIP_MAGIC) => "gzip inside gzip",
        _ => "neither FIT nor GPX",
    }))
}

fn looks_like_xml(bytes: &[u8]) -> bool {
    bytes.strip_prefix(UTF8_BOM).unwrap_or(bytes).trim_ascii_start().starts_with(b"<")
}
