//! What a phone and a watch counted at the same time is counted once: of each half-hour the source counts that says most.

use std::collections::BTreeMap;

use formats::apple::Record;
use proto::activity::{DailyValue, Span, Upsert, upsert};

use crate::stats::calendar;

const US_PER_S: i64 = 1_000_000;
const SLOT_S: f64 = 1_800.0;
const SLOTS: usize = 48;
const SLOTS_I64: i64 = 48;
/// Nothing that is counted goes on for longer.
const LENGTH_S_MAX: f64 = 2.0 * 86_400.0;
/// Days of a kind and source that are held: 20 years of all kinds of three sources.
const TABLES_MAX: usize = 120_000;
const SOURCES_MAX: usize = 1_000;

type Slots = Box<[f32; SLOTS]>;

#[derive(Default)]
struct Day {
    offset_s: i32,
    by_source: Vec<(u16, Slots)>,
}

/// The sums of an export so far.
#[derive(Default)]
pub(super) struct Days {
    sources: Vec<String>,
    days: BTreeMap<(&'static str, i64), Day>,
    tables: usize,
    /// Records beyond what is held.
    pub(super) dropped: u64,
}

/// Days of one kind and year.
pub(super) struct Year {
    pub(super) kind: &'static str,
    pub(super) year: i16,
    pub(super) values: Vec<DailyValue>,
}

/// A night counts for the day on which it ends, and is not parted.
pub(super) fn is_night(kind: &str) -> bool {
    kind.starts_with("sleep")
}

/// Whether records of this kind add up to days.
pub(super) fn adds_up(kind: &str) -> bool {
    is_night(kind) || matches!(kind, "steps" | "distance" | "active_energy" | "floors" | "active_time")
}

impl Days {
    pub(super) fn add(&mut self, record: &Record) {
        let offset_s = record.utc_offset_s.unwrap_or_default();
        let local_s = |at: jiff::Timestamp| at.as_duration().as_secs_f64() + f64::from(offset_s);
        let (start_s, end_s) = (local_s(record.start), local_s(record.end));
        let source = self.source(&record.source);
        let (Some(source), true) = (source, end_s - start_s <= LENGTH_S_MAX) else {
            self.dropped += 1;
            return;
        };
        if is_night(record.kind) {
            self.put(record.kind, slot(end_s).0, offset_s, source, 0, record.value);
            return;
        }
        let length_s = end_s - start_s;
        let mut from_s = start_s;
        loop {
            let (day, index) = slot(from_s);
            let next_s = ((from_s / SLOT_S).floor() + 1.0) * SLOT_S;
            let until_s = next_s.min(end_s);
            let share = if length_s > 0.0 { (until_s - from_s) / length_s } else { 1.0 };
            self.put(record.kind, day, offset_s, source, index, record.value * share);
            if next_s >= end_s {
                return;
            }
            from_s = next_s;
        }
    }

    fn source(&mut self, name: &str) -> Option<u16> {
        let known = self.sources.iter().position(|known| known == name);
        let index = known.or_else(|| {
            (self.sources.len() < SOURCES_MAX).then(|| {
                self.sources.push(name.to_owned());
                self.sources.len() - 1
            })
        });
        u16::try_from(index?).ok()
    }

    fn put(&mut self, kind: &'static str, day: i64, offset_s: i32, source: u16, index: usize, value: f64) {
        let full = self.tables >= TABLES_MAX;
        if full && !self.days.contains_key(&(kind, day)) {
            self.dropped += 1;
            return;
        }
        let day = self.days.entry((kind, day)).or_insert_with(|| Day { offset_s, ..Day::default() });
        let place = day.by_source.iter().position(|(known, _)| *known == source);
        let place = match place {
            Some(place) => place,
            None if full => {
                self.dropped += 1;
                return;
            }
            None => {
                self.tables += 1;
                day.by_source.push((source, Box::new([0.0; SLOTS])));
                day.by_source.len() - 1
            }
        };
        if let Some(cell) = day.by_source.get_mut(place).and_then(|(_, slots)| slots.get_mut(index)) {
            #[expect(clippy::cast_possible_truncation, reason = "sums of half an hour, to seven digits")]
            let more = value as f32;
            *cell += more;
        }
    }

