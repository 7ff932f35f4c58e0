//! kill -9 at any moment: what was acknowledged is there once, and its effects are applied once.

use std::{
    collections::{HashMap, HashSet},
    fs::{self, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    process::{Command as Process, Stdio},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use eventing::{
    Failure, Incoming, Journal, Projection, Sealer, Source, Spine, StreamId, Tx, args,
    leases::Leases,
    ownership::{Holder, STORE},
    sealing::StaticKeys,
    store::{Append, CommandRow, Expected, NewEvent, Outcome, Write as StreamWrite},
};
use kernel::SystemClock;
use proto::envelope::{CommandResult, Meta};
use tokio_util::sync::CancellationToken;

use crate::fresh;

const FOLDER: &str = "STADION_CRASH_FOLDER";
const SERVICE: &str = "crash";
const ROUNDS: u64 = 8;
const WRITERS: usize = 6;

/// Counts what comes over the log, by stream.
struct Tally;

#[async_trait]
impl Projection for Tally {
    fn name(&self) -> &'static str {
        "tally"
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::Topic(SERVICE)]
    }

    async fn apply(&self, tx: &mut dyn Tx, events: &[Incoming]) -> Result<(), Failure> {
        for incoming in events {
            tx.execute(
                "INSERT INTO tally (stream, count) VALUES ($1, 1)
                 ON CONFLICT (stream) DO UPDATE SET count = tally.count + 1",
                args![incoming.event.stream.as_str()],
            )
            .await?;
        }
        Ok(())
    }
}

struct House {
    fresh: eventing::conformance::Fresh,
    spine: Spine,
    shutdown: CancellationToken,
}

async fn open(folder: &Path) -> House {
    let fresh = fresh::store(fresh::sqlite_db(folder, "crash.db").await).await;
    let table = "CREATE TABLE IF NOT EXISTS tally (stream TEXT PRIMARY KEY, count BIGINT NOT NULL)";
    fresh.db.execute(table, vec![]).await.expect("made");
    let epoch = Holder::new(fresh.db.clone(), "crash", "").take(STORE).await.expect("an epoch");
    let sealer = Sealer::new(Arc::new(StaticKeys::default()));
    let clock = Arc::new(SystemClock);
    let journal = Journal::new(SERVICE, fresh.store.clone(), sealer, clock.clone());
    let shutdown = CancellationToken::new();
    let bus = fresh::bus(folder).await;
    let spine = Spine::new(&journal, fresh.db.clone(), bus, clock, Leases::whole(epoch), shutdown.clone())
        .projection(Tally);
    House { fresh, spine, shutdown }
}

pub(crate) fn append(writer: usize, key: &str) -> Append {
    let stream = StreamId::named(&format!("writer-{writer}"));
    Append {
        writes: vec![StreamWrite {
            stream: stream.clone(),
            partition_key: stream.as_str().to_owned(),
            expected: Expected::Any,
            events: vec![NewEvent {
                event_id: uuid::Uuid::now_v7(),
                kind: "stadion.test.v1.Happened".to_owned(),
                schema_ver: 1,
                payload: key.as_bytes().to_vec().into(),
                meta: Meta::default(),
            }],
        }],
        commands: vec![CommandRow {
            actor: "account:crash".to_owned(),
            key: key.to_owned(),
            request_hash: bytes::Bytes::new(),
            stream,
            result: CommandResult::default(),
        }],
        ..Append::default()
    }
}

/// The victim: writes, and notes each acknowledgement, until it is killed.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "started by the test below, in a process of its own"]
async fn victim() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let house = open(&folder).await;
    let mut tasks = tokio::task::JoinSet::new();
    for one in house.spine.loops() {
        tasks.spawn(one.run);
    }
    for writer in 0..WRITERS {
        let store = house.fresh.store.clone();
        let folder = folder.clone();
        tasks.spawn(async move {
            let acks = folder.join(format!("acks-{writer}"));
            let mut acks = OpenOptions::new().create(true).append(true).open(acks).expect("a file");
            for number in 0.. {
                let key = format!("{writer}-{}-{number}", std::process::id());
                let outcome = store.append(append(writer, &key)).await.expect("appended");
                assert!(matches!(outcome, Outcome::Appended { .. }));
                writeln!(acks, "{key}").expect("noted");
            }
        });
    }
    while tasks.join_next().await.is_some() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_kill_minus_nine_exactly_once() {
    let root = tempfile::tempdir().expect("a folder");
    for round in 0..ROUNDS {
        let mut victim = Process::new(std::env::current_exe().expect("this test's binary"))
            .args(["--exact", "crash::victim", "--ignored", "--nocapture"])
            .env(FOLDER, root.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the victim starts");
        tokio::time::sleep(Duration::from_millis(250 + round * 61)).await;
        victim.kill().expect("killed");
        victim.wait().expect("gone");
    }
    let acknowledged: HashSet<String> = (0..WRITERS)
        .flat_map(|writer| {
            let text = fs::read_to_string(root.path().join(format!("acks-{writer}"))).unwrap_or_default();
            // A line that the kill cut short was acknowledged to nobody.
            let whole = text.rfind('\n').map_or(0, |end| end + 1);
            text[..whole].lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    assert!(acknowledged.len() > 50, "the victims wrote something: {}", acknowledged.len());

    let house = open(root.path()).await;
    let events = house.fresh.store.read_all(0, usize::MAX).await.expect("the journal is readable");
    let positions: Vec<i64> = events.iter().map(|event| event.position).collect();
    assert_eq!(positions, (1..=i64::try_from(events.len()).expect("few")).collect::<Vec<_>>(), "no gaps");
    let mut times: HashMap<String, usize> = HashMap::new();
    let mut by_stream: HashMap<String, i64> = HashMap::new();
    for event in &events {
        *times.entry(String::from_utf8_lossy(&event.payload).into_owned()).or_default() += 1;
        *by_stream.entry(event.stream.as_str().to_owned()).or_default() += 1;
    }
    for key in &acknowledged {
        assert_eq!(times.get(key), Some(&1), "«{key}» was acknowledged: it is there, once");
    }
    assert_effects(&house, &by_stream).await;
}

/// The effects equal a fold of the log, once the readers have caught up.
async fn assert_effects(house: &House, wanted: &HashMap<String, i64>) {
    let mut tasks = tokio::task::JoinSet::new();
    for one in house.spine.loops() {
        tasks.spawn(one.run);
    }
    let mut found: HashMap<String, i64> = HashMap::new();
    for _ in 0..400 {
        let rows = house.fresh.db.fetch("SELECT stream, count FROM tally", vec![]).await.expect("read");
        found = rows.iter().map(|row| (row.get(0).expect("stream"), row.get(1).expect("count"))).collect();
        if found == *wanted {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert_eq!(found, *wanted, "effects = a fold of the log");
    house.shutdown.cancel();
    while tasks.join_next().await.is_some() {}
}
