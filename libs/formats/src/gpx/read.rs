//! Elements into tracks of points. Nothing grows but the points.

use quick_xml::events::BytesStart;

use crate::activity::{self, Sample};
use crate::reading::{Damage, Problem, Reason};
use crate::xml::points::Point;
use crate::xml::{self, Shape, number, time};
use crate::{RECORDS_MAX, geo};

const TRACKS_MAX: usize = 10_000;
const SEGMENTS_MAX: usize = 100_000;
/// Of `gpx/trk/name` and `gpx/trk/type`.
const TRACK_DEPTH: usize = 3;

/// Of `gpx/metadata/name`; in GPX 1.0 it is `gpx/name`.
const HEAD_DEPTH: usize = 2;

/// What a document holds.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// What the file as a whole is called.
    pub(super) name: Option<String>,
    pub(super) tracks: Vec<Track>,
}

/// A `trk`.
#[derive(Debug, Default)]
pub(super) struct Track {
    pub(super) name: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) offset_s: Option<i32>,
    /// Each with a place on Earth.
    pub(super) points: Vec<Point>,
}

/// Elements whose text we keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaf {
    NameOfFile,
    Name,
    Kind,
    Elevation,
    Time,
    HeartRate,
    Cadence,
    Power,
    Temperature,
    Speed,
}

#[derive(Default)]
struct Walk {
    document: Document,
    in_metadata: bool,
    in_track: bool,
    segment: u32,
    points: usize,
    /// The point that is open, if its place is one.
    point: Option<Point>,
}

/// Reads all the tracks of a document; a damaged document gives those that can be read.
pub(super) fn document(text: &str, damage: &mut Damage) -> Result<Document, Problem> {
    let mut walk = Walk::default();
    xml::walk(text, &mut walk, damage)?;
    Ok(walk.document)
}

impl Shape for Walk {
    type Leaf = Leaf;
    const POINT: (&'static str, usize) = ("<trkpt", 4);

    fn open(
        &mut self,
        tag: &BytesStart<'_>,
        depth: usize,
        damage: &mut Damage,
    ) -> Result<Option<Leaf>, Problem> {
        let name = tag.local_name();
        let name = name.as_ref().as_bytes();
        if !self.in_track {
            let head = if self.in_metadata { HEAD_DEPTH + 1 } else { HEAD_DEPTH };
            match name {
                b"trk" => {
                    self.in_track = true;
                    self.document.tracks.push(Track::default());
                }
                b"metadata" => self.in_metadata = true,
                b"name" if depth == head => return Ok(Some(Leaf::NameOfFile)),
                _ => {}
            }
            return Ok(None);
        }
        match name {
            b"trkseg" => self.segment += 1,
            b"trkpt" => self.point = self.open_point(tag, damage)?,
            _ => return Ok(leaf(name, depth == TRACK_DEPTH)),
        }
        Ok(None)
    }

    fn set(&mut self, leaf: Leaf, text: &str) {
        if leaf == Leaf::NameOfFile {
            self.document.name = activity::name(text);
        }
        let Some(track) = self.document.tracks.last_mut() else { return };
        match leaf {
            Leaf::Kind => track.kind = Some(text.trim().to_owned()),
            Leaf::Name => track.name = activity::name(text),
            _ => {}
        }
        let Some(Point { at_us, sample, .. }) = &mut self.point else { return };
        match leaf {
            Leaf::Time => {
                let moment = time::parse(text);
                *at_us = moment.map(|moment| moment.at_us);
                track.offset_s = track.offset_s.or(moment.and_then(|moment| moment.offset_s));
            }
            Leaf::Elevation => sample.altitude_m = number(text),
            Leaf::HeartRate => sample.heart_rate_bpm = number(text),
            Leaf::Cadence => sample.cadence_rpm = number(text),
            Leaf::Power => sample.power_w = number(text),
            Leaf::Temperature => sample.temperature_c = number(text),
            Leaf::Speed => sample.speed_mps = number(text),
            Leaf::NameOfFile | Leaf::Name | Leaf::Kind => {}
        }
    }

    fn close(&mut self, name: &[u8], _: usize) {
        match name {
            b"trkpt" => self.close_point(),
            b"trk" => self.in_track = false,
            b"metadata" => self.in_metadata = false,
            _ => {}
        }
    }

    fn broken(&mut self) -> bool {
        self.point = None;
        self.in_track
    }

    fn is_full(&self) -> bool {
        self.points >= RECORDS_MAX
            || self.document.tracks.len() >= TRACKS_MAX
            || self.segment as usize >= SEGMENTS_MAX
    }
}

impl Walk {
    fn open_point(&mut self, tag: &BytesStart<'_>, damage: &mut Damage) -> Result<Option<Point>, Problem> {
        let (mut lat, mut lng) = (f64::NAN, f64::NAN);
        xml::attributes(tag, |key, value| match key {
            "lat" => lat = number(value).unwrap_or(f64::NAN),
            "lon" => lng = number(value).unwrap_or(f64::NAN),
            _ => {}
        })?;
        self.points += 1;
        if !geo::on_earth(lat, lng) {
            damage.note(Reason::BadPosition);
            return Ok(None);
        }
        let sample = Sample { latlng: Some((lat, lng)), ..Sample::default() };
        Ok(Some(Point { at_us: None, segment: self.segment, sample }))
    }

    fn close_point(&mut self) {
        if let (Some(track), Some(point)) = (self.document.tracks.last_mut(), self.point.take()) {
            track.points.push(Point { sample: point.sample.plausible(), ..point });
        }
    }
}

/// By local name: extensions come with any prefix, and without.
fn leaf(name: &[u8], of_track: bool) -> Option<Leaf> {
    Some(match name {
        b"name" if of_track => Leaf::Name,
        b"type" if of_track => Leaf::Kind,
        b"ele" => Leaf::Elevation,
        b"time" => Leaf::Time,
        b"hr" | b"heartrate" => Leaf::HeartRate,
        b"cad" | b"cadence" | b"RunCadence" => Leaf::Cadence,
        b"power" | b"watts" | b"PowerInWatts" => Leaf::Power,
        b"atemp" | b"temp" | b"temperature" => Leaf::Temperature,
        b"speed" => Leaf::Speed,
        _ => return None,
    })
}
