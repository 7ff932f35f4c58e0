//! What must hold of whatever a reader makes of any bytes.

use stadion_formats::{Activity, Salvage, apple, archive, read, totals};

/// What a reading looked like from far away: another shape is worth going on from.
pub(crate) type Shape = (usize, u32, Vec<String>);

/// # Errors
/// What does not hold.
pub(crate) fn check(bytes: &[u8]) -> Result<Shape, String> {
    if archive::is_zip(bytes) {
        return in_archive(bytes);
    }
    match read(bytes) {
        Ok(reading) => {
            if reading.activities.is_empty() {
                return Err("a reading without activities".to_owned());
            }
            let mut rows = 0;
            for activity in &reading.activities {
                sound(activity)?;
                activity.legs.iter().try_for_each(sound)?;
                rows += activity.streams.len();
            }
            let lost = reading.salvage.map(|Salvage { reasons, .. }| reasons).unwrap_or_default();
            Ok((reading.activities.len(), (rows + 1).ilog2(), lost))
        }
        Err(problem) => match apple::Reader::new(bytes) {
            Ok(reader) => in_export(reader),
            Err(_) => Ok((0, 0, vec![problem.detail().chars().take(60).collect()])),
        },
    }
}

fn in_archive(bytes: &[u8]) -> Result<Shape, String> {
    let Ok(archive) = archive::open(bytes) else { return Ok((0, 0, vec!["no archive".to_owned()])) };
    let table = archive.strava_table().is_ok();
    let mut read_whole = 0;
    for member in archive.members().iter().take(20) {
        if let Ok(bytes) = archive::unpack(bytes, member) {
            read_whole += 1;
            // What is unpacked is a file like any other, but an archive in an archive is none of ours.
            if !archive::is_zip(&bytes) {
                check(&bytes)?;
            }
        }
    }
    Ok((archive.members().len().min(50), read_whole, vec![format!("{} {table}", archive.kind().as_str())]))
}

fn in_export(mut reader: apple::Reader<&[u8]>) -> Result<Shape, String> {
    let mut failed = Vec::new();
    for item in reader.by_ref() {
        match item {
            Ok(apple::Item::Workout(workout)) => sound(&workout.activity)?,
            Ok(apple::Item::Record(record)) if !record.value.is_finite() => {
                return Err(format!("{} of {}", record.kind, record.value));
            }
            Ok(apple::Item::Record(_)) => {}
            Err(problem) => failed.push(problem.detail().chars().take(24).collect()),
        }
    }
    let counts = reader.counts();
    Ok((counts.workouts.min(50) as usize, (counts.records + 1).ilog2(), failed))
}

fn sound(activity: &Activity) -> Result<(), String> {
    let rows = activity.streams.len();
    let streams = &activity.streams;
    let columns = [
        &streams.altitude_m,
        &streams.heart_rate_bpm,
        &streams.power_w,
        &streams.cadence_rpm,
        &streams.speed_mps,
        &streams.temperature_c,
        &streams.distance_m,
    ];
    let holds = [
        ("columns of one length", columns.iter().all(|column| column.len() == rows)),
        ("positions for every row", streams.latlng.len() == rows),
        ("extra columns of one length", activity.extra.iter().all(|extra| extra.values.len() == rows)),
        (
            "times in order",
            streams.time_s.is_sorted() && streams.time_s.first().is_none_or(|first| *first >= 0.0),
        ),
        (
            "finite values",
            columns.iter().all(|column| column.iter().flatten().all(|value| value.is_finite())),
        ),
        ("pauses in order", activity.pauses.windows(2).all(|pair| pair[0].end_s <= pair[1].start_s)),
        ("laps after the start", activity.laps.iter().all(|lap| lap.start_s >= 0.0)),
        ("lengths after the start", activity.lengths.iter().all(|length| length.start_s >= 0.0)),
        ("efforts that take time", totals::efforts(streams).iter().all(|effort| effort.value > 0.0)),
        (
            "splits forwards",
            totals::splits(activity.sport, streams, 1_000.0).iter().all(|split| split.elapsed_time_s >= 0.0),
        ),
    ];
    match holds.into_iter().find(|(_, holds)| !holds) {
        Some((broken, _)) => Err(format!("not so: {broken}")),
        None => Ok(()),
    }
}
