//! A process that outlives the command that started it: known by a file, and signalled only while it is still the same.

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use crate::stage;

/// How often a wait looks again.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A number names a process only together with when it began, and in which boot: numbers are used again.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    /// Clock ticks after the machine's boot.
    began: u64,
    boot: String,
}

impl Process {
    /// The process that has this number now.
    pub(crate) fn running(pid: u32) -> Result<Self> {
        let began = began(pid).with_context(|| format!("there is no process {pid}"))?;
        Ok(Self { pid, began, boot: boot() })
    }

    /// Is it still there? One that has ended and waits for its parent to look counts as ended.
    pub(crate) fn runs(&self) -> bool {
        self.boot == boot() && began(self.pid) == Some(self.began)
    }

    /// Sends a signal by name, unless the number belongs to somebody else by now.
    pub(crate) fn signal(&self, name: &str) -> Result<()> {
        if self.runs() {
            // The shell's own word: not every machine has a program of that name.
            stage::output(Command::new("sh").args(["-c", &format!("kill -s {name} {}", self.pid)]))?;
        }
        Ok(())
    }

    pub(crate) fn ends_within(&self, limit: Duration) -> bool {
        let asked = Instant::now();
        while self.runs() {
            if asked.elapsed() > limit {
                return false;
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        true
    }

    /// Bytes that it holds in memory.
    pub(crate) fn memory_bytes(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).ok()?;
        resident_bytes(&status)
    }
}

/// What stands in an engine's folder while it runs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    pub(crate) process: Process,
    pub(crate) ports: Vec<u16>,
}

impl Record {
    /// Answers nothing where there is no file, or one that this program did not write.
    pub(crate) fn read(path: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(path).ok()?)
    }

    /// Whole or not at all: a crash in between leaves no half record.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let beside = path.with_extension("new");
        fs::write(&beside, self.text()).with_context(|| beside.display().to_string())?;
        fs::rename(&beside, path).with_context(|| path.display().to_string())
    }

    fn text(&self) -> String {
        let ports: Vec<String> = self.ports.iter().map(u16::to_string).collect();
        let Process { pid, began, boot } = &self.process;
        format!("pid {pid}\nbegan {began}\nboot {boot}\nports {}\n", ports.join(" "))
    }

    fn parse(text: &str) -> Option<Self> {
        let field = |name: &str| {
            text.lines()
                .find_map(|line| line.split_once(' ').filter(|(word, _)| *word == name))
                .map(|(_, v)| v)
        };
        let ports: Vec<u16> =
            field("ports")?.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
        let process = Process {
            pid: field("pid")?.parse().ok()?,
            began: field("began")?.parse().ok()?,
            boot: field("boot")?.to_owned(),
        };
        Some(Self { process, ports })
    }
}

/// Has any process that we may look at made this folder its own? PostgreSQL's do.
pub(crate) fn works_in(folder: &Path) -> bool {
    let Ok(folder) = folder.canonicalize() else { return false };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.filter_map(|process| fs::read_link(process.path().join("cwd")).ok()).any(|at| at == folder)
}

fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

fn began(pid: u32) -> Option<u64> {
    began_in(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Out of `/proc/<pid>/stat` (proc(5)): the name in brackets may hold anything, so fields are counted behind it.
fn began_in(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    let state = fields.next()?;
    // Field 22 of the line, field 3 being the state.
    let began = fields.nth(18)?.parse().ok()?;
    (!matches!(state, "Z" | "X")).then_some(began)
}

fn resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("running");
        let record =
            Record { process: Process::running(std::process::id()).unwrap(), ports: vec![19_092, 19_093] };
        record.write(&path).unwrap();
        assert_eq!(Record::read(&path), Some(record));
    }

    #[test]
    fn a_record_of_somebody_else_is_none() {
        for text in
            ["", "4711\n", "pid x\nbegan 1\nboot b\nports 1\n", "pid 1\nbegan 1\nboot b\nports 70000\n"]
        {
            assert_eq!(Record::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_number_that_was_given_away_is_another_process() {
        let own = Process::running(std::process::id()).unwrap();
        assert!(own.runs());
        assert!(!Process { began: own.began + 1, ..own.clone() }.runs());
        assert!(!Process { boot: "another boot".to_owned(), ..own }.runs());
    }

    #[test]
    fn a_process_that_nobody_has_looked_at_has_ended() {
        let mut child = Command::new("true").spawn().unwrap();
        let began = Instant::now();
        while began_in(&fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap()).is_some() {
            assert!(began.elapsed() < Duration::from_secs(60));
            std::thread::sleep(LOOK_AGAIN);
        }
        child.wait().unwrap();
    }

    #[test]
    fn who_works_in_a_folder_is_found() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!works_in(folder.path()));
        let mut child = Command::new("sleep").arg("60").current_dir(folder.path()).spawn().unwrap();
        assert!(works_in(folder.path()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!works_in(folder.path()));
    }

    #[test]
    fn the_beginning_is_found_behind_any_name() {
        let line = "77 (a) b (c) S 1 77 77 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 123456 9 9";
        assert_eq!(began_in(line), Some(123_456));
        assert_eq!(began_in(&line.replace(" S ", " Z ")), None);
        assert_eq!(began_in("77 (short) S 1"), None);
    }

    #[test]
    fn memory_is_told_in_bytes() {
        assert_eq!(resident_bytes("Name:\tjava\nVmRSS:\t  1024 kB\nThreads:\t8\n"), Some(1_048_576));
        assert_eq!(resident_bytes("Name:\tkthreadd\n"), None);
    }
}
