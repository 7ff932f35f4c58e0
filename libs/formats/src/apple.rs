//! Apple Health's `export.xml`, however large: one item after the other, in bounded memory, from any
//! [`std::io::Read`]. It is the one reader here that is handed its input bit by bit.
//!
//! | module | subject |
//! |---|---|
//! | `document` | where it lies: by itself, in gzip, in the archive that the phone makes |
//! | `source` | the bytes: past the document type, metered |
//! | `kinds` | HealthKit's types and units in ours |
//! | `workout` | a workout, in the older form (totals as attributes, places inline) and the newer one |
//! | `route` | a workout and the files of its route |
//! | `heart` | a workout and the heart rates of its time |
//!
//! The document type that Apple writes is skipped unread; one that comes later is refused, and no entity is ever
//! expanded but the five of XML itself.

mod document;
mod heart;
mod kinds;
mod route;
mod source;
mod workout;

use std::io::Read;

use jiff::Timestamp;
use quick_xml::{
    Error,
    events::{BytesStart, Event},
};

use crate::{
    activity::Activity,
    reading::Problem,
    xml::{attributes, time},
};
pub use document::{Document, Wrapping, detect};
pub use route::named_in;
use source::Metered;
use workout::Building;

const DEPTH_MAX: usize = 64;
const TEXT_BYTES_MAX: usize = 200;
/// Children of the root.
const TOP: usize = 2;

/// A workout, with the places of its route where the export has them inline.
#[derive(Clone, Debug, PartialEq)]
pub struct Workout {
    pub activity: Activity,
    /// The device or app, as it calls itself.
    pub source: String,
    /// Files of the archive that hold its route: `/workout-routes/route_2019-06-11_3.00pm.gpx`.
    pub routes: Vec<String>,
}

/// A measured value.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// `steps distance active_energy floors active_time heart_rate resting_heart_rate hrv_sdnn respiratory_rate
    /// vo2_max spo2 body_fat weight height glucose body_temperature sleep sleep_light sleep_deep sleep_rem
    /// sleep_awake`.
    pub kind: &'static str,
    pub source: String,
    pub start: Timestamp,
    pub end: Timestamp,
    pub utc_offset_s: Option<i32>,
    /// In m, kJ, s, bpm, ms, %, kg, mmol/L, °C; of sleep the seconds it lasted.
    pub value: f64,
}

/// What an export holds that we take.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    Workout(Box<Workout>),
    Record(Record),
}

/// What was met so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub workouts: u64,
    pub records: u64,
    /// Records of kinds that are not taken.
    pub skipped: u64,
    /// Records and workouts whose time or value cannot be read.
    pub bad: u64,
    /// The document ends before its root does.
    pub truncated: bool,
}

/// An iterator over the items of an export. After an error it is at its end.
pub struct Reader<R> {
    xml: quick_xml::Reader<Metered<R>>,
    buffer: Vec<u8>,
    depth: usize,
    workout: Option<Building>,
    counts: Counts,
    /// Where the last item ended.
    offset: u64,
    over: bool,
}

impl<R: Read> Reader<R> {
    /// Starts at the beginning of the document.
    ///
    /// # Errors
    /// [`Problem::NotActivity`] if there is no `<HealthData>` within its first megabyte, [`Problem::Unreadable`] if
    /// the input fails.
    pub fn new(input: R) -> Result<Self, Problem> {
        let source = Metered::at_root(input).map_err(|error| failed(&error))?;
        let source = source.ok_or_else(|| Problem::not_activity("XML without <HealthData>"))?;
        Ok(Self::over(source, 0))
    }

    /// Goes on where [`Reader::offset`] of another reader stood; `input` begins at that byte.
    pub fn resumed(input: R, offset: u64) -> Self {
        Self::over(Metered::resumed(input, offset), 1)
    }

