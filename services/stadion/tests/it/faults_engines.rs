//! A PostgreSQL server of a test's own, that it may end without a warning.

use std::{
    fs::{self, Permissions},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use testkit::engines;

const STARTS_WITHIN: Duration = Duration::from_secs(60);

pub(crate) struct Server {
    programs: PathBuf,
    folder: tempfile::TempDir,
    port: u16,
    process: Option<Child>,
}

impl Server {
    /// `None`, and it is said, where PostgreSQL's programs are missing.
    pub(crate) fn start(what: &str) -> Option<Self> {
        let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let mut programs: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
        programs.sort();
        let Some(programs) = programs.pop().filter(|folder| folder.join("initdb").is_file()) else {
            assert!(
                std::env::var_os("CI").is_none(),
                "PostgreSQL's programs are missing, and CI may skip no engine"
            );
            engines::skipped(what, "no programs of PostgreSQL");
            return None;
        };
        // Others may pass through: it refuses to run as root.
        let folder = tempfile::Builder::new().permissions(Permissions::from_mode(0o711)).tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = Self { programs, folder, port, process: None };
        let data = server.data();
        fs::create_dir(&data).unwrap();
        if is_root() {
            assert!(Command::new("chown").arg("postgres").arg(&data).status().unwrap().success());
        }
        fs::set_permissions(&data, Permissions::from_mode(0o700)).unwrap();
        let mut init = server.program("initdb");
        init.arg("-D").arg(&data).args([
            "-U",
            "stadion",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
        ]);
        assert!(init.status().unwrap().success(), "its data are made");
        server.back();
        Some(server)
    }

    /// Any database of it.
    pub(crate) fn address(&self) -> String {
        format!("postgres://stadion@127.0.0.1:{}/postgres", self.port)
    }

    /// As `pg_ctl stop -m immediate`: sessions are cut, nothing is written down.
    pub(crate) fn stop_at_once(&mut self) {
        if let Some(mut process) = self.process.take() {
            let told = Command::new("kill").args(["-QUIT", &process.id().to_string()]).status().unwrap();
            assert!(told.success());
            process.wait().unwrap();
        }
    }

    /// Starts on what is there, and waits until it takes sessions.
    pub(crate) fn back(&mut self) {
        let mut server = self.program("postgres");
        server.arg("-D").arg(self.data()).args(["-p", &self.port.to_string(), "-k", ""]);
        server.args(["-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200", "-c", "fsync=on"]);
        self.process = Some(server.spawn().unwrap());
        let since = Instant::now();
        loop {
            let mut ask = Command::new(self.programs.join("pg_isready"));
            ask.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
            if ask.status().unwrap().success() {
                return;
            }
            assert!(since.elapsed() < STARTS_WITHIN, "the server does not come up");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn program(&self, name: &str) -> Command {
        let path = self.programs.join(name);
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(path);
            command
        } else {
            Command::new(path)
        };
        command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop_at_once();
    }
}

fn is_root() -> bool {
    std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").unwrap()) == 0
}
