//! The best of several tellings of one workout: the primary's track, and of heart rate, power and cadence whoever has them best.
//!
//! A column is another's where that has clearly more of it in the time that both recorded, or knows it by a sensor for it (a strap, a
//! power meter) where the primary does not; near ties stay with the primary. Temperature and altitude are the primary's, and filled up,
//! moment by moment, where it has them for less than half of its rows. A mean and a maximum are then those of the column as it became.
//! A total that the primary lacks is taken as another states it.

use formats::Streams;
use kernel::ActivityId;

use super::{
    facts::{Device, Explained, Facts, Health, Measured, Record},
    marks::Gift,
    twins,
};
use crate::streams::StreamType;

/// Of a column that is another's, or filled up by it.
pub const FILLED: &str = "fused-columns";
/// 2: the better column, where 1 took another's only where the primary's was missing.
const FILLED_VERSION: u32 = 2;
/// Of a total that another activity states.
pub const TAKEN: &str = "fused-total";
const TAKEN_VERSION: u32 = 1;

const ENOUGH: f64 = 0.5;
/// Of the rows: by how much more another must have of a column.
const CLEARLY: f64 = 0.1;
const DEVICES_MAX: usize = 20;
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

/// Words of the names of what measures nothing else, or better than a wrist does.
const STRAPS: [&str; 6] = ["strap", "chest", "h7", "h9", "h10", "tickr"];
const POWER_METERS: [&str; 10] =
    ["power", "powermeter", "powertap", "power2max", "assioma", "vector", "rally", "quarq", "srm", "stages"];

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
        if let Some(giver) = take_column(kind, &mut streams, primary, members) {
            gives.push((giver, kind.as_str()));
        }
    }
    let filled = !gives.is_empty();
    if filled {
        tell_columns(&mut record, &streams, &gives);
    }
    take_totals(&mut record, members, &mut gives);
    name_givers(&mut record, members, &gives);
    Fused { record, streams: filled.then_some(streams), gives }
}

