//! The holder of the keys is away for ten minutes and more: nothing is written in the clear, nothing is lost, those whose
//! keys are near are served, others are refused until it is back.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use eventing::{
    Aggregate, Command, Decision, DecodeError, DomainEvent, Error, Failure, Incoming, Journal, Plain,
    Projection, Sealer, Source, Spine, StreamId, Tx, args,
    conformance::{
        Fresh,
        history::{Found, History, Kept, Reader},
    },
    leases::Leases,
    sealing::{CachedKeys, KeyAnswer, KeyRing, KeyWanted, SealingError, StaticKeys},
};
use kernel::{Code, Refusal, SystemClock};
use proto::auth;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::fresh;

const CANARY: &[u8] = b"canary-44c1@example.org";
const KNOWN: Uuid = Uuid::from_u128(1);
const STRANGER: Uuid = Uuid::from_u128(2);

/// Auth, which may be away.
#[derive(Default)]
struct Keys {
    away: AtomicBool,
    keys: StaticKeys,
}

#[async_trait]
impl KeyRing for Keys {
    async fn keys(&self, wanted: &[KeyWanted]) -> Result<Vec<KeyAnswer>, SealingError> {
        if self.away.load(Ordering::Relaxed) {
            return Err(SealingError::Unavailable("auth is away".to_owned()));
        }
        self.keys.keys(wanted).await
    }
}

#[derive(Clone, Debug)]
struct Registered(auth::AccountRegistered);

impl DomainEvent for Registered {
    fn encode(&self) -> Plain {
        Plain::of(&self.0)
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        Ok(Self(plain.expect()?))
    }
}

#[derive(Clone, Debug, Default)]
struct Entry;

impl Aggregate for Entry {
    type Event = Registered;
    const KIND: &'static str = "entry";

    fn evolve(&mut self, _: &Registered) {}
}

/// Notes every event that it can read.
struct Seen;

#[async_trait]
impl Projection for Seen {
    fn name(&self) -> &'static str {
        "seen"
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::OwnJournal]
    }

    async fn apply(&self, tx: &mut dyn Tx, events: &[Incoming]) -> Result<(), Failure> {
        for Incoming { event, plain, .. } in events {
            let read: auth::AccountRegistered = plain.expect()?;
            assert_eq!(read.email.as_bytes(), CANARY, "opened, or not handed over");
            let place =
                "INSERT INTO effect (place, position) SELECT COUNT(*), CAST($1 AS BIGINT) FROM effect";
            tx.execute(place, args![event.position]).await?;
        }
        Ok(())
    }
}

struct Service {
    fresh: Fresh,
    journal: Journal,
    history: History,
    /// What was refused, and whose it is.
    refused: Vec<(String, Uuid)>,
}

impl Service {
    async fn ask(&mut self, name: &str, subject: Uuid) -> Result<(), Refusal> {
        self.history.attempted(name, 1);
        let message = auth::AccountRegistered {
            account_id: subject.as_bytes().to_vec().into(),
            email: String::from_utf8_lossy(CANARY).into_owned(),
            ..auth::AccountRegistered::default()
        };
        let command = Command::by("account:test").keyed(name, Vec::new());
        let decide = |_: &Entry, _| Ok(Decision::of(vec![Registered(message.clone())]));
        let stream = StreamId::named(name);
        let done: Result<_, Error> = self.journal.execute::<Entry, _>(&command, &stream, "p", decide).await;
        match done {
            Ok(done) => {
                self.history.acknowledged(name, done.position);
                Ok(())
            }
            Err(error) => {
                self.refused.push((name.to_owned(), subject));
                Err(Refusal::from(error))
            }
        }
    }

    async fn effects(&self) -> Vec<i64> {
        let sql = "SELECT position FROM effect ORDER BY place";
        let rows = self.fresh.db.fetch(sql, vec![]).await.expect("read");
        rows.iter().map(|row| row.get(0).expect("a position")).collect()
    }

    /// No byte of the journal says what is sealed.
    async fn keeps_quiet(&self) {
        let rows = self.fresh.db.fetch("SELECT payload, meta FROM es_event", vec![]).await.expect("read");
        for row in rows {
            for column in 0..2 {
                let bytes: Vec<u8> = row.get(column).expect("bytes");
                assert!(!bytes.windows(CANARY.len()).any(|piece| piece == CANARY), "in the clear");
            }
        }
    }
}

