//! XML of device files, walked leniently and within bounds: nothing is recursive, nothing is expanded, and a document
//! that is damaged in the middle is taken up again at its next track point.
//!
//! | module | subject |
//! |---|---|
//! | `text` | bytes into text: byte order mark, ISO-8859-1 |
//! | `time` | `xsd:dateTime`, with what devices make of it |
//! | `points` | track points: in order, each with a time, of one age |
//! | `sport` | the words for kinds of sport |

pub(crate) mod points;
pub(crate) mod sport;
pub(crate) mod text;
pub(crate) mod time;

use quick_xml::Reader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesStart, Event};

use crate::reading::{Damage, Problem, Reason};

const DEPTH_MAX: usize = 64;
const ATTRIBUTES_MAX: usize = 64;
/// Of an element; a name of 200 characters takes at most 800.
const TEXT_BYTES_MAX: usize = 1_024;
/// How many times the document's length may be read in vain, as by comments that never end.
const IN_VAIN_MAX: usize = 2;

/// What is made of a document's elements. Depths count from 1, the root.
pub(crate) trait Shape {
    /// An element whose text is kept.
    type Leaf: Copy;
    /// How a track point begins, and how deep it lies: there a damaged document is taken up again.
    const POINT: (&'static str, usize);

    /// An element begins. `Some` asks for its text; elements within it are passed over.
    fn open(
        &mut self,
        tag: &BytesStart<'_>,
        depth: usize,
        damage: &mut Damage,
    ) -> Result<Option<Self::Leaf>, Problem>;

    /// The text of an element that was asked for, cut where it is longer than any that means something.
    fn set(&mut self, leaf: Self::Leaf, text: &str);

    /// An element ends.
    fn close(&mut self, name: &[u8], depth: usize);

    /// The document is damaged here: what is open is incomplete. Whether track points that follow have a place.
    fn broken(&mut self) -> bool;

    /// A bound is met, the rest is left.
    fn is_full(&self) -> bool;
}

/// Where the walk is.
struct Place<L> {
    depth: usize,
    leaf: Option<(L, usize)>,
    text: String,
}

/// Walks a document through its shape, as far as it can be read.
pub(crate) fn walk<S: Shape>(document: &str, shape: &mut S, damage: &mut Damage) -> Result<(), Problem> {
    let mut place = Place { depth: 0, leaf: None, text: String::new() };
    let (mut rest, mut in_vain) = (document, 0_usize);
    while !rest.is_empty() {
        let mut reader = Reader::from_str(rest);
        if rest.len() < document.len() {
            let config = reader.config_mut();
            // What was opened before the damage is closed after it.
            (config.allow_unmatched_ends, config.check_end_names) = (true, false);
        }
        let Some(stop) = run(&mut reader, &mut place, shape, damage)? else { break };
        in_vain = in_vain.saturating_add(stop.read.saturating_sub(stop.at));
        let left = from(rest, stop.at);
        let worth =
            shape.broken() && !shape.is_full() && in_vain <= document.len().saturating_mul(IN_VAIN_MAX);
        let lost = left.find(S::POINT.0).filter(|_| worth).unwrap_or(left.len());
        damage.lose(if shape.is_full() { Reason::TooMany } else { Reason::MalformedXml }, lost);
        rest = from(left, lost);
        place = Place { depth: S::POINT.1 - 1, leaf: None, text: String::new() };
    }
    Ok(())
}

/// Where a document breaks, and up to where it was read to find that out, in bytes.
struct Stop {
    at: usize,
    read: usize,
}

/// What follows, from the next whole character.
fn from(text: &str, at: usize) -> &str {
    text.get(text.ceil_char_boundary(at.min(text.len()))..).unwrap_or_default()
}

/// Reads on until the document ends, or breaks.
fn run<S: Shape>(
    reader: &mut Reader<&[u8]>,
    place: &mut Place<S::Leaf>,
    shape: &mut S,
    damage: &mut Damage,
) -> Result<Option<Stop>, Problem> {
    loop {
        match reader.read_event() {
            Ok(Event::Eof) => {
                if place.depth > 0 {
                    damage.note(Reason::Truncated);
                }
                return Ok(None);
            }
            Ok(event) => take(&event, place, shape, damage)?,
            // Not the same again: what is broken ends one byte on at the soonest.
            Err(_) => {
                let at = place_of(reader.error_position()).saturating_add(1);
                return Ok(Some(Stop { at, read: place_of(reader.buffer_position()) }));
            }
        }
        if shape.is_full() {
            let at = place_of(reader.buffer_position());
            return Ok(Some(Stop { at, read: at }));
        }
    }
}

fn place_of(position: u64) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}

