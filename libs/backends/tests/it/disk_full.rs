//! A full disk: nothing is acknowledged that is not kept, and work goes on when there is room again.

use std::{path::Path, process::Command as Process, time::Duration};

use eventing::{
    StreamId,
    store::{Append, EventStore, Expected, NewEvent, Outcome, Write},
};
use proto::envelope::Meta;

use crate::fresh;

const PAYLOAD: usize = 16 * 1024;

/// A small disk of its own; gone when dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None`, and says why, where nobody may mount one.
    fn of(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        if let Err(refused) = mount(&[&format!("size={size}")], folder.path()) {
            eprintln!("skipped: a small disk cannot be mounted ({refused})");
            return None;
        }
        Some(Self(folder))
    }

    fn grow_to(&self, size: &str) {
        mount(&["remount", &format!("size={size}")], self.0.path()).expect("it grows");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // What is still open keeps it busy: it goes as soon as that is closed.
        let _ = Process::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

fn mount(options: &[&str], at: &Path) -> Result<(), String> {
    let tried =
        Process::new("mount").args(["-t", "tmpfs", "-o", &options.join(","), "tmpfs"]).arg(at).output();
    let output = tried.map_err(|error| error.to_string())?;
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }
}

fn big(number: usize) -> Append {
    let event = NewEvent {
        event_id: uuid::Uuid::now_v7(),
        kind: "stadion.test.v1.Happened".to_owned(),
        schema_ver: 1,
        payload: vec![u8::try_from(number % 251).unwrap_or_default(); PAYLOAD].into(),
        meta: Meta::default(),
    };
    let stream = StreamId::named("stream-1");
    let write = Write { stream, partition_key: "p".to_owned(), expected: Expected::Any, events: vec![event] };
    Append { writes: vec![write], ..Append::default() }
}

/// Appends until the store refuses; how many were acknowledged.
async fn fill(store: &dyn EventStore) -> i64 {
    for number in 0..10_000 {
        match store.append(big(number)).await {
            Ok(Outcome::Appended { .. }) => {}
            Ok(other) => panic!("{other:?}"),
            Err(_) => return i64::try_from(number).expect("few"),
        }
    }
    panic!("the disk is never full")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_acknowledges_nothing_and_recovers_with_room() {
    let Some(disk) = SmallDisk::of("6m") else { return };
    let store = fresh::store(fresh::sqlite_db(disk.0.path(), "test.db").await).await.store;
    let kept = fill(&*store).await;
    assert!(kept > 10, "{kept} were taken before the disk was full");
    assert!(store.append(big(0)).await.is_err(), "still full: still refused");
    assert_eq!(store.head().await.expect("readable while full"), kept, "what was refused is not there");

    disk.grow_to("64m");
    let mut taken = store.append(big(0)).await;
    for _ in 0..50 {
        if taken.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        taken = store.append(big(0)).await;
    }
    // A store whose last commit is in doubt stays closed until the process starts anew; both are right.
    if let Ok(outcome) = taken {
        assert!(matches!(outcome, Outcome::Appended { position, .. } if position == kept + 1), "{outcome:?}");
    }
    drop(store);
    let again = fresh::store(fresh::sqlite_db(disk.0.path(), "test.db").await).await.store;
    let events = again.read_all(0, usize::MAX).await.expect("readable after a start");
    let positions: Vec<i64> = events.iter().map(|event| event.position).collect();
    assert!(i64::try_from(positions.len()).expect("few") >= kept, "everything acknowledged is there");
    assert_eq!(positions, (1..=i64::try_from(positions.len()).expect("few")).collect::<Vec<_>>());
    assert!(matches!(again.append(big(1)).await, Ok(Outcome::Appended { .. })), "a clean start takes writes");
}
