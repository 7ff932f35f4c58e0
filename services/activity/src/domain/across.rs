//! What cannot be of several activities together, though each of them can.
//!
//! | rule | is broken by |
//! |---|---|
//! | `travel` | two of one account, farther from each other than anybody gets in the time between |
//! | `clone` | a recording that another account had before |
//!
//! Flagged is the one that was recorded later, by the order of the journal: what was there first is evidence while it is
//! there, and, of journeys, while nothing is held against it. So who is flagged depends on what came before alone, and
//! each order of looking comes to the same.
//!
//! Devices whose clock shows local time write it as the world's. One of two clocks may be wrong by the offset of its
//! account, or of its place: a journey that was possible then is no evidence. A clock that states its offset is right.

use kernel::{AccountId, ActivityId, time};

use super::{
    facts::Record,
    marks::{Judgement, Reason, Verdict},
    trace::{Spot, Trace, Way},
};

pub const TRAVEL: &str = "travel";
pub const CLONE: &str = "clone";

/// Around each: receivers stray, and cars are fast.
const FREE_M: f64 = 100_000.0;
/// An airliner's 1 000 km/h, with the wind.
const TRAVEL_MPS: f64 = 1_000.0 / 3.6;
/// Who flies gets in and out, beyond this.
const FLIGHT_M: f64 = 300_000.0;
const BOARDING_S: f64 = 1_800.0;
/// A part of the moments of two recordings that no two devices share.
const CLONE_SHARE: f64 = 0.7;

/// One activity as it began, and what is held against it.
#[derive(Clone, Debug)]
pub struct Begun {
    pub activity_id: ActivityId,
    pub account_id: AccountId,
    pub start_us: i64,
    pub revision: i64,
    /// Of its first event: who was there first.
    pub position: i64,
    pub live: bool,
    /// Its verdict.
    pub clear: bool,
    pub held: Held,
    pub utc_offset_s: i32,
    pub trace: Option<Trace>,
}

impl Begun {
    /// With what its record says of it; the rest is not known yet.
    pub fn new(activity_id: ActivityId, account_id: AccountId, record: Option<&Record>) -> Self {
        let facts = record.and_then(|record| record.facts.as_ref());
        Self {
            activity_id,
            account_id,
            start_us: facts.map_or(0, |facts| facts.start_us),
            revision: 0,
            position: 0,
            live: facts.is_some(),
            clear: record.is_none_or(|record| record.marks.verdict == Verdict::Clear),
            held: Held::of(record.and_then(|record| record.judgement.as_ref())),
            utc_offset_s: facts.map_or(0, |facts| facts.utc_offset_s),
            trace: record.and_then(|record| record.trace.clone()),
        }
    }
}

/// By which of these rules something is held against it, whatever a reviewer says of that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    pub travel: bool,
    pub clone: bool,
}

impl Held {
    pub fn of(judgement: Option<&Judgement>) -> Self {
        let by = |rule: &str| judgement.is_some_and(|known| known.reasons.iter().any(|one| one.rule == rule));
        Self { travel: by(TRAVEL), clone: by(CLONE) }
    }

    pub fn bits(self) -> i64 {
        i64::from(self.travel) | i64::from(self.clone) << 1
    }

    pub fn of_bits(bits: i64) -> Self {
        Self { travel: bits & 1 != 0, clone: bits & 2 != 0 }
    }
}

/// Whether a rule looks at other activities: what it said holds until it is looked at again.
pub fn is_across(rule: &str) -> bool {
    matches!(rule, TRAVEL | CLONE)
}

/// What is to be said anew of one of them by a rule; no reason: nothing any more.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    pub activity_id: ActivityId,
    pub account_id: AccountId,
    pub start_us: i64,
    pub rule: &'static str,
    pub reason: Option<Reason>,
}

fn said(of: &Begun, rule: &'static str, reason: Option<Reason>) -> Said {
    let Begun { activity_id, account_id, start_us, .. } = *of;
    Said { activity_id, account_id, start_us, rule, reason }
}

/// Of one account's near each other in time: those of which another thing is to be said than what is held.
pub fn travel(mut near: Vec<Begun>) -> Vec<Said> {
    in_order(&mut near);
    let mut news = Vec::new();
    let mut evidence: Vec<&Begun> = Vec::new();
    for one in near.iter().filter(|one| one.live) {
        let reason = evidence.iter().find_map(|before| journey(before, one));
        let (held, broken) = (one.held.travel, reason.is_some());
        if held != broken {
            news.push(said(one, TRAVEL, reason));
        }
        // What a reviewer cleared counts.
        if one.clear && (held || !broken) {
            evidence.push(one);
        }
    }
    news
}

