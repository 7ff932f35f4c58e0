//! One data folder has one owner.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::{Path, PathBuf},
};

#[derive(Debug, thiserror::Error)]
pub enum DataFolderError {
    #[error(
        "the data folder {folder} is in use by another stadion (process {owner}); stop that one, or choose another folder with --data"
    )]
    InUse { folder: PathBuf, owner: String },
    #[error("the data folder {folder} cannot be used: {source}")]
    Io { folder: PathBuf, source: std::io::Error },
}

/// A locked folder; the lock ends with the process, however it ends.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    _lock: File,
}

impl DataFolder {
    /// Makes the folder when it is missing and takes its lock.
    pub fn open(path: &Path) -> Result<Self, DataFolderError> {
        let failed = |source| DataFolderError::Io { folder: path.to_owned(), source };
        fs::create_dir_all(path).map_err(failed)?;
        let mut lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path.join("stadion.lock"))
            .map_err(failed)?;
        if let Err(refused) = lock.try_lock() {
            if let TryLockError::Error(source) = refused {
                return Err(failed(source));
            }
            let mut owner = String::new();
            // The owner's number only helps to find it: an unreadable file is no other error.
            let _ = lock.read_to_string(&mut owner);
            let owner = if owner.trim().is_empty() { "unknown".to_owned() } else { owner.trim().to_owned() };
            return Err(DataFolderError::InUse { folder: path.to_owned(), owner });
        }
        lock.set_len(0).map_err(failed)?;
        lock.rewind().map_err(failed)?;
        writeln!(lock, "{}", std::process::id()).map_err(failed)?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}
