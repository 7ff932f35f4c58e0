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
    an_empty_topic_begins_where_it_ends(open().await).await;
    a_reader_comes_to_the_ends_it_waits_for(open().await).await;
    readers_see_their_partitions_only_and_each_all_of_them(open().await).await;
    a_long_partition_starves_no_other(open().await).await;
    what_is_published_again_stands_behind(open().await).await;
    a_large_record_arrives_whole(open().await).await;
    an_exclusive_sink_ends_the_one_before(&open).await;
    exclusive_sinks_of_other_names_live_side_by_side(open().await).await;
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

/// Reads from the beginning to where the topic ends now, in every partition.
async fn take_to_the_ends(bus: &dyn Bus, topic: &Topic) -> Vec<(u32, i64, Record)> {
    let ends = bus.ends(topic).await.expect("known");
    let mut source = bus.source("test.reader", topic, &all_parts()).await.expect("opened");
    let mut places = vec![0; PARTITIONS as usize];
    let mut taken = Vec::new();
    let mut empty = 0;
    while places.iter().zip(&ends).any(|(place, end)| place < end) {
        assert!(empty < 20, "a reader at {places:?} does not come to {ends:?}");
        let batches = source.poll(64).await.expect("the log is readable");
        empty = if batches.is_empty() { empty + 1 } else { 0 };
        for batch in batches {
            let place = &mut places[batch.part as usize];
            assert!(batch.next_offset >= *place, "a reader never goes back");
            assert!(
                batch.records.iter().all(|(offset, _)| (*place..batch.next_offset).contains(offset)),
                "records stand between where a reader was and where it is told to go on"
            );
            *place = batch.next_offset;
            taken.extend(batch.records.into_iter().map(|(offset, record)| (batch.part, offset, record)));
        }
    }
    taken
}

