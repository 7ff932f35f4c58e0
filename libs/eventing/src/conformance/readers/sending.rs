//! The outbox's promises: every state value leaves, whatever becomes of others.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use proto::envelope::{Parcel, record::Body};
use tokio_util::sync::CancellationToken;

use super::{
    SERVICE,
    logs::Refusing,
    world::{Running, World},
};
use crate::{
    bus::{Bus, PARTITIONS, Topic},
    event::Plain,
    outbox,
    sql::{Db, DbError},
};

/// More than a page.
const KEYS: usize = 600;

async fn put(db: &Db, topic: &Topic, keys: Vec<String>, revision: i64) {
    let topic = topic.clone();
    let done: Result<(), DbError> = db
        .transact(move |tx| {
            Box::pin(async move {
                let (kind, payload) = (Parcel::default().r#type, bytes::Bytes::new());
                let value = Plain { kind, schema_ver: 1, payload, erased: Vec::new() };
                for key in keys {
                    outbox::put(tx, &topic, &key, &key, revision, &value).await?;
                }
                Ok(())
            })
        })
        .await;
    done.expect("put");
}

fn keys(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("key-{number:04}")).collect()
}

/// Ends when a value of this key has come.
async fn arrives(bus: &Arc<dyn Bus>, topic: &Topic, key: &str) {
    let from: Vec<(u32, i64)> = (0..PARTITIONS).map(|part| (part, 0)).collect();
    let mut source = bus.source("conformance.arrives", topic, &from).await.expect("opened");
    for _ in 0..60 {
        for batch in source.poll(500).await.expect("read") {
            let is_it = |body: &Option<Body>| matches!(body, Some(Body::State(state)) if state.key == key);
            if batch.records.iter().any(|(_, record)| is_it(&record.body)) {
                return;
            }
        }
    }
    panic!("{key} did not come");
}

pub(super) async fn a_topic_that_is_refused_stops_no_other(mut world: World) {
    let (refused, taken) = (Topic::state(SERVICE, "a-refused"), Topic::state(SERVICE, "taken"));
    let refuses = Arc::new(AtomicBool::new(true));
    world.bus =
        Arc::new(Refusing { bus: world.bus.clone(), topic: refused.name.clone(), refuses: refuses.clone() });
    put(&world.fresh.db, &refused, keys(KEYS), 1).await;
    put(&world.fresh.db, &taken, vec!["one".to_owned()], 1).await;
    let shutdown = CancellationToken::new();
    let running = Running::start(&world.spine(1, &shutdown), shutdown);
    arrives(&world.bus, &taken, "one").await;
    refuses.store(false, Ordering::Release);
    arrives(&world.bus, &refused, "key-0000").await;
    arrives(&world.bus, &refused, &keys(KEYS)[KEYS - 1]).await;
    running.stop().await;
}

pub(super) async fn keys_that_never_rest_starve_no_other(world: World) {
    let (busy, quiet) = (Topic::state(SERVICE, "a-busy"), Topic::state(SERVICE, "quiet"));
    put(&world.fresh.db, &busy, keys(KEYS), 1).await;
    put(&world.fresh.db, &quiet, vec!["one".to_owned()], 1).await;
    let shutdown = CancellationToken::new();
    let running = Running::start(&world.spine(1, &shutdown), shutdown);
    let churn = async {
        for revision in 2.. {
            put(&world.fresh.db, &busy, keys(KEYS), revision).await;
        }
    };
    tokio::select! {
        () = churn => {}
        () = arrives(&world.bus, &quiet, "one") => {}
    }
    running.stop().await;
}
