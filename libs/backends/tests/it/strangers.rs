//! What is on the log and should not be: bytes that are no record, records of somebody else, ranges sent again, older ones
//! behind newer. Only what is poison waits, with its key; everything else has its effect once and in order.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use eventing::{
    Bus, Db, Failure, Incoming, Journal, ParkedKey, Projection, Recorded, Sealer, Source, Spine, Topic, Tx,
    args,
    bus::{PARTITIONS, Routed, partition_of},
    conformance::{
        Fresh,
        history::{Found, History, Kept, Reader},
    },
    leases::Leases,
    sealing::StaticKeys,
    store::Outcome,
};
use kernel::SystemClock;
use proto::envelope::{Event, Record, State, record::Body};
use rdkafka::{
    ClientConfig,
    producer::{BaseProducer, BaseRecord, Producer},
};
use tokio_util::sync::CancellationToken;

use crate::fresh::{self, append};

const SERVICE: &str = "strangers";
const WRITERS: usize = 6;
/// Whose events the reader cannot take for a while.
const BAD: &str = "writer-2";

/// Notes every event; refuses one of [`BAD`], until it is mended.
struct Wary(Arc<AtomicBool>);

#[async_trait]
impl Projection for Wary {
    fn name(&self) -> &'static str {
        "wary"
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::Topic(SERVICE)]
    }

    async fn apply(&self, tx: &mut dyn Tx, events: &[Incoming]) -> Result<(), Failure> {
        for Incoming { event, .. } in events {
            let refused = event.partition_key == BAD && event.position == FIRST_BAD;
            if refused && !self.0.load(Ordering::Relaxed) {
                return Err(Failure::Poison("told so".to_owned()));
            }
            let place =
                "INSERT INTO effect (place, position) SELECT COUNT(*), CAST($1 AS BIGINT) FROM effect";
            tx.execute(place, args![event.position]).await?;
        }
        Ok(())
    }
}

/// Of [`BAD`], as the commands below are asked one behind the other.
const FIRST_BAD: i64 = 33;

struct House {
    fresh: Fresh,
    bus: Arc<dyn Bus>,
    history: History,
    mended: Arc<AtomicBool>,
}

struct Running {
    spine: Spine,
    shutdown: CancellationToken,
    tasks: tokio::task::JoinSet<()>,
}

impl House {
    async fn of(fresh: Fresh, bus: Arc<dyn Bus>) -> Self {
        let table = "CREATE TABLE effect (place BIGINT PRIMARY KEY, position BIGINT NOT NULL)";
        fresh.db.execute(table, vec![]).await.expect("made");
        Self { fresh, bus, history: History::default(), mended: Arc::default() }
    }

    fn run(&self, epoch: i64) -> Running {
        let (clock, shutdown) = (Arc::new(SystemClock), CancellationToken::new());
        let sealer = Sealer::new(Arc::new(StaticKeys::default()));
        let journal = Journal::new(SERVICE, self.fresh.store.clone(), sealer, clock.clone());
        let (db, bus) = (self.fresh.db.clone(), self.bus.clone());
        let spine = Spine::new(&journal, db, bus, clock, Leases::whole(epoch), shutdown.clone())
            .projection(Wary(self.mended.clone()));
        let mut tasks = tokio::task::JoinSet::new();
        for one in spine.loops() {
            tasks.spawn(one.run);
        }
        Running { spine, shutdown, tasks }
    }

    async fn write(&mut self, numbers: std::ops::Range<usize>) {
        for number in numbers {
            let key = number.to_string();
            self.history.attempted(&key, 1);
            match self.fresh.store.append(append(number % WRITERS, &key)).await {
                Ok(Outcome::Appended { position, .. }) => self.history.acknowledged(&key, position),
                other => panic!("{key}: {other:?}"),
            }
        }
    }

    async fn journal(&self) -> Vec<Recorded> {
        self.fresh.store.read_all(0, usize::MAX).await.expect("readable")
    }

