//! One suite a trait, every backend in the same words.

use std::sync::Arc;

use eventing::conformance;
use tempfile::TempDir;

use crate::fresh;

/// Folders live as long as the test that made them.
fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_keeps_the_event_stores_promises() {
    let root = folder();
    conformance::event_store::suite(|| async {
        let name = format!("{}.db", uuid::Uuid::new_v4());
        fresh::store(fresh::sqlite_db(root.path(), &name).await).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_keeps_the_event_stores_promises() {
    let Some(url) = fresh::postgres_url() else { return };
    conformance::event_store::suite(|| async { fresh::store(fresh::postgres_db(&url).await).await }).await;
}

/// Two processes on one PostgreSQL store: two writers that know nothing of each other.
#[tokio::test(flavor = "multi_thread")]
async fn two_writers_on_one_postgres_store_leave_no_gap() {
    let Some(url) = fresh::postgres_url() else { return };
    let db = fresh::postgres_db(&url).await;
    let one = fresh::store(db.clone()).await.store;
    let two: Arc<dyn eventing::EventStore> =
        Arc::new(stadion_backends::SqlEventStore::open(db).await.expect("opens"));
    let append = |stream: String| eventing::store::Append {
        writes: vec![eventing::store::Write {
            stream: eventing::StreamId::named(&stream),
            partition_key: stream,
            expected: eventing::store::Expected::Any,
            events: vec![eventing::store::NewEvent {
                event_id: uuid::Uuid::now_v7(),
                kind: "stadion.test.v1.Happened".to_owned(),
                schema_ver: 1,
                payload: bytes::Bytes::new(),
                meta: proto::envelope::Meta::default(),
            }],
        }],
        ..eventing::store::Append::default()
    };
    let writers = (0..16).map(|writer: usize| {
        let store = if writer.is_multiple_of(2) { one.clone() } else { two.clone() };
        async move {
            for _ in 0..25 {
                store.append(append(format!("stream-{writer}"))).await.expect("appended");
            }
        }
    });
    let following = conformance::event_store::follow(one.clone(), 400);
    let (seen, _) = tokio::join!(following, futures::future::join_all(writers));
    assert_eq!(seen, (1..=400).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sqlite_log_keeps_the_buss_promises() {
    let root = folder();
    conformance::bus::suite(|| fresh::bus(root.path())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kafka_log_keeps_the_buss_promises() {
    let Some(brokers) = fresh::kafka_brokers() else { return };
    let options = fresh::kafka_options(&brokers);
    conformance::bus::suite(|| fresh::kafka_bus(options.clone())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_on_sqlite_keep_their_promises() {
    let roots = std::sync::Mutex::new(Vec::new());
    conformance::readers::suite(|| async {
        let root = folder();
        let engines = (
            fresh::store(fresh::sqlite_db(root.path(), "test.db").await).await,
            fresh::bus(root.path()).await,
        );
        roots.lock().expect("not poisoned").push(root);
        engines
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_on_postgres_keep_their_promises() {
    let Some(url) = fresh::postgres_url() else { return };
    let roots = std::sync::Mutex::new(Vec::new());
    conformance::readers::suite(|| async {
        let root = folder();
        let engines = (fresh::store(fresh::postgres_db(&url).await).await, fresh::bus(root.path()).await);
        roots.lock().expect("not poisoned").push(root);
        engines
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_anew_on_sqlite_keeps_its_promises() {
    let roots = std::sync::Mutex::new(Vec::new());
    conformance::rebuild::suite(|| async {
        let root = folder();
        let engines = (
            fresh::store(fresh::sqlite_db(root.path(), "test.db").await).await,
            fresh::bus(root.path()).await,
        );
        roots.lock().expect("not poisoned").push(root);
        engines
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_anew_on_postgres_keeps_its_promises() {
    let Some(url) = fresh::postgres_url() else { return };
    let roots = std::sync::Mutex::new(Vec::new());
    conformance::rebuild::suite(|| async {
        let root = folder();
        let engines = (fresh::store(fresh::postgres_db(&url).await).await, fresh::bus(root.path()).await);
        roots.lock().expect("not poisoned").push(root);
        engines
    })
    .await;
}

/// Processes that know nothing of each other but what stands in the database.
#[tokio::test(flavor = "multi_thread")]
async fn processes_that_share_a_postgres_store_keep_their_promises() {
    let Some(url) = fresh::postgres_url() else { return };
    let root = folder();
    let db = fresh::postgres_db(&url).await;
    let engines = (fresh::store(db.clone()).await, fresh::bus(root.path()).await);
    let another = || async {
        let store = stadion_backends::SqlEventStore::open(db.clone()).await.expect("opens");
        Arc::new(store) as Arc<dyn eventing::EventStore>
    };
    conformance::sharing::suite(engines, another).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_on_sqlite_and_kafka_keep_their_promises() {
    let Some(brokers) = fresh::kafka_brokers() else { return };
    let roots = std::sync::Mutex::new(Vec::new());
    conformance::readers::suite(|| async {
        let root = folder();
        let engines = (
            fresh::store(fresh::sqlite_db(root.path(), "test.db").await).await,
            fresh::kafka_bus(fresh::kafka_options(&brokers)).await,
        );
        roots.lock().expect("not poisoned").push(root);
        engines
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leases_on_sqlite_keep_their_promises() {
    let root = folder();
    conformance::leases::suite(fresh::store(fresh::sqlite_db(root.path(), "test.db").await).await.db).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leases_on_postgres_keep_their_promises() {
    let Some(url) = fresh::postgres_url() else { return };
    conformance::leases::suite(fresh::store(fresh::postgres_db(&url).await).await.db).await;
}
