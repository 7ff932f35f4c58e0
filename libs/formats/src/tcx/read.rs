//! Elements into legs of laps and points. Nothing grows but the laps and the points.

use quick_xml::events::BytesStart;

use crate::activity::{self, Device, Sample};
use crate::reading::{Damage, Problem, Reason};
use crate::xml::points::Point;
use crate::xml::time::{self, Moment};
use crate::xml::{self, Shape, number};
use crate::{RECORDS_MAX, geo};

const LEGS_MAX: usize = 10_000;
const LAPS_MAX: usize = 100_000;
const TRACKS_MAX: u32 = 100_000;
/// No way is longer.
const DISTANCE_M_MAX: f64 = 100_000_000.0;
const WORD_CHARS_MAX: usize = 64;

/// What a document holds.
#[derive(Default)]
pub(super) struct Document {
    pub(super) legs: Vec<Leg>,
    /// Track points seen, those without a time too.
    pub(super) points: usize,
    /// What it plans, if it does: `course` or `workout`.
    pub(super) plan: Option<&'static str>,
}

/// An `Activity`, or the `Transition` between two.
#[derive(Default)]
pub(super) struct Leg {
    pub(super) sport: Option<String>,
    /// FIT's name, in our own files.
    pub(super) sub_sport: Option<String>,
    /// The first line of its notes, where others keep the title.
    pub(super) notes: Option<String>,
    /// What the plan is called that it followed.
    pub(super) plan: Option<String>,
    pub(super) transition: bool,
    /// The number of the `MultiSportSession` that it is a part of.
    pub(super) session: Option<u32>,
    pub(super) id: Option<Moment>,
    pub(super) offset_s: Option<i32>,
    pub(super) laps: Vec<LapSums>,
    pub(super) points: Vec<Point>,
    pub(super) device: Option<Device>,
    version: (Option<u16>, Option<u16>),
}

/// A `Lap` as it was summed up.
#[derive(Clone, Copy, Default)]
pub(super) struct LapSums {
    pub(super) start: Option<Moment>,
    /// The number of its first `Track` in the document; tracks of later laps are numbered higher.
    pub(super) first_segment: u32,
    pub(super) timer_time_s: Option<f64>,
    pub(super) distance_m: Option<f64>,
    pub(super) energy_kcal: Option<f64>,
    pub(super) heart_rate_avg_bpm: Option<f64>,
    pub(super) heart_rate_max_bpm: Option<f64>,
    pub(super) power_avg_w: Option<f64>,
    pub(super) power_max_w: Option<f64>,
    pub(super) cadence_avg_rpm: Option<f64>,
}

/// Elements whose text we keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaf {
    Id,
    Sport,
    SubSport,
    Notes,
    PlanName,
    Time,
    Latitude,
    Longitude,
    Altitude,
    Distance,
    HeartRate,
    Cadence,
    Power,
    Speed,
    TimerTime,
    Energy,
    HeartRateAvg,
    HeartRateMax,
    PowerAvg,
    PowerMax,
    DeviceName,
    UnitId,
    ProductId,
    VersionMajor,
    VersionMinor,
}

/// What the innermost element of weight is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Nothing,
    /// A course or a workout.
    Plan,
    Activity,
    Lap,
    Point,
    Creator,
}

struct Walk {
    document: Document,
    within: Within,
    session: Option<u32>,
    sessions: u32,
    segment: u32,
    laps: usize,
    point: Point,
    /// Degrees as written; NaN where they are no numbers.
    position: (Option<f64>, Option<f64>),
    misplaced: bool,
    /// Whose `Value` comes next.
    heart_rate: Leaf,
}

pub(super) fn document(text: &str, damage: &mut Damage) -> Result<Document, Problem> {
    let mut walk = Walk {
        document: Document::default(),
        within: Within::Nothing,
        session: None,
        sessions: 0,
        segment: 0,
        laps: 0,
        point: Point::default(),
        position: (None, None),
        misplaced: false,
        heart_rate: Leaf::HeartRate,
    };
    xml::walk(text, &mut walk, damage)?;
    if walk.misplaced {
        damage.note(Reason::BadPosition);
    }
    Ok(walk.document)
}

