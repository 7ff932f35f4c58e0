//! What an Apple Health export holds: its workouts, and how many records of each kind.

use std::{collections::BTreeMap, io::Read};

use formats::{
    apple::{Item, Reader, Workout, named_in},
    archive::{self, Member},
};
use serde_json::{Value, json};

use super::{Fault, OnDisk, workouts};

/// Workouts that are shown.
const SHOWN_MAX: usize = 1_000;

/// `routes`: where the files of workouts' routes are, in the archive that the document is of.
pub(super) fn report<R: Read>(
    mut reader: Reader<R>,
    routes: Option<(&OnDisk, &[Member])>,
) -> Result<Value, Fault> {
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    let (mut shown, mut problem) = (Vec::new(), None);
    for item in reader.by_ref() {
        match item {
            Ok(Item::Record(record)) => *kinds.entry(record.kind).or_default() += 1,
            Ok(Item::Workout(mut workout)) if shown.len() < SHOWN_MAX => {
                if let Some((file, members)) = routes {
                    follow(&mut workout, file, members);
                }
                let mut one = workouts::summary(&workout.activity);
                one["source"] = json!(workout.source);
                one["routes"] = json!(workout.routes);
                shown.push(one);
            }
            Ok(Item::Workout(_)) => {}
            // What came before it is told.
            Err(fault) => problem = Some(fault.to_string()),
        }
    }
    let counts = reader.counts();
    Ok(json!({
        "format": "apple_health_export",
        "bytes": reader.offset(),
        "truncated": counts.truncated,
        "problem": problem,
        "workouts": counts.workouts,
        "records": kinds,
        "records_of_other_kinds": counts.skipped,
        "records_unreadable": counts.bad,
        "activities": shown,
    }))
}

/// Takes in the files of its route that can be read.
fn follow(workout: &mut Workout, file: &OnDisk, members: &[Member]) {
    let read = |path: &String| {
        let member = named_in(members, path)?;
        formats::read(&archive::unpack(file, member).ok()?).ok()
    };
    let found = workout.routes.iter().filter_map(read);
    let activities = found.flat_map(|reading| reading.activities).collect();
    workout.follow(activities);
}
