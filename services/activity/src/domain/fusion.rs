//! The best of several tellings of one workout: the primary's track and figures, and what it lacks from the others.
//!
//! A column that the primary has for less than half of its rows is filled from whoever has most of it, moment by moment; a
//! mean and a maximum are then those of the filled column. A total that the primary lacks is taken as another states it.

use formats::Streams;
use kernel::ActivityId;

use super::facts::{Explained, Facts, Health, Measured, Record};
use crate::streams::StreamType;

/// Of a filled column.
pub const FILLED: &str = "fused-columns";
/// Of a total that another activity states.
pub const TAKEN: &str = "fused-total";

const ENOUGH: f64 = 0.5;
/// Seconds between a row and the moment that another device tells of.
const NEAR_S: f64 = 5.0;
const ZONE_STEP_S: f64 = 900.0;

const COLUMNS: [StreamType; 5] = [
    StreamType::HeartRate,
    StreamType::Power,
    StreamType::Cadence,
    StreamType::Temperature,
    StreamType::Altitude,
];

/// One telling.
#[derive(Clone, Debug)]
pub struct Source {
    pub id: ActivityId,
    pub record: Record,
    pub streams: Streams,
}

pub struct Fused {
    /// `marks.fused_from` names those that gave something.
    pub record: Record,
    /// Where a column was filled.
    pub streams: Option<Streams>,
    /// Who gave what.
    pub gives: Vec<(ActivityId, &'static str)>,
}

/// `members`: in the order in which they are asked.
pub fn fuse(primary: &Source, members: &[Source]) -> Fused {
    let mut streams = primary.streams.clone();
    let mut record = primary.record.clone();
    let mut gives = Vec::new();
    for kind in COLUMNS {
        if let Some(giver) = fill(kind, &mut streams, primary, members) {
            gives.push((giver, kind.as_str()));
        }
    }
    let filled = !gives.is_empty();
    if filled {
        tell_columns(&mut record, &streams, &gives);
    }
    take_totals(&mut record, members, &mut gives);
    let mut from: Vec<ActivityId> = gives.iter().map(|(giver, _)| *giver).collect();
    from.sort_unstable();
    from.dedup();
    record.marks.fused_from = from;
    Fused { record, streams: filled.then_some(streams), gives }
}

fn share(column: &[Option<f64>], rows: usize) -> f64 {
    if rows == 0 { 0.0 } else { column.iter().flatten().count() as f64 / rows as f64 }
}

/// Fills one column; who gave it.
fn fill(kind: StreamType, streams: &mut Streams, primary: &Source, members: &[Source]) -> Option<ActivityId> {
    let rows = streams.time_s.len();
    let has = kind.column(streams).map_or(0.0, |column| share(column, rows));
    if rows == 0 || has >= ENOUGH {
        return None;
    }
    // The body's belong to who agreed to their keeping: then the others have them too.
    let best = members.iter().rev().max_by(|one, other| {
        let share = |of: &Source| {
            kind.column(&of.streams).map_or(0.0, |column| share(column, of.streams.time_s.len()))
        };
        share(one).total_cmp(&share(other))
    })?;
    let filled = at_times_of(kind, &streams.time_s, shift_s(&primary.record, &best.record)?, &best.streams)?;
    if share(&filled, rows) <= has {
        return None;
    }
    let column = kind.column_mut(streams)?;
    column.resize(rows, None);
    column.iter_mut().zip(filled).for_each(|(own, other)| *own = own.or(other));
    Some(best.id)
}

/// Seconds from the primary's start to the other's, but for a clock in another zone.
fn shift_s(primary: &Record, other: &Record) -> Option<f64> {
    let (own, other) = (primary.facts.as_ref()?, other.facts.as_ref()?);
    #[expect(clippy::cast_precision_loss, reason = "two days of microseconds are exact")]
    let between_s = (other.start_us - own.start_us) as f64 / 1e6;
    let zones = if between_s.abs() < ZONE_STEP_S / 2.0 { 0.0 } else { (between_s / ZONE_STEP_S).round() };
    Some(between_s - zones * ZONE_STEP_S)
}

/// The nearest value at each of the times. Both walk forward.
fn at_times_of(kind: StreamType, times_s: &[f64], shift_s: f64, from: &Streams) -> Option<Vec<Option<f64>>> {
    let known = from.time_s.iter().zip(kind.column(from)?);
    let known: Vec<(f64, f64)> =
        known.filter_map(|(time, value)| Some((time + shift_s, (*value)?))).collect();
    let mut at = 0;
    let near = |time_s: &f64| {
        while known.get(at + 1).is_some_and(|next| (next.0 - time_s).abs() <= (known[at].0 - time_s).abs()) {
            at += 1;
        }
        known.get(at).filter(|known| (known.0 - time_s).abs() <= NEAR_S).map(|known| known.1)
    };
    Some(times_s.iter().map(near).collect())
}

fn tell_columns(record: &mut Record, streams: &Streams, gives: &[(ActivityId, &'static str)]) {
    let given = |kind: StreamType| gives.iter().any(|(_, given)| *given == kind.as_str());
    let figures = |kind: StreamType| {
        let column = kind.column(streams).filter(|_| given(kind))?;
        let known: Vec<f64> = column.iter().flatten().copied().collect();
        let most = known.iter().copied().fold(f64::MIN, f64::max);
        (!known.is_empty()).then(|| (known.iter().sum::<f64>() / known.len() as f64, most))
    };
    let mut told: Vec<&'static str> = Vec::new();
    if let Some((mean, most)) = figures(StreamType::HeartRate) {
        let mut health = record.health.take().unwrap_or_default();
        (health.heart_rate.avg_bpm, health.heart_rate.max_bpm) = (Some(mean), Some(most));
        health.has_heart_rate_stream = true;
        record.health = Some(health);
        told.extend(["heart_rate_avg_bpm", "heart_rate_max_bpm"]);
    }
    if let Some(facts) = &mut record.facts {
        if let Some((mean, most)) = figures(StreamType::Power) {
            (facts.power_avg_w, facts.power_max_w) = (Some(mean), Some(most));
            told.extend(["power_avg_w", "power_max_w"]);
        }
        if let Some((mean, _)) = figures(StreamType::Cadence) {
            facts.cadence_avg_rpm = Some(mean);
            told.push("cadence_avg_rpm");
        }
        let kinds =
            gives.iter().map(|(_, kind)| *kind).filter(|kind| *kind != StreamType::HeartRate.as_str());
        for kind in kinds {
            if !facts.stream_types.iter().any(|known| known == kind) {
                facts.stream_types.push(kind.to_owned());
            }
        }
    }
    told.into_iter().for_each(|field| explain(record, field, Measured::Computed, FILLED));
}

fn explain(record: &mut Record, field: &str, measured: Measured, algorithm: &str) {
    record.explained.retain(|known| known.field != field);
    let (field, algorithm) = (field.to_owned(), algorithm.to_owned());
    record.explained.push(Explained { field, measured, algorithm, version: 1 });
}

type Total = (&'static str, &'static str, fn(&Facts) -> Option<f64>, fn(&mut Facts, f64));

/// Totals that another may state: their field, what they are a part of, and where they stand.
const TOTALS: [Total; 6] = [
    ("power_avg_w", "power", |facts| facts.power_avg_w, |facts, value| facts.power_avg_w = Some(value)),
    ("power_max_w", "power", |facts| facts.power_max_w, |facts, value| facts.power_max_w = Some(value)),
    (
        "cadence_avg_rpm",
        "cadence",
        |facts| facts.cadence_avg_rpm,
        |facts, value| facts.cadence_avg_rpm = Some(value),
    ),
    ("energy_kj", "energy", |facts| facts.energy_kj, |facts, value| facts.energy_kj = Some(value)),
    ("ascent_m", "ascent", |facts| facts.ascent_m, |facts, value| facts.ascent_m = Some(value)),
    ("descent_m", "ascent", |facts| facts.descent_m, |facts, value| facts.descent_m = Some(value)),
];

fn take_totals(record: &mut Record, members: &[Source], gives: &mut Vec<(ActivityId, &'static str)>) {
    let mut taken = Vec::new();
    for (field, part, of, put) in TOTALS {
        let Some(facts) = record.facts.as_mut().filter(|facts| of(facts).is_none()) else { continue };
        let stated = members.iter().filter_map(|member| Some((member, of(member.record.facts.as_ref()?)?)));
        let Some((giver, value)) = { stated }.next() else { continue };
        put(facts, value);
        taken.push((field, part, giver));
    }
    if record.health.as_ref().is_none_or(|health| health.heart_rate.avg_bpm.is_none()) {
        let stated = |member: &&Source| {
            member.record.health.as_ref().is_some_and(|it| it.heart_rate.avg_bpm.is_some())
        };
        if let Some(giver) = members.iter().find(stated) {
            let theirs = giver.record.health.as_ref().map(|health| health.heart_rate).unwrap_or_default();
            record.health.get_or_insert_with(Health::default).heart_rate = theirs;
            taken.push(("heart_rate_avg_bpm", "heart_rate", giver));
            taken.extend(theirs.max_bpm.map(|_| ("heart_rate_max_bpm", "heart_rate", giver)));
        }
    }
    for (field, part, giver) in taken {
        let known = giver.record.explained.iter().find(|known| known.field == field);
        let measured = known.map_or(Measured::Computed, |known| known.measured);
        explain(record, field, measured, TAKEN);
        if !gives.contains(&(giver.id, part)) {
            gives.push((giver.id, part));
        }
    }
}

#[cfg(test)]
#[path = "fusion_tests.rs"]
mod tests;
