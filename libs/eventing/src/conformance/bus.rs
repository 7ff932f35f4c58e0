//! The log's promises.

use std::{collections::HashMap, future::Future, sync::Arc};

use futures::future::join_all;
use proto::envelope::{Event, Parcel, Record, State, record::Body};

use crate::bus::{Bus, LogSource, PARTITIONS, Routed, Topic, partition_of};

/// Every promise. `open` opens the same log each time: what was published before is there again.
pub async fn suite<F, Fut>(open: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = Arc<dyn Bus>>,
{
    records_of_a_key_keep_their_order(open().await).await;
    a_reader_goes_on_where_it_stopped(&open).await;
    state_topics_keep_the_newest_value_of_a_key(open().await).await;
    watermarks_reach_every_partition(open().await).await;
    parallel_publishers_lose_nothing(open().await).await;
}

fn event(key: &str, position: u64) -> Routed {
    let event = Event { position, partition_key: key.to_owned(), ..Event::default() };
    Routed::by_key(Record { source: "test".to_owned(), body: Some(Body::Event(event)) })
}

fn all_parts() -> Vec<(u32, i64)> {
    (0..PARTITIONS).map(|part| (part, 0)).collect()
}

/// Reads until `count` records have come; `(part, offset, record)`.
async fn take(source: &mut Box<dyn LogSource>, count: usize) -> Vec<(u32, i64, Record)> {
    let mut taken = Vec::new();
    let mut empty = 0;
    while taken.len() < count && empty < 20 {
        let batches = source.poll(64).await.expect("the log is readable");
        empty = if batches.is_empty() { empty + 1 } else { 0 };
        for batch in batches {
            taken.extend(batch.records.into_iter().map(|(offset, record)| (batch.part, offset, record)));
        }
    }
    taken
}

fn position(record: &Record) -> u64 {
    match &record.body {
        Some(Body::Event(event)) => event.position,
        _ => 0,
    }
}

async fn records_of_a_key_keep_their_order(bus: Arc<dyn Bus>) {
    let topic = Topic::events("order");
    let keys: Vec<String> = (0..10).map(|number| format!("key-{number}")).collect();
    for round in 0..10_u64 {
        let records: Vec<Routed> =
            keys.iter().zip(1..).map(|(key, number)| event(key, round * 10 + number)).collect();
        bus.publish(&topic, &records).await.expect("published");
    }
    let mut source = bus.source("test.reader", &topic, &all_parts()).await.expect("opened");
    let taken = take(&mut source, 100).await;
    assert_eq!(taken.len(), 100);
    let mut last: HashMap<String, u64> = HashMap::new();
    let mut offsets: HashMap<u32, i64> = HashMap::new();
    for (part, offset, record) in taken {
        assert_eq!(
            offsets.insert(part, offset).map_or(0, |before| before + 1),
            offset,
            "offsets have no gaps"
        );
        let Some(Body::Event(event)) = &record.body else { panic!("an event") };
        assert_eq!(partition_of(&event.partition_key), part, "a key's records stand in its partition");
        let before = last.insert(event.partition_key.clone(), event.position).unwrap_or_default();
        assert!(before < event.position, "a key's records keep their order");
    }
}

async fn a_reader_goes_on_where_it_stopped<F, Fut>(open: &F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = Arc<dyn Bus>>,
{
    let topic = Topic::events("resume");
    let part = partition_of("one");
    let bus = open().await;
    let records: Vec<Routed> = (1..=30).map(|number| event("one", number)).collect();
    bus.publish(&topic, &records[..20]).await.expect("published");
    bus.publish(&topic, &records[20..]).await.expect("published");
    drop(bus);
    let bus = open().await;
    assert_eq!(bus.ends(&topic).await.expect("known")[part as usize], 30, "ends survive");
    let mut source = bus.source("test.reader", &topic, &[(part, 13)]).await.expect("opened");
    let taken: Vec<u64> = take(&mut source, 17).await.iter().map(|(_, _, record)| position(record)).collect();
    assert_eq!(taken, (14..=30).collect::<Vec<_>>(), "also from the middle of what was published together");
    let mut fresh = bus.source("test.reader", &topic, &[(part, 30)]).await.expect("opened");
    bus.publish(&topic, &[event("one", 31)]).await.expect("published");
    let taken: Vec<u64> = take(&mut fresh, 1).await.iter().map(|(_, _, record)| position(record)).collect();
    assert_eq!(taken, [31], "a reader at the end hears of what comes");
}

async fn state_topics_keep_the_newest_value_of_a_key(bus: Arc<dyn Bus>) {
    let topic = Topic::state("conformance", "things");
    let value = |key: &str, revision: u64| {
        let parcel = Parcel { r#type: "t".to_owned(), ..Parcel::default() };
        let state =
            State { key: key.to_owned(), partition_key: "p".to_owned(), revision, value: Some(parcel) };
        Routed::by_key(Record { source: "test".to_owned(), body: Some(Body::State(state)) })
    };
    for revision in 1..=50 {
        bus.publish(&topic, &[value("a", revision), value("b", revision)]).await.expect("published");
    }
    let mut source = bus.source("test.reader", &topic, &all_parts()).await.expect("opened");
    let mut newest: HashMap<String, u64> = HashMap::new();
    for (_, _, record) in take(&mut source, 2).await {
        let Some(Body::State(state)) = record.body else { panic!("a state") };
        newest.insert(state.key, state.revision);
    }
    assert_eq!(newest, HashMap::from([("a".to_owned(), 50), ("b".to_owned(), 50)]));
}

async fn watermarks_reach_every_partition(bus: Arc<dyn Bus>) {
    let topic = Topic::events("watermarks");
    bus.publish(&topic, &Routed::watermarks("test", 77)).await.expect("published");
    let mut source = bus.source("test.reader", &topic, &all_parts()).await.expect("opened");
    let taken = take(&mut source, PARTITIONS as usize).await;
    let mut parts: Vec<u32> = taken.iter().map(|(part, _, _)| *part).collect();
    parts.sort_unstable();
    assert_eq!(parts, (0..PARTITIONS).collect::<Vec<_>>());
    assert!(taken.iter().all(|(_, _, record)| matches!(record.body, Some(Body::Watermark(77)))));
}

async fn parallel_publishers_lose_nothing(bus: Arc<dyn Bus>) {
    let topic = Topic::events("parallel");
    let publishers = (0..16_u64).map(|publisher| {
        let (bus, topic) = (bus.clone(), topic.clone());
        async move {
            for number in 0..25 {
                let record = event(&format!("key-{publisher}"), publisher * 100 + number);
                bus.publish(&topic, &[record]).await.expect("published");
            }
        }
    });
    join_all(publishers).await;
    let mut source = bus.source("test.reader", &topic, &all_parts()).await.expect("opened");
    let mut seen: Vec<u64> =
        take(&mut source, 400).await.iter().map(|(_, _, record)| position(record)).collect();
    seen.sort_unstable();
    let sent: Vec<u64> =
        (0..16).flat_map(|publisher| (0..25).map(move |number| publisher * 100 + number)).collect();
    assert_eq!(seen, sent);
}
