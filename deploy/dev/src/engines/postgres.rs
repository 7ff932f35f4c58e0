//! PostgreSQL from Debian. Durable as in production (`fsync` on).

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use super::{
    Engine,
    place::{Place, led},
    process,
};
use crate::{install, stage};

pub(crate) struct Postgres;

/// Children see at once that their server is gone, and end with what they are doing.
const CHILDREN_END_WITHIN: Duration = Duration::from_secs(20);

impl Engine for Postgres {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn variable(&self) -> &'static str {
        "STADION_TEST_POSTGRES"
    }

    fn ports(&self) -> &'static [u16] {
        &[15_432]
    }

    fn address(&self, port: u16) -> String {
        format!("postgres://stadion@127.0.0.1:{port}/postgres")
    }

    /// It refuses to run as root.
    fn account(&self) -> Option<&'static str> {
        Some("postgres")
    }

    /// "Fast": sessions are ended, data are written down.
    fn stop_signal(&self) -> &'static str {
        "INT"
    }

    fn install(&self) -> Result<()> {
        if installed().is_none() {
            install::debian(&["postgresql"])?;
        }
        programs().map(drop)
    }

    fn prepare(&self, place: &Place) -> Result<()> {
        let data = place.data();
        if data.exists() {
            return left_behind(&data);
        }
        // Made beside and moved: a cluster whose making was cut short is never started.
        let beside = data.with_extension("new");
        let _ = fs::remove_dir_all(&beside);
        place.give(&beside)?;
        let mut initdb = Command::new(programs()?.join("initdb"));
        initdb.arg("-D").arg(&beside).args(["-U", "stadion", "-A", "trust", "-E", "UTF8", "--locale=C"]);
        initdb.arg("--no-sync");
        let account = self.account().filter(|_| install::is_root());
        let leaders = account
            .map_or_else(Vec::new, |account| ["runuser", "-u", account, "--"].map(str::to_owned).to_vec());
        stage::output(led(&leaders, &initdb).current_dir("/"))?;
        fs::rename(&beside, &data).with_context(|| data.display().to_string())
    }

    fn server(&self, place: &Place) -> Result<Command> {
        let mut server = Command::new(programs()?.join("postgres"));
        server.arg("-D").arg(place.data()).args(["-p", &place.port().to_string(), "-k", ""]);
        server.args(["-c", "listen_addresses=127.0.0.1", "-c", "max_connections=400"]);
        let flushes = if place.flushes { "fsync=on" } else { "fsync=off" };
        server.args(["-c", flushes, "-c", "synchronous_commit=on"]);
        Ok(server)
    }

    /// It listens before it has recovered: only its own program knows whether it takes sessions.
    fn ready(&self, place: &Place) -> bool {
        let port = place.port().to_string();
        programs().is_ok_and(|programs| {
            let mut ask = Command::new(programs.join("pg_isready"));
            stage::output(ask.args(["-q", "-h", "127.0.0.1", "-U", "stadion", "-d", "postgres", "-p", &port]))
                .is_ok()
        })
    }
}

/// A killed server leaves children that may still write, and a file with its number. While nobody has looked at the dead
/// server, or when the number is somebody else's, the next one takes it for alive.
fn left_behind(data: &Path) -> Result<()> {
    let began = Instant::now();
    while process::works_in(data) {
        if began.elapsed() > CHILDREN_END_WITHIN {
            bail!("another server, or its children, work in {}", data.display());
        }
        std::thread::sleep(process::LOOK_AGAIN);
    }
    match fs::remove_file(data.join("postmaster.pid")) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// The folder of `initdb` and `postgres`.
fn programs() -> Result<PathBuf> {
    installed().context("PostgreSQL was installed, but initdb is not found")
}

/// Debian keeps them off the path, newest version last.
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