impl Shape for Walk {
    type Leaf = Leaf;
    const POINT: (&'static str, usize) = ("<Trackpoint", 6);

    fn open(&mut self, tag: &BytesStart<'_>, _: usize, _: &mut Damage) -> Result<Option<Leaf>, Problem> {
        let name = tag.local_name();
        let name = name.as_ref();
        match (self.within, name) {
            (Within::Plan, _) => {}
            (_, "Courses" | "Workouts") => self.open_plan(name),
            (_, "MultiSportSession") => {
                self.session = Some(self.sessions);
                self.sessions += 1;
            }
            (_, "Activity") => self.open_leg(tag, false)?,
            (_, "Transition") => {
                self.open_leg(tag, true)?;
                self.open_lap(tag)?;
            }
            (_, "Lap") => self.open_lap(tag)?,
            (_, "Track") => self.segment += 1,
            (_, "Trackpoint") => self.open_point(),
            (Within::Activity, "Creator") => self.within = Within::Creator,
            (_, "HeartRateBpm") => self.heart_rate = Leaf::HeartRate,
            (_, "AverageHeartRateBpm") => self.heart_rate = Leaf::HeartRateAvg,
            (_, "MaximumHeartRateBpm") => self.heart_rate = Leaf::HeartRateMax,
            (within, name) => return Ok(leaf(within, name, self.heart_rate)),
        }
        Ok(None)
    }

    fn set(&mut self, leaf: Leaf, text: &str) {
        match self.within {
            Within::Point => self.set_of_point(leaf, text),
            Within::Lap => self.set_of_lap(leaf, text),
            Within::Activity => self.set_of_leg(leaf, text),
            Within::Creator => self.set_of_device(leaf, text),
            Within::Nothing if leaf == Leaf::Notes => self.set_notes_of_session(text),
            Within::Nothing | Within::Plan => {}
        }
    }

    fn close(&mut self, name: &[u8], _: usize) {
        self.within = match (self.within, name) {
            (Within::Plan, b"Courses" | b"Workouts") => Within::Nothing,
            (Within::Point, b"Trackpoint") => {
                self.close_point();
                Within::Lap
            }
            (Within::Lap, b"Lap") | (Within::Creator, b"Creator") => Within::Activity,
            (Within::Lap, b"Transition") | (Within::Activity, b"Activity") => Within::Nothing,
            (within, b"MultiSportSession") => {
                self.session = None;
                within
            }
            (within, _) => within,
        };
    }

    fn broken(&mut self) -> bool {
        // Damage in a plan, or before anything was done, does not make the points that follow a workout.
        let open = !self.document.legs.is_empty() && self.within != Within::Plan;
        if open {
            self.within = Within::Lap;
        }
        open
    }

    fn is_full(&self) -> bool {
        self.document.points >= RECORDS_MAX
            || self.document.legs.len() >= LEGS_MAX
            || self.laps >= LAPS_MAX
            || self.segment >= TRACKS_MAX
    }
}

impl Walk {
    fn open_plan(&mut self, name: &str) {
        self.document.plan = Some(if name == "Courses" { "course" } else { "workout" });
        self.within = Within::Plan;
    }

    fn open_leg(&mut self, tag: &BytesStart<'_>, transition: bool) -> Result<(), Problem> {
        let mut sport = None;
        xml::attributes(tag, |key, value| {
            if key == "Sport" {
                sport = Some(word(value));
            }
        })?;
        self.document.legs.push(Leg { sport, transition, session: self.session, ..Leg::default() });
        self.within = Within::Activity;
        Ok(())
    }

    fn open_lap(&mut self, tag: &BytesStart<'_>) -> Result<(), Problem> {
        let mut start = None;
        xml::attributes(tag, |key, value| {
            if key == "StartTime" {
                start = time::parse(value);
            }
        })?;
        let legs = &mut self.document.legs;
        if legs.is_empty() {
            // The `Activity` around it is damaged.
            legs.push(Leg::default());
        }
        if let Some(leg) = legs.last_mut() {
            leg.laps.push(LapSums { start, first_segment: self.segment + 1, ..LapSums::default() });
        }
        self.laps += 1;
        self.within = Within::Lap;
        Ok(())
    }

    fn open_point(&mut self) {
        self.document.points += 1;
        self.point = Point { segment: self.segment, ..Point::default() };
        self.position = (None, None);
        self.within = Within::Point;
    }

    fn close_point(&mut self) {
        self.point.sample.latlng = match self.position {
            (None, None) => None,
            (lat, lng) => {
                let place = lat.zip(lng).filter(|(lat, lng)| geo::on_earth(*lat, *lng));
                self.misplaced |= place.is_none();
                place
            }
        };
        let sample = self.point.sample.plausible();
        let distance_m = sample.distance_m.filter(|way_m| (0.0..=DISTANCE_M_MAX).contains(way_m));
        let sample = Sample { distance_m, ..sample };
        if let Some(leg) = self.document.legs.last_mut() {
            leg.points.push(Point { sample, ..self.point });
        }
    }

    fn set_of_point(&mut self, leaf: Leaf, text: &str) {
        let degrees = || Some(number(text).unwrap_or(f64::NAN));
        let sample = &mut self.point.sample;
        match leaf {
            Leaf::Time => {
                let moment = time::parse(text);
                self.point.at_us = moment.map(|moment| moment.at_us);
                let offset_s = moment.and_then(|moment| moment.offset_s);
                if let Some(leg) = self.document.legs.last_mut() {
                    leg.offset_s = leg.offset_s.or(offset_s);
                }
            }
            Leaf::Latitude => self.position.0 = degrees(),
            Leaf::Longitude => self.position.1 = degrees(),
            Leaf::Altitude => sample.altitude_m = number(text),
            Leaf::Distance => sample.distance_m = number(text),
            Leaf::HeartRate => sample.heart_rate_bpm = number(text),
            Leaf::Cadence => sample.cadence_rpm = number(text),
            Leaf::Power => sample.power_w = number(text),
            Leaf::Speed => sample.speed_mps = number(text),
            _ => {}
        }
    }

