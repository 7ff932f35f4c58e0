//! What one activity adds, and whether it does.

use kernel::Sport;
use privacy::Audience;

use crate::domain::{
    activity::Change,
    facts::{Effort, Facts, Record},
};

/// Why an activity that is known does not count. Without any reason it counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Barred(i64);

impl Barred {
    const DELETED: i64 = 1;
    /// Another tells of it, or something is held against it.
    const MARKED: i64 = 2;

    pub const fn of(bits: i64) -> Self {
        Self(bits)
    }

    pub const fn bits(self) -> i64 {
        self.0
    }

    pub const fn counts(self) -> bool {
        self.0 == 0
    }

    /// As it stands after this: the one place where it is decided what counts.
    pub fn after(self, change: &Change) -> Self {
        let deleted = match change {
            Change::Replaced { deleted, .. } => *deleted,
            Change::Deleted { .. } | Change::Tombstoned { .. } | Change::PurgeStarted | Change::Purged => {
                true
            }
            _ => false,
        };
        let marked = record(change).map_or(self.0 & Self::MARKED != 0, |record| !record.marks.counts());
        self.with(Self::DELETED, deleted).with(Self::MARKED, marked)
    }

    const fn with(self, reason: i64, holds: bool) -> Self {
        Self(if holds { self.0 | reason } else { self.0 & !reason })
    }
}

/// The activity as it is from this change on; `None` where the change tells of no figures.
pub fn record(change: &Change) -> Option<&Record> {
    match change {
        Change::Recorded(record)
        | Change::Restored(record)
        | Change::Linked(record)
        | Change::Unlinked(record)
        | Change::Fused(record)
        | Change::Flagged(record)
        | Change::Appealed(record)
        | Change::Cleared(record)
        | Change::Cropped { record, .. }
        | Change::Edited { record, .. }
        | Change::Recomputed { record, .. }
        | Change::Replaced { record, .. } => Some(record),
        Change::Deleted { .. } | Change::Tombstoned { .. } | Change::PurgeStarted | Change::Purged => None,
    }
}

/// A whole activity, or a leg of it, in whole thousandths: they add up exactly, in whatever order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub sport: Sport,
    pub start_us: i64,
    /// Of the whole's start where it was, in days since 1970.
    pub day: i64,
    pub elapsed_ms: i64,
    /// The moving time, else the timer's, else the elapsed time.
    pub moving_ms: i64,
    pub distance_mm: Option<i64>,
    pub ascent_mm: Option<i64>,
    pub descent_mm: Option<i64>,
    pub energy_j: Option<i64>,
    /// The best ones by name, seconds or watts.
    pub efforts: Vec<(String, i64)>,
}

/// The whole first, then the legs of a multisport activity. A leg counts for its own sport, the whole for `multisport`
/// and for all sports together: nothing counts twice in one sum.
pub fn parts(facts: &Facts) -> Vec<Part> {
    let day = day_of(facts.start_us, facts.utc_offset_s);
    let elapsed = |elapsed_s: f64, timer_s: Option<f64>, moving_s: Option<f64>| {
        (thousandths(elapsed_s), thousandths(moving_s.or(timer_s).unwrap_or(elapsed_s)))
    };
    let (elapsed_ms, moving_ms) = elapsed(facts.elapsed_time_s, facts.timer_time_s, facts.moving_time_s);
    let mut parts = vec![Part {
        sport: facts.sport,
        start_us: facts.start_us,
        day,
        elapsed_ms,
        moving_ms,
        distance_mm: facts.distance_m.map(thousandths),
        ascent_mm: facts.ascent_m.map(thousandths),
        descent_mm: facts.descent_m.map(thousandths),
        energy_j: facts.energy_kj.map(thousandths),
        efforts: best(&facts.efforts),
    }];
    if facts.sport == Sport::Multisport {
        let legs = facts.legs.iter().filter(|leg| leg.sport != Sport::Multisport);
        parts.extend(legs.map(|leg| {
            let (elapsed_ms, moving_ms) = elapsed(leg.elapsed_time_s, leg.timer_time_s, leg.moving_time_s);
            Part {
                sport: leg.sport,
                start_us: leg.start_us,
                day,
                elapsed_ms,
                moving_ms,
                distance_mm: leg.distance_m.map(thousandths),
                ascent_mm: leg.ascent_m.map(thousandths),
                descent_mm: leg.descent_m.map(thousandths),
                energy_j: leg.energy_kj.map(thousandths),
                efforts: best(&leg.efforts),
            }
        }));
    }
    parts
}

fn best(efforts: &[Effort]) -> Vec<(String, i64)> {
    efforts.iter().map(|effort| (effort.name.clone(), thousandths(effort.value()))).collect()
}

/// What nobody but its owner may see is in no comparison with others.
pub fn is_shared(visibility: Option<&Audience>) -> bool {
    visibility.is_none_or(|own| !own.words().is_empty())
}

fn day_of(at_us: i64, utc_offset_s: i32) -> i64 {
    const DAY_US: i64 = 86_400_000_000;
    at_us.saturating_add(i64::from(utc_offset_s) * 1_000_000).div_euclid(DAY_US)
}

