//! Faults that need no crash, on each engine: aborts, clocks set wrong, sessions that sit on a transaction, bytes that
//! are no record.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use eventing::{
    Aggregate, Command, Decision, DecodeError, DomainEvent, Failure, Incoming, Journal, Plain, Projection,
    Sealer, Source, Spine, Statement, StreamId, Tx, args,
    bus::Topic,
    conformance::{
        Fresh,
        history::{Found, History, Kept, Reader},
    },
    leases::Leases,
    sealing::StaticKeys,
    sql::{Db, DbError},
    store::{EventStore, Outcome},
};
use futures::future::join_all;
use kernel::{Clock, SystemClock, time::ManualClock};
use tokio_util::sync::CancellationToken;

use crate::fresh::{self, append};

async fn on_sqlite() -> (tempfile::TempDir, Fresh) {
    let root = tempfile::tempdir().expect("a folder");
    let db = fresh::sqlite_db(root.path(), "test.db").await;
    (root, fresh::store(db).await)
}

async fn on_postgres() -> Option<Fresh> {
    Some(fresh::store(fresh::postgres_db(&fresh::postgres_url()?).await).await)
}

async fn judged(history: &History, store: &dyn EventStore, readers: Vec<Reader>) {
    let events = store.read_all(0, usize::MAX).await.expect("the journal is readable");
    let named = |event: &eventing::Recorded| String::from_utf8_lossy(&event.payload).into_owned();
    let journal = events.iter().map(|event| Kept::of(event, named(event))).collect();
    assert_eq!(history.judge(&Found { journal, log: None, readers }), []);
}

