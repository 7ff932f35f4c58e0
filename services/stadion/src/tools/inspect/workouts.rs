//! The workouts of a file, in full except for their samples.

use formats::{
    Activity, Reading, Source, Total,
    totals::{self, Measure, Split},
};
use serde_json::{Value, json};

pub(super) fn report(reading: &Reading) -> Value {
    let salvage = reading.salvage.as_ref().map(|salvage| {
        json!({ "records_kept": salvage.records_kept, "bytes_lost": salvage.bytes_lost, "reasons": salvage.reasons })
    });
    let activities: Vec<Value> = reading.activities.iter().map(activity).collect();
    json!({
        "format": reading.format.as_str(),
        "gzipped": reading.gzipped,
        "salvage": salvage,
        "activities": activities,
    })
}

fn activity(activity: &Activity) -> Value {
    let mut report = summary(activity);
    let parts = json!({
        "laps": laps(activity),
        "lengths": lengths(activity),
        "pool_length_m": activity.pool_length_m,
        "splits_km": splits(activity),
        "efforts": efforts(activity),
        "pauses": activity.pauses.len(),
        "records": activity.streams.len(),
        "columns": columns(activity),
        "devices": devices(activity),
        "legs": activity.legs.iter().map(self::activity).collect::<Vec<_>>(),
    });
    if let (Value::Object(report), Value::Object(parts)) = (&mut report, parts) {
        report.extend(parts);
    }
    report
}

/// What the activity is, and its totals with where each comes from.
pub(super) fn summary(activity: &Activity) -> Value {
    let mut report = json!({
        "name": activity.name,
        "sport": activity.sport.as_str(),
        "sub_sport": activity.sub_sport,
        "start_at": activity.start.to_string(),
        "utc_offset_s": activity.utc_offset_s,
    });
    let mut explanation = serde_json::Map::new();
    for (field, total) in activity.totals.named() {
        let Some(total) = total else { continue };
        report[field] = json!(total.value);
        explanation.insert(field.to_owned(), json!(words(total)));
    }
    report["explanation"] = Value::Object(explanation);
    report
}

fn words(total: Total) -> String {
    match total.source {
        Source::Device => "device".to_owned(),
        Source::Computed => format!("{} v{}", total.algorithm, total.version),
    }
}

fn laps(activity: &Activity) -> Vec<Value> {
    let lap = |lap: &formats::Lap| {
        json!({
            "start_s": lap.start_s,
            "elapsed_time_s": lap.elapsed_time_s,
            "timer_time_s": lap.timer_time_s,
            "distance_m": lap.distance_m,
            "ascent_m": lap.ascent_m,
            "descent_m": lap.descent_m,
            "energy_kj": lap.energy_kj,
            "heart_rate_avg_bpm": lap.heart_rate_avg_bpm,
            "heart_rate_max_bpm": lap.heart_rate_max_bpm,
            "power_avg_w": lap.power_avg_w,
            "power_max_w": lap.power_max_w,
            "cadence_avg_rpm": lap.cadence_avg_rpm,
            "trigger": lap.trigger,
            "intensity": lap.intensity,
        })
    };
    activity.laps.iter().map(lap).collect()
}

fn lengths(activity: &Activity) -> Vec<Value> {
    let length = |length: &formats::Length| {
        json!({
            "start_s": length.start_s,
            "elapsed_time_s": length.elapsed_time_s,
            "active": length.active,
            "stroke": length.stroke,
            "strokes": length.strokes,
        })
    };
    activity.lengths.iter().map(length).collect()
}

fn splits(activity: &Activity) -> Vec<Value> {
    let split = |split: Split| {
        json!({
            "start_s": split.start_s,
            "distance_m": split.distance_m,
            "elapsed_time_s": split.elapsed_time_s,
            "moving_time_s": split.moving_time_s,
            "elevation_change_m": split.elevation_change_m,
            "heart_rate_avg_bpm": split.heart_rate_avg_bpm,
            "power_avg_w": split.power_avg_w,
        })
    };
    totals::splits(activity.sport, &activity.streams, 1_000.0).into_iter().map(split).collect()
}

fn efforts(activity: &Activity) -> Vec<Value> {
    if !activity.legs.is_empty() {
        return Vec::new();
    }
    let effort = |effort: totals::Effort| {
        let (time_s, power_w) = match effort.measure {
            Measure::Time => (Some(effort.value), None),
            Measure::Power => (None, Some(effort.value)),
        };
        json!({ "name": effort.name, "time_s": time_s, "power_w": power_w, "start_s": effort.start_s })
    };
    totals::efforts(&activity.streams).into_iter().map(effort).collect()
}

/// Each column with how many of its rows hold a value; the extra ones under their makers' names.
fn columns(activity: &Activity) -> Vec<Value> {
    let streams = &activity.streams;
    let plain = [
        ("altitude", &streams.altitude_m),
        ("heart_rate", &streams.heart_rate_bpm),
        ("power", &streams.power_w),
        ("cadence", &streams.cadence_rpm),
        ("speed", &streams.speed_mps),
        ("temperature", &streams.temperature_c),
        ("distance", &streams.distance_m),
    ];
    let held = |column: &[Option<f64>]| column.iter().flatten().count();
    let plain = plain.into_iter().map(|(name, column)| json!({ "name": name, "values": held(column) }));
    let places = json!({ "name": "latlng", "values": streams.latlng.iter().flatten().count() });
    let extra = activity.extra.iter().map(|extra| {
        json!({ "name": extra.name, "units": extra.units, "values": held(&extra.values), "of": "an app" })
    });
    std::iter::once(places).chain(plain).chain(extra).filter(|column| column["values"] != 0).collect()
}

fn devices(activity: &Activity) -> Vec<Value> {
    let device = |device: &formats::Device| {
        json!({
            "creator": device.creator,
            "manufacturer": device.manufacturer(),
            "manufacturer_id": device.manufacturer_id,
            "product_id": device.product_id,
            "product": device.product_name,
            "serial": device.serial,
            "software_version": device.software_version,
        })
    };
    activity.devices.iter().map(device).collect()
}
