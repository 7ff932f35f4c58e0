//! A real PostgreSQL on loopback: throwaway for tests, lasting for work by hand. Durable as in production (`fsync` on).

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{install, stage};

/// How long a server may take to listen.
const START_WITHIN: Duration = Duration::from_secs(60);
/// The lasting server's port: not PostgreSQL's own, so that a server of the machine is left alone.
const LASTING_PORT: u16 = 55_432;

/// A server that is stopped and forgotten when this is dropped.
pub(crate) struct Throwaway {
    server: Child,
    port: u16,
    programs: PathBuf,
    /// Removed after the server.
    folder: tempfile::TempDir,
}

impl Throwaway {
    /// Installs PostgreSQL when it is missing and may be installed, makes a fresh cluster, starts it on a free port.
    pub(crate) fn start() -> Result<Self> {
        let programs = programs()?;
        let folder = tempfile::Builder::new().prefix("stadion-pg-").tempdir()?;
        let data = folder.path().join("data");
        make_cluster(&programs, folder.path(), &data)?;
        // Another process may take the port before the server does: then it does not start, and says so.
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let log = fs::File::create(folder.path().join("log"))?;
        let server = server(&programs, &data, port)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("postgres did not start")?;
        let mut started = Self { server, port, programs, folder };
        started.wait()?;
        Ok(started)
    }

    pub(crate) fn url(&self) -> String {
        url(self.port)
    }

    fn wait(&mut self) -> Result<()> {
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if let Some(status) = self.server.try_wait()? {
                let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                bail!("postgres ended with {status}: {log}");
            }
            if began.elapsed() > START_WITHIN {
                bail!("postgres does not listen after {} s", START_WITHIN.as_secs());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

impl Drop for Throwaway {
    fn drop(&mut self) {
        // Its data are thrown away, but its children and shared memory are not to be left behind.
        let mut stop = pg_ctl(&self.programs, &self.folder.path().join("data"), "stop");
        if stage::output(stop.args(["-m", "immediate", "-w"])).is_err() {
            let _ = self.server.kill();
        }
        let _ = self.server.wait();
    }
}

fn url(port: u16) -> String {
    format!("postgres://stadion@127.0.0.1:{port}/postgres")
}

/// The folder of `initdb` and `postgres`: Debian keeps them off the path, newest version last.
fn programs() -> Result<PathBuf> {
    if let Some(found) = installed() {
        return Ok(found);
    }
    install::debian(&["postgresql"])?;
    installed().context("PostgreSQL was installed, but initdb is not found")
}

fn installed() -> Option<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, folder)| folder.join("initdb").is_file() && folder.join("postgres").is_file())
        .collect();
    versions.sort();
    let on_path = || {
        std::env::split_paths(&std::env::var_os("PATH")?)
            .find(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file())
    };
    versions.pop().map(|(_, folder)| folder).or_else(on_path)
}

/// A program of PostgreSQL; it refuses to run as root, so root becomes `postgres` first.
fn program(folder: &Path, name: &str) -> Command {
    let path = folder.join(name);
    if !install::is_root() {
        return Command::new(path);
    }
    // setpriv replaces itself by the server, so that our child is the server and not somebody in between.
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "--reset-env"]).arg(path);
    // The account may not be allowed into our folder.
    command.current_dir("/");
    command
}

fn make_cluster(programs: &Path, folder: &Path, data: &Path) -> Result<()> {
    if install::is_root() {
        stage::output(Command::new("chown").arg("postgres:").arg(folder))?;
    }
    let mut initdb = program(programs, "initdb");
    initdb.arg("-D").arg(data).args([
        "-U",
        "stadion",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--locale=C",
        "--no-sync",
    ]);
    stage::output(&mut initdb).map(drop)
}

fn server(programs: &Path, data: &Path, port: u16) -> Command {
    let mut server = program(programs, "postgres");
    server.arg("-D").arg(data).args(["-p", &port.to_string(), "-k", "", "-c", "listen_addresses=127.0.0.1"]);
    server.args(["-c", "fsync=on", "-c", "synchronous_commit=on", "-c", "max_connections=400"]);
    server
}

/// Where the lasting server keeps its data: not under a home folder that the account `postgres` may not enter.
fn lasting() -> PathBuf {
    let folder = if install::is_root() { PathBuf::from("/var/tmp") } else { stage::target() };
    folder.join("stadion-engines").join("postgres")
}

fn pg_ctl(programs: &Path, data: &Path, action: &str) -> Command {
    let mut command = program(programs, "pg_ctl");
    command.arg(action).arg("-D").arg(data);
    command
}

fn runs(programs: &Path) -> bool {
    stage::output(&mut pg_ctl(programs, &lasting().join("data"), "status")).is_ok()
}

pub(crate) fn up() -> Result<bool> {
    let programs = programs()?;
    let folder = lasting();
    if !folder.join("data").join("PG_VERSION").exists() {
        fs::create_dir_all(&folder)?;
        make_cluster(&programs, &folder, &folder.join("data"))?;
    }
    if !runs(&programs) {
        let options = format!("-p {LASTING_PORT} -k '' -c listen_addresses=127.0.0.1 -c max_connections=400");
        let mut start = pg_ctl(&programs, &folder.join("data"), "start");
        start.arg("-w").arg("-l").arg(folder.join("log")).args(["-o", &options]);
        let mut quiet = start.stdout(Stdio::null()).stderr(Stdio::null()).stdin(Stdio::null()).spawn()?;
        if !quiet.wait()?.success() {
            let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
            let last: Vec<&str> = log.lines().rev().take(4).collect();
            let last: Vec<&str> = last.into_iter().rev().collect();
            bail!("postgres did not start ({}):\n  {}", folder.join("log").display(), last.join("\n  "));
        }
    }
    println!("postgres  {}", url(LASTING_PORT));
    println!("\nexport STADION_TEST_POSTGRES={}", url(LASTING_PORT));
    Ok(true)
}

pub(crate) fn down() -> Result<bool> {
    let programs = programs()?;
    if runs(&programs) {
        stage::output(pg_ctl(&programs, &lasting().join("data"), "stop").args(["-m", "fast", "-w"]))?;
    }
    println!("postgres  stopped");
    Ok(true)
}

pub(crate) fn status() -> Result<bool> {
    let running = installed().is_some_and(|programs| runs(&programs));
    if running {
        println!("postgres  {}", url(LASTING_PORT));
    } else {
        println!("postgres  stopped");
    }
    Ok(running)
}
