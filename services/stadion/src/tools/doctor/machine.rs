//! Limits: open files, memory, and the data folder's disk.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::Instant;

use super::finding::{Area, Finding};
use crate::settings::Settings;

/// Open files that a busy door needs beside one for each connection.
const FILES_BESIDE: u64 = 512;
const MIB: u64 = 1024 * 1024;
const DISK_WRONG_BYTES: u64 = 256 * MIB;
const DISK_WARNING_BYTES: u64 = 2_048 * MIB;
const MEMORY_WRONG_BYTES: u64 = 64 * MIB;
const MEMORY_WARNING_BYTES: u64 = 256 * MIB;
/// Every acknowledged write waits for one.
const SYNC_WRONG: Duration = Duration::from_millis(500);
const SYNC_WARNING: Duration = Duration::from_millis(20);
const SYNCS: usize = 5;
const BLOCK_BYTES: usize = 4_096;

pub(super) async fn look(settings: &Settings) -> Vec<Finding> {
    let wanted = u64::try_from(settings.platform.http.connections_max).unwrap_or(u64::MAX);
    let data = settings.platform.data.clone();
    // The disk may take its time.
    let looked = tokio::task::spawn_blocking(move || {
        let mut findings = vec![open_files(wanted.saturating_add(FILES_BESIDE)), memory()];
        findings.extend(folder(&data));
        findings
    });
    looked.await.unwrap_or_default()
}

fn open_files(wanted: u64) -> Finding {
    let table = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let files = table.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = files.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    let mend = format!("allow {wanted} (ulimit -n, LimitNOFILE), or lower http.connections_max");
    match soft {
        Some(soft) if soft < wanted => {
            let means = format!("{soft} are allowed here, and http.connections_max asks for {wanted}");
            Finding::warning(Area::Limit, "open files", means, mend)
        }
        Some(soft) => Finding::ok(Area::Limit, "open files", format!("{soft} are allowed here")),
        None => Finding::warning(Area::Limit, "open files", "the limit is not known", mend),
    }
}

fn memory() -> Finding {
    let of_machine = fs::read_to_string("/proc/meminfo").ok().and_then(|table| {
        let kib = table.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
        Some(kib.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
    });
    let number = |name: &str| {
        fs::read_to_string(Path::new("/sys/fs/cgroup").join(name)).ok()?.trim().parse::<u64>().ok()
    };
    let of_group =
        number("memory.max").zip(number("memory.current")).map(|(most, used)| most.saturating_sub(used));
    let mend = "give the machine or the container more, or move something elsewhere";
    let Some(free) = [of_machine, of_group].into_iter().flatten().min() else {
        return Finding::warning(Area::Limit, "memory", "it is not known how much is free", mend);
    };
    let means = format!("{} MiB are free", free / MIB);
    match free {
        ..MEMORY_WRONG_BYTES => Finding::wrong(Area::Limit, "memory", means, mend),
        MEMORY_WRONG_BYTES..MEMORY_WARNING_BYTES => Finding::warning(Area::Limit, "memory", means, mend),
        _ => Finding::ok(Area::Limit, "memory", means),
    }
}

fn folder(data: &Path) -> Vec<Finding> {
    let mut findings = vec![writable(Area::Limit, "data", data)];
    let there = existing(data);
    findings.push(disk(&there));
    findings.extend(sync(&there));
    findings
}

/// Whether files can be made in a folder, or the folder itself. What is tried has no name and leaves nothing.
pub(super) fn writable(area: Area, what: &str, folder: &Path) -> Finding {
    let there = existing(folder);
    let shown = folder.display();
    match tempfile::tempfile_in(&there) {
        Ok(_) if there == folder => Finding::ok(area, what, format!("{shown} can be written")),
        Ok(_) => Finding::ok(area, what, format!("{shown} is made at the first start")),
        Err(error) => Finding::wrong(
            area,
            what,
            format!("{} cannot be written: {error}", there.display()),
            "give it to the user that the processes run as, free its disk, or name another folder",
        ),
    }
}

/// The folder, or the nearest above it that is there.
fn existing(folder: &Path) -> PathBuf {
    let whole = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    whole.ancestors().find(|one| one.is_dir()).map_or_else(|| PathBuf::from("/"), Path::to_owned)
}

fn disk(folder: &Path) -> Finding {
    let mend = "make room on it, or name another folder: what cannot be kept is not acknowledged";
    match rustix::fs::statvfs(folder) {
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let means = format!("{} MiB are free under {}", free / MIB, folder.display());
            match free {
                ..DISK_WRONG_BYTES => Finding::wrong(Area::Limit, "disk", means, mend),
                DISK_WRONG_BYTES..DISK_WARNING_BYTES => Finding::warning(Area::Limit, "disk", means, mend),
                _ => Finding::ok(Area::Limit, "disk", means),
            }
        }
        Err(error) => Finding::warning(Area::Limit, "disk", error, mend),
    }
}

/// How long the disk takes to keep a block, in the middle of a few tries.
fn sync(folder: &Path) -> Option<Finding> {
    let mut file = tempfile::tempfile_in(folder).ok()?;
    let mut took = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let begun = Instant::now();
        let kept = file.write_all(&[0; BLOCK_BYTES]).and_then(|()| file.sync_data());
        if let Err(error) = kept {
            let mend = "look at the disk (dmesg): what cannot be synced is not acknowledged";
            return Some(Finding::wrong(Area::Limit, "fsync", error, mend));
        }
        took.push(begun.elapsed());
    }
    took.sort();
    let middle = took.get(SYNCS / 2).copied().unwrap_or_default();
    let means = format!("{:.1} ms for a block under {}", middle.as_secs_f64() * 1e3, folder.display());
    let mend = "use a disk with its own power-safe cache, or one that nobody else keeps busy";
    Some(if middle >= SYNC_WRONG {
        Finding::wrong(Area::Limit, "fsync", means, mend)
    } else if middle >= SYNC_WARNING {
        Finding::warning(Area::Limit, "fsync", means, mend)
    } else {
        Finding::ok(Area::Limit, "fsync", means)
    })
}
