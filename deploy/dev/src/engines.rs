//! The real engines, on loopback. Each says what it is made of; everything else is done for all of them in one way:
//! [`lasting`] for work by hand, [`throwaway`] for a run of tests.

mod cassandra;
mod java;
pub(crate) mod kafka;
pub(crate) mod lasting;
mod place;
mod postgres;
mod process;
mod s3;
pub(crate) mod throwaway;

use std::{
    fs::{self, File, TryLockError},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context, Result, bail};

use crate::{install, stage};
use place::Place;

/// What is particular to one engine.
pub(crate) trait Engine: Send + Sync {
    fn name(&self) -> &'static str;
    /// The variable by which tests find it.
    fn variable(&self) -> &'static str;
    /// What a lasting one listens on; clients use the first. Not the engine's own, so that a server of the machine is
    /// left alone, and below those that outgoing connections get.
    fn ports(&self) -> &'static [u16];
    /// What clients are told.
    fn address(&self, port: u16) -> String;
    /// What else a client has to know.
    fn note(&self) -> Option<String> {
        None
    }
    /// Whom it must run as where we are root.
    fn account(&self) -> Option<&'static str> {
        None
    }
    /// The signal after which it writes down what it has and ends.
    fn stop_signal(&self) -> &'static str {
        "TERM"
    }
    /// Puts its programs in place, or says what somebody with more rights has to install.
    fn install(&self) -> Result<()>;
    /// Makes what it starts on: its data, unless there are some, and its settings.
    fn prepare(&self, place: &Place) -> Result<()>;
    /// The server itself, in the foreground.
    fn server(&self, place: &Place) -> Result<Command>;
    /// Does it answer clients?
    fn ready(&self, place: &Place) -> bool;
}

pub(crate) const POSTGRES: &dyn Engine = &postgres::Postgres;
pub(crate) const KAFKA: &dyn Engine = &kafka::Kafka;
pub(crate) const CASSANDRA: &dyn Engine = &cassandra::Cassandra;
pub(crate) const S3: &dyn Engine = &s3::S3;

/// All there are.
pub(crate) const ALL: [&dyn Engine; 4] = [POSTGRES, KAFKA, CASSANDRA, S3];

pub(crate) fn named(name: &str) -> Result<&'static dyn Engine> {
    ALL.into_iter().find(|engine| engine.name() == name).with_context(|| {
        format!("there is no engine {name:?}: say {}", ALL.map(|engine| engine.name()).join(", "))
    })
}

/// Where engines' programs and, unless another place is said, their data are kept: not under a home folder that other
/// accounts may not enter, where one engine runs under another account.
fn home() -> PathBuf {
    if install::is_root() {
        PathBuf::from("/var/tmp/stadion-engines")
    } else {
        stage::target().join("engines")
    }
}

/// Installs an engine, one `cargo dev` at a time.
fn installed(engine: &dyn Engine) -> Result<()> {
    // Our own threads wait here, without a word; other processes at the file.
    static INSTALLING: Mutex<()> = Mutex::new(());
    let _turn = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let home = home();
    own_folder(&home)?;
    let _lock = locked(&home.join("programs.lock"))?;
    engine.install().with_context(|| format!("{} cannot be had", engine.name()))
}

/// Makes the folder. In a place where everybody may write, somebody else's is not used.
fn own_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let found = fs::symlink_metadata(folder)?;
    if install::is_root() && (found.is_symlink() || found.uid() != 0) {
        bail!("{} belongs to somebody else", folder.display());
    }
    Ok(())
}

/// Holds a lock until it is dropped; the system drops it for a process that was killed.
fn locked(path: &Path) -> Result<File> {
    let file = File::create(path).with_context(|| path.display().to_string())?;
    if let Err(TryLockError::WouldBlock) = file.try_lock() {
        println!("waiting for another `cargo dev` ({})", path.display());
    }
    file.lock().with_context(|| path.display().to_string())?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_have_names_variables_and_ports_of_their_own() {
        let mut ports: Vec<u16> = ALL.iter().flat_map(|engine| engine.ports().to_vec()).collect();
        // Above are those that the system gives to outgoing connections.
        assert!(ports.iter().all(|port| (1024..32_768).contains(port)));
        let count = ports.len();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), count);
        for engine in ALL {
            assert_eq!(named(engine.name()).unwrap().variable(), engine.variable());
        }
        assert!(named("mysql").is_err());
    }

    #[test]
    fn a_lock_is_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        drop(locked(&path).unwrap());
        assert!(File::create(&path).unwrap().try_lock().is_ok());
    }
}
