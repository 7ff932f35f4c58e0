//! Fuzzes a reader for as long as it is told, without any toolchain but this one:
//!
//! ```text
//! cargo run --release -p stadion-formats --example fuzz -- fit --seconds 600 [--corpus FOLDER] [--seed N]
//! ```
//!
//! `fit`, `gpx`, `tcx`, `apple`, `zip` or `all`. It mutates made-up files and those of that kind in the folder; what
//! gives a reading of a new shape is mutated on. A panic, a promise that is broken, more than two seconds or a gigabyte
//! is a find: its bytes go to `tests/finds/`, where they are a regression test from then on.

mod mutate;
mod sound;

use std::{
    collections::HashSet,
    error::Error,
    panic::catch_unwind,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use mutate::{Dice, mutated, reframed};
use stadion_formats::{fit, gpx, synth, tcx};

const SLOW: Duration = Duration::from_secs(2);
const RESIDENT_KB_MAX: u64 = 1 << 20;
const CORPUS_MAX: usize = 4_000;
const FILE_BYTES_MAX: u64 = 256 << 10;

struct Wanted {
    kind: String,
    seconds: u64,
    seed: u64,
    corpus: PathBuf,
}

fn wanted() -> Result<Wanted, Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let kind = words.next().ok_or("fit, gpx, tcx, apple, zip or all?")?;
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/samples");
    let mut wanted = Wanted { kind, seconds: 60, seed: 1, corpus };
    while let (Some(word), Some(value)) = (words.next(), words.next()) {
        match word.as_str() {
            "--seconds" => wanted.seconds = value.parse()?,
            "--seed" => wanted.seed = value.parse()?,
            "--corpus" => wanted.corpus = value.into(),
            _ => return Err(format!("what is {word}?").into()),
        }
    }
    Ok(wanted)
}

fn main() -> Result<(), Box<dyn Error>> {
    let wanted = wanted()?;
    let kinds = match wanted.kind.as_str() {
        "all" => vec!["fit", "gpx", "tcx", "apple", "zip"],
        one => vec![one],
    };
    let each = Duration::from_secs(wanted.seconds / kinds.len() as u64);
    let mut finds = 0;
    for kind in kinds {
        finds += fuzz(kind, each, &wanted)?;
    }
    if finds > 0 { Err(format!("{finds} finds").into()) } else { Ok(()) }
}

fn fuzz(kind: &str, time: Duration, wanted: &Wanted) -> Result<usize, Box<dyn Error>> {
    let mut corpus = made_up(kind)?;
    gather(&wanted.corpus, kind, &mut corpus);
    let (from, mut shapes, mut dice) = (corpus.len(), HashSet::new(), Dice(wanted.seed));
    let (began, mut tried, mut bytes_read, mut finds) = (Instant::now(), 0_u64, 0, 0);
    while began.elapsed() < time {
        let bytes = mutated(&mut dice, &corpus);
        let bytes = if kind == "fit" && dice.below(2) == 0 { reframed(bytes) } else { bytes };
        let one = Instant::now();
        let outcome = catch_unwind(|| sound::check(&bytes));
        tried += 1;
        bytes_read += bytes.len();
        let fault = match outcome {
            Err(_) => Some("a panic".to_owned()),
            Ok(Err(broken)) => Some(broken),
            Ok(Ok(_)) if one.elapsed() > SLOW => Some(format!("{:?}", one.elapsed())),
            Ok(Ok(_)) if tried.is_multiple_of(1_000) && resident_kb() > RESIDENT_KB_MAX => {
                Some("a gigabyte of memory".to_owned())
            }
            Ok(Ok(shape)) => {
                let new = corpus.len() < CORPUS_MAX && shapes.insert(shape);
                if new {
                    corpus.push(bytes.clone());
                }
                None
            }
        };
        if let Some(fault) = fault {
            finds += 1;
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/finds/{kind}-{tried}.bin"));
            println!("{kind}: {fault}: {}", file.display());
            std::fs::write(file, &bytes)?;
        }
    }
    let per_s = tried as f64 / began.elapsed().as_secs_f64();
    println!(
        "{kind}: {tried} inputs ({per_s:.0}/s, {} MB) from {from} files, {} shapes, {finds} finds, {} MB resident",
        bytes_read >> 20,
        shapes.len(),
        resident_kb() >> 10,
    );
    Ok(finds)
}

fn made_up(kind: &str) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let run = synth::run(5, "2026-03-01T07:30:00Z".parse()?, 600.0, 300.0);
    Ok(match kind {
        "fit" => vec![fit::write(&run)],
        "gpx" => vec![gpx::write(&run).into_bytes()],
        "tcx" => vec![tcx::write(&run).into_bytes()],
        "apple" => vec![APPLE.as_bytes().to_vec()],
        "zip" => vec![
            b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec(),
            without_directory("1.gpx", &gpx::write(&run)),
        ],
        _ => return Err(format!("{kind}? fit, gpx, tcx, apple or zip").into()),
    })
}

/// A file as it lies in an archive, and then nothing more. Its end is told by what stands behind it.
fn without_directory(name: &str, text: &str) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(text.as_bytes());
    let head = [b"PK\x03\x04\x14\0\x08\0", &[0; 18][..], &[name.len() as u8, 0, 0, 0]].concat();
    let length = (text.len() as u32).to_le_bytes();
    let tail = [b"PK\x07\x08", &crc.sum().to_le_bytes()[..], &length, &length].concat();
    [&head[..], name.as_bytes(), text.as_bytes(), &tail].concat()
}

const APPLE: &str = r#"<?xml version="1.0"?><!DOCTYPE HealthData [<!ELEMENT HealthData (Record*)>]><HealthData>
<Record type="HKQuantityTypeIdentifierStepCount" unit="count" startDate="2024-01-01 01:01:36 +0200"
 endDate="2024-01-01 01:02:36 +0200" value="74"><MetadataEntry key="a" value="b"/></Record>
<Workout workoutActivityType="HKWorkoutActivityTypeRunning" duration="50" durationUnit="min" sourceName="W"
 startDate="2024-05-01 1:00:00 pm +0500" endDate="2024-05-01 2:00:00 pm +0500">
<WorkoutEvent type="HKWorkoutEventTypePause" date="2024-05-01 1:10:00 pm +0500"/>
<WorkoutEvent type="HKWorkoutEventTypeResume" date="2024-05-01 1:20:00 pm +0500"/>
<WorkoutStatistics type="HKQuantityTypeIdentifierDistanceWalkingRunning" sum="20.5" unit="km"/>
<WorkoutRoute><Location date="2024-05-01 1:00:01 pm +0500" latitude="1" longitude="2" altitude="3" speed="4"/>
<FileReference path="/r.gpx"/></WorkoutRoute></Workout></HealthData>"#;

/// The small files of this kind in the folder, by their names.
fn gather(folder: &Path, kind: &str, corpus: &mut Vec<Vec<u8>>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            gather(&path, kind, corpus);
            continue;
        }
        let ending = if kind == "apple" { "xml" } else { kind };
        let named = path.extension().is_some_and(|found| found == ending);
        let small = path.metadata().is_ok_and(|file| file.len() <= FILE_BYTES_MAX);
        if let (true, true, Ok(bytes)) = (named, small, std::fs::read(&path)) {
            corpus.push(bytes);
        }
    }
}

fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}
