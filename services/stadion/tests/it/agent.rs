//! `stadion agent`, the built binary, against a real server: paired, killed, throttled, offline, revoked.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use formats::synth;
use serde_json::{Value, json};
use stadion::demo::door::{Door, until};

use crate::{
    embedded::{Process, patient, serving},
    hostile::somebody,
    wire::Wire,
};

const PATIENT: &[(&str, &str)] =
    &[("STADION_LIMITS__SIGN_UPS_PER_HOUR", "0"), ("STADION_LIMITS__WRITES_PER_S", "0")];
/// How long a line is waited for.
const SAID_WITHIN: Duration = Duration::from_secs(60);

/// Where an agent works: its folder and its state.
struct Bench {
    place: tempfile::TempDir,
    server: String,
}

/// A running agent and the lines that it says; killed when dropped.
struct Agent {
    child: Child,
    lines: Receiver<String>,
}

impl Bench {
    fn new(server: &str) -> Self {
        let bench = Self { place: tempfile::tempdir().unwrap(), server: server.to_owned() };
        fs::create_dir(bench.watched()).unwrap();
        bench
    }

    fn watched(&self) -> PathBuf {
        self.place.path().join("watched")
    }

    fn state(&self) -> PathBuf {
        self.place.path().join("kept/agent.json")
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        fs::write(self.watched().join(name), bytes).unwrap();
    }

    /// The state as it is written.
    fn kept(&self) -> Value {
        serde_json::from_slice(&fs::read(self.state()).unwrap()).unwrap()
    }

    /// What became of files, by name.
    fn outcomes(&self) -> Vec<(String, String)> {
        let kept = self.kept();
        let text = |outcome: &Value, name: &str| outcome[name].as_str().unwrap().to_owned();
        let outcomes = kept["outcomes"].as_object().unwrap().values();
        let mut outcomes: Vec<_> =
            outcomes.map(|outcome| (text(outcome, "file"), text(outcome, "status"))).collect();
        outcomes.sort();
        outcomes
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stadion"));
        command.args(["agent", "--every", "1", "--server", &self.server, "--state"]).arg(self.state());
        command.arg("--watch").arg(self.watched()).args(more);
        command
    }

    fn start(&self, more: &[&str]) -> Agent {
        let mut child = self.command(more).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (said, lines) = mpsc::channel();
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let pipes: [Box<dyn Read + Send>; 2] = [Box::new(out), Box::new(err)];
        for pipe in pipes {
            let said = said.clone();
            thread::spawn(move || {
                for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                    // Nobody listens any more when the test is over.
                    let _ = said.send(line);
                }
            });
        }
        Agent { child, lines }
    }

    /// Runs to its end: how it ended, and all that it said.
    fn once(&self) -> (i32, String) {
        let ended = self.command(&["--once", "--patience", "90"]).output().unwrap();
        let said = [ended.stdout, ended.stderr].concat();
        (ended.status.code().unwrap(), String::from_utf8(said).unwrap())
    }

    /// The owner reads the code and enters it.
    async fn pair(&self, door: &Door, token: &str) {
        let mut agent = self.start(&["--pair"]);
        agent.is_let_in(door, token).await;
        assert!(agent.child.wait().unwrap().success());
    }
}

impl Agent {
    fn says(&self, wanted: &str) -> String {
        let mut heard = Vec::new();
        loop {
            let Ok(line) = self.lines.recv_timeout(SAID_WITHIN) else {
                panic!("no {wanted:?} in {heard:#?}")
            };
            if line.contains(wanted) {
                return line;
            }
            heard.push(line);
        }
    }

    async fn is_let_in(&mut self, door: &Door, token: &str) {
        let line = self.says("enter the code ");
        let code = line.split(' ').nth(3).unwrap();
        let approval = json!({ "user_code": code });
        door.post("/v1/me/device-approvals").with(token).json(&approval).expect(204).await.unwrap();
        self.says("paired");
    }

