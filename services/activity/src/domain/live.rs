//! A workout that is told as it happens: it begins, it ends once, and what was told becomes an activity. Its points are no
//! events; what becomes of each, when it comes, is decided here.

use std::collections::HashSet;

use eventing::Aggregate;
use formats::{Activity, Sample};
use kernel::{AccountId, ActivityId, Refusal, Sport, time};
use privacy::Audience;

use super::{LiveId, SessionId, facts::keyed_id, input::Check};

/// Source of the activities that live sessions become; their key is the session's id, their version 0.
pub const SOURCE: &str = "live";
pub const VERSION: i64 = 0;

/// What is shorter is no workout.
const LEAST_US: i64 = 1_000_000;
/// How long before the stated start a point may lie: clocks differ.
pub const BEFORE_US_MAX: i64 = 10 * 60 * 1_000_000;

#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub live_id: LiveId,
    pub account_id: AccountId,
    pub change: Change,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    Started(Box<Plan>),
    Ended(Ending),
}

/// What was said at the start.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// `None`: erased.
    pub course: Option<Course>,
    pub name: Option<String>,
    /// Of the session and of its activity, in place of the account's setting.
    pub visibility: Option<Audience>,
    pub session_id: Option<SessionId>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Course {
    pub sport: Sport,
    pub sub_sport: Option<String>,
    pub start_us: i64,
    pub stated_offset_s: Option<i32>,
    pub stated_zone: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    pub by: EndedBy,
    /// `None`: it was discarded.
    pub activity_id: Option<ActivityId>,
    pub points: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedBy {
    Owner,
    Silence,
}

impl EndedBy {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Silence => "silence",
        }
    }

    pub fn parse(text: &str) -> Self {
        if text == "owner" { Self::Owner } else { Self::Silence }
    }
}

#[derive(Clone, Debug, Default)]
pub struct Live {
    pub account_id: Option<AccountId>,
    pub plan: Option<Plan>,
    pub ending: Option<Ending>,
}

impl Aggregate for Live {
    type Event = Event;
    const KIND: &'static str = "live";

    fn evolve(&mut self, event: &Event) {
        self.account_id = Some(event.account_id);
        match &event.change {
            Change::Started(plan) => self.plan = Some(Plan::clone(plan)),
            Change::Ended(ending) => self.ending = Some(ending.clone()),
        }
    }
}

impl Live {
    /// A session starts once.
    pub fn start(&self, plan: Plan) -> Vec<Change> {
        if self.plan.is_some() { Vec::new() } else { vec![Change::Started(Box::new(plan))] }
    }

    /// It ends once: whoever comes second finds it ended.
    pub fn end(&self, ending: Ending) -> Vec<Change> {
        if self.plan.is_none() || self.ending.is_some() { Vec::new() } else { vec![Change::Ended(ending)] }
    }

    /// # Errors
    /// `not_found`: nobody's, or somebody else's.
    pub fn owned_by(&self, account: AccountId) -> Result<&Plan, Refusal> {
        self.plan.as_ref().filter(|_| self.account_id == Some(account)).ok_or_else(Refusal::not_found)
    }

    pub fn state(&self) -> &'static str {
        match &self.ending {
            None => "open",
            Some(Ending { activity_id: Some(_), .. }) => "finished",
            Some(Ending { activity_id: None, .. }) => "discarded",
        }
    }
}

/// The activity that a session becomes. A workout that the same app syncs later under this source and key takes its place.
pub fn activity_id(account: AccountId, live: LiveId) -> ActivityId {
    keyed_id("activity", account, SOURCE, &live.to_string())
}

/// One moment of the workout.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    pub at_us: i64,
    /// Degrees, WGS 84.
    pub latlng: Option<(f64, f64)>,
    pub altitude_m: Option<f64>,
    pub heart_rate_bpm: Option<f64>,
    pub power_w: Option<f64>,
    pub cadence_rpm: Option<f64>,
    pub speed_mps: Option<f64>,
    pub temperature_c: Option<f64>,
    pub distance_m: Option<f64>,
}

impl Point {
    /// What is wrong with a point of a session that started then.
    pub fn check(&self, check: &mut Check, started_us: i64, now: jiff::Timestamp) {
        check.start("at", self.at_us, now);
        if self.at_us < started_us.saturating_sub(BEFORE_US_MAX) {
            check.fault("at", "before_start", "lies before the start of the session");
        } else if seconds(self.at_us.saturating_sub(started_us)) > super::input::ELAPSED_S_MAX {
            check.fault("at", "out_of_range", "a session lasts at most 31 days");
        }
        let (latitude, longitude) = self.latlng.unzip();
        check.number("latitude", latitude, -90.0, 90.0);
        check.number("longitude", longitude, -180.0, 180.0);
        check.number("altitude_m", self.altitude_m, -12_000.0, 100_000.0);
        check.number("heart_rate_bpm", self.heart_rate_bpm, 0.0, 300.0);
        check.number("power_w", self.power_w, 0.0, 10_000.0);
        check.number("cadence_rpm", self.cadence_rpm, 0.0, 1_000.0);
        check.number("speed_mps", self.speed_mps, 0.0, 350.0);
        check.number("temperature_c", self.temperature_c, -100.0, 100.0);
        check.number("distance_m", self.distance_m, 0.0, 10_000_000.0);
    }

