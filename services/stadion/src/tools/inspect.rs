//! `stadion inspect FILE`: what a device file holds.

use std::path::Path;

use anyhow::{Context, anyhow};
use formats::{Activity, Reading, Total};
use serde_json::{Value, json};

use super::say::say;

/// # Errors
/// A file that cannot be read, or is no activity.
pub fn run(path: &Path, as_json: bool) -> anyhow::Result<()> {
    let bytes = std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let reading = formats::read(&bytes).map_err(|problem| anyhow!("{}: {problem}", path.display()))?;
    let report = report(&reading);
    if as_json {
        say(format_args!("{report:#}"));
    } else {
        print(&report, 0);
    }
    Ok(())
}

fn report(reading: &Reading) -> Value {
    let salvage = reading.salvage.as_ref().map(|salvage| {
        json!({ "records_kept": salvage.records_kept, "bytes_lost": salvage.bytes_lost, "reasons": salvage.reasons })
    });
    let activities: Vec<Value> = reading.activities.iter().map(activity).collect();
    pruned(json!({
        "format": reading.format.as_str(),
        "gzipped": reading.gzipped,
        "salvage": salvage,
        "activities": activities,
    }))
}

fn activity(activity: &Activity) -> Value {
    let totals = &activity.totals;
    let value = |total: Option<Total>| total.map(|total| total.value);
    let devices = activity.devices.iter().map(|device| {
        json!({ "manufacturer": device.manufacturer(), "product": device.product_name, "serial": device.serial })
    });
    json!({
        "sport": activity.sport.as_str(),
        "sub_sport": activity.sub_sport,
        "start_at": activity.start.to_string(),
        "utc_offset_s": activity.utc_offset_s,
        "elapsed_time_s": value(totals.elapsed_time_s),
        "timer_time_s": value(totals.timer_time_s),
        "moving_time_s": value(totals.moving_time_s),
        "distance_m": value(totals.distance_m),
        "ascent_m": value(totals.ascent_m),
        "descent_m": value(totals.descent_m),
        "energy_kj": value(totals.energy_kj),
        "heart_rate_avg_bpm": value(totals.heart_rate_avg_bpm),
        "heart_rate_max_bpm": value(totals.heart_rate_max_bpm),
        "power_avg_w": value(totals.power_avg_w),
        "power_max_w": value(totals.power_max_w),
        "cadence_avg_rpm": value(totals.cadence_avg_rpm),
        "laps": activity.laps.len(),
        "pauses": activity.pauses.len(),
        "records": activity.streams.len(),
        "devices": devices.collect::<Vec<_>>(),
        "legs": activity.legs.iter().map(self::activity).collect::<Vec<_>>(),
    })
}

/// What is unknown is absent.
fn pruned(value: Value) -> Value {
    match value {
        Value::Object(map) => map
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key, pruned(value)))
            .collect(),
        Value::Array(list) => list.into_iter().map(pruned).collect(),
        other => other,
    }
}

fn print(value: &Value, depth: usize) {
    for (key, value) in value.as_object().into_iter().flatten() {
        let margin = "  ".repeat(depth);
        match value {
            Value::Array(list) if list.iter().all(Value::is_object) => {
                for (index, inner) in list.iter().enumerate() {
                    say(format_args!("{margin}{key} {}", index + 1));
                    print(inner, depth + 1);
                }
            }
            Value::Object(_) => {
                say(format_args!("{margin}{key}"));
                print(value, depth + 1);
            }
            Value::String(text) => say(format_args!("{margin}{key:<20} {text}")),
            other => say(format_args!("{margin}{key:<20} {other}")),
        }
    }
}
