//! The store of activities on ScyllaDB or Cassandra: the same suite, and what only a store without transactions
//! has to promise.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use activity::{
    CQL_MIGRATIONS,
    store::{CqlActivities, Row},
    streams::StreamType,
};
use async_trait::async_trait;
use backends::cql;
use eventing::{
    cql::{Cql, Kind, Statement, WideColumns},
    sql::{DbError, Row as Columns},
};
use kernel::Id;

use super::{DAY, Engine, MAY, chunk, lists, on_sql, revised, run, suite, with_blob};

/// The keyspace that all tests share: each works on accounts of its own.
const KEYSPACE: &str = "stadion_test_activity";

async fn connect(what: &str, keyspace: &str) -> Option<Cql> {
    let node = testkit::engines::cql(what)?;
    let options = cql::Options {
        nodes: vec![node],
        keyspace: keyspace.to_owned(),
        replication: 1,
        datacenter: None,
        user: None,
    };
    Some(cql::connect(options).await.unwrap())
}

/// Activities there; transactions, of which they know nothing, on SQLite.
pub(super) async fn engine(cql: Cql, folder: &tempfile::TempDir) -> Engine {
    let db = on_sql::sqlite_in(folder).await.db;
    Engine { store: Arc::new(CqlActivities(cql)), db }
}

pub(crate) async fn migrated(what: &str) -> Option<Cql> {
    let cql = connect(what, KEYSPACE).await?;
    CQL_MIGRATIONS.apply(&cql).await.unwrap();
    Some(cql)
}

#[tokio::test(flavor = "multi_thread")]
async fn cql_keeps_the_promises_of_a_store_of_activities() {
    let Some(cql) = migrated("the store of activities on CQL").await else { return };
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(cql, &folder).await;
    suite(&engine).await;
    lists::ten_thousand_activities_are_walked_in_order(&engine).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keyspace_is_brought_up_to_date_once_by_whoever_comes_first() {
    let keyspace = format!("stadion_test_{}", uuid::Uuid::new_v4().simple());
    let Some(one) = connect("migrations of a keyspace", &keyspace).await else { return };
    let two = connect("migrations of a keyspace", &keyspace).await.unwrap();
    let (first, second) = tokio::join!(CQL_MIGRATIONS.apply(&one), CQL_MIGRATIONS.apply(&two));
    let applied = [first.unwrap(), second.unwrap()].concat();
    assert_eq!(applied, ["0001_create_activities"]);
    assert_eq!(CQL_MIGRATIONS.apply(&one).await.unwrap(), Vec::<&str>::new());
    // A program that knows of less, and one that knows another text under the same name.
    let older = eventing::cql::Migrations { files: &[], ..CQL_MIGRATIONS };
    assert!(older.apply(&one).await.unwrap_err().to_string().contains("newer program"));
    let edited =
        eventing::cql::Migrations { files: &[("0001_create_activities", "edited;\n")], ..CQL_MIGRATIONS };
    assert!(edited.apply(&one).await.unwrap_err().to_string().contains("was edited"));
}

#[tokio::test]
async fn what_cannot_be_a_store_is_said() {
    let Some(node) = testkit::engines::cql("clear errors of a CQL store") else { return };
    let options = |node: &str, keyspace: &str| cql::Options {
        nodes: vec![node.to_owned()],
        keyspace: keyspace.to_owned(),
        replication: 1,
        datacenter: None,
        user: None,
    };
    let said = async |options| match cql::connect(options).await {
        Ok(_) => panic!("this should have been refused"),
        Err(error) => error,
    };
    let error = said(options(&node, "Drop; tables")).await;
    assert!(matches!(&error, DbError::Statement(text) if text.contains("no name of a keyspace")), "{error}");
    let error = said(options("127.0.0.1:1", KEYSPACE)).await;
    assert!(matches!(&error, DbError::Unavailable(text) if text.contains("127.0.0.1:1")), "{error}");
    let cql = connect("clear errors of a CQL store", KEYSPACE).await.unwrap();
    let error = cql.fetch("SELECT nothing FROM nowhere", vec![]).await.unwrap_err();
    assert!(matches!(error, DbError::Statement(_)), "{error}");
}

/// Lets so many writes through, and then none; notes what it let through.
struct Failing {
    cql: Cql,
    left: AtomicUsize,
    written: Arc<Mutex<Vec<Statement>>>,
}

#[async_trait]
impl WideColumns for Failing {
    async fn run(&self, statement: Statement) -> Result<Vec<Columns>, DbError> {
        if statement.kind == Kind::Read {
            return self.cql.fetch(&statement.cql, statement.args).await;
        }
        let spent = |left: usize| left.checked_sub(1);
        if self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, spent).is_err() {
            return Err(DbError::Unavailable("cut off".to_owned()));
        }
        self.written.lock().unwrap().push(statement.clone());
        self.cql.write(&statement.cql, statement.args).await?;
        Ok(Vec::new())
    }
}

