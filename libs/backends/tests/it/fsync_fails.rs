//! A disk that takes writes and does not keep them: the store fails closed, the process ends, nothing is acknowledged
//! that a clean start does not find.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command as Process, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use eventing::{
    conformance::history::{Found, History, Kept},
    migrate::SPINE,
    store::{EventStore, Outcome},
};
use stadion_backends::{SqlEventStore, sqlite};
use tokio_util::sync::CancellationToken;

use crate::fresh::{self, append};

const FOLDER: &str = "STADION_FSYNC_FOLDER";
const WHEN: &str = "STADION_FSYNC_FAILS_WHEN";
/// What the victim ends with when its store says that it must not go on.
const GAVE_UP: i32 = 70;

/// The shim, compiled; `None`, and says why, where there is no C compiler.
fn shim(folder: &Path) -> Option<PathBuf> {
    let (source, made) =
        (concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/faults/fsync_fails.c"), folder.join("shim.so"));
    let compiled =
        Process::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&made).arg(source).arg("-ldl").status();
    match compiled {
        Ok(status) => {
            assert!(status.success(), "the shim compiles");
            Some(made)
        }
        Err(error) => {
            eprintln!("skipped: no C compiler (cc) makes the shim: {error}");
            None
        }
    }
}

/// The victim: writes one command behind the other and notes each answer, until its store gives up.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "started by the test below, in a process of its own"]
async fn victim() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let fatal = CancellationToken::new();
    let options = sqlite::Options { fatal: fatal.clone() };
    let db = sqlite::open(&folder.join("test.db"), options).await.expect("SQLite opens");
    SPINE.apply(&db).await.expect("the spine's tables");
    let store: Arc<dyn EventStore> = Arc::new(SqlEventStore::open(db).await.expect("the store opens"));
    let mut noted = OpenOptions::new().create(true).append(true).open(folder.join("noted")).expect("a file");
    for number in 0..1_000_000 {
        let key = format!("{}-{number}", std::process::id());
        writeln!(noted, "asked {key}").expect("noted");
        match store.append(append(number % 3, &key)).await {
            Ok(Outcome::Appended { position, .. }) => {
                writeln!(noted, "done {key} {position}").expect("noted")
            }
            Ok(other) => panic!("{other:?}"),
            Err(error) => {
                writeln!(noted, "failed {key} {error}").expect("noted");
                assert!(store.append(append(0, "behind it")).await.is_err(), "it stays closed");
                fatal.cancelled().await;
                std::process::exit(GAVE_UP);
            }
        }
    }
}

fn start(folder: &Path, shim: &Path) -> Child {
    Process::new(std::env::current_exe().expect("this test's binary"))
        .args(["--exact", "fsync_fails::victim", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .env(WHEN, folder.join("now"))
        .env("LD_PRELOAD", shim)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the victim starts")
}

fn noted(folder: &Path) -> Vec<Vec<String>> {
    let text = fs::read_to_string(folder.join("noted")).unwrap_or_default();
    text.lines().map(|line| line.split(' ').map(str::to_owned).collect()).collect()
}

fn wait_for(what: &str, mut reached: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !reached() {
        assert!(Instant::now() < until, "waited for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_does_not_keep_ends_the_process_and_loses_nothing_acknowledged() {
    let root = tempfile::tempdir().expect("a folder");
    let Some(shim) = shim(root.path()) else { return };
    for round in 1..=3 {
        let before = noted(root.path()).len();
        let mut victim = start(root.path(), &shim);
        wait_for("some writes", || noted(root.path()).len() > before + 40 * round);
        fs::write(root.path().join("now"), "").expect("the disk fails from here on");
        let mut ended = None;
        wait_for("the end", || {
            ended = victim.try_wait().expect("asked");
            ended.is_some()
        });
        assert_eq!(ended.and_then(|status| status.code()), Some(GAVE_UP), "it ends by itself, and says so");
        fs::remove_file(root.path().join("now")).expect("a disk that keeps again");
    }
    let mut history = History::default();
    let notes = noted(root.path());
    for note in &notes {
        match note.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["asked", key] => history.attempted(key, 1),
            ["done", key, position] => history.acknowledged(key, position.parse().expect("a number")),
            _ => {}
        }
    }
    assert_eq!(notes.iter().filter(|note| note[0] == "failed").count(), 3, "each round one was refused");
    let store = fresh::store(fresh::sqlite_db(root.path(), "test.db").await).await.store;
    let events = store.read_all(0, usize::MAX).await.expect("a clean start reads");
    let named = |event: &eventing::Recorded| String::from_utf8_lossy(&event.payload).into_owned();
    let journal = events.iter().map(|event| Kept::of(event, named(event))).collect();
    assert_eq!(history.judge(&Found { journal, ..Found::default() }), []);
    assert!(history.answered() > 60, "something was acknowledged");
    assert!(matches!(store.append(append(0, "again")).await, Ok(Outcome::Appended { .. })), "and writes");
}
