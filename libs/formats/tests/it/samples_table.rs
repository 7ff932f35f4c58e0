//! Every file of the sample set, as it is read, beside what others say of it: printed for docs/samples.md. That they
//! agree is held by `oracles`.

use serde_json::Value;
use stadion_formats::{archive, read};

use crate::samples::{oracles, sample};

/// Of the set's own figures, for each kind of file: the way in metres and the records.
fn expected(oracle: &Value) -> (Option<f64>, Option<u64>) {
    let distance = ["len2d", "lap_dist_sum"].iter().find_map(|name| oracle[*name].as_f64());
    let sessions = oracle["sessions"].as_array().map_or(&[][..], Vec::as_slice);
    let sum = || sessions.iter().map(|session| session["total_distance"].as_f64()).sum::<Option<f64>>();
    let distance = distance.or_else(|| sum().filter(|_| !sessions.is_empty()));
    let records = ["records", "points", "trackpoints"].iter().find_map(|name| oracle[*name].as_u64());
    (distance, records)
}

fn shown<T: std::fmt::Display>(value: Option<T>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| value.to_string())
}

/// What we make of a file: the word for it, the way, the records.
fn ours(bytes: &[u8]) -> (String, Option<f64>, Option<u64>) {
    if archive::is_zip(bytes) {
        let word = match archive::open(bytes) {
            Ok(archive) => {
                let refused = archive.members().iter().filter(|member| member.fault.is_some()).count();
                format!("{}: {} files, {refused} not read", archive.kind().as_str(), archive.members().len())
            }
            Err(problem) => format!("refused: {}", problem.detail()),
        };
        return (word, None, None);
    }
    match read(bytes) {
        Ok(reading) => {
            let distances = reading.activities.iter().filter_map(|activity| activity.totals.distance_m);
            let distance = distances.map(|total| total.value).reduce(|sum, value| sum + value);
            let records = reading.activities.iter().map(|activity| activity.streams.len() as u64).sum();
            let sports: Vec<_> = reading.activities.iter().map(|activity| activity.sport.as_str()).collect();
            let salvage = reading.salvage.map(|salvage| format!(", partial: {}", salvage.reasons.join(" ")));
            (format!("{}{}", sports.join(" + "), salvage.unwrap_or_default()), distance, Some(records))
        }
        Err(problem) => (format!("{}: {}", problem.code(), problem.detail()), None, None),
    }
}

#[test]
fn every_file_of_the_sample_set_is_told_of() {
    let all = oracles("");
    if all.is_empty() {
        return;
    }
    let mut table =
        String::from("| file | read as | m | m, others | rows | rows, others |\n|---|---|---|---|---|---|\n");
    for (file, oracle) in all {
        let Some(bytes) = sample(&file) else { continue };
        let (word, distance, records) = ours(&bytes);
        let (other_distance, other_records) = expected(&oracle);
        let metres = |value: Option<f64>| shown(value.map(|value| format!("{value:.1}")));
        table += &format!(
            "| {file} | {word} | {} | {} | {} | {} |\n",
            metres(distance),
            metres(other_distance),
            shown(records),
            shown(other_records)
        );
    }
    assert!(table.lines().count() > 70, "the set is whole");
    println!("{table}");
}