/// Two of three appends break in the middle of their transaction, side by side with those that do not.
async fn aborts_leave_no_gap(fresh: Fresh) {
    let mut history = History::default();
    let keys: Vec<String> = (0..300).map(|number| format!("{number}")).collect();
    let tries = keys.iter().enumerate().map(|(number, key)| {
        let mut one = append(number % 6, key);
        if number % 3 > 0 {
            one.inline.push(Statement::new("INSERT INTO nowhere VALUES ($1)", args![1_i64]));
        }
        fresh.store.append(one)
    });
    for (number, (key, outcome)) in keys.iter().zip(join_all(tries).await).enumerate() {
        history.attempted(key, 1);
        match outcome {
            Ok(Outcome::Appended { position, .. }) if number % 3 == 0 => history.acknowledged(key, position),
            Err(_) if number % 3 > 0 => {}
            other => panic!("{key}: {other:?}"),
        }
    }
    assert_eq!((history.answered(), fresh.store.head().await.expect("read")), (100, 100), "no gap, no stall");
    judged(&history, &*fresh.store, Vec::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_aborts_on_sqlite_leaves_no_gap() {
    let (_root, fresh) = on_sqlite().await;
    aborts_leave_no_gap(fresh).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_aborts_on_postgres_leaves_no_gap() {
    let Some(fresh) = on_postgres().await else { return };
    aborts_leave_no_gap(fresh).await;
}

#[derive(Clone, Debug)]
struct Happened(String);

impl DomainEvent for Happened {
    fn encode(&self) -> Plain {
        let (kind, payload) = ("stadion.test.v1.Happened".to_owned(), self.0.clone().into_bytes().into());
        Plain { kind, schema_ver: 1, payload, erased: Vec::new() }
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        Ok(Self(String::from_utf8_lossy(&plain.payload).into_owned()))
    }
}

#[derive(Clone, Debug, Default)]
struct Count(i64);

impl Aggregate for Count {
    type Event = Happened;
    const KIND: &'static str = "count";

    fn evolve(&mut self, _: &Happened) {
        self.0 += 1;
    }
}

/// Notes every event as often as it takes it.
struct Seen;

#[async_trait]
impl Projection for Seen {
    fn name(&self) -> &'static str {
        "seen"
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::Topic("faults")]
    }

    async fn apply(&self, tx: &mut dyn Tx, events: &[Incoming]) -> Result<(), Failure> {
        for incoming in events {
            let place =
                "INSERT INTO effect (place, position) SELECT COUNT(*), CAST($1 AS BIGINT) FROM effect";
            tx.execute(place, args![incoming.event.position]).await?;
        }
        Ok(())
    }
}

async fn effects(db: &Db) -> Vec<i64> {
    let rows = db.fetch("SELECT position FROM effect ORDER BY place", vec![]).await.expect("read");
    rows.iter().map(|row| row.get(0).expect("a position")).collect()
}

async fn until_seen(db: &Db, many: usize) {
    for _ in 0..2_400 {
        if effects(db).await.len() >= many {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{many} wanted, seen were {:?}", effects(db).await);
}

struct House {
    fresh: Fresh,
    journal: Journal,
    spine: Spine,
    shutdown: CancellationToken,
}

impl House {
    async fn of(fresh: Fresh, bus: Arc<dyn eventing::Bus>, clock: Arc<dyn Clock>) -> Self {
        let table = "CREATE TABLE effect (place BIGINT PRIMARY KEY, position BIGINT NOT NULL)";
        fresh.db.execute(table, vec![]).await.expect("made");
        let sealer = Sealer::new(Arc::new(StaticKeys::default()));
        let journal = Journal::new("faults", fresh.store.clone(), sealer, clock.clone());
        let shutdown = CancellationToken::new();
        let leases = Leases::whole(1);
        let spine =
            Spine::new(&journal, fresh.db.clone(), bus, clock, leases, shutdown.clone()).projection(Seen);
        Self { fresh, journal, spine, shutdown }
    }

    fn run(&self) -> tokio::task::JoinSet<()> {
        let mut tasks = tokio::task::JoinSet::new();
        for one in self.spine.loops() {
            tasks.spawn(one.run);
        }
        tasks
    }

    async fn end(&self, mut tasks: tokio::task::JoinSet<()>) {
        self.shutdown.cancel();
        while tasks.join_next().await.is_some() {}
    }
}

/// The machine's clock jumps an hour to and fro between commands, some of which come twice.
async fn a_wrong_clock_changes_nothing(fresh: Fresh) {
    let root = tempfile::tempdir().expect("a folder");
    let clock = Arc::new(ManualClock::at(kernel::time::from_micros(1_750_000_000_000_000)));
    let house = House::of(fresh, fresh::bus(root.path()).await, clock.clone()).await;
    let tasks = house.run();
    let mut history = History::default();
    for number in 0..40_i64 {
        clock.advance_s(if number % 2 == 0 { 3_600 } else { -7_200 * (number % 3) });
        let key = format!("{}", number - number % 4 / 3);
        let command = Command::by("account:test").keyed(&key, Vec::new());
        let stream = StreamId::named(&format!("count-{}", number % 4 / 3));
        let decide = |_: &Count, _| Ok(Decision::of(vec![Happened(key.clone())]));
        history.attempted(&key, 1);
        let done = house.journal.execute::<Count, _>(&command, &stream, stream.as_str(), decide).await;
        let done = done.expect("done");
        assert_eq!(done.replayed, number % 4 == 3, "{number}: what was asked before is not done again");
        history.acknowledged(&key, done.position);
    }
    until_seen(&house.fresh.db, 30).await;
    let reader = Reader { name: "seen".to_owned(), applied: effects(&house.fresh.db).await };
    judged(&history, &*house.fresh.store, vec![reader]).await;
    house.end(tasks).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_an_hour_off_changes_no_order_on_sqlite() {
    let (_root, fresh) = on_sqlite().await;
    a_wrong_clock_changes_nothing(fresh).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_an_hour_off_changes_no_order_on_postgres() {
    let Some(fresh) = on_postgres().await else { return };
    a_wrong_clock_changes_nothing(fresh).await;
}

/// Somebody's session has read and written, and then sits on its open transaction.
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_session_on_postgres_stalls_and_hides_nothing() {
    let Some(fresh) = on_postgres().await else { return };
    let root = tempfile::tempdir().expect("a folder");
    let house = House::of(fresh, fresh::bus(root.path()).await, Arc::new(SystemClock)).await;
    let tasks = house.run();
    house.fresh.store.append(append(0, "before")).await.expect("appended");
    let (sits, leaves) = (CancellationToken::new(), CancellationToken::new());
    let (sitting, leaving) = (sits.clone(), leaves.clone());
    let idle = house.fresh.db.transact(move |tx| {
        Box::pin(async move {
            tx.fetch("SELECT MAX(position) FROM es_event", vec![]).await?;
            tx.execute("INSERT INTO es_claim (scope, key, stream_id) VALUES ('idle', 'k', 's')", vec![])
                .await?;
            sitting.cancel();
            leaving.cancelled().await;
            Ok::<_, DbError>(())
        })
    });
    let mut history = History::default();
    history.attempted("before", 1);
    history.acknowledged("before", 1);
    let working = async {
        sits.cancelled().await;
        for number in 0..60 {
            let key = format!("{number}");
            history.attempted(&key, 1);
            let Ok(Outcome::Appended { position, .. }) =
                house.fresh.store.append(append(number % 5, &key)).await
            else {
                panic!("{key} was not appended");
            };
            history.acknowledged(&key, position);
        }
        // While it still sits there.
        until_seen(&house.fresh.db, 61).await;
        leaves.cancel();
    };
    let (_, ()) = tokio::join!(idle, working);
    let reader = Reader { name: "seen".to_owned(), applied: effects(&house.fresh.db).await };
    judged(&history, &*house.fresh.store, vec![reader]).await;
    house.end(tasks).await;
}

/// Bytes that are no record stand in the log's file: what is behind them arrives, they wait with what they are.
#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_record_hold_nobody_up_on_sqlite() {
    let (root, fresh) = on_sqlite().await;
    let log = fresh::sqlite_db(root.path(), "bus.db").await;
    let bus = fresh::bus(root.path()).await;
    let house = House::of(fresh, bus.clone(), Arc::new(SystemClock)).await;
    let tasks = house.run();
    house.fresh.store.append(append(0, "before")).await.expect("appended");
    until_seen(&house.fresh.db, 1).await;
    let part = eventing::bus::partition_of("writer-0");
    let topic = Topic::events("faults");
    house.end(tasks).await;
    let end = bus.ends(&topic).await.expect("ends")[part as usize];
    let sql = "INSERT INTO bus_batch (topic, part, first_offset, next_offset, key, body, at_us)
               VALUES ($1, $2, $3, $3 + 1, NULL, $4, 0)";
    let garbage = vec![0xff_u8; 24];
    log.execute(sql, args![&topic.name, part, end, garbage]).await.expect("written");
    let sql = "UPDATE bus_part SET next_offset = $3 WHERE topic = $1 AND part = $2";
    log.execute(sql, args![&topic.name, part, end + 1]).await.expect("written");

    let shutdown = CancellationToken::new();
    let (clock, db) = (Arc::new(SystemClock), house.fresh.db.clone());
    let bus = fresh::bus(root.path()).await;
    let spine =
        Spine::new(&house.journal, db, bus, clock, Leases::whole(2), shutdown.clone()).projection(Seen);
    let again = House { spine, shutdown, ..house };
    let tasks = again.run();
    again.fresh.store.append(append(0, "behind")).await.expect("appended");
    until_seen(&again.fresh.db, 2).await;
    let parked = again.spine.parked(10).await.expect("listed");
    assert_eq!(parked.len(), 1, "{parked:?}");
    again.end(tasks).await;
}