/// Whose column or figure it is, with the devices of who gave it.
fn name_givers(record: &mut Record, members: &[Source], gives: &[(ActivityId, &'static str)]) {
    let mut gifts = Vec::new();
    for (giver, part) in gives {
        let Some(giver) = members.iter().find(|member| member.id == *giver) else { continue };
        let source = giver.record.origin.source().to_owned();
        gifts.push(Gift { activity_id: giver.id, part: (*part).to_owned(), source });
        for device in &giver.record.devices {
            if record.devices.len() < DEVICES_MAX && !record.devices.contains(device) {
                record.devices.push(device.clone());
            }
        }
    }
    gifts.sort_unstable();
    record.marks.fused_from = gifts;
}

/// What another has of a column.
struct Offer<'a> {
    from: &'a Source,
    /// At the primary's rows.
    values: Vec<Option<f64>>,
    is_sensors: bool,
    /// Of the primary's time, the part for which it has the column,
    has: f64,
    /// and that for which the primary has it while both recorded.
    beside: f64,
}

impl<'a> Offer<'a> {
    fn of(kind: StreamType, primary: &Source, from: &'a Source) -> Option<Self> {
        let times_s = &primary.streams.time_s;
        let shift_s = shift_s(&primary.record, &from.record)?;
        let values = at_times_of(kind, times_s, shift_s, &from.streams)?;
        let known = |of: &Source, from_s: f64, to_s: f64| -> Option<(f64, f64)> {
            let both = from_s - NEAR_S..=to_s + NEAR_S;
            let column = kind.column(&of.streams)?;
            let rows = of.streams.time_s.iter().enumerate().filter(|(_, time_s)| both.contains(time_s));
            let (mut with, mut all) = (0.0, 0.0);
            for (row, _) in rows {
                all += 1.0;
                with += f64::from(u8::from(column.get(row).copied().flatten().is_some()));
            }
            (all > 0.0).then_some((with, all))
        };
        let (first_s, last_s) = from.streams.time_s.first().zip(from.streams.time_s.last())?;
        let (own_with, own_both) = known(primary, first_s + shift_s, last_s + shift_s)?;
        let (with, all) = known(from, times_s.first()? - shift_s, times_s.last()? - shift_s)?;
        // How often it records is another matter than what of that it has.
        let rows = times_s.len() as f64;
        let (has, beside) = (with / all * own_both / rows, own_with / rows);
        Some(Self { from, values, is_sensors: is_sensors(kind, &from.record), has, beside })
    }

    fn is_better(&self, primary_is_sensors: bool) -> bool {
        match (self.is_sensors, primary_is_sensors) {
            (true, false) => self.has >= ENOUGH && self.has + CLEARLY >= self.beside,
            (false, true) => false,
            _ => self.has >= self.beside + CLEARLY,
        }
    }
}

/// Whether the column comes from what is made to measure it, as far as the names of its devices tell.
fn is_sensors(kind: StreamType, record: &Record) -> bool {
    let words: &[&str] = match kind {
        StreamType::HeartRate => &STRAPS,
        StreamType::Power => &POWER_METERS,
        _ => return false,
    };
    let is_named = |text: &str| {
        let text = text.to_lowercase();
        let mut said = text.split(|c: char| !c.is_alphanumeric());
        said.any(|word| words.contains(&word) || (kind == StreamType::HeartRate && word.starts_with("hrm")))
    };
    let names = |device: &Device| [device.manufacturer.clone(), device.product.clone(), device.name.clone()];
    record.devices.iter().flat_map(names).flatten().any(|name| is_named(&name))
}

fn share(column: &[Option<f64>], rows: usize) -> f64 {
    if rows == 0 { 0.0 } else { column.iter().flatten().count() as f64 / rows as f64 }
}

/// Makes one column what it is best made of; who gave it.
fn take_column(
    kind: StreamType,
    streams: &mut Streams,
    primary: &Source,
    members: &[Source],
) -> Option<ActivityId> {
    let rows = streams.time_s.len();
    if rows == 0 {
        return None;
    }
    // The body's belong to who agreed to their keeping: then the others have them too.
    let offers: Vec<Offer<'_>> =
        members.iter().rev().filter_map(|member| Offer::of(kind, primary, member)).collect();
    let is_measured = matches!(kind, StreamType::HeartRate | StreamType::Power | StreamType::Cadence);
    let own_sensors = is_sensors(kind, &primary.record);
    let better = offers.iter().filter(|offer| is_measured && offer.is_better(own_sensors));
    let better =
        better.max_by(|one, other| one.is_sensors.cmp(&other.is_sensors).then(one.has.total_cmp(&other.has)));
    let has = share(kind.column(streams)?, rows);
    let fullest = offers.iter().filter(|_| has < ENOUGH).max_by(|one, other| one.has.total_cmp(&other.has));
    let best = better.or(fullest)?;
    let column = kind.column_mut(streams)?;
    column.resize(rows, None);
    let became: Vec<Option<f64>> = column
        .iter()
        .zip(&best.values)
        .map(|(own, other)| if better.is_some() { other.or(*own) } else { own.or(*other) })
        .collect();
    if became == *column {
        return None;
    }
    *column = became;
    Some(best.from.id)
}

/// Seconds from the primary's start to the other's, but for a clock in another zone. Of one recording each moment is the same.
fn shift_s(primary: &Record, other: &Record) -> Option<f64> {
    let (own, others) = (primary.facts.as_ref()?, other.facts.as_ref()?);
    #[expect(clippy::cast_precision_loss, reason = "two days of microseconds are exact")]
    let between_s = (others.start_us - own.start_us) as f64 / 1e6;
    if twins::one_recording(primary, other).is_some() {
        return Some(between_s);
    }
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
    told.into_iter().for_each(|field| explain(record, field, Measured::Computed, (FILLED, FILLED_VERSION)));
}

fn explain(record: &mut Record, field: &str, measured: Measured, (algorithm, version): (&str, u32)) {
    record.explained.retain(|known| known.field != field);
    let (field, algorithm) = (field.to_owned(), algorithm.to_owned());
    record.explained.push(Explained { field, measured, algorithm, version });
}

/// What a total is given as, or worked out from.
pub fn part_of(field: &str) -> Option<&'static str> {
    if field.starts_with("heart_rate_") {
        return Some(StreamType::HeartRate.as_str());
    }
    TOTALS.iter().find(|total| total.0 == field).map(|total| total.1)
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
        explain(record, field, measured, (TAKEN, TAKEN_VERSION));
        if !gives.contains(&(giver.id, part)) {
            gives.push((giver.id, part));
        }
    }
}

#[cfg(test)]
#[path = "fusion_tests.rs"]
mod tests;