    /// `kill -9`
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(number: u64) -> formats::Activity {
    let (day, hour) = (1 + number / 20, number % 20);
    let start = format!("2026-04-{day:02}T{hour:02}:{number:02}:00Z").parse().unwrap();
    synth::run(number, start, 1_500.0, 300.0)
}

async fn ids(door: &Door, token: &str, path: &str) -> BTreeSet<String> {
    let listed = door.get(&format!("{path}?limit=200")).with(token).expect(200).await.unwrap();
    listed.items().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

fn ready(name: &str) -> (String, String) {
    (name.to_owned(), "ready".to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paired_agent_brings_in_three_files_and_tells_of_a_bad_one_once() {
    let data = tempfile::tempdir().unwrap();
    let running = patient(data.path()).await;
    let door = Door::new(&format!("http://{}", running.http)).unwrap();
    let token = somebody(&door, data.path(), "aru@example.org").await;
    let bench = Bench::new(&format!("http://{}", running.http));
    let (code, said) = bench.once();
    assert!(code == 3 && said.contains("--pair"), "{code}: {said}");
    bench.pair(&door, &token).await;
    assert_eq!(fs::metadata(bench.state()).unwrap().permissions().mode() & 0o777, 0o600);

    let fit = formats::write(&run(1));
    fs::create_dir(bench.watched().join("2026")).unwrap();
    bench.put("2026/a.fit", &fit);
    bench.put("b.gpx", formats::gpx::write(&run(2)).as_bytes());
    bench.put("c.tcx", formats::tcx::write(&run(3)).as_bytes());
    bench.put("copy of a.fit", &fit);
    bench.put("bad.fit", &[&fit[..14], b"and nothing that a watch would write".as_slice()].concat());
    bench.put("poem.txt", b"Kindle not the fire");
    bench.put(".hidden.fit", &formats::write(&run(4)));
    bench.put("growing.fit.part", &formats::write(&run(5)));
    let (code, said) = bench.once();
    assert_eq!(code, 5, "a file was refused: {said}");
    assert!(said.contains("bad.fit: failed (file_unreadable"), "{said}");
    assert!(said.contains("poem.txt: not sent: neither FIT"), "{said}");
    assert_eq!(ids(&door, &token, "/v1/activities").await.len(), 3, "{said}");
    let uploads = ids(&door, &token, "/v1/uploads").await;
    assert_eq!(uploads.len(), 4, "the copy is known by its content: {said}");

    let (code, said) = bench.once();
    assert_eq!(code, 0, "what was told is not told again: {said}");
    assert_eq!(ids(&door, &token, "/v1/uploads").await, uploads);
    fs::remove_file(bench.state()).unwrap();
    bench.pair(&door, &token).await;
    bench.once();
    assert_eq!(
        ids(&door, &token, "/v1/uploads").await,
        uploads,
        "without its memory: the same keys, the same answers"
    );
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_again_and_again_it_loses_nothing_and_sends_nothing_twice() {
    const FILES: u64 = 24;
    let data = tempfile::tempdir().unwrap();
    let server = Process::set(data.path(), PATIENT);
    let door = Door::new(&server.base).unwrap();
    let token = somebody(&door, data.path(), "aru@example.org").await;
    let bench = Bench::new(&server.base);
    bench.pair(&door, &token).await;
    for number in 0..FILES {
        bench.put(&format!("{number:02}.fit"), &formats::write(&run(number)));
    }
    for moment_ms in [0, 3, 10, 20, 35, 60, 110] {
        let agent = bench.start(&[]);
        agent.says(".fit: ready");
        thread::sleep(Duration::from_millis(moment_ms));
        agent.kill();
    }
    let (code, said) = bench.once();
    assert_eq!(code, 0, "{said}");
    let wanted: Vec<_> = (0..FILES).map(|number| ready(&format!("{number:02}.fit"))).collect();
    assert_eq!(bench.outcomes(), wanted, "what was sent before it was killed is answered as then");
    assert_eq!(ids(&door, &token, "/v1/activities").await.len() as u64, FILES);
    assert_eq!(ids(&door, &token, "/v1/uploads").await.len() as u64, FILES);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn throttled_it_waits_as_long_as_it_is_told() {
    let data = tempfile::tempdir().unwrap();
    let server = Process::set(data.path(), &[("STADION_LIMITS__WRITES_PER_S", "1")]);
    let door = Door::new(&server.base).unwrap();
    let token = somebody(&door, data.path(), "aru@example.org").await;
    let wire = Wire::to(&server.base);
    let bench = Bench::new(&wire.base());
    bench.pair(&door, &token).await;
    let files: Vec<String> = (0..5).map(|number| format!("{number}.fit")).collect();
    for (name, number) in files.iter().zip(0..) {
        bench.put(name, &formats::write(&run(number)));
    }
    wire.busy(2);
    let begun = Instant::now();
    let (code, said) = bench.once();
    assert_eq!(code, 0, "{said}");
    assert_eq!(said.matches("the server answers 503").count(), 2, "{said}");
    // Five within a second each are told to wait; a machine that takes longer for each of them is not.
    let slow = begun.elapsed() >= Duration::from_secs(4);
    assert!(slow || said.contains("the server answers 429 rate_limited"), "{said}");
    assert_eq!(bench.outcomes(), files.iter().map(|name| ready(name)).collect::<Vec<_>>());
    assert_eq!(ids(&door, &token, "/v1/uploads").await.len(), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offline_it_waits_and_goes_on_when_the_server_is_back() {
    let data = tempfile::tempdir().unwrap();
    let server = Process::set(data.path(), PATIENT);
    let door = Door::new(&server.base).unwrap();
    let token = somebody(&door, data.path(), "aru@example.org").await;
    let wire = Wire::to(&server.base);
    let bench = Bench::new(&wire.base());
    bench.pair(&door, &token).await;
    let agent = bench.start(&[]);
    bench.put("1.fit", &formats::write(&run(1)));
    agent.says("1.fit: ready");
    wire.cut();
    server.kill();
    bench.put("2.fit", &formats::write(&run(2)));
    bench.put("3.fit", &formats::write(&run(3)));
    agent.says("; again in");
    agent.says("; again in");
    let server = Process::set(data.path(), PATIENT);
    wire.mend(&server.base);
    agent.says(".fit: ready");
    agent.says(".fit: ready");
    assert_eq!(bench.outcomes(), ["1.fit", "2.fit", "3.fit"].map(ready));
    let door = Door::new(&server.base).unwrap();
    let three = |answer: &stadion::demo::door::Answer| answer.items().len() == 3;
    until(|| door.get("/v1/activities").with(&token), three).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offline_for_too_long_a_run_with_an_end_says_that_it_is_not_done() {
    let data = tempfile::tempdir().unwrap();
    let running = serving(data.path()).await;
    let door = Door::new(&format!("http://{}", running.http)).unwrap();
    let token = somebody(&door, data.path(), "aru@example.org").await;
    let wire = Wire::to(&format!("http://{}", running.http));
    let bench = Bench::new(&wire.base());
    bench.pair(&door, &token).await;
    bench.put("1.fit", &formats::write(&run(1)));
    wire.cut();
    let ended = bench.command(&["--once", "--patience", "4"]).output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(4), "{said}");
    wire.mend(&format!("http://{}", running.http));
    let (code, said) = bench.once();
    assert_eq!(code, 0, "{said}");
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revoked_it_says_so_and_goes_on_when_it_is_paired_anew() {
    let data = tempfile::tempdir().unwrap();
    let running = patient(data.path()).await;
    let door = Door::new(&format!("http://{}", running.http)).unwrap();
    let token = somebody(&door, data.path(), "aru@example.org").await;
    let bench = Bench::new(&format!("http://{}", running.http));
    bench.pair(&door, &token).await;
    bench.put("1.fit", &formats::write(&run(1)));
    assert_eq!(bench.once().0, 0);
    end_device(&door, &token).await;
    bench.put("2.fit", &formats::write(&run(2)));
    let (code, said) = bench.once();
    assert!(code == 3 && said.contains("the pairing has ended"), "{code}: {said}");
    assert!(bench.kept()["tokens"].is_null(), "dead tokens are thrown away");

    let mut agent = bench.start(&[]);
    agent.is_let_in(&door, &token).await;
    agent.says("2.fit: ready");
    bench.put("3.fit", &formats::write(&run(3)));
    agent.says("3.fit: ready");
    end_device(&door, &token).await;
    bench.put("4.fit", &formats::write(&run(4)));
    agent.says("it must be paired anew");
    agent.is_let_in(&door, &token).await;
    agent.says("4.fit: ready");
    assert_eq!(bench.outcomes(), ["1.fit", "2.fit", "3.fit", "4.fit"].map(ready));
    assert_eq!(ids(&door, &token, "/v1/uploads").await.len(), 4, "nothing was sent twice");
    running.stop().await.unwrap();
}

/// The owner ends the agent's session.
async fn end_device(door: &Door, token: &str) {
    let sessions = door.get("/v1/sessions").with(token).expect(200).await.unwrap();
    let device = sessions.items().iter().find(|item| item["device_name"] == "stadion agent").unwrap();
    let id = device["session_id"].as_str().unwrap();
    door.delete(&format!("/v1/sessions/{id}")).with(token).expect(204).await.unwrap();
}

#[test]
fn what_cannot_work_is_told_at_once() {
    let bench = Bench::new("ftp://example.org");
    let ended = bench.command(&["--once"]).output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(ended.status.code() == Some(1) && said.contains("begins with https://"), "{said}");
    let bench = Bench::new("http://127.0.0.1:1");
    fs::remove_dir(bench.watched()).unwrap();
    let ended = bench.command(&["--once"]).output().unwrap();
    assert_eq!(ended.status.code(), Some(1), "no folder to watch");
    let held = Path::new("/proc/no-such-folder/agent.json");
    let mut command = Command::new(env!("CARGO_BIN_EXE_stadion"));
    let ended = command.args(["agent", "--pair", "--state"]).arg(held).output().unwrap();
    assert_eq!(ended.status.code(), Some(1), "no place for the state");
}
