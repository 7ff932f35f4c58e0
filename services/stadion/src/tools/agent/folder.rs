//! Which files of a folder have been written to their end: those that two looks found alike.

use std::{
    collections::BTreeMap,
    fmt,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use anyhow::{Context, bail};
use aws_lc_rs::digest::{SHA256, digest};
use tokio::time::Instant;

use super::patience::backoff;

const DEPTH_MAX: usize = 8;
const FILES_MAX: usize = 100_000;
/// A file is sent from memory. Servers take less than this.
const FILE_BYTES_MAX: u64 = 256 << 20;
/// Names of what is still being written, or was given up.
const UNFINISHED: [&str; 7] = ["~", ".tmp", ".temp", ".part", ".partial", ".crdownload", ".download"];

/// The folder, and what the last look saw.
pub(super) struct Folder {
    root: PathBuf,
    seen: BTreeMap<PathBuf, Seen>,
}

/// By what two looks are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shape {
    size: u64,
    modified: SystemTime,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    shape: Shape,
    looks: u32,
    /// It was dealt with as it is.
    settled: bool,
    tries: u32,
    not_before: Option<Instant>,
}

/// A file that was written to its end.
#[derive(Debug)]
pub(super) struct Complete {
    pub name: String,
    /// SHA-256, in hex.
    pub hash: String,
    pub bytes: Vec<u8>,
}

/// Why a file stays where it is.
#[derive(Debug)]
pub(super) enum Left {
    /// It is no device file: whatever else lies in the folder is nobody's business.
    Foreign,
    Unfit(String),
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign => {
                f.write_str("neither FIT, GPX nor TCX, nor one of these in gzip, nor a ZIP archive")
            }
            Self::Unfit(why) => f.write_str(why),
        }
    }
}

impl Folder {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root, seen: BTreeMap::new() }
    }

    /// # Errors
    /// No folder, or none that can be read.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        fs::read_dir(&self.root).with_context(|| format!("--watch {}", self.root.display()))?;
        Ok(())
    }

    /// The files that are complete and not dealt with, oldest first.
    ///
    /// # Errors
    /// The folder is not there, or holds too much.
    pub(super) fn look(&mut self) -> anyhow::Result<Vec<PathBuf>> {
        let mut found = BTreeMap::new();
        walk(&self.root, DEPTH_MAX, &mut found).with_context(|| format!("{}", self.root.display()))?;
        let mut seen = BTreeMap::new();
        for (path, shape) in found {
            let before = self.seen.get(&path).filter(|before| before.shape == shape);
            let now = match before {
                Some(before) => Seen { looks: before.looks.saturating_add(1), ..*before },
                None => Seen { shape, looks: 1, settled: false, tries: 0, not_before: None },
            };
            seen.insert(path, now);
        }
        self.seen = seen;
        let now = Instant::now();
        let is_due =
            |seen: &Seen| seen.looks >= 2 && !seen.settled && seen.not_before.is_none_or(|at| at <= now);
        let due = self.seen.iter().filter(|(_, seen)| is_due(seen));
        let mut due: Vec<_> = due.map(|(path, seen)| (seen.shape.modified, path.clone())).collect();
        due.sort();
        Ok(due.into_iter().map(|(_, path)| path).collect())
    }

    /// Nothing is left to be done.
    pub(super) fn is_quiet(&self) -> bool {
        self.seen.values().all(|seen| seen.settled)
    }

    /// The file as the last look saw it; `None`: it is another one by now, or gone.
    ///
    /// # Errors
    /// Why it is not sent.
    pub(super) fn read(&mut self, path: &Path) -> Result<Option<Complete>, Left> {
        let Some(seen) = self.seen.get(path) else { return Ok(None) };
        if seen.shape.size > FILE_BYTES_MAX {
            return Err(Left::Unfit(format!("it is larger than {} MiB", FILE_BYTES_MAX >> 20)));
        }
        let bytes = match whole(path, seen.shape) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Left::Unfit(format!("it cannot be read: {error}"))),
        };
        if formats::detect(&bytes).is_none() && !formats::archive::is_zip(&bytes) {
            return Err(Left::Foreign);
        }
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(Some(Complete { name, hash: hex::encode(digest(&SHA256, &bytes)), bytes }))
    }

    /// It was dealt with; should it change, it is looked at again.
    pub(super) fn settle(&mut self, path: &Path) {
        if let Some(seen) = self.seen.get_mut(path) {
            seen.settled = true;
        }
    }

    /// It is tried again after a pause, longer each time.
    pub(super) fn postpone(&mut self, path: &Path) -> Duration {
        let Some(seen) = self.seen.get_mut(path) else { return Duration::ZERO };
        let pause = backoff(seen.tries.saturating_add(2));
        seen.tries = seen.tries.saturating_add(1);
        seen.not_before = Some(Instant::now() + pause);
        pause
    }
}

