//! Device files in and out: bytes to columns, no I/O, no clock, no panics.
//!
//! | module | subject |
//! |---|---|
//! | [`reading`] | what a file gave: [`Reading`], [`Problem`], [`Salvage`] |
//! | [`activity`] | the neutral shape every format is read into |
//! | [`fit`] | FIT: decoder, sessions, writer |
//! | [`gpx`] | GPX 1.0 and 1.1: reader, writer |
//! | [`tcx`] | TCX (Training Center XML): reader, writer |
//! | `xml` | what the two share: a bounded, lenient walk |
//! | [`apple`] | Apple Health exports, as a stream: workouts and records |
//! | [`archive`] | ZIP archives of such files, Strava's export among them |
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
pub mod apple;
pub mod archive;
pub mod fit;
mod geo;
pub mod gpx;
mod inflate;
pub mod reading;
pub mod synth;
pub mod tcx;
pub mod totals;
mod xml;

use std::borrow::Cow;

pub use activity::{
    Activity, Device, ExtraColumn, Lap, Length, NAME_CHARS_MAX, Pause, Sample, Source, Streams, Total, Totals,
};
pub use fit::write;
pub use geo::haversine_m;
pub use kernel::Sport;
pub use reading::{Format, Problem, Reading, Salvage};

use reading::{Damage, Reason};

const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
const UTF8_BOM: &[u8] = &[0xef, 0xbb, 0xbf];

const GPX_ROOT: &str = "gpx";
const TCX_ROOT: &str = "TrainingCenterDatabase";
/// Enough for comments and namespaces before and in the root element.
const DETECTED_BYTES: usize = 16 << 10;

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

/// What a file looks like, by its first bytes; whether it is in gzip. Says nothing of whether it can be read.
pub fn detect(bytes: &[u8]) -> Option<(Format, bool)> {
    let gzipped = bytes.starts_with(GZIP_MAGIC);
    let head = if gzipped {
        Cow::Owned(inflate::head(bytes, DETECTED_BYTES))
    } else {
        Cow::Borrowed(bytes.get(..bytes.len().min(DETECTED_BYTES)).unwrap_or_default())
    };
    if fit::is_fit(&head) {
        return Some((Format::Fit, gzipped));
    }
    let root = xml::root(&xml::text::decode(&head)).filter(|_| xml::text::looks_like_xml(&head))?;
    match root.as_str() {
        GPX_ROOT => Some((Format::Gpx, gzipped)),
        TCX_ROOT => Some((Format::Tcx, gzipped)),
        _ => None,
    }
}

fn read_plain(bytes: &[u8], damage: &mut Damage) -> Result<(Format, Vec<Activity>), Problem> {
    if fit::is_fit(bytes) {
        return Ok((Format::Fit, fit::read(bytes, damage)?));
    }
    if xml::text::looks_like_xml(bytes) {
        return read_xml(&xml::text::decode(bytes), damage);
    }
    Err(Problem::not_activity(match bytes {
        _ if damage.has(Reason::Gzip) => return Err(Problem::unreadable("the gzip data is broken")),
        _ if archive::is_zip(bytes) => "a ZIP archive, not an activity file",
        _ if bytes.starts_with(GZIP_MAGIC) => "gzip inside gzip",
        _ => "neither FIT, GPX nor TCX",
    }))
}

/// By the root element, whatever the file is called.
fn read_xml(document: &str, damage: &mut Damage) -> Result<(Format, Vec<Activity>), Problem> {
    match xml::root(document).as_deref() {
        Some(GPX_ROOT) => Ok((Format::Gpx, gpx::read(document, damage)?)),
        Some(TCX_ROOT) => Ok((Format::Tcx, tcx::read(document, damage)?)),
        Some(other) => {
            Err(Problem::not_activity(format!("the XML root is <{other}>, neither <gpx> nor TCX")))
        }
        None => Err(Problem::unreadable("XML without a readable root element")),
    }
}