fn failing(cql: &Cql, left: usize) -> (Cql, Arc<Mutex<Vec<Statement>>>) {
    let written = Arc::default();
    let failing = Failing { cql: cql.clone(), left: left.into(), written: Arc::clone(&written) };
    (Cql::new(failing), written)
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupted_at_any_write_a_move_never_hides_the_activity_and_a_repeat_finishes_it() {
    let Some(cql) = migrated("interrupted writes on CQL").await else { return };
    let folder = tempfile::tempdir().unwrap();
    let whole = engine(cql.clone(), &folder).await;
    for writes in 0.. {
        let aida = Id::random();
        let first = with_blob(&run(aida, MAY), "first");
        whole.put_streams(&first, vec![chunk(StreamType::Time, 0, vec![1])]).await;
        whole.upsert(vec![first.clone()]).await;
        let moved = with_blob(&Row { start_us: MAY - 40 * DAY, ..revised(&first, 2) }, "second");
        whole.put_streams(&moved, vec![chunk(StreamType::Time, 0, vec![2])]).await;
        let cut = Engine { store: Arc::new(CqlActivities(failing(&cql, writes).0)), db: whole.db.clone() };
        let outcome = cut.try_upsert(vec![moved.clone()]).await;
        let listed = whole.listed(aida).await;
        assert_eq!(listed.len(), 1, "after {writes} writes: {listed:?}");
        let read = whole.streams(first.activity_id, &StreamType::ALL).await;
        assert_eq!(read.len(), 1, "after {writes} writes: {read:?}");
        whole.upsert(vec![moved.clone()]).await;
        assert_eq!(whole.listed(aida).await, vec![moved.clone()]);
        assert_eq!(whole.get(first.activity_id).await, Some(moved.clone()));
        let read = whole.streams(first.activity_id, &StreamType::ALL).await;
        assert_eq!(read, vec![chunk(StreamType::Time, 0, vec![2])]);
        if outcome.is_ok() {
            assert!(writes >= 4, "a move takes several writes");
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupted_at_any_write_an_erasure_is_finished_by_a_repeat() {
    let Some(cql) = migrated("interrupted erasures on CQL").await else { return };
    let folder = tempfile::tempdir().unwrap();
    let whole = engine(cql.clone(), &folder).await;
    for writes in 0.. {
        let aida = Id::random();
        let rows = [run(aida, MAY), run(aida, MAY + 40 * DAY)];
        whole.upsert(rows.to_vec()).await;
        let store = Arc::new(CqlActivities(failing(&cql, writes).0));
        let outcome: Result<u64, DbError> = whole
            .db
            .transact(move |tx| {
                Box::pin(async move { activity::store::ActivityStore::erase(&*store, tx, aida).await })
            })
            .await;
        whole.erase(aida).await;
        assert_eq!(whole.listed(aida).await, vec![], "after {writes} writes");
        assert_eq!(whole.of_account(aida).await, vec![], "after {writes} writes");
        for row in &rows {
            assert_eq!(whole.get(row.activity_id).await, None, "after {writes} writes");
        }
        if outcome.is_ok() {
            break;
        }
    }
}

/// Whoever lost its lease in the middle of its work, and wakes up later, writes what it had decided to write.
#[tokio::test(flavor = "multi_thread")]
async fn writes_that_arrive_late_and_in_any_order_come_to_the_same() {
    let Some(cql) = migrated("late writes on CQL").await else { return };
    let folder = tempfile::tempdir().unwrap();
    let whole = engine(cql.clone(), &folder).await;
    let (noting, written) = failing(&cql, usize::MAX);
    let noting = Engine { store: Arc::new(CqlActivities(noting)), db: whole.db.clone() };
    let aida = Id::random();
    let first = with_blob(&run(aida, MAY), "first");
    noting.put_streams(&first, vec![chunk(StreamType::Time, 0, vec![1])]).await;
    let second = Row { start_us: MAY + 40 * DAY, ..revised(&first, 2) };
    let deleted = Row { live: false, ..revised(&second, 3) };
    noting.upsert(vec![first.clone(), second.clone(), deleted.clone()]).await;
    let bare =
        Row { whole: activity::wire::Whole { name: String::new(), ..deleted.whole.clone() }, ..deleted };
    noting.replace(bare.clone()).await;
    let last = with_blob(&Row { start_us: MAY + DAY, ..revised(&first, 4) }, "second");
    noting.put_streams(&last, vec![chunk(StreamType::Time, 0, vec![4])]).await;
    noting.upsert(vec![last.clone()]).await;
    let written = written.lock().unwrap().clone();
    // Backwards, then rotated: each write comes after each other one at least once.
    let mut orders = vec![written.iter().rev().cloned().collect::<Vec<_>>()];
    for by in 0..written.len() {
        let mut rotated = written.clone();
        rotated.rotate_left(by);
        orders.push(rotated);
    }
    for order in orders {
        for late in order {
            cql.write(&late.cql, late.args).await.unwrap();
        }
        assert_eq!(whole.listed(aida).await, vec![last.clone()]);
        assert_eq!(whole.get(first.activity_id).await, Some(last.clone()));
        let read = whole.streams(first.activity_id, &StreamType::ALL).await;
        assert_eq!(read, vec![chunk(StreamType::Time, 0, vec![4])]);
    }
    // Not even an erasure is undone by them.
    whole.erase(aida).await;
    for late in written {
        cql.write(&late.cql, late.args).await.unwrap();
    }
    assert_eq!(whole.listed(aida).await, vec![]);
    assert_eq!(whole.get(first.activity_id).await, None);
}
