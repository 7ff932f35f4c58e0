//! From the neutral shape of a workout to the record that is kept.

use formats::{
    Activity, Streams, Total,
    totals::{self, Measure},
};
use kernel::{Sport, time};

use crate::{
    domain::{
        facts::{
            Best, Device, Effort, Explained, Facts, Health, HeartRate, Lap, Leg, Measured, Origin, Pool,
            Record, Start,
        },
        input,
        marks::Marks,
        trace::Trace,
    },
    streams::{self, StreamType},
};

const DEVICES_MAX: usize = 20;
const LAPS_MAX: usize = 2_000;
/// A day in a pool of 25 m.
const LENGTHS_MAX: usize = 4_000;

/// The record of a workout. `given`: who stated the figures that were not worked out here.
pub fn record(activity: &Activity, given: Measured, origin: Origin, start: Start) -> Record {
    let facts = facts(activity, start);
    let health = health(activity);
    Record {
        origin,
        streams_blob: None,
        visibility: None,
        facts: Some(facts),
        health,
        name: activity.name.as_deref().map(input::clean).filter(|name| !name.is_empty()),
        devices: activity.devices.iter().take(DEVICES_MAX).map(device).collect(),
        explained: explained(activity, given),
        marks: Marks::default(),
        judgement: None,
        trace: Trace::of(activity),
    }
}

/// Takes away what needs the consent `health_data`; whether there was any.
pub fn drop_health(activity: &mut Activity) -> bool {
    let mut dropped = activity.totals.heart_rate_avg_bpm.take().is_some();
    dropped |= activity.totals.heart_rate_max_bpm.take().is_some();
    for lap in &mut activity.laps {
        dropped |= lap.heart_rate_avg_bpm.take().is_some();
        dropped |= lap.heart_rate_max_bpm.take().is_some();
    }
    dropped |= activity.streams.heart_rate_bpm.iter().any(Option::is_some);
    streams::without_heart_rate(&mut activity.streams);
    for leg in &mut activity.legs {
        dropped |= drop_health(leg);
    }
    dropped
}

/// A figure that can be kept: finite, not negative.
fn figure(total: Option<Total>) -> Option<f64> {
    plain(total.map(|total| total.value))
}

fn plain(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.is_finite() && *value >= 0.0)
}

fn facts(activity: &Activity, start: Start) -> Facts {
    let totals = &activity.totals;
    let elapsed_time_s = figure(totals.elapsed_time_s).or_else(|| figure(totals.timer_time_s)).unwrap_or(0.0);
    let shown = |kind: &StreamType| *kind != StreamType::HeartRate;
    let start_us = start.start_us;
    Facts {
        sub_sport: activity.sub_sport.clone(),
        timer_time_s: figure(totals.timer_time_s),
        moving_time_s: figure(totals.moving_time_s),
        distance_m: figure(totals.distance_m),
        ascent_m: figure(totals.ascent_m),
        descent_m: figure(totals.descent_m),
        energy_kj: figure(totals.energy_kj),
        power_avg_w: figure(totals.power_avg_w),
        power_max_w: figure(totals.power_max_w),
        cadence_avg_rpm: figure(totals.cadence_avg_rpm),
        laps: activity.laps.iter().take(LAPS_MAX).map(|one| lap(one, start_us)).collect(),
        legs: activity.legs.iter().map(leg).collect(),
        stream_types: streams::present(&activity.streams)
            .into_iter()
            .filter(shown)
            .map(|kind| kind.as_str().to_owned())
            .collect(),
        efforts: efforts(activity.sport, &activity.streams),
        pool: pool(activity),
        ..Facts::new(activity.sport, start, elapsed_time_s)
    }
}

/// The best stretches that the columns show; of one sport only, as one over two is no effort in either.
pub fn efforts(sport: Sport, streams: &Streams) -> Vec<Effort> {
    if sport == Sport::Multisport {
        return Vec::new();
    }
    let effort = |effort: totals::Effort| Effort {
        name: effort.name.to_owned(),
        best: match effort.measure {
            Measure::Time => Best::Time(effort.value),
            Measure::Power => Best::Power(effort.value),
        },
        start_s: effort.start_s,
        end_s: effort.end_s,
        algorithm: effort.algorithm().to_owned(),
        version: totals::EFFORTS_VERSION.into(),
    };
    totals::efforts(streams).into_iter().map(effort).collect()
}