/// Of recordings that may be the same: those of which another thing is to be said than what is held.
pub fn clones(mut alike: Vec<Begun>) -> Vec<Said> {
    in_order(&mut alike);
    let mut news = Vec::new();
    for (place, one) in alike.iter().enumerate().filter(|(_, one)| one.live) {
        let others = alike[..place].iter().filter(|other| other.live && other.account_id != one.account_id);
        let reason = others.filter_map(|other| copy(other, one)).next();
        if one.held.clone != reason.is_some() {
            news.push(said(one, CLONE, reason));
        }
    }
    news
}

fn in_order(all: &mut [Begun]) {
    all.sort_by_key(|one| (one.position, one.activity_id));
}

/// Its owner is not told whose the other is; nor how much is shared, which tells how much of the other one was cut off.
fn copy(before: &Begun, one: &Begun) -> Option<Reason> {
    let shared = before.trace.as_ref()?.shared(one.trace.as_ref()?);
    (shared >= CLONE_SHARE).then(|| Reason {
        rule: CLONE.to_owned(),
        detail: "another account had this same recording before".to_owned(),
        value: CLONE_SHARE,
        limit: CLONE_SHARE,
        unit: "share of the recording".to_owned(),
        part_s: None,
    })
}

/// An activity on the world's clock.
struct Stay {
    begin_s: f64,
    end_s: f64,
    way: Way,
}

impl Stay {
    fn of(begun: &Begun, way: Way, shift_s: f64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "seconds to the millisecond for thousands of years")]
        let start_s = begun.start_us as f64 / 1e6 + shift_s;
        Self { begin_s: start_s + way.begin.at_s, end_s: start_s + way.end.at_s, way }
    }
}

/// From one to the other: metres, and the seconds that there are for it.
fn between(one: &Stay, other: &Stay) -> (f64, f64) {
    let (first, then) = if one.begin_s <= other.begin_s { (one, other) } else { (other, one) };
    let time_s = then.begin_s - first.end_s;
    let from_end_m = first.way.end.apart_m(&then.way.begin);
    if time_s >= 0.0 {
        return (from_end_m, time_s);
    }
    // Somewhere on the first one's way.
    let from_begin_m = first.way.begin.apart_m(&then.way.begin) - first.way.reach_m;
    (from_end_m.min(from_begin_m.max(0.0)), 0.0)
}

fn least_s(way_m: f64) -> f64 {
    let boarding_s = if way_m > FLIGHT_M { BOARDING_S } else { 0.0 };
    if way_m <= FREE_M { 0.0 } else { way_m / TRAVEL_MPS + boarding_s }
}

/// What a clock that shows the local time may be ahead of the world's by.
fn shifts_s(of: &Begun, trace: &Trace, at: &Spot) -> Vec<f64> {
    if trace.offset_stated {
        return Vec::new();
    }
    // Fifteen degrees are an hour; many zones lie one more to the east, all of them in summer.
    let by_sun_s = (at.longitude / 15.0).round() * 3600.0;
    vec![f64::from(of.utc_offset_s), by_sun_s, by_sun_s + 3600.0]
}

fn journey(before: &Begun, one: &Begun) -> Option<Reason> {
    let (trace, other) = (one.trace.as_ref()?, before.trace.as_ref()?);
    let (way, other_way) = (trace.way?, other.way?);
    let (way_m, time_s) = between(&Stay::of(before, other_way, 0.0), &Stay::of(one, way, 0.0));
    let needed_s = least_s(way_m);
    if needed_s <= time_s {
        return None;
    }
    let own = shifts_s(one, trace, &way.begin).into_iter().map(|shift_s| (0.0, -shift_s));
    let others = shifts_s(before, other, &other_way.begin).into_iter().map(|shift_s| (-shift_s, 0.0));
    let is_possible = |(before_s, own_s): (f64, f64)| {
        let (way_m, time_s) = between(&Stay::of(before, other_way, before_s), &Stay::of(one, way, own_s));
        least_s(way_m) <= time_s
    };
    if own.chain(others).any(is_possible) {
        return None;
    }
    let began = time::from_micros(before.start_us).strftime("%Y-%m-%d %H:%M UTC");
    Some(Reason {
        rule: TRAVEL.to_owned(),
        detail: format!(
            "it lies {:.0} km from your workout that began {began}, {:.0} min from it in time; nobody gets there in less than {:.1} h",
            way_m / 1000.0,
            time_s / 60.0,
            needed_s / 3600.0
        ),
        value: way_m / 1000.0,
        limit: FREE_M.max((time_s - BOARDING_S).max(0.0) * TRAVEL_MPS) / 1000.0,
        unit: "km".to_owned(),
        part_s: None,
    })
}

#[cfg(test)]
#[path = "across_tests.rs"]
mod tests;
