//! The outbox's promises: every state value leaves, whatever becomes of others.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use kernel::Refusal;
use proto::envelope::{Parcel, Record, State, record::Body};
use tokio_util::sync::CancellationToken;

use super::{
    SERVICE,
    logs::Refusing,
    world::{Running, World},
};
use crate::{
    args,
    bus::{Bus, PARTITIONS, Routed, Topic},
    event::Plain,
    outbox,
    refill::StateTables,
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
    for _ in 0..240 {
        for batch in source.poll(500).await.expect("read") {
            let is_it = |body: &Option<Body>| matches!(body, Some(Body::State(state)) if state.key == key);
            if batch.records.iter().any(|(_, record)| is_it(&record.body)) {
                return;
            }
        }
    }
    panic!("{key} did not come");
}

/// Keys and revisions of all that stands on the topic, in the order of each partition.
async fn everything(bus: &Arc<dyn Bus>, topic: &Topic) -> Vec<(String, u64)> {
    let from: Vec<(u32, i64)> = (0..PARTITIONS).map(|part| (part, 0)).collect();
    let mut source = bus.source("conformance.everything", topic, &from).await.expect("opened");
    let (mut all, mut places) = (Vec::new(), vec![0; PARTITIONS as usize]);
    let ends = bus.ends(topic).await.expect("known");
    for _ in 0..240 {
        let batches = source.poll(500).await.expect("read");
        // A transaction's last offset holds nothing.
        let at_end = places.iter().zip(&ends).all(|(place, end)| place + 1 >= *end);
        if batches.is_empty() && at_end {
            return all;
        }
        for batch in batches {
            places[batch.part as usize] = batch.next_offset;
            all.extend(batch.records.into_iter().filter_map(|(_, record)| match record.body {
                Some(Body::State(state)) => Some((state.key, state.revision)),
                _ => None,
            }));
        }
    }
    panic!("{places:?} were read of {ends:?}");
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

/// The owner's tables.
struct Tables(Vec<Topic>);

#[async_trait]
impl StateTables for Tables {
    fn topics(&self) -> Vec<Topic> {
        self.0.clone()
    }

    async fn page(&self, _: &str, after_key: &str, max: usize) -> Result<Vec<State>, Refusal> {
        let behind = keys(KEYS).into_iter().filter(|key| key.as_str() > after_key);
        Ok(behind.take(max).map(|key| state(&key, 3)).collect())
    }
}

fn state(key: &str, revision: u64) -> State {
    let (key, partition_key) = (key.to_owned(), key.to_owned());
    State { key, partition_key, revision, value: Some(Parcel::default()), ..State::default() }
}

pub(super) async fn a_log_that_lost_a_state_is_told_it_again(world: World) {
    let (lost, half) = (Topic::state(SERVICE, "lost"), Topic::state(SERVICE, "half"));
    let tables = Arc::new(Tables(vec![lost.clone(), half.clone()]));
    let db = &world.fresh.db;
    let sql = "INSERT INTO es_generation (topic, generation, model) VALUES ($1, 2, 'm')";
    db.execute(sql, args![lost.name.as_str()]).await.expect("noted");
    // Of the other the first half was told when somebody died.
    let first = Record { source: SERVICE.to_owned(), body: Some(Body::State(state("key-0000", 3))) };
    world.bus.publish(&half, &[Routed::by_key(first)]).await.expect("published");
    let sql = "INSERT INTO es_refill (topic, after_key) VALUES ($1, 'key-0299')";
    db.execute(sql, args![half.name.as_str()]).await.expect("noted");
    put(db, &lost, vec!["key-0000".to_owned(), "new".to_owned()], 4).await;

    let mut before = None;
    for _ in 0..2 {
        let shutdown = CancellationToken::new();
        let running = Running::start(&world.spine(1, &shutdown).state(tables.clone()), shutdown);
        arrives(&world.bus, &lost, "new").await;
        let told = everything(&world.bus, &lost).await;
        let generation = 2_u64 << 40;
        // A log may have let go of what a newer value has overtaken.
        let newest = told.iter().rev().find(|(key, _)| key == "key-0000");
        assert_eq!(newest.map(|(_, revision)| *revision), Some(4 + generation), "the newer one behind");
        assert!(told.contains(&("key-0001".to_owned(), 3 + generation)), "from the table");
        assert_eq!(told.iter().map(|(key, _)| key).collect::<BTreeSet<_>>().len(), KEYS + 1);
        arrives(&world.bus, &half, &keys(KEYS)[KEYS - 1]).await;
        running.stop().await;
        let now = everything(&world.bus, &lost).await.len();
        assert_eq!(*before.get_or_insert(now), now, "nothing is told twice");
    }
    let told = everything(&world.bus, &half).await.len();
    assert_eq!(told, 1 + 300, "what was told before the interruption is not told again");
    let left = db.fetch("SELECT topic FROM es_refill", vec![]).await.expect("read");
    assert!(left.is_empty(), "done is done");
}