/// A key of another partition than those of `others`.
fn key_apart_from(others: &[u32]) -> String {
    let mut keys = (0..).map(|number| format!("key-{number}"));
    keys.find(|key| !others.contains(&partition_of(key))).expect("there are other partitions")
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

fn value(key: &str, revision: u64) -> Routed {
    let parcel = Parcel { r#type: "t".to_owned(), ..Parcel::default() };
    let state = State {
        key: key.to_owned(),
        partition_key: "p".to_owned(),
        revision,
        value: Some(parcel),
        trace_parent: String::new(),
    };
    Routed::by_key(Record { source: "test".to_owned(), body: Some(Body::State(state)) })
}

/// The value that stands last of each key. How many older ones are still there is the log's own business.
async fn last_values(bus: &dyn Bus, topic: &Topic) -> HashMap<String, u64> {
    let values = take_to_the_ends(bus, topic).await.into_iter().map(|(_, _, record)| match record.body {
        Some(Body::State(state)) => (state.key, state.revision),
        _ => panic!("a state"),
    });
    values.collect()
}

async fn state_topics_keep_the_newest_value_of_a_key(bus: Arc<dyn Bus>) {
    let topic = Topic::state("conformance", "things");
    for revision in 1..=50 {
        bus.publish(&topic, &[value("a", revision), value("b", revision)]).await.expect("published");
    }
    let newest = last_values(&*bus, &topic).await;
    assert_eq!(newest, HashMap::from([("a".to_owned(), 50), ("b".to_owned(), 50)]));
}

async fn an_exclusive_sink_ends_the_one_before<F, Fut>(open: &F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = Arc<dyn Bus>>,
{
    let topic = Topic::state("conformance", "owned");
    let bus = open().await;
    let mut last = HashMap::new();
    for round in 0..5_u64 {
        let earlier = bus.exclusive_sink("conformance.owner").await.expect("opened");
        earlier.publish(&topic, &[value("a", 10 * round + 1)]).await.expect("published by the one owner");
        let later = bus.exclusive_sink("conformance.owner").await.expect("opened again");
        // What the earlier one sends late is there before the later one's, or not at all.
        let (older, newer) = ([value("a", 10 * round + 2)], [value("a", 10 * round + 3)]);
        let (late, new) = tokio::join!(earlier.publish(&topic, &older), later.publish(&topic, &newer));
        assert!(late.is_err(), "round {round}: an ended sink refuses");
        new.expect("published by the new owner");
        assert!(
            earlier.publish(&topic, &[value("a", 10 * round + 4)]).await.is_err(),
            "and goes on refusing"
        );
        last.insert("a".to_owned(), 10 * round + 3);
        assert_eq!(last_values(&*bus, &topic).await, last, "round {round}");
    }
}

async fn exclusive_sinks_of_other_names_live_side_by_side(bus: Arc<dyn Bus>) {
    let topic = Topic::state("conformance", "side-by-side");
    let one = bus.exclusive_sink("conformance.one").await.expect("opened");
    let two = bus.exclusive_sink("conformance.two").await.expect("opened");
    for revision in 1..=20 {
        let (ours, theirs, shared) =
            ([value("one", revision)], [value("two", revision)], [value("nobody's", revision)]);
        let (first, second, plain) = tokio::join!(
            one.publish(&topic, &ours),
            two.publish(&topic, &theirs),
            bus.publish(&topic, &shared)
        );
        first.and(second).and(plain).expect("published");
    }
    let all = HashMap::from([("one".to_owned(), 20), ("two".to_owned(), 20), ("nobody's".to_owned(), 20)]);
    assert_eq!(last_values(&*bus, &topic).await, all);
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

async fn an_empty_topic_begins_where_it_ends(bus: Arc<dyn Bus>) {
    let topic = Topic::events("empty");
    let (begins, ends) = (bus.begins(&topic).await.expect("known"), bus.ends(&topic).await.expect("known"));
    assert_eq!((begins, ends), (vec![0; PARTITIONS as usize], vec![0; PARTITIONS as usize]));
    let mut source = bus.source("test.reader", &topic, &all_parts()).await.expect("opened");
    assert!(source.poll(10).await.expect("silence is no error").is_empty());
}

async fn a_reader_comes_to_the_ends_it_waits_for(bus: Arc<dyn Bus>) {
    let topic = Topic::events("waiting");
    let records: Vec<Routed> = (1..=3_000).map(|number| event(&format!("key-{number}"), number)).collect();
    bus.publish(&topic, &records).await.expect("published");
    bus.publish(&topic, &Routed::watermarks("test", 3_000)).await.expect("published");
    let taken = take_to_the_ends(&*bus, &topic).await;
    let mut seen: Vec<u64> = taken.iter().map(|(_, _, record)| position(record)).collect();
    seen.sort_unstable();
    assert_eq!(&seen[PARTITIONS as usize..], (1..=3_000).collect::<Vec<_>>());
    let begins = bus.begins(&topic).await.expect("known");
    assert_eq!(begins, vec![0; PARTITIONS as usize], "nothing was forgotten");
}

async fn readers_see_their_partitions_only_and_each_all_of_them(bus: Arc<dyn Bus>) {
    let topic = Topic::events("shared");
    let mine = partition_of("mine");
    let other = key_apart_from(&[mine]);
    let records: Vec<Routed> =
        (1..=40).map(|number| event(if number % 2 == 0 { "mine" } else { &other }, number)).collect();
    bus.publish(&topic, &records).await.expect("published");
    for reader in ["test.one", "test.two"] {
        let mut source = bus.source(reader, &topic, &[(mine, 0)]).await.expect("opened");
        let taken = take(&mut source, 20).await;
        assert!(taken.iter().all(|(part, _, _)| *part == mine), "a reader sees what it was given");
        let seen: Vec<u64> = taken.iter().map(|(_, _, record)| position(record)).collect();
        assert_eq!(seen, (1..=20).map(|number| number * 2).collect::<Vec<_>>(), "whoever else reads");
    }
}

async fn a_long_partition_starves_no_other(bus: Arc<dyn Bus>) {
    let topic = Topic::events("turns");
    let short = key_apart_from(&[partition_of("long")]);
    let long: Vec<Routed> = (1..=6_000).map(|number| event("long", number)).collect();
    for together in long.chunks(100) {
        bus.publish(&topic, together).await.expect("published");
    }
    bus.publish(&topic, &[event(&short, 6_001)]).await.expect("published");
    let parts = [(partition_of("long"), 0), (partition_of(&short), 0)];
    let mut source = bus.source("test.reader", &topic, &parts).await.expect("opened");
    let mut before = 0;
    while before < 6_000 {
        for batch in source.poll(64).await.expect("the log is readable") {
            if batch.part == parts[1].0 && !batch.records.is_empty() {
                return;
            }
            before += batch.records.len();
        }
    }
    panic!("the short partition's turn came only behind all {before} records of the long one");
}

/// What a publisher does that was told nothing, or that the bus was unavailable.
async fn what_is_published_again_stands_behind(bus: Arc<dyn Bus>) {
    let topic = Topic::events("again");
    let records: Vec<Routed> = (1..=4).map(|number| event("one", number)).collect();
    bus.publish(&topic, &records[..3]).await.expect("published");
    bus.publish(&topic, &records).await.expect("published");
    let taken = take_to_the_ends(&*bus, &topic).await;
    let seen: Vec<u64> = taken.iter().map(|(_, _, record)| position(record)).collect();
    assert_eq!(seen, [1, 2, 3, 1, 2, 3, 4], "so that a reader drops what it knows by its position");
}

async fn a_large_record_arrives_whole(bus: Arc<dyn Bus>) {
    let topic = Topic::events("large");
    let payload = bytes::Bytes::from(vec![7; 3_000_000]);
    let large = Event {
        position: 2,
        partition_key: "large".to_owned(),
        payload: payload.clone(),
        ..Event::default()
    };
    let large = Routed::by_key(Record { source: "test".to_owned(), body: Some(Body::Event(large)) });
    bus.publish(&topic, &[event("large", 1), large, event("large", 3)]).await.expect("published");
    let taken = take_to_the_ends(&*bus, &topic).await;
    let seen: Vec<u64> = taken.iter().map(|(_, _, record)| position(record)).collect();
    assert_eq!(seen, [1, 2, 3]);
    assert!(matches!(&taken[1].2.body, Some(Body::Event(event)) if event.payload == payload));
}