/// Nothing that anybody does is longer than this in any unit; sums of a lifetime of it fit.
const FIGURE_MAX: f64 = 1e12;

#[expect(clippy::cast_possible_truncation, reason = "bounded before it is cut")]
fn thousandths(figure: f64) -> i64 {
    if figure.is_finite() { (figure.clamp(0.0, FIGURE_MAX) * 1000.0).round() as i64 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::facts::{Best, Leg, Origin, Start};

    const MIDNIGHT_IN_ALMATY: i64 = 1_777_575_600_000_000; // 2026-05-01T00:00:00+05:00

    fn facts(sport: Sport, start_us: i64) -> Facts {
        Facts::new(sport, Start { start_us, utc_offset_s: 18_000, time_zone: None }, 100.0)
    }

    fn leg(sport: Sport, distance_m: f64) -> Leg {
        Leg {
            timer_time_s: Some(9.0),
            distance_m: Some(distance_m),
            ..Leg::new(sport, MIDNIGHT_IN_ALMATY, 10.0)
        }
    }

    #[test]
    fn a_day_is_the_one_on_the_clock_of_where_it_began() {
        let before = parts(&facts(Sport::Running, MIDNIGHT_IN_ALMATY - 1))[0].day;
        let after = parts(&facts(Sport::Running, MIDNIGHT_IN_ALMATY))[0].day;
        assert_eq!(after, before + 1);
        assert_eq!(crate::stats::calendar::date_of(after).to_string(), "2026-05-01");
    }

    #[test]
    fn legs_count_for_their_sports_and_the_whole_for_multisport() {
        let mut facts = facts(Sport::Multisport, MIDNIGHT_IN_ALMATY);
        facts.legs = vec![leg(Sport::Swimming, 750.0), leg(Sport::Cycling, 20_000.4)];
        let parts = parts(&facts);
        let sports: Vec<_> = parts.iter().map(|part| (part.sport, part.distance_mm)).collect();
        let legs = [(Sport::Swimming, Some(750_000)), (Sport::Cycling, Some(20_000_400))];
        assert_eq!(sports, [&[(Sport::Multisport, None)][..], &legs].concat());
        assert_eq!((parts[1].moving_ms, parts[1].elapsed_ms), (9_000, 10_000));
    }

    #[test]
    fn a_legs_best_stretches_are_of_its_sport_and_none_of_the_whole() {
        let effort = Effort {
            name: "10km".to_owned(),
            best: Best::Time(2_700.5),
            start_s: 0.0,
            end_s: 2_700.5,
            algorithm: "quickest-window".to_owned(),
            version: 1,
        };
        let mut facts = facts(Sport::Multisport, MIDNIGHT_IN_ALMATY);
        facts.legs = vec![leg(Sport::Cycling, 40_000.0), leg(Sport::Running, 10_000.0)];
        facts.legs[1].efforts = vec![effort];
        let told: Vec<_> = parts(&facts).into_iter().map(|part| (part.sport, part.efforts)).collect();
        let ten = vec![("10km".to_owned(), 2_700_500)];
        let none = |sport| (sport, Vec::new());
        assert_eq!(told, [none(Sport::Multisport), none(Sport::Cycling), (Sport::Running, ten)]);
    }

    #[test]
    fn legs_of_what_is_no_multisport_activity_count_nothing_twice() {
        let mut facts = facts(Sport::Running, MIDNIGHT_IN_ALMATY);
        facts.legs = vec![leg(Sport::Running, 750.0)];
        assert_eq!(parts(&facts).len(), 1);
    }

    #[test]
    fn what_is_deleted_counts_again_when_it_is_restored_or_replaced() {
        let record = Box::new(Record {
            origin: Origin::Manual,
            streams_blob: None,
            visibility: None,
            facts: None,
            health: None,
            name: None,
            devices: Vec::new(),
            explained: Vec::new(),
            marks: Default::default(),
            judgement: None,
            trace: None,
        });
        let deleted = Barred::default().after(&Change::Deleted { client_version: None });
        assert!(!deleted.counts());
        assert!(deleted.after(&Change::Restored(record.clone())).counts());
        let replaced = |deleted| Change::Replaced { record: record.clone(), previous_start_us: 0, deleted };
        assert!(deleted.after(&replaced(false)).counts());
        assert!(!deleted.after(&replaced(true)).counts());
        let mut held = record.clone();
        held.marks.verdict = crate::domain::marks::Verdict::Flagged;
        let flagged = Barred::default().after(&Change::Flagged(held.clone()));
        assert!(!flagged.counts() && !flagged.after(&Change::Restored(held)).counts());
        assert!(flagged.after(&Change::Cleared(record.clone())).counts());
    }

    #[test]
    fn figures_that_nothing_can_have_break_no_sum() {
        assert_eq!((thousandths(f64::NAN), thousandths(-1.0)), (0, 0));
        assert_eq!(thousandths(1e300), 1_000_000_000_000_000);
        assert_eq!(thousandths(0.0004), 0);
    }
}
