//! XML events into tracks of points. Nothing is recursive, nothing grows but the points.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::time;
use crate::activity::Sample;
use crate::reading::{Damage, Problem, Reason};
use crate::{RECORDS_MAX, geo};

const DEPTH_MAX: usize = 64;
const ATTRIBUTES_MAX: usize = 64;
const TEXT_BYTES_MAX: usize = 64;
const TRACKS_MAX: usize = 10_000;
const SEGMENTS_MAX: usize = 100_000;
const GPX_DEPTH: usize = 1;
/// Of `gpx/trk/type`.
const KIND_DEPTH: usize = 3;

/// A `trk`.
#[derive(Debug, Default)]
pub(super) struct Track {
    pub(super) kind: Option<String>,
    pub(super) offset_s: Option<i32>,
    pub(super) points: Vec<Point>,
}

/// A `trkpt` with a place on Earth; the sample's time and distance are unknown as yet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Point {
    /// Microseconds since 1970.
    pub(super) at_us: Option<i64>,
    /// The number of its segment in the file.
    pub(super) segment: u32,
    pub(super) sample: Sample,
}

/// Elements whose text we keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaf {
    Kind,
    Elevation,
    Time,
    HeartRate,
    Cadence,
    Power,
    Temperature,
    Speed,
}

struct Tracks<'d> {
    depth: usize,
    tracks: Vec<Track>,
    in_track: bool,
    segment: u32,
    points: usize,
    /// The point that is open, if its place is one.
    point: Option<Point>,
    /// The element whose text is read, and its depth.
    leaf: Option<(Leaf, usize)>,
    text: String,
    damage: &'d mut Damage,
}

/// Reads all the tracks of a document; a document that breaks off gives those before the break.
pub(super) fn tracks(text: &str, damage: &mut Damage) -> Result<Vec<Track>, Problem> {
    let mut reader = Reader::from_str(text);
    let mut tracks = Tracks {
        depth: 0,
        tracks: Vec::new(),
        in_track: false,
        segment: 0,
        points: 0,
        point: None,
        leaf: None,
        text: String::new(),
        damage,
    };
    loop {
        let lost = |reader: &Reader<&[u8]>| {
            text.len() - usize::try_from(reader.buffer_position()).unwrap_or(0).min(text.len())
        };
        match reader.read_event() {
            Ok(Event::Eof) if tracks.depth > 0 => {
                tracks.damage.note(Reason::Truncated);
                break;
            }
            Ok(Event::Eof) => break,
            Ok(event) => tracks.take(&event)?,
            Err(_) => {
                tracks.damage.lose(Reason::MalformedXml, lost(&reader));
                break;
            }
        }
        if tracks.points >= RECORDS_MAX
            || tracks.tracks.len() >= TRACKS_MAX
            || tracks.segment as usize >= SEGMENTS_MAX
        {
            tracks.damage.lose(Reason::TooMany, lost(&reader));
            break;
        }
    }
    Ok(tracks.tracks)
}

