//! A reader that is slower than what stands before it: it takes what it can hold, and the rest waits on the log.

use std::{
    path::PathBuf,
    process::{Command as Process, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use eventing::{
    Bus, Db, Failure, Incoming, Journal, Projection, Sealer, Source, Spine, Topic, Tx, args,
    bus::Routed,
    conformance::history::{Found, History, Kept, Reader},
    leases::Leases,
    sealing::StaticKeys,
};
use kernel::SystemClock;
use proto::envelope::{Event, Record, record::Body};
use stadion_backends::kafka;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::fresh;

const FOLDER: &str = "STADION_SLOW_FOLDER";
const BROKERS: &str = "STADION_SLOW_BROKERS";
const PREFIX: &str = "STADION_SLOW_PREFIX";

const SERVICE: &str = "slow";
const EVENTS: u64 = 8_000;
const PAYLOAD: usize = 16 * 1024;
const KEYS: u64 = 50;
/// What a reader may hold beside what it was before, of the 125 MB that wait.
const HELD_MAX_MB: u64 = 90;
/// How long it is slow.
const SLOW_FOR: Duration = Duration::from_secs(2);

fn event(position: u64) -> Event {
    let partition_key = format!("key-{}", position % KEYS);
    Event {
        position,
        stream: format!("stream-{}", position % KEYS),
        version: position.div_ceil(KEYS),
        event_id: Uuid::from_u128(position.into()).as_bytes().to_vec().into(),
        partition_key,
        r#type: "stadion.test.v1.Happened".to_owned(),
        schema_ver: 1,
        payload: noise(position).into(),
        ..Event::default()
    }
}

/// As sealed bytes are: what is bounded on its way is bounded compressed.
fn noise(seed: u64) -> Vec<u8> {
    let mut state = seed;
    let step = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56).to_le_bytes()[0]
    };
    std::iter::repeat_with(step).take(PAYLOAD).collect()
}

async fn fill(bus: &dyn Bus) {
    let positions: Vec<u64> = (1..=EVENTS).collect();
    for page in positions.chunks(200) {
        let routed = |position: &u64| {
            let body = Some(Body::Event(event(*position)));
            Routed::by_key(Record { source: SERVICE.to_owned(), body })
        };
        let page: Vec<Routed> = page.iter().map(routed).collect();
        bus.publish(&Topic::events(SERVICE), &page).await.expect("published");
    }
}

struct Slow(Arc<AtomicBool>);

#[async_trait]
impl Projection for Slow {
    fn name(&self) -> &'static str {
        "slow"
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::Topic(SERVICE)]
    }

    async fn apply(&self, tx: &mut dyn Tx, events: &[Incoming]) -> Result<(), Failure> {
        if self.0.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(400)).await;
        }
        for Incoming { event, .. } in events {
            tx.execute("INSERT INTO effect (position) VALUES ($1)", args![event.position]).await?;
        }
        Ok(())
    }
}

async fn effects(db: &Db) -> Vec<i64> {
    let rows = db.fetch("SELECT position FROM effect ORDER BY place", vec![]).await.expect("read");
    rows.iter().map(|row| row.get(0).expect("a position")).collect()
}

/// The most that this process has held in memory, in MB.
fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a peak");
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).expect("kB") / 1_024
}

