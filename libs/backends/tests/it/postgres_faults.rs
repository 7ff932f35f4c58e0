//! PostgreSQL when something is wrong with it, or with the way to it.

use std::{sync::Arc, time::Duration};

use eventing::{
    EventStore, StreamId, args,
    conformance::event_store::follow,
    migrate::SPINE,
    sql::{Db, DbError},
    store::{Append, Expected, NewEvent, Outcome, StoreError, Write},
};
use stadion_backends::{
    SqlEventStore,
    postgres::{self, Options},
};

use crate::{
    fresh,
    wire::{Cut, Wire},
};

fn quick() -> Options {
    Options { connections_max: 6, acquire_limit: Duration::from_secs(2), ..Options::default() }
}

fn append(stream: &str) -> Append {
    let event = NewEvent {
        event_id: uuid::Uuid::now_v7(),
        kind: "stadion.test.v1.Happened".to_owned(),
        schema_ver: 1,
        payload: bytes::Bytes::new(),
        meta: proto::envelope::Meta::default(),
    };
    let write = Write {
        stream: StreamId::named(stream),
        partition_key: stream.to_owned(),
        expected: Expected::Any,
        events: vec![event],
    };
    Append { writes: vec![write], ..Append::default() }
}

async fn database(url: &str) -> String {
    let name = format!("stadion_test_{}", uuid::Uuid::new_v4().simple());
    postgres::create_database(url, &name).await.expect("a database is made")
}

/// A database, and one pool to it by way of a wire.
async fn wired(url: &str) -> (Wire, Db, String) {
    let direct = database(url).await;
    let authority = direct.split('@').nth(1).and_then(|rest| rest.split('/').next()).expect("host:port");
    let wire = Wire::to(authority).await;
    let db = postgres::connect(&wire.url(&direct), quick()).await.expect("PostgreSQL answers");
    SPINE.apply(&db).await.expect("applied");
    (wire, db, direct)
}

async fn store(db: &Db) -> Arc<dyn EventStore> {
    Arc::new(SqlEventStore::open(db.clone()).await.expect("the store opens"))
}

async fn says(url: &str, options: Options, word: &str) -> DbError {
    let Err(error) = postgres::connect(url, options).await else { panic!("{url} was taken") };
    assert!(error.to_string().contains(word), "«{error}» says nothing of «{word}»");
    error
}

#[tokio::test]
async fn who_cannot_be_reached_is_told_apart_with_what_to_do() {
    let Some(url) = fresh::postgres_url() else { return };
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let listening = format!("postgres://a@{}/a", silent.local_addr().expect("an address"));
    let short = Options { acquire_limit: Duration::from_secs(3), ..quick() };
    assert!(matches!(says(&listening, short, "has not greeted").await, DbError::Unavailable(_)));
    let gone = says("postgres://a@127.0.0.1:1/a", quick(), "is it running").await;
    assert!(matches!(gone, DbError::Unavailable(_)));
    says("postgre//a", quick(), "not readable").await;
    let stranger = url.replace("stadion@", "nobody_known@");
    assert!(matches!(says(&stranger, quick(), "«nobody_known»").await, DbError::Unusable(_)));
    let missing = url.replace("/postgres", "/stadion_nowhere");
    assert!(matches!(says(&missing, quick(), "CREATE DATABASE stadion_nowhere").await, DbError::Unusable(_)));
}

#[tokio::test]
async fn a_database_that_would_lose_or_mix_up_something_is_refused() {
    let Some(url) = fresh::postgres_url() else { return };
    let admin = postgres::connect(&url, quick()).await.expect("connected");
    let named = |kind: &str| format!("stadion_test_{kind}_{}", uuid::Uuid::new_v4().simple());
    let address = |name: &str| url.replace("/postgres", &format!("/{name}"));

    let only_reads = database(&url).await;
    let name = only_reads.rsplit('/').next().and_then(|rest| rest.split('?').next()).expect("a name");
    let sql = format!("ALTER DATABASE {name} SET default_transaction_read_only = on");
    admin.execute(&sql, args![]).await.expect("altered");
    says(&only_reads, quick(), "only reads").await;
    let lazy = database(&url).await;
    let name = lazy.rsplit('/').next().and_then(|rest| rest.split('?').next()).expect("a name");
    admin
        .execute(&format!("ALTER DATABASE {name} SET synchronous_commit = off"), args![])
        .await
        .expect("altered");
    says(&lazy, quick(), "synchronous_commit").await;

    // CREATE DATABASE refuses a transaction: each by way of a function of ours that uses none.
    let latin = named("latin");
    postgres::create_database_as(&url, &latin, "ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'")
        .await
        .expect("made");
    says(&address(&latin), quick(), "ENCODING 'UTF8'").await;
    let sorted = named("sorted");
    let by_language = "ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'en' LC_COLLATE 'C' LC_CTYPE 'C'";
    if postgres::create_database_as(&url, &sorted, by_language).await.is_ok() {
        says(&address(&sorted), quick(), "orders texts by a language").await;
    }
    let made = address(&named("made"));
    assert!(postgres::ensure_database(&made).await.expect("made"));
    assert!(!postgres::ensure_database(&made).await.expect("there"));
    postgres::connect(&made, quick()).await.expect("what we make is fit");
}

