//! Where one engine lives, and how it is started, watched and stopped there: the same for every engine, lasting or not.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use super::{
    Engine,
    process::{LOOK_AGAIN, Process, Record},
};
use crate::{install, stage};

const READY_WITHIN: Duration = Duration::from_secs(90);
/// An engine that is asked to stop writes down what it has in memory first.
const STOPPED_WITHIN: Duration = Duration::from_secs(30);
const KILLED_WITHIN: Duration = Duration::from_secs(10);
/// Lines of a log that explain why an engine did not start.
const WHY_LINES: usize = 12;

/// How long an engine is to live.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Life {
    /// In a session of its own, until somebody stops it.
    Lasting,
    /// Not longer than the thread that started it.
    Throwaway,
}

pub(crate) struct Place {
    pub(crate) engine: &'static dyn Engine,
    pub(crate) folder: PathBuf,
    /// As many as the engine listens on; clients use the first.
    pub(crate) ports: Vec<u16>,
    /// Whether what was acknowledged outlives the machine, or only the engine's processes.
    pub(crate) flushes: bool,
}

impl Place {
    /// What the engine keeps; it alone is wiped by a reset.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    pub(crate) fn scratch(&self) -> PathBuf {
        self.folder.join("tmp")
    }

    pub(crate) fn port(&self) -> u16 {
        self.ports.first().copied().unwrap_or_default()
    }

    pub(crate) fn address(&self) -> String {
        self.engine.address(self.port())
    }

    fn record_path(&self) -> PathBuf {
        self.folder.join("running")
    }

    /// What runs here, if anything does.
    pub(crate) fn running(&self) -> Option<Record> {
        Record::read(&self.record_path()).filter(|record| record.process.runs())
    }

    /// Starts the engine and waits until it answers. One that does not is stopped again.
    pub(crate) fn start(&self, life: Life) -> Result<Child> {
        self.own_folder()?;
        if let Some(port) = self.ports.iter().find(|port| listens(**port)) {
            bail!("port {port} is taken by another program: choose one with --{}-port", self.engine.name());
        }
        self.engine
            .prepare(self)
            .with_context(|| format!("{} has no data to start on", self.engine.name()))?;
        let mut child = self.spawn(life)?;
        let process = Process::running(child.id())?;
        Record { process: process.clone(), ports: self.ports.clone() }.write(&self.record_path())?;
        if let Err(error) = self.wait(&mut child) {
            self.end(&process)?;
            let _ = child.wait();
            let why = last_lines(&self.log(), WHY_LINES).unwrap_or_default().join("\n  ");
            bail!("{error}; the end of {}:\n  {why}", self.log().display());
        }
        Ok(child)
    }

    /// Waits for one that was started before and may not have come up yet.
    pub(crate) fn wait_ready(&self) -> Result<()> {
        let began = Instant::now();
        while !self.engine.ready(self) {
            if began.elapsed() > READY_WITHIN || self.running().is_none() {
                let name = self.engine.name();
                bail!("{name} runs and does not answer: `cargo dev engines down {name}` ends it");
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        Ok(())
    }

    /// Stops what runs here; answers whether anything did.
    pub(crate) fn stop(&self) -> Result<bool> {
        let running = self.running();
        if let Some(record) = &running {
            self.end(&record.process)?;
        }
        let _ = fs::remove_file(self.record_path());
        Ok(running.is_some())
    }

    /// Politely, then not.
    fn end(&self, process: &Process) -> Result<()> {
        process.signal(self.engine.stop_signal())?;
        if !process.ends_within(STOPPED_WITHIN) {
            process.signal("KILL")?;
            if !process.ends_within(KILLED_WITHIN) {
                bail!("{}, process {}, does not end", self.engine.name(), process.pid);
            }
        }
        let _ = fs::remove_file(self.record_path());
        Ok(())
    }

    /// The folder is ours; what the engine writes to belongs to the account that it runs as.
    fn own_folder(&self) -> Result<()> {
        // What a killed engine left unpacked there.
        let _ = fs::remove_dir_all(self.scratch());
        self.give(&self.scratch())
    }

    /// Makes a folder for the engine's account.
    pub(crate) fn give(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        if let Some(account) = self.engine.account().filter(|_| install::is_root()) {
            stage::output(Command::new("chown").arg(format!("{account}:")).arg(folder))?;
        }
        Ok(())
    }

    fn spawn(&self, life: Life) -> Result<Child> {
        let log = fs::File::create(self.log()).with_context(|| self.log().display().to_string())?;
        let server = self.engine.server(self)?;
        let mut server = led(&leaders(self.engine, life, install::is_root()), &server);
        // The account that it runs as may not be allowed into ours.
        server.current_dir("/");
        server.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        server.spawn().with_context(|| format!("`{}` did not start", stage::told(&server)))
    }

    fn wait(&self, child: &mut Child) -> Result<()> {
        let name = self.engine.name();
        let began = Instant::now();
        while !self.engine.ready(self) {
            if let Some(status) = child.try_wait()? {
                bail!("{name} ended with {status}");
            }
            if began.elapsed() > READY_WITHIN {
                bail!("{name} does not answer after {} s", READY_WITHIN.as_secs());
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        Ok(())
    }
}

/// The programs in front of an engine. Each replaces itself by the next, so that our child is the engine.
fn leaders(engine: &dyn Engine, life: Life, root: bool) -> Vec<String> {
    let mut words = Vec::new();
    if life == Life::Lasting {
        words.push("setsid".to_owned());
    }
    let mut privileges = Vec::new();
    if let Some(account) = engine.account().filter(|_| root) {
        let identity = [format!("--reuid={account}"), format!("--regid={account}")];
        privileges.extend(identity);
        privileges.extend(["--init-groups".to_owned(), "--reset-env".to_owned()]);
    }
    if life == Life::Throwaway {
        privileges.push(format!("--pdeathsig={}", engine.stop_signal()));
    }
    if !privileges.is_empty() {
        words.push("setpriv".to_owned());
        words.extend(privileges);
    }
    words
}

/// The command with others in front of it.
pub(crate) fn led(leaders: &[String], command: &Command) -> Command {
    let Some((first, others)) = leaders.split_first() else {
        let mut same = Command::new(command.get_program());
        same.args(command.get_args());
        return same;
    };
    let mut all = Command::new(first);
    all.args(others).arg(command.get_program()).args(command.get_args());
    all
}

pub(crate) fn listens(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Free at this moment; another program may take one first, and then the engine says so.
pub(crate) fn free_ports(count: usize) -> Result<Vec<u16>> {
    // All are held until all are known: the same one is not given twice.
    let held: Vec<TcpListener> =
        (0..count).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).collect::<Result<_, _>>()?;
    held.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
}

pub(crate) fn last_lines(path: &Path, count: usize) -> Option<Vec<String>> {
    let text = fs::read(path).ok()?;
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(count);
    Some(lines.iter().skip(from).map(|line| (*line).to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engines::{KAFKA, POSTGRES};

    /// The smallest engine there is: a process that sleeps.
    struct Sleeper;

    impl Engine for Sleeper {
        fn name(&self) -> &'static str {
            "sleeper"
        }
        fn variable(&self) -> &'static str {
            "STADION_TEST_SLEEPER"
        }
        fn ports(&self) -> &'static [u16] {
            &[]
        }
        fn address(&self, _port: u16) -> String {
            String::new()
        }
        fn install(&self) -> Result<()> {
            Ok(())
        }
        fn prepare(&self, _place: &Place) -> Result<()> {
            Ok(())
        }
        fn server(&self, _place: &Place) -> Result<Command> {
            let mut server = Command::new("sleep");
            server.arg("600");
            Ok(server)
        }
        /// What leads has given way to it.
        fn ready(&self, place: &Place) -> bool {
            let Some(record) = place.running() else { return false };
            fs::read_to_string(format!("/proc/{}/comm", record.process.pid))
                .is_ok_and(|name| name == "sleep\n")
        }
    }

    fn place(folder: &Path) -> Place {
        Place { engine: &Sleeper, folder: folder.to_owned(), ports: Vec::new(), flushes: true }
    }

    #[test]
    fn an_engine_is_found_again_and_stopped_by_its_record() {
        let folder = tempfile::tempdir().unwrap();
        let mut child = place(folder.path()).start(Life::Lasting).unwrap();
        let found = place(folder.path()).running().unwrap();
        assert_eq!(found.process.pid, child.id());
        assert!(place(folder.path()).stop().unwrap());
        assert!(!place(folder.path()).stop().unwrap(), "there is nothing to stop twice");
        child.wait().unwrap();
    }

    #[test]
    fn a_killed_engine_does_not_count_as_running() {
        let folder = tempfile::tempdir().unwrap();
        let mut child = place(folder.path()).start(Life::Lasting).unwrap();
        let killed = place(folder.path()).running().unwrap().process;
        killed.signal("KILL").unwrap();
        assert!(killed.ends_within(Duration::from_secs(60)));
        assert_eq!(place(folder.path()).running(), None);
        child.wait().unwrap();
    }

    #[test]
    fn a_throwaway_engine_does_not_outlive_its_thread() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().to_owned();
        let start = move || {
            let child = place(&at).start(Life::Throwaway).unwrap();
            (Process::running(child.id()).unwrap(), child)
        };
        let (process, mut child) = std::thread::spawn(start).join().unwrap();
        assert!(process.ends_within(Duration::from_secs(60)));
        child.wait().unwrap();
    }

    #[test]
    fn a_lasting_engine_outlives_the_thread_that_started_it() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().to_owned();
        let start = move || place(&at).start(Life::Lasting).unwrap();
        let mut child = std::thread::spawn(start).join().unwrap();
        assert!(place(folder.path()).stop().unwrap());
        child.wait().unwrap();
    }

    #[test]
    fn a_lasting_engine_has_a_session_of_its_own() {
        assert_eq!(leaders(KAFKA, Life::Lasting, true), ["setsid"]);
        assert_eq!(leaders(POSTGRES, Life::Lasting, false), ["setsid"]);
    }

    #[test]
    fn a_throwaway_engine_ends_with_whoever_started_it() {
        assert_eq!(leaders(KAFKA, Life::Throwaway, true), ["setpriv", "--pdeathsig=TERM"]);
    }

    #[test]
    fn an_engine_that_refuses_root_gets_an_account() {
        let words = leaders(POSTGRES, Life::Throwaway, true);
        assert_eq!(words.first().map(String::as_str), Some("setpriv"));
        assert!(words.contains(&"--reuid=postgres".to_owned()));
        // Changing the account forgets the parent's death signal: it must be asked for by the same program.
        assert!(words.contains(&"--pdeathsig=INT".to_owned()));
    }

    #[test]
    fn what_leads_stands_in_front() {
        let mut command = Command::new("java");
        command.args(["-version"]);
        let led = led(&["setsid".to_owned(), "-w".to_owned()], &command);
        assert_eq!(stage::told(&led), "setsid -w java -version");
    }

    #[test]
    fn free_ports_differ() {
        let mut ports = free_ports(8).unwrap();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 8);
    }

    #[test]
    fn the_end_of_a_log_is_its_last_lines() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "one\ntwo\nthree\n").unwrap();
        assert_eq!(last_lines(file.path(), 2).unwrap(), ["two", "three"]);
        assert_eq!(last_lines(file.path(), 9).unwrap().len(), 3);
        assert_eq!(last_lines(Path::new("/nowhere"), 9), None);
    }
}
