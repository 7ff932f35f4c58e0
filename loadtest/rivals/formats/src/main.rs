//! FIT readers side by side, in CPU time, on the files of a folder:
//!
//! ```text
//! cd loadtest/rivals/formats && cargo run --release -- FOLDER
//! ```
//!
//! Each reader reads each file over and over for a tenth of a second of CPU, three times; the best of these counts, so
//! that a busy machine disturbs little. Ours gives columns, totals and explanations, the others their lists of messages.

use std::{
    error::Error,
    panic::{catch_unwind, set_hook},
    path::{Path, PathBuf},
};

use embedded_io_adapters::std::FromStd;

const CPU_NS: u64 = 100_000_000;
const TURNS: u32 = 3;

/// Whether it could read the file.
type Reader = fn(&[u8]) -> bool;

const READERS: [(&str, Reader); 4] =
    [("stadion", ours), ("fitparser", fitparser), ("rustyfit", rustyfit), ("fit-rust", fit_rust)];

fn ours(bytes: &[u8]) -> bool {
    stadion_formats::read(bytes).is_ok()
}

fn fitparser(bytes: &[u8]) -> bool {
    fitparser::from_bytes(bytes).is_ok()
}

fn rustyfit(bytes: &[u8]) -> bool {
    let mut input = FromStd::new(bytes);
    let mut decoder = rustyfit::Decoder::new();
    loop {
        match decoder.decode(&mut input) {
            Ok(Some(fit)) => drop(std::hint::black_box(fit)),
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}

fn fit_rust(bytes: &[u8]) -> bool {
    fit_rust::Fit::read(bytes.to_vec()).is_ok()
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("a folder of FIT files?")?;
    let mut files = Vec::new();
    gather(Path::new(&folder), &mut files)?;
    files.sort();
    // A reader that panics has not read the file; that is said in the table.
    set_hook(Box::new(|_| {}));
    let mut sums = [(0, 0_u64, 0_u64, 0_u64); READERS.len()];
    println!(
        "| file | kB | {} |\n|---|---|{}",
        READERS.map(|(name, _)| name).join(" | "),
        "---|".repeat(READERS.len())
    );
    for path in files {
        let bytes = std::fs::read(&path)?;
        let best = READERS.map(|(_, reader)| best_ns(reader, &bytes));
        let rate = |ns: Option<u64>| {
            ns.map_or("–".to_owned(), |ns| format!("{:.1}", bytes.len() as f64 * 1e3 / ns as f64))
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        println!("| {name} | {} | {} |", bytes.len() / 1_000, best.map(rate).join(" | "));
        for (sum, ns) in sums.iter_mut().zip(best) {
            if let Some(ns) = ns {
                // Beside each rival, our time over the same files.
                *sum = (sum.0 + 1, sum.1 + bytes.len() as u64, sum.2 + ns, sum.3 + best[0].unwrap_or(0));
            }
        }
    }
    println!(
        "\n| reader | files read | MB/s of CPU | ours on the same files | ours is |\n|---|---|---|---|---|"
    );
    for ((name, _), (files, bytes, ns, ours_ns)) in READERS.iter().zip(sums) {
        let rate = |ns: u64| bytes as f64 * 1e3 / ns.max(1) as f64;
        let times = ns as f64 / ours_ns.max(1) as f64;
        println!("| {name} | {files} | {:.1} | {:.1} | {times:.1} × |", rate(ns), rate(ours_ns));
    }
    Ok(())
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            gather(&path, files)?;
        } else if path.extension().is_some_and(|ending| ending == "fit") {
            files.push(path);
        }
    }
    Ok(())
}

fn best_ns(reader: Reader, bytes: &[u8]) -> Option<u64> {
    let reads = || catch_unwind(|| reader(std::hint::black_box(bytes))).ok() == Some(true);
    if !reads() {
        return None;
    }
    let turn = |_| {
        let (began, mut times) = (cpu_ns(), 0);
        while cpu_ns() - began < CPU_NS {
            reads();
            times += 1;
        }
        (cpu_ns() - began) / times
    };
    (0..TURNS).map(turn).min()
}

/// CPU time of this thread, to a few milliseconds.
fn cpu_ns() -> u64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    told.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or_default()
}
