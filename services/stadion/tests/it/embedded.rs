//! An installation for a test: in this process, or as the built binary.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};
use kernel::{Clock, SystemClock};

use platform::config::Sources;
use stadion::{settings, up::Running};

/// Settings of an installation on free ports.
pub(crate) fn sources(data: &Path) -> Sources {
    let text = |value: &str| Some(value.to_owned());
    Sources::default()
        .flag("--data", "data", text(&data.display().to_string()))
        .flag("--http", "http.addr", text("127.0.0.1:0"))
        .flag("--admin", "admin.addr", text("127.0.0.1:0"))
}

pub(crate) async fn serving(data: &Path) -> Running {
    Running::start(settings::load(&sources(data)).unwrap()).await.unwrap()
}

/// An installation whose mail goes to a server in the clear.
pub(crate) async fn mailing(data: &Path, smtp: SocketAddr) -> Running {
    let sources = sources(data).flag("--smtp", "mail.smtp", Some(smtp.to_string())).flag(
        "--tls",
        "mail.tls",
        Some("none".to_owned()),
    );
    Running::start(settings::load(&sources).unwrap()).await.unwrap()
}

/// An installation where a test may knock as often as it likes.
pub(crate) async fn patient(data: &Path) -> Running {
    patient_at(data, Arc::new(SystemClock)).await
}

/// As [`patient`], at the time that the clock says.
pub(crate) async fn patient_at(data: &Path, clock: Arc<dyn Clock>) -> Running {
    let zero = || Some("0".to_owned());
    let sources = sources(data)
        .flag("--sign-ups", "limits.sign_ups_per_hour", zero())
        .flag("--writes", "limits.writes_per_s", zero())
        .flag("--reads", "limits.reads_per_s", zero())
        .flag("--open", "gateway.limits.open_per_s", zero());
    Running::start_at(settings::load(&sources).unwrap(), clock).await.unwrap()
}

/// A clock that was put to a moment and goes on from there: no test shall depend on the day on which it runs.
pub(crate) struct Put(SignedDuration);

impl Put {
    pub(crate) fn to(moment: &str) -> Arc<dyn Clock> {
        let moment: Timestamp = moment.parse().unwrap();
        Arc::new(Self(moment.duration_since(SystemClock.now())))
    }
}

impl Clock for Put {
    fn now(&self) -> Timestamp {
        SystemClock.now() + self.0
    }
}

/// The built binary, serving; killed when dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) base: String,
}

impl Process {
    pub(crate) fn start(data: &Path) -> Self {
        Self::set(data, &[])
    }

    /// With settings, as the environment says them.
    pub(crate) fn set(data: &Path, settings: &[(&str, &str)]) -> Self {
        Self::begin(binary("up", data).envs(settings.iter().copied()))
    }

    /// As [`Process::set`], what it logs into a file.
    pub(crate) fn telling(data: &Path, settings: &[(&str, &str)], log: File) -> Self {
        Self::begin(binary("up", data).envs(settings.iter().copied()).stderr(log))
    }

    fn begin(command: &mut Command) -> Self {
        let mut child = command
            .args(["--http", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let base = line.trim().strip_prefix("ready ").expect("it says that it is ready").to_owned();
        Self { child, base }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `stadion COMMAND --data DATA`
pub(crate) fn binary(command: &str, data: &Path) -> Command {
    let mut binary = Command::new(env!("CARGO_BIN_EXE_stadion"));
    binary.env("STADION_LOG__FILTER", "warn").args(command.split(' ')).arg("--data").arg(data);
    binary
}
