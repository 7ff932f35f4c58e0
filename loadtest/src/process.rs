//! The release binary as a child on a folder of its own.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::Options;

const READY_WITHIN: Duration = Duration::from_secs(60);

/// The binary beside this one, built when no other was named.
pub(crate) async fn binary(options: &Options) -> anyhow::Result<PathBuf> {
    if let Some(binary) = &options.binary {
        return Ok(binary.clone());
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--release", "--locked", "--quiet", "-p", "stadion-stadion"])
        .status()
        .await
        .context("cargo did not start")?;
    if !built.success() {
        bail!("the binary was not built; name one with --binary");
    }
    let binary = std::env::current_exe()?.with_file_name("stadion");
    if !binary.is_file() {
        bail!("{} is missing; name the binary with --binary", binary.display());
    }
    Ok(binary)
}

/// A command of the binary without limits of rate: the machine is measured, not the manners.
pub(crate) fn command(binary: &Path, data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary);
    command.args(arguments).arg("--data").arg(data).stdin(Stdio::null()).kill_on_drop(true);
    for limit in ["SIGN_UPS_PER_HOUR", "FAILED_LOGINS_PER_HOUR", "WRITES_PER_S", "READS_PER_S"] {
        command.env(format!("STADION_LIMITS__{limit}"), "0");
    }
    command
}

/// Waits for the line by which a process says that it is ready; the address in it.
pub(crate) async fn ready(child: &mut Child) -> anyhow::Result<String> {
    let mut lines = BufReader::new(child.stdout.take().context("no standard output")?).lines();
    let ready = async {
        while let Some(line) = lines.next_line().await? {
            if let Some(address) = line.strip_prefix("ready ") {
                return Ok(address.trim().to_owned());
            }
        }
        bail!("it ended before it was ready")
    };
    tokio::time::timeout(READY_WITHIN, ready).await.context("never ready")?
}

/// Processor time that a child has used so far, by all its threads.
pub(crate) fn cpu_seconds(child: &Child) -> anyhow::Result<f64> {
    cpu_seconds_of(child.id().context("the process has ended")?)
}

/// Processor time that a process has used so far, by all its threads.
pub(crate) fn cpu_seconds_of(id: u32) -> anyhow::Result<f64> {
    /// Linux counts in hundredths of a second wherever we run.
    const TICKS_PER_S: f64 = 100.0;
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).context("no /proc")?;
    // The name in parentheses may hold spaces; what follows it does not.
    let (_, fields) = stat.rsplit_once(')').context("an unknown form of /proc")?;
    let ticks = |nth: usize| -> anyhow::Result<f64> {
        Ok(fields.split_whitespace().nth(nth).context("an unknown form of /proc")?.parse()?)
    };
    Ok((ticks(11)? + ticks(12)?) / TICKS_PER_S)
}

/// Resident memory of a process in MB (10⁶ bytes).
pub(crate) fn resident_mb_of(id: u32) -> anyhow::Result<f64> {
    status_mb_of(id, "VmRSS:")
}

/// The most that it ever was, in MB (10⁶ bytes).
pub(crate) fn peak_mb_of(id: u32) -> anyhow::Result<f64> {
    status_mb_of(id, "VmHWM:")
}

fn status_mb_of(id: u32, what: &str) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).context("no /proc")?;
    let line = status.lines().find(|line| line.starts_with(what)).context("an unknown form of /proc")?;
    let kib: f64 = line.split_whitespace().nth(1).context("an unknown form of /proc")?.parse()?;
    Ok(kib * 1_024.0 / 1e6)
}

/// `stadion up`, serving; killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
    /// From the start of the process to its line `ready`.
    pub(crate) ready_after: Duration,
}

impl Server {
    pub(crate) async fn start(binary: &Path, data: &Path) -> anyhow::Result<Self> {
        Self::start_on(binary, data, "127.0.0.1:0").await
    }

    /// On this public address, `host:port`.
    pub(crate) async fn start_on(binary: &Path, data: &Path, http: &str) -> anyhow::Result<Self> {
        let arguments = ["up", "--http", http, "--admin", "127.0.0.1:0"];
        Self::started(command(binary, data, &arguments)).await
    }

    /// A command that serves, and says so.
    pub(crate) async fn started(mut command: Command) -> anyhow::Result<Self> {
        let begun = Instant::now();
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("{:?}", command.as_std().get_program()))?;
        let address = ready(&mut child).await?;
        Ok(Self { child, address, ready_after: begun.elapsed() })
    }

    /// Resident memory in MB (10⁶ bytes).
    pub(crate) fn resident_mb(&self) -> anyhow::Result<f64> {
        resident_mb_of(self.id()?)
    }

    /// The process' number.
    pub(crate) fn id(&self) -> anyhow::Result<u32> {
        self.child.id().context("the server has ended")
    }

    /// Processor time used so far, by all its threads.
    pub(crate) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        cpu_seconds(&self.child)
    }

    /// Kills it with SIGKILL, and starts it again on the same folder and address.
    pub(crate) async fn kill_and_start(self, binary: &Path, data: &Path) -> anyhow::Result<Self> {
        let http = self.address.strip_prefix("http://").unwrap_or(&self.address).to_owned();
        self.stop().await?;
        Self::start_on(binary, data, &http).await
    }

    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("the server was not stopped")
    }
}