/// So much later, for whoever asks the runtime what time it is.
async fn later(minutes: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(60 * minutes)).await;
    tokio::time::resume();
}

fn cached(auth: &Arc<Keys>) -> Sealer {
    Sealer::new(Arc::new(CachedKeys::new(auth.clone())))
}

async fn away_for_ten_minutes(engine: &str, fresh: Fresh) {
    let table = "CREATE TABLE effect (place BIGINT PRIMARY KEY, position BIGINT NOT NULL)";
    fresh.db.execute(table, vec![]).await.expect("made");
    let auth = Arc::new(Keys::default());
    let clock = Arc::new(SystemClock);
    let journal = Journal::new("auth", fresh.store.clone(), cached(&auth), clock.clone());
    let mut service = Service { fresh, journal, history: History::default(), refused: Vec::new() };
    service.ask("before", KNOWN).await.expect("auth is there");

    auth.away.store(true, Ordering::Relaxed);
    for (passed, minutes) in [(4, 4), (4, 8), (2, 10)] {
        later(passed).await;
        service.ask(&format!("known at {minutes}"), KNOWN).await.expect("its key is near");
        let refused = service.ask(&format!("stranger at {minutes}"), STRANGER).await.expect_err("no key");
        assert_eq!(refused.code, Code::Unavailable, "{refused}");
    }
    // A process that starts while auth is away has no key near: its readers wait, and drop nothing.
    let root = tempfile::tempdir().expect("a folder");
    let shutdown = CancellationToken::new();
    let started = Journal::new("auth", service.fresh.store.clone(), cached(&auth), clock.clone());
    let bus = fresh::bus(root.path()).await;
    let (db, leases) = (service.fresh.db.clone(), Leases::whole(1));
    let spine = Spine::new(&started, db, bus, clock, leases, shutdown.clone()).projection(Seen);
    let mut tasks = tokio::task::JoinSet::new();
    for one in spine.loops() {
        tasks.spawn(one.run);
    }
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(service.effects().await, [] as [i64; 0], "nothing is read, and nothing is passed over");
    assert!(spine.parked(10).await.expect("listed").is_empty(), "nor parked");

    later(6).await;
    let refused = service.ask("known at 16", KNOWN).await.expect_err("its key is too old to be believed");
    assert_eq!(refused.code, Code::Unavailable);
    service.keeps_quiet().await;
    let waiting = std::mem::take(&mut service.refused);

    auth.away.store(false, Ordering::Relaxed);
    for (name, subject) in &waiting {
        service.ask(name, *subject).await.expect("auth is back");
    }
    service.keeps_quiet().await;
    let journal = service.fresh.store.read_all(0, usize::MAX).await.expect("readable");
    let since = Instant::now();
    while service.effects().await.len() < journal.len() {
        assert!(since.elapsed() < Duration::from_secs(60), "the readers go on");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    let applied = service.effects().await;
    let found = Found {
        journal: journal.iter().map(|event| Kept::of(event, event.stream.as_str())).collect(),
        log: None,
        readers: vec![Reader { name: "seen".to_owned(), applied }],
    };
    assert_eq!(service.history.judge(&found), []);
    println!(
        "auth away for 16 min, {engine}: {} commands acknowledged, {} of them refused at first, {} effects",
        service.history.answered(),
        waiting.len(),
        journal.len()
    );
    shutdown.cancel();
    while tasks.join_next().await.is_some() {}
}

#[tokio::test]
async fn while_auth_is_away_nothing_is_in_the_clear_or_lost_on_sqlite() {
    let root = tempfile::tempdir().expect("a folder");
    away_for_ten_minutes("SQLite", fresh::store(fresh::sqlite_db(root.path(), "test.db").await).await).await;
}

#[tokio::test]
async fn while_auth_is_away_nothing_is_in_the_clear_or_lost_on_postgres() {
    let Some(url) = fresh::postgres_url() else { return };
    away_for_ten_minutes("PostgreSQL", fresh::store(fresh::postgres_db(&url).await).await).await;
}
