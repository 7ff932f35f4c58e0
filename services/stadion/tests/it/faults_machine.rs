//! The real binary on a machine that fails it: a disk that does not keep, a disk that is full, a clock that jumps.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Mutex, atomic::Ordering},
    time::Duration,
};

use serde_json::json;
use stadion::demo::{
    cast::{ALMATY, Cast, Person},
    door::Door,
};
use testkit::engines;

use crate::{
    embedded::binary,
    faults_judge::{Diary, counted, journal, judge, until},
};

/// `stadion up` in an environment of its own. Killed when dropped.
struct Up {
    child: Child,
    base: String,
}

impl Up {
    fn start(data: &Path, environment: &[(&str, &Path)]) -> Self {
        let mut command = binary("up", data);
        command.env("STADION_LIMITS__WRITES_PER_S", "0").args([
            "--http",
            "127.0.0.1:0",
            "--admin",
            "127.0.0.1:0",
        ]);
        command.envs(environment.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let base = line.trim().strip_prefix("ready ").expect("it says that it is ready").to_owned();
        Self { child, base }
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    fn stop(mut self) {
        assert!(
            Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap().success()
        );
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A shim out of `deploy/faults`, compiled; `None`, and it is said, where there is no C compiler.
fn shim(name: &str, folder: &Path) -> Option<PathBuf> {
    let source = format!("{}/../../deploy/faults/{name}.c", env!("CARGO_MANIFEST_DIR"));
    let made = folder.join(format!("{name}.so"));
    match Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&made).arg(source).arg("-ldl").status() {
        Ok(status) => {
            assert!(status.success(), "the shim compiles");
            Some(made)
        }
        Err(error) => {
            engines::skipped(name, &format!("no C compiler (cc) makes the shim: {error}"));
            None
        }
    }
}

/// Everything has been counted by gamification; then what is kept is judged, while nobody runs.
async fn judged(data: &Path, up: Up, written: &[String]) -> String {
    let places = ["activity", "gamification"].map(|service| data.join(format!("stores/{service}.db")));
    let [activity, gamification] = places.map(|place| place.display().to_string());
    until("everything is counted", async || {
        let (kept, effects) = (journal(&activity).await, journal(&gamification).await);
        (counted(&kept, &effects).applied.len() >= written.len()).then_some(())
    })
    .await;
    up.stop();
    judge(written, &journal(&activity).await, &journal(&gamification).await)
}

/// Somebody runs while `trouble` happens; the process that is there at the end.
async fn running_through<F>(
    data: &Path,
    diary: &Diary,
    first: Up,
    trouble: impl FnOnce(Up, std::sync::Arc<Mutex<Door>>) -> F,
) -> Up
where
    F: Future<Output = Up>,
{
    let cast = Cast::new(&first.base, data.to_owned()).unwrap();
    let runner = cast.sign_up("runner", ALMATY, &["terms", "health_data"]).await.unwrap();
    let door = std::sync::Arc::new(Mutex::new(Door::new(&first.base).unwrap()));
    let now = door.clone();
    let playing = async {
        until("it runs", async || (diary.count() > 25).then_some(())).await;
        let up = trouble(first, door).await;
        let before = diary.count();
        until("it runs again", async || (diary.count() > before + 10).then_some(())).await;
        diary.enough.store(true, Ordering::Relaxed);
        up
    };
    let ((), up) = tokio::join!(diary.keep(|| now.lock().unwrap().clone(), &runner), playing);
    up
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_does_not_keep_ends_the_binary_and_loses_nothing_acknowledged() {
    let root = tempfile::tempdir().unwrap();
    let Some(shim) = shim("fsync_fails", root.path()) else { return };
    let (data, when, diary) = (root.path().join("data"), root.path().join("now"), Diary::default());
    let first = Up::start(&data, &[("LD_PRELOAD", &shim), ("STADION_FSYNC_FAILS_WHEN", &when)]);
    let (folder, flag) = (data.clone(), when.clone());
    let up = running_through(&data, &diary, first, |mut up, door| async move {
        fs::write(&flag, "").unwrap();
        let ended = until("it ends by itself", async || up.ended()).await;
        assert!(!ended.success(), "and says that it has failed: {ended}");
        println!("the disk keeps nothing: {ended}");
        let again = Up::start(&folder, &[]);
        *door.lock().unwrap() = Door::new(&again.base).unwrap();
        again
    })
    .await;
    let written = diary.written.lock().unwrap().clone();
    let seen = judged(&data, up, &written).await;
    println!("fsync fails under the binary: {seen}; refusals {:?}", diary.refusals());
}

/// A small disk of its own; gone when dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None`, and it is said, where nobody may mount one.
    fn of(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size={size},mode=0700");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(folder.path())
            .stderr(Stdio::null())
            .status();
        if !mounted.is_ok_and(|status| status.success()) {
            engines::skipped("the binary on a full disk", "a small disk cannot be mounted");
            return None;
        }
        Some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // What is still open keeps it busy: it goes as soon as that is closed.
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_full_disk_the_binary_refuses_and_goes_on_with_room() {
    let Some(disk) = SmallDisk::of("96m") else { return };
    let (data, ballast) = (disk.0.path().join("data"), disk.0.path().join("ballast"));
    let diary = Diary::default();
    let first = Up::start(&data, &[]);
    let folder = data.clone();
    let up = running_through(&data, &diary, first, |mut up, door| {
        let diary = &diary;
        async move {
            // Whatever is left, to the last byte.
            let filled = Command::new("dd")
                .args(["if=/dev/zero", "bs=4k"])
                .arg(format!("of={}", ballast.display()))
                .stderr(Stdio::null())
                .status();
            assert!(!filled.unwrap().success(), "the disk is full");
            let before: usize = diary.refusals().values().sum();
            until("somebody is refused, or it ends", async || {
                let refused: usize = diary.refusals().values().sum();
                (refused > before + 3 || up.ended().is_some()).then_some(())
            })
            .await;
            let ended = up.ended();
            assert!(ended.is_none_or(|status| !status.success()), "{ended:?}");
            println!(
                "full disk: {} acknowledged before, refusals {:?}, ended {ended:?}",
                diary.count(),
                diary.refusals()
            );
            fs::remove_file(&ballast).unwrap();
            if ended.is_none() {
                // It goes on by itself, or ends: then somebody starts it.
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            if up.ended().is_none() {
                return up;
            }
            let again = Up::start(&folder, &[]);
            *door.lock().unwrap() = Door::new(&again.base).unwrap();
            again
        }
    })
    .await;
    let written = diary.written.lock().unwrap().clone();
    let seen = judged(&data, up, &written).await;
    println!("a full disk under the binary: {seen}; refusals {:?}", diary.refusals());
}

/// Runs one at a time, each answered with this status.
async fn runs(door: &Door, athlete: &Person, from: usize, many: usize, diary: &Diary) {
    for number in from..from + many {
        let run = json!({
            "sport": "running", "elapsed_time_s": 50, "distance_m": 120,
            "start_at": format!("2026-04-01T{:02}:{:02}:00+05:00", number / 60, number % 60),
        });
        let ask = || {
            let key = format!("run-{number}");
            door.post("/v1/activities").with(&athlete.token).header("idempotency-key", &key).json(&run)
        };
        let id = ask().expect(201).await.unwrap().text("/id").unwrap();
        // The same key again is the same run, whatever the clock says.
        assert_eq!(ask().expect(201).await.unwrap().text("/id").unwrap(), id);
        diary.written.lock().unwrap().push(id);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_an_hour_changes_no_order_and_doubles_nothing() {
    let root = tempfile::tempdir().unwrap();
    let Some(shim) = shim("clock_jumps", root.path()) else { return };
    let (data, shift, diary) = (root.path().join("data"), root.path().join("shift"), Diary::default());
    let jump = |seconds: i64| {
        let beside = shift.with_extension("new");
        fs::write(&beside, seconds.to_string()).unwrap();
        fs::rename(&beside, &shift).unwrap();
    };
    jump(0);
    let up = Up::start(&data, &[("LD_PRELOAD", &shim), ("STADION_CLOCK_SHIFT_S_IN", &shift)]);
    let mut cast = Cast::new(&up.base, data.clone()).unwrap();
    let runner = cast.sign_up("runner", ALMATY, &["terms", "health_data"]).await.unwrap();
    let door = cast.door.clone();
    runs(&door, &runner, 0, 15, &diary).await;
    jump(3_600);
    // Access tokens live ten minutes: an hour later this one has expired, and says so.
    let expired = door.get("/v1/me").with(&runner.token).expect(401).await.unwrap();
    assert_eq!(expired.text("/code").unwrap(), "token_expired");
    let later = cast.sign_up("later", ALMATY, &["terms", "health_data"]).await.unwrap();
    runs(&door, &later, 100, 15, &diary).await;
    jump(-3_600);
    // An hour before it was made: a token of the future is refused or believed, never a failure of ours.
    let early = door.get("/v1/me").with(&later.token).send().await.unwrap();
    assert!([200, 401].contains(&early.status), "{}: {}", early.status, early.json);
    let before = cast.sign_up("before", ALMATY, &["terms", "health_data"]).await.unwrap();
    runs(&door, &before, 200, 15, &diary).await;
    jump(0);
    cast.repeated = true;
    let now = cast.sign_up("now", ALMATY, &["terms", "health_data"]).await.unwrap();
    runs(&door, &now, 300, 15, &diary).await;
    let written = diary.written.lock().unwrap().clone();
    let seen = judged(&data, up, &written).await;
    println!("clock at +1 h, -1 h, right: {seen}; a token an hour early is answered {}", early.status);
}