impl Tracks<'_> {
    fn take(&mut self, event: &Event<'_>) -> Result<(), Problem> {
        match event {
            Event::Start(tag) => {
                self.depth += 1;
                self.open(tag)?;
            }
            Event::Empty(tag) => {
                self.depth += 1;
                self.open(tag)?;
                self.close(tag.local_name().as_ref().as_bytes());
            }
            Event::End(tag) => self.close(tag.local_name().as_ref().as_bytes()),
            Event::Text(text) => self.read(text),
            Event::CData(text) => self.read(text),
            Event::DocType(_) => {
                return Err(Problem::unreadable("a document type declaration is not accepted"));
            }
            _ => {}
        }
        Ok(())
    }

    fn read(&mut self, text: &str) {
        if self.leaf.is_some() && self.text.len() + text.len() <= TEXT_BYTES_MAX {
            self.text.push_str(text);
        }
    }

    fn open(&mut self, tag: &BytesStart<'_>) -> Result<(), Problem> {
        if self.depth > DEPTH_MAX {
            return Err(Problem::unreadable("elements are nested too deeply"));
        }
        let name = tag.local_name();
        let name = name.as_ref().as_bytes();
        if self.depth == GPX_DEPTH {
            return if name == b"gpx" { Ok(()) } else { Err(not_gpx(tag)) };
        }
        if !self.in_track {
            self.in_track = name == b"trk";
            if self.in_track {
                self.tracks.push(Track::default());
            }
            return Ok(());
        }
        match name {
            b"trkseg" => self.segment += 1,
            b"trkpt" => self.point = self.open_point(tag)?,
            _ if self.leaf.is_none() => {
                self.leaf = leaf(name, self.depth == KIND_DEPTH).map(|leaf| (leaf, self.depth));
                self.text.clear();
            }
            _ => {}
        }
        Ok(())
    }

    fn open_point(&mut self, tag: &BytesStart<'_>) -> Result<Option<Point>, Problem> {
        let (mut lat, mut lng) = (f64::NAN, f64::NAN);
        for (count, attribute) in tag.attributes().with_checks(false).enumerate() {
            if count >= ATTRIBUTES_MAX {
                return Err(Problem::unreadable("a track point has too many attributes"));
            }
            let Ok(attribute) = attribute else { break };
            match attribute.key.as_ref().as_bytes() {
                b"lat" => lat = number(&attribute.value).unwrap_or(f64::NAN),
                b"lon" => lng = number(&attribute.value).unwrap_or(f64::NAN),
                _ => {}
            }
        }
        self.points += 1;
        if !geo::on_earth(lat, lng) {
            self.damage.note(Reason::BadPosition);
            return Ok(None);
        }
        let sample = Sample { latlng: Some((lat, lng)), ..Sample::default() };
        Ok(Some(Point { at_us: None, segment: self.segment, sample }))
    }

    fn close(&mut self, name: &[u8]) {
        if let Some((leaf, depth)) = self.leaf
            && depth == self.depth
        {
            self.leaf = None;
            self.set(leaf);
        }
        self.depth = self.depth.saturating_sub(1);
        match name {
            b"trkpt" => self.close_point(),
            b"trk" => self.in_track = false,
            _ => {}
        }
    }

    fn close_point(&mut self) {
        if let (Some(track), Some(point)) = (self.tracks.last_mut(), self.point.take()) {
            track.points.push(Point { sample: point.sample.plausible(), ..point });
        }
    }

    fn set(&mut self, leaf: Leaf) {
        let Some(track) = self.tracks.last_mut() else { return };
        if leaf == Leaf::Kind {
            track.kind = Some(self.text.trim().to_owned());
        }
        let Some(Point { at_us, sample, .. }) = &mut self.point else { return };
        match leaf {
            Leaf::Time => {
                let moment = time::parse(&self.text);
                *at_us = moment.map(|moment| moment.at_us);
                track.offset_s = track.offset_s.or(moment.and_then(|moment| moment.offset_s));
            }
            Leaf::Elevation => sample.altitude_m = number(&self.text),
            Leaf::HeartRate => sample.heart_rate_bpm = number(&self.text),
            Leaf::Cadence => sample.cadence_rpm = number(&self.text),
            Leaf::Power => sample.power_w = number(&self.text),
            Leaf::Temperature => sample.temperature_c = number(&self.text),
            Leaf::Speed => sample.speed_mps = number(&self.text),
            Leaf::Kind => {}
        }
    }
}

/// By local name: extensions come with any prefix, and without.
fn leaf(name: &[u8], of_track: bool) -> Option<Leaf> {
    Some(match name {
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

fn number(text: &str) -> Option<f64> {
    text.trim_ascii().parse().ok().filter(|value: &f64| value.is_finite())
}

fn not_gpx(tag: &BytesStart<'_>) -> Problem {
    let name: String = tag.local_name().as_ref().chars().take(40).collect();
    Problem::not_activity(format!("the XML root is <{name}>, not <gpx>"))
}