    /// One after the other, made when it is asked for: their values take more room than the sums.
    pub(super) fn into_years(self) -> impl Iterator<Item = Year> + Send {
        let mut days = self.days.into_iter().peekable();
        std::iter::from_fn(move || {
            let ((kind, first), _) = days.peek()?;
            let (kind, year) = (*kind, calendar::date_of(*first).year());
            let mut values = Vec::new();
            while let Some(((_, day), sums)) =
                days.next_if(|((of, day), _)| *of == kind && calendar::date_of(*day).year() == year)
            {
                values.push(sums.value(kind, day, calendar::date_of(day).to_string()));
            }
            Some(Year { kind, year, values })
        })
    }
}

/// The local day of a local time, in days since 1970, and its half-hour.
#[expect(clippy::cast_possible_truncation, reason = "`as` saturates; times are those of calendars")]
fn slot(local_s: f64) -> (i64, usize) {
    let slot = (local_s / SLOT_S).floor() as i64;
    (slot.div_euclid(SLOTS_I64), usize::try_from(slot.rem_euclid(SLOTS_I64)).unwrap_or_default())
}

impl Day {
    fn value(&self, kind: &str, day: i64, date: String) -> DailyValue {
        let best = |index: usize| {
            let said = self.by_source.iter().filter_map(|(_, slots)| slots.get(index));
            f64::from(said.copied().fold(0.0, f32::max))
        };
        let counted = matches!(kind, "steps" | "floors");
        let rounded = |value: f64| if counted { value.round() } else { (value * 1e3).round() / 1e3 };
        let value = rounded((0..SLOTS).map(best).sum());
        let mut spans = Vec::new();
        if !is_night(kind) {
            let midnight_us = (day * 86_400 - i64::from(self.offset_s)) * US_PER_S;
            for (index, start) in (0..SLOTS).zip((0_i64..).map(|slot| slot * 1_800 * US_PER_S)) {
                let value = best(index);
                if value > 0.0 {
                    let start_us = midnight_us + start;
                    let end_us = start_us + 1_800 * US_PER_S;
                    spans.push(Span { start_us, end_us, value: (value * 1e3).round() / 1e3 });
                }
            }
        }
        DailyValue { r#type: kind.to_owned(), date, value, spans, ..DailyValue::default() }
    }
}

/// As it is kept: one value a kind and day, whoever counted it.
pub(super) fn upsert_of(value: DailyValue, version: i64) -> Upsert {
    let key = format!("day:{}:{}", value.r#type, value.date);
    Upsert { key, version, record: Some(upsert::Record::Daily(value)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(source: &str, start: &str, end: &str, value: f64) -> Record {
        let (start, end) = (start.parse().unwrap(), end.parse().unwrap());
        Record { kind: "steps", source: source.to_owned(), start, end, utc_offset_s: Some(18_000), value }
    }

    fn days(records: &[Record]) -> Vec<(String, f64, usize)> {
        let mut days = Days::default();
        records.iter().for_each(|record| days.add(record));
        let values = days.into_years().flat_map(|year| year.values);
        values.map(|value| (value.date, value.value, value.spans.len())).collect()
    }

    #[test]
    fn phone_and_watch_are_not_added_up() {
        let both = [
            steps("phone", "2026-05-01T03:00:00Z", "2026-05-01T03:10:00Z", 900.0),
            steps("watch", "2026-05-01T03:01:00Z", "2026-05-01T03:11:00Z", 1_000.0),
            steps("phone", "2026-05-01T06:00:00Z", "2026-05-01T06:10:00Z", 50.0),
        ];
        assert_eq!(days(&both), [("2026-05-01".to_owned(), 1_050.0, 2)]);
    }

    #[test]
    fn what_goes_over_midnight_is_parted_at_the_local_one() {
        let walk = [steps("phone", "2026-05-01T18:30:00Z", "2026-05-01T19:30:00Z", 600.0)];
        assert_eq!(days(&walk), [("2026-05-01".to_owned(), 300.0, 1), ("2026-05-02".to_owned(), 300.0, 1)]);
    }

    #[test]
    fn a_moment_counts_whole_and_a_night_for_its_morning() {
        let at = "2026-05-01T03:00:00Z";
        assert_eq!(days(&[steps("phone", at, at, 7.0)]), [("2026-05-01".to_owned(), 7.0, 1)]);
        let night = Record {
            kind: "sleep_deep",
            ..steps("watch", "2026-05-01T18:00:00Z", "2026-05-01T20:00:00Z", 7_200.0)
        };
        assert_eq!(days(&[night]), [("2026-05-02".to_owned(), 7_200.0, 0)]);
    }

    #[test]
    fn no_export_holds_more_than_it_may() {
        let mut held = Days::default();
        for source in 0..SOURCES_MAX + 5 {
            held.add(&steps(&source.to_string(), "2026-05-01T03:00:00Z", "2026-05-01T03:10:00Z", 1.0));
        }
        assert_eq!((held.dropped, held.tables), (5, SOURCES_MAX));
        held.add(&steps("1", "2020-05-01T03:00:00Z", "2026-05-01T03:10:00Z", 1.0));
        assert_eq!(held.dropped, 6);
    }
}
