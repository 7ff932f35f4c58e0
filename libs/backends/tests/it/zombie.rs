//! An owner that is stopped past its leases' life and then goes on: another serves meanwhile, and nothing is done twice.

use std::{
    process::{Child, Command as Process, Stdio},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use eventing::{
    Failure, Incoming, Journal, Projection, Sealer, Source, Spine, Tx, args,
    conformance::{
        Fresh,
        history::{Found, History, Kept, Reader},
    },
    leases::{Leases, Pace},
    ownership::Holder,
    sealing::StaticKeys,
    sql::Db,
    store::Outcome,
};
use kernel::SystemClock;
use stadion_backends::postgres;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{crash::append, fresh};

const DATABASE: &str = "STADION_ZOMBIE_DATABASE";
/// What the faults table promises: another serves within this.
const SERVED_WITHIN: Duration = Duration::from_secs(10);

/// Notes every event, and who took it.
struct Seen(&'static str);

#[async_trait]
impl Projection for Seen {
    fn name(&self) -> &'static str {
        "seen"
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::OwnJournal]
    }

    async fn apply(&self, tx: &mut dyn Tx, events: &[Incoming]) -> Result<(), Failure> {
        for incoming in events {
            let sql = "INSERT INTO effect (position, who) VALUES ($1, $2)";
            tx.execute(sql, args![incoming.event.position, self.0]).await?;
        }
        Ok(())
    }
}

/// A process of the service; its log is its own, as nobody reads it here.
struct House {
    fresh: Fresh,
    shutdown: CancellationToken,
    tasks: tokio::task::JoinSet<()>,
    _log: tempfile::TempDir,
}

async fn open(url: &str) -> Fresh {
    let options = postgres::Options { connections_max: 8, ..postgres::Options::default() };
    fresh::store(postgres::connect(url, options).await.expect("PostgreSQL answers")).await
}

async fn enter(url: &str, name: &'static str) -> House {
    let (fresh, log) = (open(url).await, tempfile::tempdir().expect("a folder"));
    let (clock, shutdown) = (Arc::new(SystemClock), CancellationToken::new());
    let sealer = Sealer::new(Arc::new(StaticKeys::default()));
    let journal = Journal::new("zombie", fresh.store.clone(), sealer, clock.clone());
    let leases = Leases::shared(Holder::new(fresh.db.clone(), name, ""), Pace::default());
    let bus = fresh::bus(log.path()).await;
    let spine =
        Spine::new(&journal, fresh.db.clone(), bus, clock, leases, shutdown.clone()).projection(Seen(name));
    let mut tasks = tokio::task::JoinSet::new();
    for one in spine.loops() {
        tasks.spawn(one.run);
    }
    House { fresh, shutdown, tasks, _log: log }
}

/// Owns and reads until it is killed.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "started by the test below, in a process of its own"]
async fn victim() {
    let Ok(url) = std::env::var(DATABASE) else { return };
    let mut house = enter(&url, "zombie").await;
    while house.tasks.join_next().await.is_some() {}
}

fn signal(process: &Child, name: &str) {
    let sent = Process::new("kill").arg(name).arg(process.id().to_string()).status().expect("kill runs");
    assert!(sent.success(), "{name} is sent");
}

async fn taken_by(db: &Db, who: &str) -> i64 {
    let sql = "SELECT COUNT(*) FROM effect WHERE who = $1";
    let row = db.fetch_one(sql, args![who]).await.expect("read").expect("a count");
    row.get(0).expect("a number")
}

async fn until_taken_by(db: &Db, who: &str, more_than: i64, patience: Duration) -> Duration {
    let since = Instant::now();
    while taken_by(db, who).await <= more_than {
        assert!(since.elapsed() < patience, "{who} takes nothing within {patience:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    since.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_owner_on_postgres_is_replaced_and_does_nothing_twice_when_it_goes_on() {
    let Some(url) = fresh::postgres_url() else { return };
    let name = format!("stadion_test_{}", uuid::Uuid::new_v4().simple());
    let url = postgres::create_database(&url, &name).await.expect("a database is made");
    let fresh = open(&url).await;
    let table = "CREATE TABLE effect (place BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                 position BIGINT NOT NULL, who TEXT NOT NULL)";
    fresh.db.execute(table, vec![]).await.expect("made");
    let mut zombie = Process::new(std::env::current_exe().expect("this test's binary"))
        .args(["--exact", "zombie::victim", "--ignored", "--nocapture"])
        .env(DATABASE, &url)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the victim starts");
    let written = CancellationToken::new();
    let writing = async {
        let mut history = History::default();
        for number in 0.. {
            if written.is_cancelled() {
                break;
            }
            let key = format!("{number}");
            history.attempted(&key, 1);
            match fresh.store.append(append(number % 7, &key)).await {
                Ok(Outcome::Appended { position, .. }) => history.acknowledged(&key, position),
                other => panic!("{key}: {other:?}"),
            }
            tokio::time::sleep(Duration::from_millis(4)).await;
        }
        history
    };
    let playing = async {
        until_taken_by(&fresh.db, "zombie", 50, SERVED_WITHIN * 6).await;
        signal(&zombie, "-STOP");
        let standby = enter(&url, "standby").await;
        let served_after = until_taken_by(&fresh.db, "standby", 0, SERVED_WITHIN).await;
        println!("another served after {served_after:?}");
        signal(&zombie, "-CONT");
        tokio::time::sleep(Duration::from_secs(3)).await;
        written.cancel();
        standby
    };
    let (history, mut standby) = tokio::join!(writing, playing);
    zombie.kill().expect("killed");
    zombie.wait().expect("gone");
    let events = fresh.store.read_all(0, usize::MAX).await.expect("readable");
    let until = Instant::now() + SERVED_WITHIN * 3;
    let sql = "SELECT position FROM effect ORDER BY place";
    let mut applied: Vec<i64> = Vec::new();
    while applied.len() < events.len() && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let rows = fresh.db.fetch(sql, vec![]).await.expect("read");
        applied = rows.iter().map(|row| row.get(0).expect("a position")).collect();
    }
    let named = |event: &eventing::Recorded| String::from_utf8_lossy(&event.payload).into_owned();
    let journal = events.iter().map(|event| Kept::of(event, named(event))).collect();
    let readers = vec![Reader { name: "seen".to_owned(), applied }];
    assert_eq!(history.judge(&Found { journal, log: None, readers }), []);
    standby.shutdown.cancel();
    while standby.tasks.join_next().await.is_some() {}
    assert!(standby.fresh.store.head().await.is_ok());
}
