//! A process of the ring service: told what to do on its standard input, a line each, and answering on its output.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command as Process, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use eventing::{EventStore, Journal, Sealer, Spine, leases::Pace, sealing::StaticKeys};
use kernel::SystemClock;
use stadion_backends::SqlEventStore;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{
    points::Points,
    stage::{Stage, took_over},
};
use crate::ring::{self, Counts, SERVICE, Wish};

const STAGE: &str = "STADION_SCENE_STAGE";
const NAME: &str = "STADION_SCENE_NAME";
const PACE_MS: &str = "STADION_SCENE_PACE_MS";
const POINT: &str = "STADION_SCENE_POINT";

const HERE: &str = "here";
const BEGIN: &str = "begin";
const COUNTS: &str = "counts";

/// Whoever asks waits no longer for an answer: the process may be gone, or asleep.
const PATIENCE: Duration = Duration::from_secs(4);

/// The test's hold on a process of the scene. Killed when dropped.
pub(crate) struct Actor {
    child: Mutex<Child>,
    asks: Mutex<ChildStdin>,
    waiting: Waiting,
}

/// Who waits for which answer.
type Waiting = Arc<Mutex<HashMap<String, oneshot::Sender<String>>>>;

impl Actor {
    /// Starts it and waits until it stands on the engines; it does nothing before [`Actor::begins`].
    pub(crate) async fn enters(stage: &Stage, name: &str, pace: Pace, point: &str) -> Arc<Self> {
        let ms = |time: Duration| time.as_millis().to_string();
        let mut child = Process::new(std::env::current_exe().expect("this test's binary"))
            .args(["--exact", "scene::actor::actor", "--ignored", "--nocapture"])
            .env(STAGE, stage.word())
            .env(NAME, name)
            .env(PACE_MS, format!("{} {}", ms(pace.life), ms(pace.renew_every)))
            .env(POINT, point)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let (asks, answers) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        let waiting = Waiting::default();
        let (here, is_here) = oneshot::channel();
        waiting.lock().expect("not poisoned").insert(HERE.to_owned(), here);
        let heard = waiting.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(answers).lines().map_while(Result::ok) {
                let Some((key, answer)) = line.strip_prefix("! ").and_then(|line| line.split_once('\t'))
                else {
                    continue;
                };
                if let Some(asked) = heard.lock().expect("not poisoned").remove(key) {
                    let _ = asked.send(answer.to_owned());
                }
            }
            // Nobody answers any more.
            heard.lock().expect("not poisoned").clear();
        });
        let actor = Arc::new(Self { child: Mutex::new(child), asks: Mutex::new(asks), waiting });
        // It may die at its first step.
        let _ = tokio::time::timeout(Duration::from_secs(60), is_here).await.expect("it comes in time");
        actor
    }

    pub(crate) fn begins(&self) {
        self.tell(BEGIN);
    }

    fn tell(&self, line: &str) {
        // It may be gone.
        let _ = writeln!(self.asks.lock().expect("not poisoned"), "{line}");
    }

    async fn answer(&self, key: &str, line: &str) -> Option<String> {
        let (answer, answered) = oneshot::channel();
        self.waiting.lock().expect("not poisoned").insert(key.to_owned(), answer);
        self.tell(line);
        tokio::time::timeout(PATIENCE, answered).await.ok()?.ok()
    }

    /// The position of what was wished for, if it says so in time.
    pub(crate) async fn ask(&self, wish: &Wish) -> Option<i64> {
        let streams: Vec<String> = wish.streams.iter().map(|(name, many)| format!("{name}={many}")).collect();
        let line = format!("{} {}", streams.join(","), wish.key);
        self.answer(&wish.key, &line).await?.parse().ok()
    }

    /// What its follower knows: `stream=count …`.
    pub(crate) async fn counts(&self) -> Option<String> {
        self.answer(COUNTS, COUNTS).await
    }

    /// `-STOP`, `-CONT`
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.lock().expect("not poisoned").id().to_string();
        let sent = Process::new("kill").args([name, &id]).status().expect("kill runs");
        assert!(sent.success(), "{name} is sent");
    }

    /// Whether it is stopped by a signal.
    pub(crate) fn sleeps(&self) -> bool {
        let id = self.child.lock().expect("not poisoned").id();
        let state = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        state.rsplit(") ").next().is_some_and(|rest| rest.starts_with('T'))
    }

    /// `kill -9`
    pub(crate) fn kill(&self) {
        let mut child = self.child.lock().expect("not poisoned");
        // It may have ended already.
        let _ = child.kill();
        let _ = child.wait();
    }

    /// How it ended, once it has.
    pub(crate) fn ended(&self) -> Option<ExitStatus> {
        self.child.lock().expect("not poisoned").try_wait().expect("asked")
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The process itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by the scenes, in a process of its own"]
async fn actor() {
    let variable = |name| std::env::var(name).unwrap_or_default();
    if variable(STAGE).is_empty() {
        return;
    }
    let (stage, points) = (Stage::of_word(&variable(STAGE)), Points::of_word(&variable(POINT)));
    let pace: Vec<u64> = variable(PACE_MS).split(' ').map(|ms| ms.parse().expect("milliseconds")).collect();
    let pace = Pace { life: Duration::from_millis(pace[0]), renew_every: Duration::from_millis(pace[1]) };
    let name = variable(NAME);
    let (db, bus) = (points.db(stage.db().await), points.bus(stage.bus().await));
    let mut lines = heard();
    // The line that libtest has begun ends here.
    println!();
    say(HERE, "");
    if lines.recv().await.as_deref() != Some(BEGIN) {
        return;
    }
    let store: Arc<dyn EventStore> =
        Arc::new(SqlEventStore::open(db.clone()).await.expect("the store opens"));
    let (clock, shutdown) = (Arc::new(SystemClock), CancellationToken::new());
    let journal = Journal::new(SERVICE, store, Sealer::new(Arc::new(StaticKeys::default())), clock.clone());
    let leases = stage.leases(&db, &name, pace, &points).await;
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(took_over(leases.clone(), points));
    let spine = Spine::new(&journal, db, bus, clock, leases, shutdown);
    let (spine, counts) = ring::wired(spine, &journal, &Arc::default(), &name);
    for one in spine.loops() {
        tasks.spawn(one.run);
    }
    // Until the test goes away, or kills.
    while let Some(line) = lines.recv().await {
        tasks.spawn(answer(line, journal.clone(), counts.clone()));
    }
}

fn heard() -> mpsc::Receiver<String> {
    let (line, lines) = mpsc::channel(64);
    std::thread::spawn(move || {
        for one in std::io::stdin().lines().map_while(Result::ok) {
            if line.blocking_send(one).is_err() {
                return;
            }
        }
    });
    lines
}

fn say(key: &str, answer: &str) {
    println!("! {key}\t{answer}");
}

async fn answer(line: String, journal: Journal, counts: Counts) {
    if line == COUNTS {
        let known: Vec<String> =
            counts.read().iter().map(|(stream, count)| format!("{stream}={count}")).collect();
        return say(COUNTS, &known.join(" "));
    }
    let (streams, key) = line.split_once(' ').expect("streams and a key");
    let streams = streams.split(',').map(|one| {
        let (stream, many) = one.split_once('=').expect("a stream and how many");
        (stream.to_owned(), many.parse().expect("a number"))
    });
    let wish = Wish { key: key.to_owned(), streams: streams.collect() };
    match wish.ask(&journal).await {
        Ok(position) => say(key, &position.to_string()),
        Err(error) => say(key, &error.to_string()),
    }
}