    /// How many events are on the journal, and how many of them are the poison or behind it.
    async fn written(&self) -> (usize, usize) {
        let waits = |event: &&Recorded| event.partition_key == BAD && event.position >= FIRST_BAD;
        let journal = self.journal().await;
        (journal.len(), journal.iter().filter(waits).count())
    }

    /// Everything has been taken but what waits behind the poison.
    async fn until_others_are_taken(&self) {
        let (all, waiting) = self.written().await;
        until_seen(&self.fresh.db, all - waiting).await;
    }

    /// What is nobody's is kept, what is somebody else's, and all that is behind the poison: on partitions that may be
    /// read after all others.
    async fn until_all_are_parked(&self, running: &Running, strange: usize) -> Vec<ParkedKey> {
        let (since, (_, waiting)) = (Instant::now(), self.written().await);
        loop {
            let parked = running.spine.parked(1_000).await.expect("listed");
            let behind = parked.iter().any(|key| key.key == BAD && key.records as usize >= waiting);
            if behind && parked.len() > strange {
                return parked;
            }
            assert!(since.elapsed() < Duration::from_secs(60), "only these are parked: {parked:?}");
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }

    async fn resend(&self, events: &[Recorded]) {
        let body = |event: &Recorded| Some(Body::Event(event.to_proto()));
        let records: Vec<Routed> = events
            .iter()
            .map(|event| Routed::by_key(Record { source: SERVICE.to_owned(), body: body(event) }))
            .collect();
        self.bus.publish(&Topic::events(SERVICE), &records).await.expect("published");
    }
}

impl Running {
    async fn end(mut self) {
        self.shutdown.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

async fn effects(db: &Db) -> Vec<i64> {
    let rows = db.fetch("SELECT position FROM effect ORDER BY place", vec![]).await.expect("read");
    rows.iter().map(|row| row.get(0).expect("a position")).collect()
}

async fn until_seen(db: &Db, many: usize) {
    let since = Instant::now();
    while effects(db).await.len() < many {
        let seen = effects(db).await.len();
        assert!(since.elapsed() < Duration::from_secs(60), "{seen} of {many} have been taken");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

/// Records of somebody else that would be believed if nobody asked whose they are: far ahead of what is here.
fn foreign() -> Vec<Routed> {
    let far = 9_000_000;
    let event = |writer: usize| {
        let partition_key = format!("writer-{writer}");
        let event = Event { position: far, partition_key, r#type: "other".to_owned(), ..Event::default() };
        Routed::by_key(Record { source: "another".to_owned(), body: Some(Body::Event(event)) })
    };
    let state = State {
        key: "k".to_owned(),
        partition_key: "writer-1".to_owned(),
        revision: far,
        ..State::default()
    };
    let state = Record { source: "another".to_owned(), body: Some(Body::State(state)) };
    let marks = Routed::watermarks("another", i64::try_from(far).expect("small"));
    (0..WRITERS).map(event).chain([Routed::by_key(state)]).chain(marks).collect()
}

/// `garbage` puts bytes on a partition behind the house's back; the house is entered anew behind that.
async fn whatever_stands_on_the_log(
    name: &str,
    mut house: House,
    garbage: impl AsyncFn(u32, &[u8]),
    reopened: impl AsyncFn() -> Arc<dyn Bus>,
) {
    let running = house.run(1);
    house.write(0..120).await;
    house.until_others_are_taken().await;
    let journal = house.journal().await;
    // A relay that has not heard of its successor: what it knew again, an older range behind newer ones, one by one.
    house.resend(&journal[..80]).await;
    house.resend(&journal[40..]).await;
    house.resend(&journal[..20]).await;
    for event in journal.iter().rev().take(10) {
        house.resend(std::slice::from_ref(event)).await;
    }
    house.write(120..150).await;
    house.until_others_are_taken().await;
    running.end().await;

    let strangers = foreign();
    house.bus.publish(&Topic::events(SERVICE), &strangers).await.expect("published");
    let mut bytes = 0;
    for writer in 0..WRITERS {
        let part = partition_of(&format!("writer-{writer}"));
        for piece in [&b"\xff\xff\xff no record"[..], &[0_u8; 3]] {
            garbage(part, piece).await;
            bytes += 1;
        }
    }
    house.bus = reopened().await;
    let running = house.run(2);
    house.write(150..240).await;
    house.until_others_are_taken().await;

    let parked = house.until_all_are_parked(&running, bytes).await;
    let mine: Vec<_> = parked.iter().filter(|key| key.key == BAD).collect();
    assert_eq!(mine.len(), 1, "of ours one key waits: {parked:?}");
    assert!(parked.iter().all(|key| key.key == BAD || key.key.starts_with("unreadable-")), "{parked:?}");
    house.mended.store(true, Ordering::Relaxed);
    let released = running.spine.replay(Some("wary"), Some(BAD)).await.expect("released");
    assert_eq!(released.still_parked, 0, "{released:?}");
    let journal = house.journal().await;
    until_seen(&house.fresh.db, journal.len()).await;
    let applied = effects(&house.fresh.db).await;
    let named = |event: &Recorded| String::from_utf8_lossy(&event.payload).into_owned();
    let found = Found {
        journal: journal.iter().map(|event| Kept::of(event, named(event))).collect(),
        log: None,
        readers: vec![Reader { name: "wary".to_owned(), applied }],
    };
    assert_eq!(house.history.judge(&found), []);
    println!(
        "{name}: {} commands acknowledged, {} effects, 170 records sent again, {} of strangers, {} keys parked, {} released",
        house.history.answered(),
        journal.len(),
        strangers.len() + bytes,
        parked.len(),
        released.released,
    );
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_stands_on_the_log_only_the_poisoned_key_waits_on_sqlite() {
    let root = tempfile::tempdir().expect("a folder");
    let fresh = fresh::store(fresh::sqlite_db(root.path(), "test.db").await).await;
    let house = House::of(fresh, fresh::bus(root.path()).await).await;
    let log = fresh::sqlite_db(root.path(), "bus.db").await;
    let garbage = async |part: u32, bytes: &[u8]| {
        let topic = Topic::events(SERVICE).name;
        let at = "SELECT next_offset FROM bus_part WHERE topic = $1 AND part = $2";
        let row = log.fetch_one(at, args![&topic, part]).await.expect("read").expect("a row");
        let end: i64 = row.get(0).expect("an offset");
        let sql = "INSERT INTO bus_batch (topic, part, first_offset, next_offset, key, body, at_us)
                   VALUES ($1, $2, $3, $3 + 1, NULL, $4, 0)";
        log.execute(sql, args![&topic, part, end, bytes]).await.expect("written");
        let sql = "UPDATE bus_part SET next_offset = $3 WHERE topic = $1 AND part = $2";
        log.execute(sql, args![&topic, part, end + 1]).await.expect("written");
    };
    let reopened = async || fresh::bus(root.path()).await;
    whatever_stands_on_the_log("strangers on the log, SQLite", house, garbage, reopened).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_stands_on_the_log_only_the_poisoned_key_waits_on_postgres_and_kafka() {
    let (Some(url), Some(brokers)) = (fresh::postgres_url(), fresh::kafka_brokers()) else { return };
    let options = fresh::kafka_options(&brokers);
    let fresh = fresh::store(fresh::postgres_db(&url).await).await;
    let house = House::of(fresh, fresh::kafka_bus(options.clone()).await).await;
    let mut config = ClientConfig::new();
    let stranger: BaseProducer = config.set("bootstrap.servers", &brokers).create().expect("a producer");
    let topic = format!("{}{}", options.prefix, Topic::events(SERVICE).name);
    let garbage = async |part: u32, bytes: &[u8]| {
        assert!(part < PARTITIONS);
        // Under the key of ours: nobody may believe that either.
        let record = BaseRecord::to(&topic).key("writer-1").payload(bytes);
        stranger.send(record.partition(i32::try_from(part).expect("small"))).expect("handed over");
        stranger.flush(Duration::from_secs(10)).expect("written");
    };
    let reopened = async || fresh::kafka_bus(options.clone()).await;
    whatever_stands_on_the_log("strangers on the log, PostgreSQL and Kafka", house, garbage, reopened).await;
}
