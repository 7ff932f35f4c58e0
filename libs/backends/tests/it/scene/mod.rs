//! Scenes: the ring service as processes of their own, clients that ask and ask again, and one judge at the end.

mod actor;
mod killed;
mod points;
mod slept;
mod stage;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use eventing::{
    Db, Topic,
    bus::{Bus, PARTITIONS},
    conformance::{
        Fresh,
        history::{Found, History, Logged},
    },
};
use proto::envelope::{Record, record::Body};
use tokio_util::sync::CancellationToken;

use crate::ring::{self, SERVICE, UNDONE, Wish, counts};
use actor::Actor;
use stage::Stage;

const CLIENTS: u64 = 4;
const STREAMS: u64 = 9;
/// Between two wishes of a client.
const PAUSE: Duration = Duration::from_millis(4);
/// Before a client asks again.
const AGAIN: Duration = Duration::from_millis(25);
/// How long anything may take on a machine that has much else to do.
const GENEROUS: Duration = Duration::from_secs(90);

/// Those that clients may ask.
type Running = Mutex<Vec<Arc<Actor>>>;

/// A scene while it is played.
struct Scene {
    stage: Stage,
    history: Arc<Mutex<History>>,
    running: Arc<Running>,
    enough: CancellationToken,
    clients: tokio::task::JoinSet<()>,
    name: &'static str,
    deaths: usize,
}

impl Scene {
    fn begin(name: &'static str, stage: Stage) -> Self {
        let (history, running) = (Arc::<Mutex<History>>::default(), Arc::<Running>::default());
        let (enough, mut clients) = (CancellationToken::new(), tokio::task::JoinSet::new());
        for client in 0..CLIENTS {
            clients.spawn(wish_on(client, history.clone(), running.clone(), enough.clone()));
        }
        Self { stage, history, running, enough, clients, name, deaths: 0 }
    }

    /// Clients may ask it from here on.
    fn joins(&self, actor: &Arc<Actor>) {
        actor.begins();
        self.running.lock().expect("not poisoned").push(actor.clone());
    }

    fn leaves(&self, actor: &Arc<Actor>) {
        self.running.lock().expect("not poisoned").retain(|one| !Arc::ptr_eq(one, actor));
    }

    fn answered(&self) -> usize {
        self.history.lock().expect("not poisoned").answered()
    }

    /// Clients come to their end, everything follows, and all is judged.
    async fn ends(mut self) {
        self.enough.cancel();
        while let Some(ended) = self.clients.join_next().await {
            ended.expect("a client that is answered in the end");
        }
        let fresh = self.stage.store().await;
        let followers = self.running.lock().expect("not poisoned").clone();
        settled(&fresh, &followers).await;
        // Behind everything: a log in a file is one process' own, and knows what came by itself.
        let bus = self.stage.bus().await;
        let journal = fresh.store.read_all(0, usize::MAX).await.expect("readable");
        let rows =
            fresh.db.fetch("SELECT reader, position FROM effect ORDER BY id", vec![]).await.expect("read");
        let log = events_on(&*bus).await;
        let (records, readers) = (log.len(), ring::effects(&rows));
        let mut history = self.history.lock().expect("not poisoned").clone();
        let answered = history.answered();
        ring::promises(&mut history, &journal);
        let found = Found { journal: ring::kept(&journal), log: Some(log), readers };
        assert_eq!(history.judge(&found), []);
        let values = assert_counts(&*bus, &ring::lengths(&journal)).await;
        println!(
            "{}: {answered} commands acknowledged, {} events, {} effects, {} deaths, {} records on the log twice, {values} values of state",
            self.name,
            journal.len(),
            rows.len(),
            self.deaths,
            records - journal.len(),
        );
        assert!(answered > 50, "something was at stake: {answered}");
    }
}