/// Reads, slowly at first; writes down what it has held.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by the tests below, in a process of its own"]
async fn reader() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let bus: Arc<dyn Bus> = match std::env::var(BROKERS) {
        Ok(brokers) => {
            let prefix = std::env::var(PREFIX).expect("a prefix");
            fresh::kafka_bus(kafka::Options { prefix, ..kafka::Options::new(&brokers) }).await
        }
        Err(_) => fresh::bus(&folder).await,
    };
    let fresh = fresh::store(fresh::sqlite_db(&folder, "slow.db").await).await;
    let (clock, shutdown) = (Arc::new(SystemClock), CancellationToken::new());
    let sealer = Sealer::new(Arc::new(StaticKeys::default()));
    let journal = Journal::new(SERVICE, fresh.store.clone(), sealer, clock.clone());
    let slow = Arc::new(AtomicBool::new(true));
    let (leases, before_mb) = (Leases::whole(1), peak_mb());
    let spine = Spine::new(&journal, fresh.db.clone(), bus, clock, leases, shutdown.clone())
        .projection(Slow(slow.clone()));
    let mut tasks = tokio::task::JoinSet::new();
    for one in spine.loops() {
        tasks.spawn(one.run);
    }
    tokio::time::sleep(SLOW_FOR).await;
    let (while_slow, slow_mb) = (effects(&fresh.db).await.len(), peak_mb() - before_mb);
    slow.store(false, Ordering::Relaxed);
    let since = Instant::now();
    while effects(&fresh.db).await.len() < usize::try_from(EVENTS).expect("few") {
        assert!(since.elapsed() < Duration::from_secs(120), "it goes on when it is quick again");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let said = format!("{while_slow} {slow_mb} {}", peak_mb() - before_mb);
    std::fs::write(folder.join("said"), said).expect("written");
    shutdown.cancel();
    while tasks.join_next().await.is_some() {}
}

async fn read_in(engine: &str, folder: PathBuf, log: &[(&str, &str)]) {
    let db = fresh::sqlite_db(&folder, "slow.db").await;
    let table = "CREATE TABLE effect (place INTEGER PRIMARY KEY, position BIGINT NOT NULL)";
    db.execute(table, vec![]).await.expect("made");
    let mut reader = Process::new(std::env::current_exe().expect("this test's binary"))
        .args(["--exact", "slow_reader::reader", "--ignored", "--nocapture"])
        .env(FOLDER, &folder)
        .envs(log.iter().copied())
        .stdout(Stdio::null())
        .spawn()
        .expect("it starts");
    let ended = tokio::task::spawn_blocking(move || reader.wait().expect("it ends")).await.expect("waited");
    assert!(ended.success(), "{ended}");
    let said = std::fs::read_to_string(folder.join("said")).expect("it has said what it held");
    let said: Vec<u64> = said.split(' ').map(|number| number.parse().expect("a number")).collect();
    let [while_slow, slow_mb, peak_mb] = said.as_slice() else { panic!("three numbers: {said:?}") };
    let mut history = History::default();
    let kept = (1..=EVENTS).map(|position| {
        let (event, command) = (event(position), position.to_string());
        let position = i64::try_from(position).expect("small");
        history.attempted(&command, 1);
        history.acknowledged(&command, position);
        Kept {
            position,
            stream: event.stream,
            version: i64::try_from(event.version).expect("small"),
            event_id: Uuid::from_slice(&event.event_id).expect("an id"),
            partition_key: event.partition_key,
            command,
        }
    });
    let journal = kept.collect();
    let readers = vec![Reader { name: "slow".to_owned(), applied: effects(&db).await }];
    assert_eq!(history.judge(&Found { journal, log: None, readers }), []);
    println!(
        "slow reader, {engine}: {} MB wait, {while_slow} events taken in {SLOW_FOR:?}, +{slow_mb} MB resident meanwhile, +{peak_mb} MB at most until all {EVENTS} were taken",
        EVENTS * u64::try_from(PAYLOAD).expect("small") / 1_048_576
    );
    assert!(*peak_mb < HELD_MAX_MB, "{peak_mb} MB");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_holds_little_and_misses_nothing_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    fill(&*fresh::bus(folder.path()).await).await;
    read_in("SQLite", folder.path().to_owned(), &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_holds_little_and_misses_nothing_on_kafka() {
    let Some(brokers) = fresh::kafka_brokers() else { return };
    let options = fresh::kafka_options(&brokers);
    let bus = fresh::kafka_bus(options.clone()).await;
    fill(&*bus).await;
    let folder = tempfile::tempdir().expect("a folder");
    read_in("Kafka", folder.path().to_owned(), &[(BROKERS, &brokers), (PREFIX, &options.prefix)]).await;
}
