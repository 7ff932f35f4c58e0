//! The installation's key while a process runs: its file is read again every few seconds, so that it is changed without a
//! restart ([`platform::installation::Step`], `stadion keys`).

use std::{path::PathBuf, time::Duration};

use activity::blobs::Blobs;
use eventing::{
    Db,
    cql::{self, Cql},
    migrate::belongs,
};
use platform::{Task, installation::InstallationKey};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::stores::Log;

/// How often the file is read. Between two steps of a change, twice as long must pass.
pub const REREAD_EACH: Duration = Duration::from_secs(5);

/// Whoever remembers whose it is: it learns the new mark while the old one is still believed.
pub(crate) struct Marked {
    pub(crate) stores: Vec<(&'static str, Db)>,
    pub(crate) log: Log,
    pub(crate) keyspace: Option<Cql>,
    pub(crate) files: Option<Blobs>,
}

pub(crate) fn follow(key: InstallationKey, path: PathBuf, marked: Marked, stop: CancellationToken) -> Task {
    Task::new("installation key", async move {
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(REREAD_EACH) => {}
            }
            let read = tokio::fs::read_to_string(&path).await.map_err(|error| error.to_string());
            match read.and_then(|text| key.reread(&text, &path).map_err(|error| error.to_string())) {
                Ok(false) => {}
                Ok(true) => {
                    info!(keys = key.marks().len(), "the installation's key has changed");
                    tell(&key, &marked).await;
                }
                Err(error) => warn!(error, "the installation's key stays as it was"),
            }
        }
    })
}

async fn tell(key: &InstallationKey, marked: &Marked) {
    let marks = key.marks();
    for (service, db) in &marked.stores {
        if let Err(error) = belongs(db, service, &marks).await {
            warn!(service, %error, "the store was not told of the installation's key");
        }
    }
    if let Log::Kafka(log) = &marked.log
        && let Err(error) = log.belongs(&marks).await
    {
        warn!(%error, "the log was not told of the installation's key");
    }
    if let Some(keyspace) = &marked.keyspace
        && let Err(error) = cql::belongs(keyspace, activity::SERVICE, &marks).await
    {
        warn!(%error, "the keyspace was not told of the installation's key");
    }
    if let Some(files) = &marked.files
        && let Err(error) = files.belongs(&marks).await
    {
        warn!(%error, "the place of files was not told of the installation's key");
    }
}
