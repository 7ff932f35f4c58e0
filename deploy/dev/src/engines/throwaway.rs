//! Engines for one run of tests: free ports, a temporary folder, gone afterwards however the run ends.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Child,
    sync::mpsc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use anyhow::Result;

use super::{
    Engine, installed,
    place::{Life, Place, free_ports},
    process::Record,
};

/// Whose engine has ended this long ago is not started again by its run.
const LEFT_BEHIND_AFTER: Duration = Duration::from_secs(3600);

/// A server that is stopped and forgotten when this is dropped.
pub(crate) struct Throwaway {
    place: Place,
    server: Child,
    /// Removed after the server.
    _folder: tempfile::TempDir,
}

impl Throwaway {
    /// Installs the engine when it is missing and may be installed. It ends with the thread that calls this.
    pub(crate) fn start(engine: &'static dyn Engine) -> Result<Self> {
        Self::start_with(engine, true)
    }

    /// Tests kill processes, not the machine: without flushes they wait less, and for less that others write meanwhile.
    fn start_for_tests(engine: &'static dyn Engine) -> Result<Self> {
        Self::start_with(engine, false)
    }

    fn start_with(engine: &'static dyn Engine, flushes: bool) -> Result<Self> {
        installed(engine)?;
        let prefix = format!("stadion-{}-", engine.name());
        sweep(&std::env::temp_dir(), &prefix, LEFT_BEHIND_AFTER);
        // Others may pass through, for an engine that has to run under another account.
        let folder =
            tempfile::Builder::new().prefix(&prefix).permissions(Permissions::from_mode(0o711)).tempdir()?;
        let ports = free_ports(engine.ports().len())?;
        let place = Place { engine, folder: folder.path().to_owned(), ports, flushes };
        let server = place.start(Life::Throwaway)?;
        Ok(Self { place, server, _folder: folder })
    }

    pub(crate) fn address(&self) -> String {
        self.place.address()
    }
}

impl Drop for Throwaway {
    fn drop(&mut self) {
        if let Err(error) = self.place.stop() {
            eprintln!("{error:#}");
            let _ = self.server.kill();
        }
        let _ = self.server.wait();
    }
}

/// Removes folders of runs that were killed: their engines ended with them, their folders did not.
fn sweep(folder: &Path, prefix: &str, after: Duration) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if !entry.file_name().to_string_lossy().starts_with(prefix) {
            continue;
        }
        let record = entry.path().join("running");
        let old = fs::metadata(&record)
            .and_then(|file| file.modified())
            .is_ok_and(|at| at.elapsed().is_ok_and(|age| age >= after));
        // Without a record it is being made, or it is not ours.
        if old && Record::read(&record).is_some_and(|record| !record.process.runs()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// How the start of one engine went.
pub(crate) struct Start {
    pub(crate) engine: &'static dyn Engine,
    pub(crate) address: Result<String>,
    pub(crate) took: Duration,
}

/// Engines that come up while something else is done; stopped when this is dropped.
pub(crate) struct Background {
    starts: mpsc::Receiver<Start>,
    keepers: Vec<Keeper>,
}

/// The thread that an engine lives as long as, and what ends it by being dropped.
struct Keeper {
    done: mpsc::SyncSender<()>,
    thread: JoinHandle<()>,
}

impl Background {
    pub(crate) fn start(engines: &[&'static dyn Engine]) -> Self {
        let (told, starts) = mpsc::sync_channel(engines.len());
        let keepers = engines.iter().map(|engine| Keeper::new(*engine, told.clone())).collect();
        Self { starts, keepers }
    }

    /// Waits until each has come up or failed; says all at the first call.
    pub(crate) fn starts(&self) -> Vec<Start> {
        self.starts.iter().collect()
    }
}

impl Keeper {
    fn new(engine: &'static dyn Engine, told: mpsc::SyncSender<Start>) -> Self {
        let (done, ended) = mpsc::sync_channel::<()>(0);
        let thread = std::thread::spawn(move || {
            let began = Instant::now();
            let (address, _kept) = match Throwaway::start_for_tests(engine) {
                Ok(server) => (Ok(server.address()), Some(server)),
                Err(error) => (Err(error), None),
            };
            let _ = told.send(Start { engine, address, took: began.elapsed() });
            drop(told);
            let _ = ended.recv();
        });
        Self { done, thread }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        for Keeper { done, thread } in self.keepers.drain(..) {
            drop(done);
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engines::process::Process;

    #[test]
    fn only_folders_of_engines_that_ended_are_swept() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = |name: &str| {
            let folder = temporary.path().join(name);
            fs::create_dir(&folder).unwrap();
            folder
        };
        let [ended, running, unmade, foreign] = ["x-ended", "x-running", "x-unmade", "y-foreign"].map(folder);
        let own = Process::running(std::process::id()).unwrap();
        Record { process: own, ports: vec![1] }.write(&running.join("running")).unwrap();
        let text = "pid 1\nbegan 0\nboot before\nports 1\n";
        fs::write(ended.join("running"), text).unwrap();
        fs::write(foreign.join("running"), text).unwrap();

        sweep(temporary.path(), "x-", Duration::from_secs(3600));
        assert!(ended.exists(), "it may be started again");
        sweep(temporary.path(), "x-", Duration::ZERO);
        assert!(!ended.exists());
        assert!(running.exists() && unmade.exists() && foreign.exists());
    }
}
