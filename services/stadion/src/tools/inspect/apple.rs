//! What an Apple Health export holds: its workouts, and how many records of each kind.

use std::{collections::BTreeMap, io::Read};

use formats::apple::{Item, Reader};
use serde_json::{Value, json};

use super::{Fault, workouts};

/// Workouts that are shown.
const SHOWN_MAX: usize = 1_000;

pub(super) fn report<R: Read>(mut reader: Reader<R>) -> Result<Value, Fault> {
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    let mut shown = Vec::new();
    for item in reader.by_ref() {
        match item? {
            Item::Record(record) => *kinds.entry(record.kind).or_default() += 1,
            Item::Workout(workout) if shown.len() < SHOWN_MAX => {
                let mut one = workouts::summary(&workout.activity);
                one["source"] = json!(workout.source);
                one["routes"] = json!(workout.routes);
                shown.push(one);
            }
            Item::Workout(_) => {}
        }
    }
    let counts = reader.counts();
    Ok(json!({
        "format": "apple_health_export",
        "bytes": reader.offset(),
        "truncated": counts.truncated,
        "workouts": counts.workouts,
        "records": kinds,
        "records_of_other_kinds": counts.skipped,
        "records_unreadable": counts.bad,
        "activities": shown,
    }))
}