fn take<S: Shape>(
    event: &Event<'_>,
    place: &mut Place<S::Leaf>,
    shape: &mut S,
    damage: &mut Damage,
) -> Result<(), Problem> {
    match event {
        Event::Start(tag) => open(tag, place, shape, damage)?,
        Event::Empty(tag) => {
            open(tag, place, shape, damage)?;
            close(tag.local_name().as_ref().as_bytes(), place, shape);
        }
        Event::End(tag) => close(tag.local_name().as_ref().as_bytes(), place, shape),
        Event::Text(text) => read(text, place),
        Event::CData(text) => read(text, place),
        Event::GeneralRef(reference) => match reference.resolve_char_ref() {
            Ok(Some(letter)) => read(letter.encode_utf8(&mut [0; 4]), place),
            // Entities that a document makes for itself are none of ours.
            _ => read(resolve_xml_entity(reference).unwrap_or_default(), place),
        },
        Event::DocType(_) => {
            return Err(Problem::unreadable("a document type declaration is not accepted"));
        }
        _ => {}
    }
    Ok(())
}

fn open<S: Shape>(
    tag: &BytesStart<'_>,
    place: &mut Place<S::Leaf>,
    shape: &mut S,
    damage: &mut Damage,
) -> Result<(), Problem> {
    place.depth += 1;
    if place.depth > DEPTH_MAX {
        return Err(Problem::unreadable("elements are nested too deeply"));
    }
    if place.leaf.is_some() {
        return Ok(());
    }
    place.leaf = shape.open(tag, place.depth, damage)?.map(|leaf| (leaf, place.depth));
    place.text.clear();
    Ok(())
}

fn close<S: Shape>(name: &[u8], place: &mut Place<S::Leaf>, shape: &mut S) {
    match place.leaf {
        Some((leaf, depth)) if depth == place.depth => {
            place.leaf = None;
            shape.set(leaf, &place.text);
        }
        Some(_) => {}
        None => shape.close(name, place.depth),
    }
    place.depth = place.depth.saturating_sub(1);
}

fn read<L>(text: &str, place: &mut Place<L>) {
    if place.leaf.is_some() {
        let room = TEXT_BYTES_MAX.saturating_sub(place.text.len()).min(text.len());
        place.text.push_str(text.get(..text.floor_char_boundary(room)).unwrap_or_default());
    }
}

/// The local name of the root element; document types are passed over, for their readers to refuse.
pub(crate) fn root(document: &str) -> Option<String> {
    let mut reader = Reader::from_str(document);
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag) | Event::Empty(tag)) => {
                return Some(tag.local_name().as_ref().chars().take(40).collect());
            }
            Ok(Event::Eof) | Err(_) => return None,
            Ok(_) => {}
        }
    }
}

/// Goes through the attributes of an element, by key and value.
pub(crate) fn attributes(tag: &BytesStart<'_>, mut each: impl FnMut(&str, &str)) -> Result<(), Problem> {
    for (count, attribute) in tag.attributes().with_checks(false).enumerate() {
        if count >= ATTRIBUTES_MAX {
            return Err(Problem::unreadable("an element has too many attributes"));
        }
        let Ok(attribute) = attribute else { break };
        each(attribute.key.as_ref(), &attribute.value);
    }
    Ok(())
}

/// A finite number.
pub(crate) fn number(text: &str) -> Option<f64> {
    text.trim_ascii().parse().ok().filter(|value: &f64| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_the_first_element() {
        assert_eq!(root("<?xml version='1.0'?><!-- <a> --><ns:gpx/>").as_deref(), Some("gpx"));
        assert_eq!(root("<!DOCTYPE b [<!ENTITY a 'b'>]><HealthData>").as_deref(), Some("HealthData"));
        assert_eq!(root("no element"), None);
    }
}
