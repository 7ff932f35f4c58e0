//! One athlete who writes workouts and asks until each is answered; and the judge of what is kept of them.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use backends::{SqlEventStore, postgres, sqlite};
use eventing::{
    Db, EventStore, Recorded,
    conformance::history::{Found, History, Kept, Reader},
};
use serde_json::json;
use stadion::demo::{cast::Person, door::Door};

/// Between two workouts.
const PAUSE: Duration = Duration::from_millis(15);
/// Before the same is asked again.
const AGAIN: Duration = Duration::from_millis(120);
/// How long anything may take on a machine that has much else to do.
pub(crate) const GENEROUS: Duration = Duration::from_secs(120);
/// No answer comes later: a hanging request is a fault too.
const ANSWERED_WITHIN: Duration = Duration::from_secs(38);

/// What the athlete has seen. A workout is written when it was answered, and asked for again until then.
#[derive(Default)]
pub(crate) struct Diary {
    pub(crate) written: Mutex<Vec<String>>,
    /// Statuses other than the wanted one, with how often; 0: no answer at all.
    refusals: Mutex<BTreeMap<u16, usize>>,
    longest: Mutex<Duration>,
    pub(crate) enough: AtomicBool,
}

impl Diary {
    pub(crate) fn count(&self) -> usize {
        self.written.lock().unwrap().len()
    }

    pub(crate) fn refusals(&self) -> BTreeMap<u16, usize> {
        self.refusals.lock().unwrap().clone()
    }

    pub(crate) fn longest(&self) -> Duration {
        *self.longest.lock().unwrap()
    }

    /// Writes until it is enough. `door` says where the door is now: a process that starts anew has another.
    pub(crate) async fn keep(&self, door: impl Fn() -> Door, athlete: &Person) {
        while !self.enough.load(Ordering::Relaxed) {
            let number = self.count();
            let (day, hour, minute) = (1 + number / 1_440 % 28, number / 60 % 24, number % 60);
            let run = json!({
                "sport": "running", "name": format!("round {number}"), "elapsed_time_s": 50, "distance_m": 120,
                "start_at": format!("2026-05-{day:02}T{hour:02}:{minute:02}:00+05:00"),
            });
            let key = uuid::Uuid::new_v4().to_string();
            let since = Instant::now();
            let id = loop {
                let asked = Instant::now();
                let ask = door().post("/v1/activities").with(&athlete.token);
                let answer = ask.header("idempotency-key", &key).json(&run).send().await;
                let took = asked.elapsed();
                assert!(took < ANSWERED_WITHIN, "a request hung for {took:?}");
                {
                    let mut longest = self.longest.lock().unwrap();
                    *longest = took.max(*longest);
                }
                match answer {
                    Ok(answer) if answer.status == 201 => break answer.text("/id").unwrap(),
                    Ok(answer) => {
                        assert!((500..=504).contains(&answer.status), "{}: {}", answer.status, answer.json);
                        let again = answer.headers.contains_key("retry-after");
                        assert!(answer.status != 503 || again, "503 without Retry-After: {}", answer.json);
                        *self.refusals.lock().unwrap().entry(answer.status).or_default() += 1;
                    }
                    Err(_) => *self.refusals.lock().unwrap().entry(0).or_default() += 1,
                }
                if self.enough.load(Ordering::Relaxed) && since.elapsed() > GENEROUS {
                    panic!("nobody answers any more");
                }
                tokio::time::sleep(AGAIN).await;
            };
            self.written.lock().unwrap().push(id);
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Waits until it is so.
pub(crate) async fn until<T>(what: &str, mut reached: impl AsyncFnMut() -> Option<T>) -> T {
    let since = Instant::now();
    loop {
        if let Some(reached) = reached().await {
            return reached;
        }
        assert!(since.elapsed() < GENEROUS, "waited {GENEROUS:?} until {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A service's journal, whole: SQLite's by its file, PostgreSQL's by its address.
pub(crate) async fn journal(place: &str) -> Vec<Recorded> {
    let db: Db = if place.starts_with("postgres://") {
        postgres::connect(place, postgres::Options::default()).await.unwrap()
    } else {
        sqlite::open(place.as_ref(), sqlite::Options::default()).await.unwrap()
    };
    let store = SqlEventStore::open(db.clone()).await.unwrap();
    let journal = store.read_all(0, usize::MAX).await.unwrap();
    db.close().await;
    journal
}

/// Of how many of these events gamification has counted the activity.
pub(crate) fn counted(activity: &[Recorded], gamification: &[Recorded]) -> Reader {
    let positions: BTreeMap<&[u8], i64> =
        activity.iter().map(|event| (&event.event_id.as_bytes()[..], event.position)).collect();
    let causes = gamification.iter().filter(|event| event.kind.ends_with(".ActivityCounted"));
    let applied = causes.map(|event| *positions.get(&event.meta.causation_id[..]).expect("of an activity"));
    Reader { name: "gamification".to_owned(), applied: applied.collect() }
}

/// Every workout that was answered is one event, no other workout is there, and each was counted once and in order.
/// Answers with what was seen.
pub(crate) fn judge(written: &[String], activity: &[Recorded], gamification: &[Recorded]) -> String {
    let mut history = History::default();
    for id in written {
        history.promised(&format!("activity-{id}"), 1);
    }
    let found = Found {
        journal: activity.iter().map(|event| Kept::of(event, event.stream.as_str())).collect(),
        log: None,
        readers: vec![counted(activity, gamification)],
    };
    assert_eq!(history.judge(&found), []);
    format!("{} workouts acknowledged, {} events, each counted once", written.len(), activity.len())
}