/// Those of a whole and of its legs anew, from the whole's columns.
pub fn find_efforts(facts: &mut Facts, streams: &Streams) {
    facts.efforts = efforts(facts.sport, streams);
    let after_s = |leg: &Leg| leg.start_us.saturating_sub(facts.start_us) as f64 / 1e6;
    let starts_s: Vec<f64> = facts.legs.iter().map(after_s).collect();
    for (leg, own) in facts.legs.iter_mut().zip(streams::show::parts(streams, &starts_s)) {
        leg.efforts = efforts(leg.sport, &own);
    }
}

#[expect(clippy::cast_possible_truncation, reason = "`as` saturates")]
fn lap(lap: &formats::Lap, start_us: i64) -> Lap {
    Lap {
        start_us: start_us.saturating_add((lap.start_s * 1e6) as i64),
        elapsed_time_s: plain(lap.elapsed_time_s).or_else(|| plain(lap.timer_time_s)).unwrap_or(0.0),
        timer_time_s: plain(lap.timer_time_s),
        distance_m: plain(lap.distance_m),
        ascent_m: plain(lap.ascent_m),
        descent_m: plain(lap.descent_m),
        energy_kj: plain(lap.energy_kj),
        power_avg_w: plain(lap.power_avg_w),
        power_max_w: plain(lap.power_max_w),
        cadence_avg_rpm: plain(lap.cadence_avg_rpm),
    }
}

fn pool(activity: &Activity) -> Pool {
    let length = |one: &formats::Length| formats::Length {
        elapsed_time_s: plain(one.elapsed_time_s),
        timer_time_s: plain(one.timer_time_s),
        cadence_rpm: plain(one.cadence_rpm),
        ..*one
    };
    let lengths: Vec<_> = activity.lengths.iter().take(LENGTHS_MAX).map(length).collect();
    Pool { length_m: plain(activity.pool_length_m), lengths }
}

fn leg(leg: &Activity) -> Leg {
    let totals = &leg.totals;
    Leg {
        sport: leg.sport,
        sub_sport: leg.sub_sport.clone(),
        start_us: time::micros(leg.start),
        elapsed_time_s: figure(totals.elapsed_time_s).or_else(|| figure(totals.timer_time_s)).unwrap_or(0.0),
        timer_time_s: figure(totals.timer_time_s),
        moving_time_s: figure(totals.moving_time_s),
        distance_m: figure(totals.distance_m),
        ascent_m: figure(totals.ascent_m),
        descent_m: figure(totals.descent_m),
        energy_kj: figure(totals.energy_kj),
        power_avg_w: figure(totals.power_avg_w),
        power_max_w: figure(totals.power_max_w),
        cadence_avg_rpm: figure(totals.cadence_avg_rpm),
        efforts: efforts(leg.sport, &leg.streams),
    }
}

fn health(activity: &Activity) -> Option<Health> {
    let beats = |value: Option<f64>| plain(value).filter(|value| *value > 0.0);
    let whole = |of: &Activity| HeartRate {
        avg_bpm: beats(figure(of.totals.heart_rate_avg_bpm)),
        max_bpm: beats(figure(of.totals.heart_rate_max_bpm)),
    };
    let of_lap = |lap: &formats::Lap| HeartRate {
        avg_bpm: beats(lap.heart_rate_avg_bpm),
        max_bpm: beats(lap.heart_rate_max_bpm),
    };
    Health {
        heart_rate: whole(activity),
        laps: activity.laps.iter().take(LAPS_MAX).map(of_lap).collect(),
        legs: activity.legs.iter().map(whole).collect(),
        has_heart_rate_stream: activity.streams.heart_rate_bpm.iter().any(Option::is_some),
    }
    .unless_empty()
}

fn device(device: &formats::Device) -> Device {
    Device {
        manufacturer: device
            .manufacturer()
            .map(str::to_owned)
            .or_else(|| device.manufacturer_id.map(|id| id.to_string())),
        product: device.product_id.map(|id| id.to_string()),
        serial: device.serial.map(|serial| serial.to_string()),
        name: device.product_name.as_deref().map(input::clean).filter(|name| !name.is_empty()),
    }
}

fn explained(activity: &Activity, given: Measured) -> Vec<Explained> {
    let named = activity.totals.named();
    named.into_iter().filter_map(|(field, total)| Some(explain(field, total?, given))).collect()
}

fn explain(field: &str, total: Total, given: Measured) -> Explained {
    match total.source {
        formats::Source::Device => Explained::given(field, given),
        formats::Source::Computed => Explained {
            field: field.to_owned(),
            measured: Measured::Computed,
            algorithm: total.algorithm.to_owned(),
            version: total.version.into(),
        },
    }
}