    fn set_of_lap(&mut self, leaf: Leaf, text: &str) {
        let Some(lap) = self.document.legs.last_mut().and_then(|leg| leg.laps.last_mut()) else { return };
        let figure = number(text).filter(|value| *value >= 0.0);
        match leaf {
            Leaf::TimerTime => lap.timer_time_s = figure,
            Leaf::Distance => lap.distance_m = figure.filter(|way_m| *way_m <= DISTANCE_M_MAX),
            Leaf::Energy => lap.energy_kcal = figure,
            Leaf::HeartRateAvg => lap.heart_rate_avg_bpm = figure.filter(|beats| *beats > 0.0),
            Leaf::HeartRateMax => lap.heart_rate_max_bpm = figure.filter(|beats| *beats > 0.0),
            Leaf::Cadence => lap.cadence_avg_rpm = figure,
            Leaf::PowerAvg => lap.power_avg_w = figure,
            Leaf::PowerMax => lap.power_max_w = figure,
            _ => {}
        }
    }

    fn set_of_leg(&mut self, leaf: Leaf, text: &str) {
        let Some(leg) = self.document.legs.last_mut() else { return };
        match leaf {
            Leaf::Id => leg.id = time::parse(text),
            Leaf::Sport => leg.sport = Some(word(text)),
            Leaf::SubSport => leg.sub_sport = Some(word(text)).filter(|word| !word.is_empty()),
            Leaf::Notes => leg.notes = activity::name(text),
            Leaf::PlanName => leg.plan = activity::name(text),
            _ => {}
        }
    }

    /// Those of its legs say less.
    fn set_notes_of_session(&mut self, text: &str) {
        let (Some(session), Some(name)) = (self.session, activity::name(text)) else { return };
        let legs = self.document.legs.iter_mut().rev();
        let mut name = Some(name);
        for leg in legs.take_while(|leg| leg.session == Some(session)) {
            (leg.notes, leg.plan) = (name.take(), None);
        }
    }

    fn set_of_device(&mut self, leaf: Leaf, text: &str) {
        let Some(leg) = self.document.legs.last_mut() else { return };
        let device = leg.device.get_or_insert_with(|| Device { creator: true, ..Device::default() });
        let text = text.trim();
        match leaf {
            Leaf::DeviceName => device.product_name = Some(word(text)).filter(|name| !name.is_empty()),
            // Zero stands where a number is demanded and none is known.
            Leaf::UnitId => device.serial = text.parse().ok().filter(|serial| *serial > 0),
            Leaf::ProductId => device.product_id = text.parse().ok().filter(|product| *product > 0),
            Leaf::VersionMajor => leg.version.0 = text.parse().ok(),
            Leaf::VersionMinor => leg.version.1 = text.parse().ok(),
            _ => {}
        }
        if let (Some(major), Some(minor)) = leg.version {
            device.software_version =
                format!("{major}.{minor:02}").parse().ok().filter(|version| *version > 0.0);
        }
    }
}

/// By local name: extensions come with any prefix.
fn leaf(within: Within, name: &str, heart_rate: Leaf) -> Option<Leaf> {
    Some(match (within, name) {
        (Within::Point, "Time") => Leaf::Time,
        (Within::Point, "LatitudeDegrees") => Leaf::Latitude,
        (Within::Point, "LongitudeDegrees") => Leaf::Longitude,
        (Within::Point, "AltitudeMeters") => Leaf::Altitude,
        (Within::Point | Within::Lap, "DistanceMeters") => Leaf::Distance,
        (Within::Point | Within::Lap, "Value") => heart_rate,
        (Within::Point, "Cadence" | "RunCadence") | (Within::Lap, "Cadence" | "AvgRunCadence") => {
            Leaf::Cadence
        }
        (Within::Point, "Watts") => Leaf::Power,
        (Within::Point, "Speed") => Leaf::Speed,
        (Within::Lap, "TotalTimeSeconds") => Leaf::TimerTime,
        (Within::Lap, "Calories") => Leaf::Energy,
        (Within::Lap, "AvgWatts") => Leaf::PowerAvg,
        (Within::Lap, "MaxWatts") => Leaf::PowerMax,
        (Within::Activity, "Id") => Leaf::Id,
        (Within::Activity, "Sport") => Leaf::Sport,
        (Within::Activity, "SubSport") => Leaf::SubSport,
        (Within::Activity | Within::Nothing, "Notes") => Leaf::Notes,
        (Within::Activity, "Name") => Leaf::PlanName,
        (Within::Creator, "Name") => Leaf::DeviceName,
        (Within::Creator, "UnitId") => Leaf::UnitId,
        (Within::Creator, "ProductID") => Leaf::ProductId,
        (Within::Creator, "VersionMajor") => Leaf::VersionMajor,
        (Within::Creator, "VersionMinor") => Leaf::VersionMinor,
        _ => return None,
    })
}

fn word(text: &str) -> String {
    text.trim().chars().take(WORD_CHARS_MAX).collect()
}
