//! `DATA/admin/*.sock`: how the tools talk to running processes. Each process of a folder has a socket of its own there.
//! One JSON line asks, one answers; who may open the file may ask.

use std::{
    io::ErrorKind,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, anyhow};
use platform::Task;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    sync::Semaphore,
};
use tracing::warn;
use uuid::Uuid;

use crate::{
    installation::Installation,
    tools::{self, Request},
};

const LINE_BYTES_MAX: u64 = 1024 * 1024;
const AT_ONCE_MAX: usize = 8;
const ANSWER_WITHIN: Duration = Duration::from_secs(600);
/// Processes of one folder that are asked.
const PROCESSES_MAX: usize = 64;
/// A socket that was made is listened on by then.
const LISTENS_WITHIN: Duration = Duration::from_millis(100);

/// What the owner says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Reply {
    Ok(Value),
    Error(String),
}

fn room(data: &Path) -> PathBuf {
    data.join("admin")
}

/// The sockets of a folder, in a fixed order.
fn sockets(data: &Path) -> Vec<PathBuf> {
    let found = std::fs::read_dir(room(data)).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut sockets: Vec<PathBuf> =
        found.filter(|path| path.extension().is_some_and(|kind| kind == "sock")).collect();
    sockets.sort();
    sockets
}

/// `None`: whoever made the socket has ended.
async fn connected(path: &Path) -> anyhow::Result<Option<UnixStream>> {
    match UnixStream::connect(path).await {
        Ok(stream) => Ok(Some(stream)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{} cannot be reached", path.display())),
    }
}

/// A socket is its kernel's: whether anybody listens cannot be told from another machine that shares the folder.
fn kernel() -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    boot.chars().filter(char::is_ascii_alphanumeric).take(8).collect()
}

/// Takes away what killed processes of this machine have left behind.
async fn tidy(data: &Path, kernel: &str) {
    let ours = |path: &PathBuf| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(kernel))
    };
    let mut silent: Vec<PathBuf> = sockets(data).into_iter().filter(ours).collect();
    // Twice: whoever is just making a socket does not listen yet.
    for pause in [Duration::ZERO, LISTENS_WITHIN] {
        if !silent.is_empty() {
            tokio::time::sleep(pause).await;
        }
        let mut still = Vec::new();
        for path in silent {
            if matches!(connected(&path).await, Ok(None)) {
                still.push(path);
            }
        }
        silent = still;
    }
    for path in silent {
        // Somebody else may be tidying too.
        let _ = std::fs::remove_file(&path);
    }
}

/// Answers tools from now on.
///
/// # Errors
/// A socket that cannot be made.
pub async fn listen(installation: &Installation) -> anyhow::Result<()> {
    let room = room(&installation.data);
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&room);
    made.with_context(|| format!("{} cannot be made", room.display()))?;
    let kernel = kernel();
    tidy(&installation.data, &kernel).await;
    let path = room.join(format!("{kernel}-{}.sock", &Uuid::new_v4().simple().to_string()[..8]));
    let listener = match UnixListener::bind(&path) {
        Ok(listener) => listener,
        Err(error) => {
            // A path longer than sockets allow: the tools then need the owner to stop.
            warn!(path = %path.display(), %error, "tools cannot talk to this process");
            return Ok(());
        }
    };
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))
        .with_context(|| format!("{} cannot be closed to others", path.display()))?;
    let desk = Arc::new(tools::Desk::of(installation));
    let tasks = installation.tasks.clone();
    let stop = installation.shutdown.stop.clone();
    let room = Arc::new(Semaphore::new(AT_ONCE_MAX));
    installation.tasks.spawn(Task::new("admin socket", async move {
        loop {
            let Ok(room) = room.clone().acquire_owned().await else { break };
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            let Ok((stream, _)) = accepted else { continue };
            let desk = desk.clone();
            let stop = stop.clone();
            tasks.spawn_one("tool", async move {
                let answered = tokio::time::timeout(ANSWER_WITHIN, attend(&desk, stream));
                tokio::select! {
                    () = stop.cancelled() => {}
                    answered = answered => {
                        if let Ok(Err(error)) = answered {
                            warn!(%error, "a tool was not answered");
                        }
                    }
                }
                drop(room);
            });
        }
        // What is left behind tells tools that an owner runs.
        let _ = std::fs::remove_file(&path);
        Ok(())
    }));
    Ok(())
}

async fn attend(desk: &tools::Desk, mut stream: UnixStream) -> anyhow::Result<()> {
    let (read, mut write) = stream.split();
    let mut line = String::new();
    BufReader::new(read.take(LINE_BYTES_MAX)).read_line(&mut line).await?;
    if line.is_empty() {
        // Somebody looked whether anybody is here.
        return Ok(());
    }
    let reply = match serde_json::from_str::<Request>(&line) {
        Ok(request) => {
            desk.answer(request).await.map_or_else(|error| Reply::Error(format!("{error:#}")), Reply::Ok)
        }
        Err(error) => Reply::Error(format!("not understood: {error}")),
    };
    let mut line = serde_json::to_string(&reply)?;
    line.push('\n');
    write.write_all(line.as_bytes()).await?;
    Ok(())
}

/// Asks a running process of this folder, the first that answers; `None` when there is none.
///
/// # Errors
/// What it answered, or that it did not.
pub async fn ask(data: &Path, request: &Request) -> anyhow::Result<Option<Value>> {
    for path in sockets(data) {
        if let Some(stream) = connected(&path).await? {
            return asked(stream, request).await.map(Some);
        }
    }
    Ok(None)
}

/// Asks every running process of this folder, one after the other.
///
/// # Errors
/// A socket that cannot be opened. What a process answered, or that it did not, is its own outcome.
pub async fn ask_each(data: &Path, request: &Request) -> anyhow::Result<Vec<anyhow::Result<Value>>> {
    let mut answers = Vec::new();
    for path in sockets(data) {
        if answers.len() == PROCESSES_MAX {
            break;
        }
        if let Some(stream) = connected(&path).await? {
            answers.push(asked(stream, request).await);
        }
    }
    Ok(answers)
}

/// Asks the running processes of this folder until one does not refuse: its answer, or the first refusal. `None` when there
/// is no process.
///
/// # Errors
/// A socket that cannot be opened.
pub async fn ask_who_knows(data: &Path, request: &Request) -> anyhow::Result<Option<anyhow::Result<Value>>> {
    let mut refused = None;
    for path in sockets(data).into_iter().take(PROCESSES_MAX) {
        if let Some(stream) = connected(&path).await? {
            match asked(stream, request).await {
                Ok(answer) => return Ok(Some(Ok(answer))),
                Err(error) => refused = refused.or(Some(Err(error))),
            }
        }
    }
    Ok(refused)
}

async fn asked(mut stream: UnixStream, request: &Request) -> anyhow::Result<Value> {
    let mut line = serde_json::to_string(request)?;
    line.push('\n');
    let asked = async {
        stream.write_all(line.as_bytes()).await?;
        let mut reply = String::new();
        BufReader::new((&mut stream).take(LINE_BYTES_MAX)).read_line(&mut reply).await?;
        std::io::Result::Ok(reply)
    };
    let reply =
        tokio::time::timeout(ANSWER_WITHIN, asked).await.context("the running owner did not answer")??;
    match serde_json::from_str(&reply).context("the running owner hung up")? {
        Reply::Ok(value) => Ok(value),
        Reply::Error(error) => Err(anyhow!(error)),
    }
}