/// Waits until nothing is left to do, and every follower knows every count.
async fn settled(fresh: &Fresh, followers: &[Arc<Actor>]) {
    let since = Instant::now();
    loop {
        let mut left = undone(&fresh.db).await;
        let journal = fresh.store.read_all(0, usize::MAX).await.expect("readable");
        let wanted: Vec<String> =
            ring::lengths(&journal).iter().map(|(stream, count)| format!("{stream}={count}")).collect();
        for follower in followers {
            let known = follower.counts().await;
            if known.as_deref() != Some(&wanted.join(" ")) {
                left.push(format!("a follower knows {known:?}"));
            }
        }
        if left.is_empty() {
            return;
        }
        assert!(since.elapsed() < GENEROUS, "stuck: {left:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn undone(db: &Db) -> Vec<String> {
    let mut left = Vec::new();
    for (what, sql) in UNDONE {
        let row = db.fetch_one(sql, vec![]).await.expect("read").expect("a count");
        let many: Option<i64> = row.get(0).expect("a number");
        if many != Some(0) {
            left.push(format!("{many:?} {what}"));
        }
    }
    left
}

/// Waits until it is so.
async fn until<T>(what: &str, mut reached: impl AsyncFnMut() -> Option<T>) -> T {
    let since = Instant::now();
    loop {
        if let Some(reached) = reached().await {
            return reached;
        }
        assert!(since.elapsed() < GENEROUS, "waited {GENEROUS:?} until {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Everything that a topic holds, each partition in its order.
async fn all_on(bus: &dyn Bus, topic: &Topic) -> Vec<(u32, Record)> {
    let ends = bus.ends(topic).await.expect("known");
    let mut places: Vec<i64> = bus.begins(topic).await.expect("known");
    let from: Vec<(u32, i64)> = (0..PARTITIONS).zip(places.iter().copied()).collect();
    let mut source = bus.source("ring.judge", topic, &from).await.expect("opened");
    let mut all = Vec::new();
    while places.iter().zip(&ends).any(|(at, end)| at < end) {
        for batch in source.poll(500).await.expect("readable") {
            assert!(batch.unreadable.is_empty(), "nothing else is there");
            places[batch.part as usize] = batch.next_offset;
            all.extend(batch.records.into_iter().map(|(_, record)| (batch.part, record)));
        }
    }
    all
}

async fn events_on(bus: &dyn Bus) -> Vec<Logged> {
    let event = |(part, record): (u32, Record)| match record.body {
        Some(Body::Event(event)) => Some(Logged { part, position: i64::try_from(event.position).ok()? }),
        _ => None,
    };
    all_on(bus, &Topic::events(SERVICE)).await.into_iter().filter_map(event).collect()
}

/// The newest count of every stream is what stands last, and what compaction keeps; how many values there are.
async fn assert_counts(bus: &dyn Bus, wanted: &BTreeMap<String, i64>) -> usize {
    let all = all_on(bus, &counts()).await;
    let values = all.len();
    let mut last: BTreeMap<String, i64> = BTreeMap::new();
    for (_, record) in all {
        let Some(Body::State(state)) = record.body else { continue };
        last.insert(state.key, i64::try_from(state.revision).expect("small"));
    }
    assert_eq!(last, *wanted, "the newest count of every stream stands last");
    values
}

/// A client: one wish behind the other, each until somebody answers it, until it is enough.
async fn wish_on(
    client: u64,
    history: Arc<Mutex<History>>,
    running: Arc<Running>,
    enough: CancellationToken,
) {
    let chance = Chance(AtomicU64::new(client + 1));
    let mut number = 0;
    while !enough.is_cancelled() {
        number += 1;
        let wish = wish(&chance, &format!("{client}-{number}"));
        let events = wish.events();
        history.lock().expect("not poisoned").attempted(&wish.key, events);
        let since = Instant::now();
        let position = loop {
            let all = running.lock().expect("not poisoned").clone();
            let one = usize::try_from(chance.below(all.len().max(1) as u64)).expect("few");
            if let Some(actor) = all.get(one)
                && let Some(position) = actor.ask(&wish).await
            {
                break position;
            }
            assert!(since.elapsed() < GENEROUS * 2, "«{}» is answered by nobody", wish.key);
            tokio::time::sleep(AGAIN).await;
        };
        history.lock().expect("not poisoned").acknowledged(&wish.key, position);
        tokio::time::sleep(PAUSE).await;
    }
}

fn wish(chance: &Chance, key: &str) -> Wish {
    let mut streams = BTreeMap::new();
    for _ in 0..1 + chance.below(3) / 2 {
        let many = 1 + usize::try_from(chance.below(3)).expect("small");
        streams.insert(format!("account-{}", chance.below(STREAMS)), many);
    }
    let bell = streams.len() == 1 && chance.below(4) == 0;
    let key = if bell { format!("{key} with a bell") } else { key.to_owned() };
    Wish { key, streams: streams.into_iter().collect() }
}

/// The same course of choices every time.
struct Chance(AtomicU64);

impl Chance {
    fn below(&self, end: u64) -> u64 {
        let step = |seed: u64| {
            Some(seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407))
        };
        let seed = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step).unwrap_or_default();
        (seed >> 33) % end
    }
}
