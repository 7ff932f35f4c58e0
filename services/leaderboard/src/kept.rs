//! Boards that are kept over a restart: a file for each partition of the log of scores, with the boards that stand on it and
//! the place in the log up to which they have heard.
//!
//! A file is a shortcut and no truth. It is written beside the old one and renamed over it; what is behind its place in the
//! log is read from the log, what it knows already is told again without effect. Whatever about it is not as it must be, it
//! is deleted, and its partition is read from the beginning.

mod file;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kernel::{Clock, time::micros};
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use self::file::File;
use crate::boards::Boards;

/// However many are erased one after the other.
const SOON: Duration = Duration::from_secs(1);

/// The files, and what is to be written into them.
pub struct Keeper {
    folder: PathBuf,
    boards: Arc<Boards>,
    clock: Arc<dyn Clock>,
    /// How often; `None`: nothing is kept.
    each: Option<Duration>,
    places: Mutex<Places>,
    /// A file holds what it must not hold any more.
    soon: Notify,
}

#[derive(Default)]
struct Places {
    parts: BTreeMap<u32, Place>,
    /// The changes that are in the partition's file.
    written: BTreeMap<u32, u64>,
    /// Whose files hold somebody whom they must not hold any more.
    forgetting: BTreeSet<u32>,
    /// Of which something was not understood: whoever understands it reads them from the beginning.
    distrusted: BTreeSet<u32>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Place {
    /// Behind the newest that the boards of the partition were told.
    next: i64,
    /// Counts what happened to them.
    changes: u64,
}

impl Keeper {
    pub fn new(folder: &Path, boards: Arc<Boards>, clock: Arc<dyn Clock>, each_s: u64) -> Self {
        let each = (each_s > 0).then(|| Duration::from_secs(each_s));
        let folder = folder.join("boards");
        Self { folder, boards, clock, each, places: Mutex::default(), soon: Notify::new() }
    }

    /// The boards of the partition have been told everything before this place.
    pub fn heard(&self, part: u32, next: i64) {
        let mut places = self.places();
        let place = places.parts.entry(part).or_default();
        *place = Place { next, changes: place.changes + 1 };
    }

    /// Somebody is off the boards there for good: their file is written anew soon, whatever else happens.
    pub fn forget(&self, part: u32) {
        let mut places = self.places();
        places.parts.entry(part).or_default().changes += 1;
        places.forgetting.insert(part);
        drop(places);
        self.soon.notify_one();
    }

    /// Not all of the partition could be taken: it is not kept, so that the next start takes it again from the beginning.
    pub fn distrust(&self, part: u32) {
        if self.places().distrusted.insert(part) {
            file::remove(&self.folder, part);
        }
    }

    /// Brings back what was kept, of a log with these ends: the places to go on at. What is damaged, too old, of another
    /// format or of another log is deleted.
    pub fn restore(&self, ends: &[i64]) -> Vec<(u32, i64)> {
        file::tidy(&self.folder);
        if self.each.is_none() {
            file::clear(&self.folder);
            return Vec::new();
        }
        let (began, files, now_us) = (Instant::now(), file::list(&self.folder), micros(self.clock.now()));
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let places: Vec<(u32, i64)> = std::thread::scope(|scope| {
            let work = |worker| {
                let own = files.iter().skip(worker).step_by(workers);
                own.filter_map(|file| self.bring_back(file, ends, now_us)).collect::<Vec<_>>()
            };
            let running: Vec<_> = (0..workers).map(|worker| scope.spawn(move || work(worker))).collect();
            running.into_iter().flat_map(|one| one.join().unwrap_or_default()).collect()
        });
        if !places.is_empty() {
            let took_ms = began.elapsed().as_millis();
            info!(partitions = places.len(), boards = self.boards.len(), took_ms, "boards were kept");
        }
        places
    }

    fn bring_back(&self, file: &File, ends: &[i64], now_us: i64) -> Option<(u32, i64)> {
        let kept = file.read().and_then(|kept| kept.checked(file.part, ends, now_us));
        let kept = kept.map_err(|reason| file.drop_for(&reason)).ok()?;
        let mut forgotten = false;
        for (id, board) in kept.boards {
            forgotten |= self.boards.restore(id, file.part, board);
        }
        // Whoever has vanished since the boards were put there is counted already, and stays so.
        let mut places = self.places();
        places.parts.entry(file.part).or_default().next = kept.next;
        places.written.insert(file.part, 0);
        drop(places);
        if forgotten {
            self.forget(file.part);
        }
        Some((file.part, kept.next))
    }

    /// Writes what has changed, now and then, when somebody has vanished, and at the end.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) -> Result<(), String> {
        let Some(each) = self.each else { return Ok(()) };
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = tokio::time::sleep(each) => {}
                () = self.soon.notified() => tokio::time::sleep(SOON.min(each)).await,
            }
            self.clone().write_aside().await;
        }
        self.write_aside().await;
        Ok(())
    }

    async fn write_aside(self: Arc<Self>) {
        let written = tokio::task::spawn_blocking(move || self.write()).await;
        if let Err(error) = written {
            warn!(%error, "boards are not kept");
        }
    }

    /// Writes the files of all partitions where something has changed. What cannot be written is tried again.
    pub fn write(&self) {
        for (part, place) in self.changed() {
            let now_us = micros(self.clock.now());
            match file::write(&self.folder, (part, place.next), now_us, &self.boards.on(part)) {
                Ok(()) => {
                    let mut places = self.places();
                    places.written.insert(part, place.changes);
                    // Distrusted while it was being written.
                    if places.distrusted.contains(&part) {
                        file::remove(&self.folder, part);
                    }
                    if places.parts.get(&part).is_some_and(|now| now.changes == place.changes) {
                        places.forgetting.remove(&part);
                    }
                }
                Err(error) => {
                    warn!(part, %error, "the boards of a partition are not kept");
                    if self.places().forgetting.contains(&part) {
                        file::remove(&self.folder, part);
                    }
                }
            }
        }
    }

    /// Taken before the boards are looked at: a file may know more than it says, never less.
    fn changed(&self) -> Vec<(u32, Place)> {
        let places = self.places();
        let changed = |(part, place): &(&u32, &Place)| {
            places.written.get(part) != Some(&place.changes) && !places.distrusted.contains(part)
        };
        places.parts.iter().filter(changed).map(|(part, place)| (*part, *place)).collect()
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use kernel::SystemClock;

    use super::*;

    #[test]
    fn a_partition_of_which_something_was_not_understood_is_not_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let keeper = Keeper::new(folder.path(), Arc::default(), Arc::new(SystemClock), 60);
        let kept = || file::list(&folder.path().join("boards")).len();
        keeper.heard(3, 10);
        keeper.heard(4, 7);
        keeper.write();
        assert_eq!(kept(), 2);
        keeper.distrust(3);
        keeper.heard(3, 11);
        keeper.heard(4, 8);
        keeper.write();
        assert_eq!(kept(), 1);
        assert_eq!(keeper.restore(&[0, 0, 0, 20, 20]), [(4, 8)]);
    }
}
