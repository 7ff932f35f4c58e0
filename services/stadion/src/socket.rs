//! `DATA/admin.sock`: how the tools talk to a running owner. One JSON line asks, one answers; who may open the file may
//! ask.

use std::{
    io::ErrorKind,
    os::unix::fs::PermissionsExt,
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
use tracing::{info, warn};

use crate::{
    installation::Installation,
    tools::{self, Request},
};

const LINE_BYTES_MAX: u64 = 1024 * 1024;
const AT_ONCE_MAX: usize = 8;
const ANSWER_WITHIN: Duration = Duration::from_secs(600);

/// What the owner says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Reply {
    Ok(Value),
    Error(String),
}

fn place(data: &Path) -> PathBuf {
    data.join("admin.sock")
}

/// Answers tools from now on. In a folder that processes of a fleet share, the first does.
///
/// # Errors
/// A socket that cannot be made.
pub async fn listen(installation: &Installation) -> anyhow::Result<()> {
    let path = place(&installation.data);
    if UnixStream::connect(&path).await.is_ok() {
        info!(path = %path.display(), "another process of this folder answers the tools");
        return Ok(());
    }
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("{} is in the way", path.display()));
        }
        // What a killed owner left behind: nobody answered.
        _ => {}
    }
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
    installation.tasks.spawn(Task::new("admin.sock", async move {
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

/// Asks the running owner of this folder; `None` when nobody owns it.
///
/// # Errors
/// What the owner answered, or that it did not.
pub async fn ask(data: &Path, request: &Request) -> anyhow::Result<Option<Value>> {
    let mut stream = match UnixStream::connect(place(data)).await {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(error) => return Err(error).context("the running owner cannot be reached"),
    };
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
        Reply::Ok(value) => Ok(Some(value)),
        Reply::Error(error) => Err(anyhow!(error)),
    }
}