/// The bytes, unless the file is not, or no longer, of that shape.
fn whole(path: &Path, shape: Shape) -> io::Result<Option<Vec<u8>>> {
    let file = File::open(path)?;
    let mut bytes = Vec::new();
    (&file).take(shape.size + 1).read_to_end(&mut bytes)?;
    let after = file.metadata()?;
    let is_same = bytes.len() as u64 == shape.size && after.modified()? == shape.modified;
    Ok(is_same.then_some(bytes))
}

/// Files below a folder. Links are not followed; what goes away meanwhile was not there.
fn walk(folder: &Path, depth: usize, found: &mut BTreeMap<PathBuf, Shape>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let Ok(entry) = entry else { continue };
        let (path, name) = (entry.path(), entry.file_name());
        if is_ignored(&name.to_string_lossy()) {
            continue;
        }
        let Ok(about) = entry.metadata() else { continue };
        if about.is_dir() && depth > 0 {
            // One that may not be read hides nothing from the others.
            let _ = walk(&path, depth - 1, found);
        } else if about.is_file() {
            found.insert(path, Shape { size: about.len(), modified: about.modified()? });
        }
        if found.len() > FILES_MAX {
            bail!("more than {FILES_MAX} files: watch a smaller folder");
        }
    }
    Ok(())
}

fn is_ignored(name: &str) -> bool {
    let name = name.to_lowercase();
    name.starts_with(['.', '~']) || UNFINISHED.iter().any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(paths: &[PathBuf]) -> Vec<String> {
        paths.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_file_is_complete_when_two_looks_found_it_alike() {
        let place = tempfile::tempdir().unwrap();
        let run = place.path().join("run.fit");
        fs::write(&run, "half").unwrap();
        let mut folder = Folder::new(place.path().to_owned());
        assert!(folder.look().unwrap().is_empty());
        fs::write(&run, "the whole").unwrap();
        assert!(folder.look().unwrap().is_empty(), "it has grown");
        assert!(!folder.is_quiet());
        assert_eq!(names(&folder.look().unwrap()), ["run.fit"]);
        folder.settle(&run);
        assert!(folder.look().unwrap().is_empty() && folder.is_quiet());
        fs::write(&run, "another one").unwrap();
        assert!(folder.look().unwrap().is_empty());
        assert_eq!(names(&folder.look().unwrap()), ["run.fit"], "what has changed is looked at again");
    }

    #[test]
    fn hidden_and_unfinished_files_are_left_and_subfolders_are_not() {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir_all(place.path().join("2026/05")).unwrap();
        fs::create_dir_all(place.path().join(".trash")).unwrap();
        for name in [".run.fit", "run.fit.part", "RUN.FIT.TMP", "run.fit~", ".trash/old.fit", "2026/05/a.fit"]
        {
            fs::write(place.path().join(name), "x").unwrap();
        }
        let mut folder = Folder::new(place.path().to_owned());
        folder.look().unwrap();
        assert_eq!(names(&folder.look().unwrap()), ["a.fit"]);
    }

    #[test]
    fn what_is_no_device_file_is_never_sent() {
        let place = tempfile::tempdir().unwrap();
        let poem = place.path().join("run.fit");
        fs::write(&poem, "Kindle not the fire").unwrap();
        let mut folder = Folder::new(place.path().to_owned());
        folder.look().unwrap();
        assert!(matches!(folder.read(&poem), Err(Left::Foreign)));
        fs::write(&poem, "Kindle not the fire, again").unwrap();
        assert!(folder.read(&poem).unwrap().is_none(), "it changed after the look");
        fs::remove_file(&poem).unwrap();
        assert!(folder.read(&poem).unwrap().is_none(), "it is gone");
    }

    #[test]
    fn what_fails_is_tried_again_later() {
        let place = tempfile::tempdir().unwrap();
        let run = place.path().join("run.fit");
        fs::write(&run, "x").unwrap();
        let mut folder = Folder::new(place.path().to_owned());
        folder.look().unwrap();
        folder.look().unwrap();
        let (first, second) = (folder.postpone(&run), folder.postpone(&run));
        assert!(second >= first && folder.look().unwrap().is_empty() && !folder.is_quiet());
    }
}