    fn over(source: Metered<R>, depth: usize) -> Self {
        let offset = source.offset;
        let mut xml = quick_xml::Reader::from_reader(source);
        let config = xml.config_mut();
        config.check_end_names = false;
        config.allow_unmatched_ends = true;
        config.allow_dangling_amp = true;
        let (buffer, counts) = (Vec::new(), Counts::default());
        Self { xml, buffer, depth, workout: None, counts, offset, over: false }
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Bytes up to the end of the last item: how far it is, and where to go on another time.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    fn step(&mut self) -> Result<Option<Item>, Problem> {
        loop {
            self.buffer.clear();
            self.xml.get_mut().refill();
            let mut found = None;
            match self.xml.read_event_into(&mut self.buffer) {
                Ok(Event::Start(tag)) => {
                    self.depth += 1;
                    found = open(&tag, self.depth, &mut self.workout, &mut self.counts)?;
                }
                Ok(Event::Empty(tag)) => {
                    found = open(&tag, self.depth + 1, &mut self.workout, &mut self.counts)?;
                    if self.depth + 1 == TOP {
                        found = found.or(close(&mut self.workout, &mut self.counts));
                    }
                }
                Ok(Event::End(_)) => {
                    if self.depth == TOP {
                        found = close(&mut self.workout, &mut self.counts);
                    }
                    self.depth = self.depth.saturating_sub(1);
                }
                Ok(Event::DocType(_)) => {
                    return Err(Problem::unreadable("a document type declaration is not accepted here"));
                }
                Ok(Event::Eof) => {
                    self.counts.truncated = self.depth > 0;
                    return Ok(None);
                }
                Ok(_) => {}
                Err(Error::Io(error)) => return Err(failed(&error)),
                Err(_) => {
                    let at = self.xml.get_mut().offset;
                    return Err(Problem::unreadable(format!("the XML is malformed before byte {at}")));
                }
            }
            if self.depth < TOP {
                self.offset = self.xml.get_mut().offset;
            }
            if found.is_some() {
                return Ok(found);
            }
        }
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Item, Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let item = self.step().transpose();
        self.over = !matches!(item, Some(Ok(_)));
        item
    }
}

fn failed(error: &std::io::Error) -> Problem {
    Problem::unreadable(format!("the export cannot be read on: {error}"))
}

/// Takes in an element that begins; a record is whole with its attributes.
fn open(
    tag: &BytesStart<'_>,
    depth: usize,
    workout: &mut Option<Building>,
    counts: &mut Counts,
) -> Result<Option<Item>, Problem> {
    if depth > DEPTH_MAX {
        return Err(Problem::unreadable("elements are nested too deeply"));
    }
    let name = tag.local_name();
    match (name.as_ref(), workout.as_mut()) {
        ("Workout", None) if depth == TOP => {
            *workout = Building::begin(tag)?;
            counts.bad += u64::from(workout.is_none());
        }
        // What is nested in a correlation stands at the top too.
        ("Record", None) if depth == TOP => return record(tag, counts),
        (inner, Some(workout)) => workout.take(inner, tag)?,
        _ => {}
    }
    Ok(None)
}

fn close(workout: &mut Option<Building>, counts: &mut Counts) -> Option<Item> {
    let workout = workout.take()?.finish();
    counts.workouts += 1;
    Some(Item::Workout(Box::new(workout)))
}

fn record(tag: &BytesStart<'_>, counts: &mut Counts) -> Result<Option<Item>, Problem> {
    let (mut kind, mut unit, mut value) = (String::new(), String::new(), String::new());
    let (mut source, mut start, mut end) = (String::new(), None, None);
    attributes(tag, |key, text| match key {
        "type" => kind = bounded(text),
        "unit" => unit = bounded(text),
        "value" => value = bounded(text),
        "sourceName" => source = bounded(text),
        "startDate" => start = moment(text),
        "endDate" => end = moment(text),
        _ => {}
    })?;
    let (Some((start, utc_offset_s)), Some((end, _))) = (start, end) else {
        counts.bad += 1;
        return Ok(None);
    };
    let length_s = end.duration_since(start).as_secs_f64();
    let Some((kind, value)) = kinds::record(&kind, &unit, &value, length_s).filter(|_| length_s >= 0.0)
    else {
        counts.skipped += 1;
        return Ok(None);
    };
    counts.records += 1;
    Ok(Some(Item::Record(Record { kind, source: plain(&source), start, end, utc_offset_s, value })))
}

/// `2019-06-11 13:00:00 -0700`, and `2019-06-11 1:00:00 pm -0700` of clocks that count to twelve.
fn moment(text: &str) -> Option<(Timestamp, Option<i32>)> {
    // Some languages put a narrow space before the half of the day.
    let mut words = text.split(|letter: char| letter.is_whitespace()).filter(|word| !word.is_empty());
    let (date, clock, mut zone) = (words.next()?, words.next()?, words.next().unwrap_or_default());
    let mut hour_and_rest = clock.splitn(2, ':');
    let (mut hour, rest) = (hour_and_rest.next()?.parse::<u32>().ok()?, hour_and_rest.next()?);
    let half = zone.to_ascii_lowercase().replace('.', "");
    if let "am" | "pm" = half.as_str() {
        hour = hour % 12 + if half == "pm" { 12 } else { 0 };
        zone = words.next().unwrap_or_default();
    }
    let moment = time::parse(&format!("{date}T{hour:02}:{rest}{zone}"))?;
    Some((Timestamp::from_microsecond(moment.at_us).ok()?, moment.offset_s))
}

/// Enough of a text that somebody else made.
fn bounded(text: &str) -> String {
    text.get(..text.floor_char_boundary(TEXT_BYTES_MAX)).unwrap_or_default().to_owned()
}

/// With the five entities of XML in plain.
fn plain(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    text.replace("&apos;", "'").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_clocks_are_read() {
        let utc = |text: &str| moment(text).map(|(at, offset_s)| (at.to_string(), offset_s));
        let expected = Some(("2019-06-11T20:00:00Z".to_owned(), Some(-25_200)));
        assert_eq!(utc("2019-06-11 13:00:00 -0700"), expected);
        assert_eq!(utc("2019-06-11 1:00:00 pm -0700"), expected);
        assert_eq!(utc("2019-06-11 1:00:00\u{202f}p.m. -0700"), expected);
        assert_eq!(
            utc("2019-06-11 12:30:00 AM +0000").map(|(at, _)| at),
            Some("2019-06-11T00:30:00Z".to_owned())
        );
        assert_eq!(utc("yesterday"), None);
    }
}
