//! One partition's file.
//!
//! ```text
//! "stadion boards 1\n" · part u32 · next i64 · written_us i64 · boards u32, each: challenge 16, the board · SHA-256 of all this
//! ```

use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use kernel::Id;
use sha2::{Digest, Sha256};
use tracing::warn;
use uuid::Uuid;

use crate::{
    boards::{Cell, ChallengeId},
    domain::board::Board,
};

/// Its number is that of the format.
const BEGINS: &[u8] = b"stadion boards 1\n";
const SUM_BYTES: usize = 32;
const ENDING: &str = "boards";
/// Of one that is still being written.
const UNFINISHED: &str = "new";
/// What somebody did lies no longer in a file that nobody needed.
const AGE_US_MAX: i64 = 7 * 86_400 * 1_000_000;

/// A file that is there.
pub(super) struct File {
    path: PathBuf,
    pub(super) part: u32,
}

/// What it says.
pub(super) struct Kept {
    part: u32,
    /// Where the partition is to be read on.
    pub(super) next: i64,
    written_us: i64,
    pub(super) boards: Vec<(ChallengeId, Board)>,
}

/// The files of a folder; none where it is not there.
pub(super) fn list(folder: &Path) -> Vec<File> {
    let entries = entries(folder);
    let file = |path: PathBuf| {
        let part = path.file_stem()?.to_str()?.parse().ok()?;
        path.extension().is_some_and(|ending| ending == ENDING).then_some(File { path, part })
    };
    entries.filter_map(file).collect()
}

/// Deletes what nobody has finished. Another replica that is writing just now, into the same folder, tries again.
pub(super) fn tidy(folder: &Path) {
    let unfinished = |path: &PathBuf| path.extension().is_some_and(|ending| ending == UNFINISHED);
    entries(folder).filter(unfinished).for_each(|path| delete(&path));
}

/// Deletes them all.
pub(super) fn clear(folder: &Path) {
    list(folder).iter().for_each(|file| delete(&file.path));
}

/// Deletes a partition's, if there is one.
pub(super) fn remove(folder: &Path, part: u32) {
    let path = path_of(folder, part);
    if path.exists() {
        delete(&path);
    }
}

fn path_of(folder: &Path, part: u32) -> PathBuf {
    folder.join(format!("{part:02}.{ENDING}"))
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

fn delete(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        warn!(path = %path.display(), %error, "a file of boards cannot be deleted");
    }
}

impl File {
    /// # Errors
    /// Why it is not trusted.
    pub(super) fn read(&self) -> Result<Kept, String> {
        let bytes = fs::read(&self.path).map_err(|error| error.to_string())?;
        let short = || "it is too short".to_owned();
        let (body, sum) = bytes.split_last_chunk::<SUM_BYTES>().ok_or_else(short)?;
        if Sha256::digest(body)[..] != sum[..] {
            return Err("it is damaged".to_owned());
        }
        let mut rest = body.strip_prefix(BEGINS).ok_or("it is of another format")?;
        let (part, next, written_us) = (
            u32::from_le_bytes(take(&mut rest)?),
            i64::from_le_bytes(take(&mut rest)?),
            i64::from_le_bytes(take(&mut rest)?),
        );
        let count = u32::from_le_bytes(take(&mut rest)?);
        let mut boards = Vec::new();
        for _ in 0..count {
            let id = Id::new(Uuid::from_bytes(take(&mut rest)?));
            boards.push((id, Board::read(&mut rest).map_err(|error| error.to_string())?));
        }
        if !rest.is_empty() {
            return Err("it does not end with its boards".to_owned());
        }
        Ok(Kept { part, next, written_us, boards })
    }

    pub(super) fn drop_for(&self, reason: &str) {
        warn!(path = %self.path.display(), reason, "boards that were kept are not trusted and made anew");
        delete(&self.path);
    }
}

impl Kept {
    /// # Errors
    /// Why it is not of this log, or too old.
    pub(super) fn checked(self, part: u32, ends: &[i64], now_us: i64) -> Result<Self, String> {
        let end = usize::try_from(part).ok().and_then(|part| ends.get(part));
        if self.part != part || end.is_none_or(|end| self.next > *end) {
            return Err("it is of another log".to_owned());
        }
        if now_us.saturating_sub(self.written_us) > AGE_US_MAX {
            return Err("it is too old".to_owned());
        }
        Ok(self)
    }
}

/// Writes a partition's file in the place of the one before, all or nothing.
///
/// # Errors
/// A folder or a file that cannot be written.
pub(super) fn write(
    folder: &Path,
    (part, next): (u32, i64),
    now_us: i64,
    cells: &[Arc<Cell>],
) -> io::Result<()> {
    let mut bytes = BEGINS.to_vec();
    bytes.extend(part.to_le_bytes());
    bytes.extend(next.to_le_bytes());
    bytes.extend(now_us.to_le_bytes());
    bytes.extend(u32::try_from(cells.len()).unwrap_or(u32::MAX).to_le_bytes());
    for cell in cells {
        bytes.extend(cell.id.as_bytes());
        cell.board().write(&mut bytes);
    }
    let sum = Sha256::digest(&bytes);
    bytes.extend(&sum[..]);
    fs::create_dir_all(folder)?;
    let path = path_of(folder, part);
    let fresh = path.with_extension(format!("{}.{UNFINISHED}", std::process::id()));
    let mut file = private(&fresh)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    fs::rename(&fresh, &path)?;
    fs::File::open(folder)?.sync_all()
}

/// For this user alone: it says who did what.
fn private(path: &Path) -> io::Result<fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], String> {
    let (first, rest) = bytes.split_first_chunk().ok_or("it is cut off")?;
    *bytes = rest;
    Ok(*first)
}