    fn sample(&self, first_us: i64) -> Sample {
        Sample {
            time_s: seconds(self.at_us - first_us),
            latlng: self.latlng,
            altitude_m: self.altitude_m,
            heart_rate_bpm: self.heart_rate_bpm,
            power_w: self.power_w,
            cadence_rpm: self.cadence_rpm,
            speed_mps: self.speed_mps,
            temperature_c: self.temperature_c,
            distance_m: self.distance_m,
        }
    }
}

/// What becomes of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    Stored,
    /// Stored in its place, though newer ones had come before.
    Late,
    /// The session has one of this time: that one stays.
    Duplicate,
    /// The session holds as many as it can.
    Full,
}

impl Taken {
    pub const fn is_new(self) -> bool {
        matches!(self, Self::Stored | Self::Late)
    }
}

/// What becomes of each of these, which come in this order to a session that holds `count` points up to `newest_us`, of
/// which `known` have the same time as some of these.
pub fn take(
    points: &[Point],
    known: &HashSet<i64>,
    count: usize,
    newest_us: Option<i64>,
    most: usize,
) -> Vec<Taken> {
    let (mut seen, mut count, mut newest_us) = (known.clone(), count, newest_us);
    let one = |point: &Point| {
        if seen.contains(&point.at_us) {
            return Taken::Duplicate;
        }
        if count >= most {
            return Taken::Full;
        }
        count += 1;
        seen.insert(point.at_us);
        let late = newest_us.is_some_and(|newest_us| point.at_us < newest_us);
        newest_us = newest_us.max(Some(point.at_us));
        if late { Taken::Late } else { Taken::Stored }
    };
    points.iter().map(one).collect()
}

/// The workout in the neutral shape: from the first point to the last. `points` in order of time; `None` when they are too
/// few, or too short, to be one.
pub fn activity(course: &Course, points: &[Point]) -> Option<Activity> {
    let (first, last) = (points.first()?, points.last()?);
    if last.at_us - first.at_us < LEAST_US {
        return None;
    }
    let mut activity = Activity::new(course.sport, time::from_micros(first.at_us));
    activity.sub_sport.clone_from(&course.sub_sport);
    activity.utc_offset_s = course.stated_offset_s;
    for point in points {
        activity.streams.push(point.sample(first.at_us));
    }
    Some(activity)
}

fn seconds(us: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a month of microseconds is far below 2^53")]
    let us = us as f64;
    us / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Point {
        Point { at_us: seconds * 1_000_000, latlng: Some((43.2, 76.9)), ..Point::default() }
    }

    #[test]
    fn each_point_is_taken_once_and_a_late_one_in_its_place() {
        let points = [at(10), at(30), at(20), at(20), at(5), at(31)];
        let known = HashSet::from([5_000_000]);
        let taken = take(&points, &known, 1, Some(5_000_000), 100);
        use Taken::*;
        assert_eq!(taken, [Stored, Stored, Late, Duplicate, Duplicate, Stored]);
    }

    #[test]
    fn a_full_session_takes_no_more_and_still_knows_what_it_has() {
        let taken = take(&[at(5), at(6), at(7)], &HashSet::from([5_000_000]), 1, Some(5_000_000), 2);
        assert_eq!(taken, [Taken::Duplicate, Taken::Stored, Taken::Full]);
    }

    #[test]
    fn one_point_and_a_moment_are_no_workout() {
        let course = Course {
            sport: Sport::Running,
            sub_sport: None,
            start_us: 0,
            stated_offset_s: None,
            stated_zone: None,
        };
        assert!(activity(&course, &[]).is_none());
        assert!(activity(&course, &[at(1)]).is_none());
        let close = Point { at_us: 1_500_000, ..at(1) };
        assert!(activity(&course, &[at(1), close]).is_none());
        let run = activity(&course, &[at(1), at(2), at(61)]).unwrap();
        assert_eq!((run.start, run.streams.time_s), (time::from_micros(1_000_000), vec![0.0, 1.0, 60.0]));
    }

    #[test]
    fn a_session_ends_once() {
        let plan = Plan { course: None, name: None, visibility: None, session_id: None };
        let ending = Ending { by: EndedBy::Owner, activity_id: None, points: 0 };
        let mut live = Live::default();
        assert!(live.end(ending.clone()).is_empty(), "what never began");
        let (live_id, account_id) = (LiveId::random(), AccountId::random());
        for change in live.start(plan.clone()) {
            live.evolve(&Event { live_id, account_id, change });
        }
        assert!(live.start(plan).is_empty());
        for change in live.end(ending.clone()) {
            live.evolve(&Event { live_id, account_id, change });
        }
        assert_eq!((live.state(), live.end(ending)), ("discarded", Vec::new()));
        assert!(live.owned_by(AccountId::random()).is_err() && live.owned_by(account_id).is_ok());
    }
}
