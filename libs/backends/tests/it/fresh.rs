//! Fresh engines for each test.

use std::{path::Path, sync::Arc};

use eventing::{
    Bus, StreamId,
    conformance::Fresh,
    migrate::SPINE,
    sql::Db,
    store::{Append, CommandRow, Expected, NewEvent, Write},
};
use kernel::SystemClock;
use proto::envelope::{CommandResult, Meta};
use stadion_backends::{BUS_MIGRATIONS, KafkaBus, SqlEventStore, SqliteBus, kafka, postgres, sqlite};

/// The address of a PostgreSQL server where databases may be made; says so when there is none.
pub(crate) fn postgres_url() -> Option<String> {
    let url = std::env::var("STADION_TEST_POSTGRES").ok();
    if url.is_none() {
        assert!(
            std::env::var_os("CI").is_none(),
            "STADION_TEST_POSTGRES is not set, and CI may skip no engine"
        );
        eprintln!("skipped: STADION_TEST_POSTGRES names no PostgreSQL server (cargo dev test starts one)");
    }
    url
}

/// The address of a Kafka broker where topics may be made; says so when there is none.
pub(crate) fn kafka_brokers() -> Option<String> {
    let brokers = std::env::var("STADION_TEST_KAFKA").ok();
    if brokers.is_none() {
        eprintln!("skipped: STADION_TEST_KAFKA names no Kafka broker (cargo dev test starts one)");
    }
    brokers
}

/// A name space of its own on the broker.
pub(crate) fn kafka_options(brokers: &str) -> kafka::Options {
    let prefix = format!("test-{}.", uuid::Uuid::new_v4().simple());
    let patience = std::time::Duration::from_secs(25);
    kafka::Options { prefix, client: "stadion-test".to_owned(), patience, ..kafka::Options::new(brokers) }
}

pub(crate) async fn kafka_bus(options: kafka::Options) -> Arc<dyn Bus> {
    Arc::new(KafkaBus::open(options).await.expect("the bus opens"))
}

/// A bus on a broker that has just begun to listen, and answers a moment later.
pub(crate) async fn answering(options: &kafka::Options) -> KafkaBus {
    for _ in 0..10 {
        if let Ok(bus) = KafkaBus::open(options.clone()).await {
            return bus;
        }
    }
    panic!("the broker does not answer");
}

pub(crate) async fn sqlite_db(folder: &Path, name: &str) -> Db {
    sqlite::open(&folder.join(name), sqlite::Options::default()).await.expect("SQLite opens")
}

pub(crate) async fn postgres_db(url: &str) -> Db {
    let name = format!("stadion_test_{}", uuid::Uuid::new_v4().simple());
    let made = postgres::create_database(url, &name).await.expect("a database is made");
    postgres::connect(&made, postgres::Options { connections_max: 8, ..postgres::Options::default() })
        .await
        .expect("PostgreSQL answers")
}

pub(crate) async fn store(db: Db) -> Fresh {
    SPINE.apply(&db).await.expect("the spine's tables are made");
    let store = Arc::new(SqlEventStore::open(db.clone()).await.expect("the store opens"));
    Fresh { db, store }
}

pub(crate) async fn bus(folder: &Path) -> Arc<dyn Bus> {
    let db = sqlite_db(folder, "bus.db").await;
    BUS_MIGRATIONS.apply(&db).await.expect("the bus's tables are made");
    Arc::new(SqliteBus::open(db, Arc::new(SystemClock)).await.expect("the bus opens"))
}

/// One event whose payload is its command's key, on the stream of a writer.
pub(crate) fn append(writer: usize, key: &str) -> Append {
    let stream = StreamId::named(&format!("writer-{writer}"));
    Append {
        writes: vec![Write {
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
            actor: "account:test".to_owned(),
            key: key.to_owned(),
            request_hash: bytes::Bytes::new(),
            stream,
            result: CommandResult::default(),
        }],
        ..Append::default()
    }
}
