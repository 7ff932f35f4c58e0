//! FIT, written from the public protocol description; the fields and names here are the few we use.
//!
//! | module | subject |
//! |---|---|
//! | `header`, `crc` | the frame of one FIT file in a chain |
//! | `definition` | how a message is laid out, field by field |
//! | `profile` | which number means which message and field |
//! | `record` | the hot path: one sample |
//! | `developer` | what apps add to messages, by their own description |
//! | `message` | sessions, laps, lengths, events and devices |
//! | `heart`, `pool` | stored heart rates into records; lengths into distance |
//! | `decode` | the walk over the messages of one file; `resync` finds the way back after a gap |
//! | `activity` | messages into activities and legs |
//! | `names`, `units` | numbers into words, raw values into units |
//! | [`write()`] | the way back |
//! | [`workout`] | workouts to be done, written for devices |

mod activity;
mod crc;
mod decode;
mod definition;
mod developer;
mod header;
mod heart;
mod message;
mod names;
mod pool;
pub(crate) mod profile;
mod record;
mod resync;
mod units;
pub mod workout;
mod write;

pub(crate) use names::manufacturer;
pub(crate) use names::stroke;
pub(crate) use units::{nearest_altitude_m, nearest_position};
pub use write::{Base, Writer, write};

use crate::activity::Activity;
use crate::reading::{Damage, Problem, Reason};
use crate::{ACTIVITIES_MAX, RECORDS_MAX};
use decode::Sequence;
use header::Header;
use heart::Beats;

pub(crate) fn is_fit(bytes: &[u8]) -> bool {
    header::has_magic(bytes)
}

/// Reads a chain of FIT files: several activities, or one if only one of them is an activity.
pub(crate) fn read(bytes: &[u8], damage: &mut Damage) -> Result<Vec<Activity>, Problem> {
    let mut sequences = Vec::new();
    // A strap's heart rates come as a FIT file of their own, behind the one with the records.
    let mut beats = Beats::default();
    let mut records_left = RECORDS_MAX;
    let mut other_kind = None;
    let mut rest = bytes;
    while let Some(header) = Header::parse(rest) {
        let (mut sequence, after) = read_sequence(rest, &header, records_left, damage);
        rest = after;
        records_left -= sequence.rows.len().min(records_left);
        beats.take_from(&mut sequence.beats);
        if !sequence.is_activity() {
            other_kind = other_kind.or(sequence.kind());
        } else if sequences.len() >= ACTIVITIES_MAX {
            damage.lose(Reason::TooMany, rest.len());
            break;
        } else {
            sequences.push(sequence);
        }
        rest = next_in_chain(rest, damage);
    }
    if beats.overflown {
        damage.note(Reason::TooMany);
    }
    beats.sort();
    let mut session_index = 0;
    let assembled = |sequence| activity::assemble(sequence, &beats, &mut session_index, damage);
    let activities: Vec<_> = sequences.into_iter().filter_map(assembled).collect();
    if activities.is_empty() {
        return Err(nothing_in(other_kind, damage));
    }
    Ok(activities)
}

fn nothing_in(other_kind: Option<u8>, damage: &Damage) -> Problem {
    match other_kind {
        Some(kind) if kind != profile::FILE_ACTIVITY => {
            Problem::not_activity(format!("a FIT file of type {}", names::file_kind(kind)))
        }
        _ if damage.is_empty() => Problem::not_activity("a FIT file without a session or a record"),
        _ => Problem::unreadable("a damaged FIT file without a readable session or record"),
    }
}

/// Decodes one FIT file of the chain and gives what follows it.
fn read_sequence<'a>(
    bytes: &'a [u8],
    header: &Header,
    records_max: usize,
    damage: &mut Damage,
) -> (Sequence, &'a [u8]) {
    if !header.crc_ok {
        damage.note(Reason::HeaderCrc);
    }
    let body = bytes.get(header.size..).unwrap_or_default();
    let (data, after) = match body.split_at_checked(header.data_size) {
        Some((data, after)) if header.data_size > 0 => (data, after),
        // A recorder that dies leaves 0 in the header; a cut file has less than the header says.
        _ => {
            let missing = if header.crc_ok { header.data_size.saturating_sub(body.len()) } else { 0 };
            damage.lose(Reason::Truncated, missing);
            (body, <&[u8]>::default())
        }
    };
    let sequence = decode::decode(data, records_max, damage);
    let Some((sum, after)) = after.split_first_chunk::<2>() else {
        if header.data_size > 0 && header.data_size <= body.len() {
            damage.note(Reason::Truncated);
        }
        return (sequence, <&[u8]>::default());
    };
    let framed = bytes.get(..header.size + header.data_size).unwrap_or_default();
    if crc::crc16(framed) != u16::from_le_bytes(*sum) {
        damage.note(Reason::Crc);
    }
    (sequence, after)
}

/// Skips to the next header, if there is one. Padding with zeros is no damage.
fn next_in_chain<'a>(rest: &'a [u8], damage: &mut Damage) -> &'a [u8] {
    if header::has_magic(rest) {
        return rest;
    }
    let next = header::find(rest).unwrap_or(rest.len());
    let (skipped, rest) = rest.split_at_checked(next).unwrap_or((rest, <&[u8]>::default()));
    if skipped.iter().any(|byte| *byte != 0) {
        damage.lose(Reason::TrailingBytes, skipped.len());
    }
    rest
}