#[tokio::test(flavor = "multi_thread")]
async fn ended_sessions_cost_nobody_an_error() {
    let Some(url) = fresh::postgres_url() else { return };
    let db = fresh::postgres_db(&url).await;
    let store = fresh::store(db.clone()).await.store;
    let admin = postgres::connect(&url, quick()).await.expect("connected");
    let name: String = db
        .fetch_one("SELECT current_database()", args![])
        .await
        .expect("read")
        .expect("a row")
        .get(0)
        .expect("a name");
    for round in 1..=5 {
        // As a restart of the server: every session of the pool is gone.
        let all = futures::future::join_all((0..8).map(|_| db.fetch("SELECT 1", args![]))).await;
        assert!(all.iter().all(Result::is_ok), "{all:?}");
        let end = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1";
        admin.fetch(end, args![&name]).await.expect("ended");
        assert!(
            matches!(store.append(append("stream-1")).await, Ok(Outcome::Appended { position, .. }) if position == round)
        );
        admin.fetch(end, args![&name]).await.expect("ended");
        assert_eq!(store.head().await.expect("read"), round);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_server_is_away_writes_are_refused_and_then_they_go_on() {
    let Some(url) = fresh::postgres_url() else { return };
    let (wire, db, _) = wired(&url).await;
    let store = store(&db).await;
    store.append(append("stream-1")).await.expect("appended");
    wire.passes(false);
    let refused = store.append(append("stream-1")).await.expect_err("nobody is there");
    assert!(matches!(refused, StoreError::Db(DbError::Unavailable(_))), "{refused}");
    assert!(matches!(db.fetch("SELECT 1", args![]).await, Err(DbError::Unavailable(_))));
    wire.passes(true);
    let again = store.append(append("stream-1")).await.expect("appended");
    assert!(matches!(again, Outcome::Appended { position: 2, .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_whose_commit_was_lost_is_told_as_it_is() {
    let Some(url) = fresh::postgres_url() else { return };
    let (wire, db, _) = wired(&url).await;
    let store = store(&db).await;
    let mut position = 0;
    for cut in [Cut::BehindCommit, Cut::BeforeCommit, Cut::BehindCommit, Cut::Never] {
        wire.cut(cut);
        let together = (0..20).map(|nth| store.append(append(&format!("stream-{nth}"))));
        let outcomes = futures::future::join_all(together).await;
        assert!(
            outcomes.iter().all(|one| matches!(one, Ok(Outcome::Appended { .. }))),
            "{cut:?}: {outcomes:?}"
        );
        position += 20;
        assert_eq!(store.head().await.expect("read"), position, "each once, behind {cut:?}");
    }
    assert_eq!(follow(store, 80).await, (1..=80).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn work_whose_commit_was_lost_is_said_to_be_unknown() {
    let Some(url) = fresh::postgres_url() else { return };
    let (wire, db, _) = wired(&url).await;
    db.execute("CREATE TABLE note (id BIGINT PRIMARY KEY)", args![]).await.expect("made");
    let put = "INSERT INTO note (id) VALUES ($1)";
    wire.cut(Cut::BehindCommit);
    assert!(matches!(db.execute(put, args![1]).await, Err(DbError::Unknown(_))));
    wire.cut(Cut::BeforeCommit);
    assert!(matches!(db.execute(put, args![2]).await, Err(DbError::Unknown(_))));
    let kept = db.fetch("SELECT id FROM note", args![]).await.expect("read");
    assert_eq!(kept.iter().map(|row| row.get::<i64>(0).expect("an id")).collect::<Vec<_>>(), [1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_wait_for_each_other_one_is_told_to_try_again() {
    let Some(url) = fresh::postgres_url() else { return };
    let db = fresh::postgres_db(&url).await;
    db.execute("CREATE TABLE note (id BIGINT PRIMARY KEY, said BIGINT NOT NULL)", args![])
        .await
        .expect("made");
    db.execute("INSERT INTO note (id, said) VALUES (1, 0), (2, 0)", args![]).await.expect("filled");
    let met = Arc::new(tokio::sync::Barrier::new(2));
    let crossing = |first: i64, second: i64| {
        let met = met.clone();
        db.transact(move |tx| {
            Box::pin(async move {
                let say = "UPDATE note SET said = said + 1 WHERE id = $1";
                tx.execute(say, args![first]).await?;
                met.wait().await;
                tx.execute(say, args![second]).await.map(drop)
            })
        })
    };
    let (one, two): (Result<(), DbError>, Result<(), DbError>) = tokio::join!(crossing(1, 2), crossing(2, 1));
    let both = [one, two];
    assert_eq!(both.iter().filter(|one| one.is_ok()).count(), 1, "{both:?}");
    assert!(both.iter().any(|one| matches!(one, Err(DbError::Contended(_)))), "{both:?}");
}

/// Begins work that holds what `sql` takes until it is told to end.
#[expect(clippy::disallowed_methods, reason = "somebody else's session, for as long as the test says")]
async fn holding(
    db: &Db,
    sql: &'static str,
) -> (tokio::sync::oneshot::Sender<()>, tokio::task::JoinHandle<Result<(), DbError>>) {
    let (held, holds) = tokio::sync::oneshot::channel();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let db = db.clone();
    let task = tokio::spawn(async move {
        db.transact(move |tx| {
            Box::pin(async move {
                tx.execute(sql, args![]).await?;
                let _ = held.send(());
                let _ = ended.await;
                tx.execute("SELECT 1", args![]).await.map(drop)
            })
        })
        .await
    });
    holds.await.expect("held");
    (end, task)
}

const LOCKED: &str = "LOCK TABLE es_event IN ACCESS EXCLUSIVE MODE";

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_hangs_in_its_transaction_is_put_out() {
    let Some(url) = fresh::postgres_url() else { return };
    let direct = database(&url).await;
    let options = Options { idle_limit: Duration::from_secs(2), ..quick() };
    let hanging = postgres::connect(&direct, options).await.expect("connected");
    let db = postgres::connect(&direct, quick()).await.expect("connected");
    let store = fresh::store(db).await.store;
    let (_end, _task) = holding(&hanging, LOCKED).await;
    let outcome = store.append(append("stream-1")).await.expect("its turn has come");
    assert!(matches!(outcome, Outcome::Appended { position: 1, .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_lock_stalls_writers_no_longer_than_the_limit() {
    let Some(url) = fresh::postgres_url() else { return };
    let direct = database(&url).await;
    let stranger = postgres::connect(&direct, Options { idle_limit: Duration::from_secs(600), ..quick() })
        .await
        .expect("connected");
    let options = Options { lock_limit: Duration::from_millis(200), ..quick() };
    let store = fresh::store(postgres::connect(&direct, options).await.expect("connected")).await.store;
    let (end, task) = holding(&stranger, LOCKED).await;
    let together = futures::future::join_all((0..30).map(|_| store.append(append("stream-1")))).await;
    let unavailable =
        |one: &Result<Outcome, StoreError>| matches!(one, Err(StoreError::Db(DbError::Unavailable(_))));
    assert!(together.iter().all(unavailable), "{together:?}");
    end.send(()).expect("still there");
    task.await.expect("ended").expect("committed");
    let outcome = store.append(append("stream-1")).await.expect("free again");
    assert!(matches!(outcome, Outcome::Appended { position: 1, .. }), "what was refused left no gap");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_finds_no_connection_is_told_so() {
    let Some(url) = fresh::postgres_url() else { return };
    let options = Options { connections_max: 2, acquire_limit: Duration::from_millis(200), ..quick() };
    let db = postgres::connect(&database(&url).await, options).await.expect("connected");
    // One listens for news; the other is held.
    let (end, task) = holding(&db, "SELECT 1").await;
    let refused = db.fetch("SELECT 1", args![]).await;
    let error = refused.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(error.contains("all 2 are in use"), "{error}");
    end.send(()).expect("still there");
    task.await.expect("ended").expect("committed");
    db.fetch("SELECT 1", args![]).await.expect("free again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_leaves_nothing_behind() {
    let Some(url) = fresh::postgres_url() else { return };
    let db = fresh::postgres_db(&url).await;
    let store = fresh::store(db.clone()).await.store;
    let (_end, task) = holding(&db, LOCKED).await;
    task.abort();
    assert!(task.await.is_err());
    assert!(matches!(store.append(append("stream-1")).await, Ok(Outcome::Appended { position: 1, .. })));
}
