//! What only Kafka can get wrong: topics that others made, strangers' messages, places outside the log.

use std::{collections::HashMap, time::Duration};

use eventing::bus::{Batch, Bus, BusError, LogSink, LogSource, PARTITIONS, Routed, Topic, partition_of};
use prost::Message;
use proto::envelope::{Event, Parcel, Record, State, record::Body};
use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
    producer::{BaseProducer, BaseRecord, Producer},
};
use stadion_backends::{
    KafkaBus,
    kafka::{OpenError, Options},
};

use crate::{
    broker::{self, Broker},
    fresh::{self, answering},
};

fn config(options: &Options) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &options.brokers);
    config
}

fn admin(options: &Options) -> AdminClient<DefaultClientContext> {
    config(options).create().expect("an admin client")
}

async fn make(options: &Options, topic: &Topic, partitions: i32, settings: &[(&str, &str)]) {
    let name = format!("{}{}", options.prefix, topic.name);
    let mut wanted = NewTopic::new(&name, partitions, TopicReplication::Fixed(1));
    for (setting, value) in settings {
        wanted = wanted.set(setting, value);
    }
    let made = admin(options).create_topics([&wanted], &AdminOptions::new()).await.expect("asked");
    made.into_iter().for_each(|one| assert!(one.is_ok(), "{one:?}"));
}

async fn opened(options: &Options) -> KafkaBus {
    KafkaBus::open(options.clone()).await.expect("the bus opens")
}

fn event(key: &str, position: u64) -> Routed {
    let event = Event { position, partition_key: key.to_owned(), ..Event::default() };
    Routed::by_key(Record { source: "test".to_owned(), body: Some(Body::Event(event)) })
}

fn position(record: &Record) -> u64 {
    match &record.body {
        Some(Body::Event(event)) => event.position,
        _ => 0,
    }
}

/// Reads one partition up to `end`.
async fn read_to(source: &mut Box<dyn LogSource>, end: i64) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    for _ in 0..40 {
        if batches.last().is_some_and(|batch| batch.next_offset >= end) {
            return batches;
        }
        batches.extend(source.poll(500).await.expect("the log is readable"));
    }
    panic!("a reader does not come to {end}: {batches:?}");
}

fn positions(batches: &[Batch]) -> Vec<u64> {
    batches.iter().flat_map(|batch| &batch.records).map(|(_, record)| position(record)).collect()
}

fn refusal<T>(answer: Result<T, BusError>) -> String {
    match answer {
        Err(BusError::Refused(text)) => text,
        Err(other) => panic!("refused, not {other}"),
        Ok(_) => panic!("refused"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_not_there_is_named() {
    // Nobody listens at the first of all ports.
    let error = KafkaBus::open(Options::new("127.0.0.1:1")).await.err().expect("not opened");
    assert!(matches!(&error, OpenError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
    assert!(error.to_string().contains("refused"), "and why: {error}");
    let error = KafkaBus::open(Options::new(" ")).await.err().expect("not opened");
    assert!(matches!(error, OpenError::Settings(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_copies_than_brokers_are_refused_at_once() {
    let Some(brokers) = fresh::kafka_brokers() else { return };
    let options = Options { replication: 50, ..fresh::kafka_options(&brokers) };
    let error = KafkaBus::open(options).await.err().expect("not opened");
    assert!(matches!(error, OpenError::TooFewBrokers { copies: 50, .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_not_as_it_has_to_be_is_refused_with_what_to_do() {
    let Some(brokers) = fresh::kafka_brokers() else { return };
    let options = fresh::kafka_options(&brokers);
    let bus = opened(&options).await;
    let (few, loose, forgetful, narrow) = (
        Topic::events("few"),
        Topic::events("compacted"),
        Topic::state("test", "deleted"),
        Topic::events("narrow"),
    );
    make(&options, &few, 6, &[]).await;
    make(&options, &loose, 24, &[("cleanup.policy", "compact"), ("max.message.bytes", "9000000")]).await;
    make(&options, &forgetful, 24, &[("cleanup.policy", "delete"), ("max.message.bytes", "9000000")]).await;
    make(&options, &narrow, 24, &[]).await;
    let text = refusal(bus.publish(&few, &[event("one", 1)]).await);
    assert!(text.contains("6 partitions and must have 24"), "{text}");
    let text = refusal(bus.prepare(&loose).await);
    assert!(text.contains("cleanup.policy=compact and must have delete"), "{text}");
    let text = refusal(bus.source("test.reader", &forgetful, &[(0, 0)]).await);
    assert!(text.contains("--add-config cleanup.policy=compact"), "{text}");
    let text = refusal(bus.ends(&narrow).await);
    assert!(text.contains("max.message.bytes=1048588"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_fleets_on_one_cluster_differ_in_their_prefix() {
    let Some(brokers) = fresh::kafka_brokers() else { return };
    let (one, two) = (fresh::kafka_options(&brokers), fresh::kafka_options(&brokers));
    let topic = Topic::events("both");
    let (one, two) = (opened(&one).await, opened(&two).await);
    one.publish(&topic, &[event("one", 1)]).await.expect("published");
    assert_eq!(one.ends(&topic).await.expect("known").iter().sum::<i64>(), 1);
    assert_eq!(two.ends(&topic).await.expect("known").iter().sum::<i64>(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_record_of_ours_is_handed_out_apart() {
    let Some(brokers) = fresh::kafka_brokers() else { return };
    let options = fresh::kafka_options(&brokers);
    let (bus, topic) = (opened(&options).await, Topic::events("strangers"));
    let part = partition_of("one");
    bus.publish(&topic, &[event("one", 1)]).await.expect("published");
    let astray = (0..).map(|number| format!("key-{number}")).find(|key| partition_of(key) != part);
    let astray = event(&astray.expect("a key of another partition"), 900).record.encode_to_vec();
    let stranger: BaseProducer = config(&options).create().expect("a producer");
    let name = format!("{}{}", options.prefix, topic.name);
    for payload in [&b"\xff\xff no record"[..], &astray] {
        let record =
            BaseRecord::<[u8], [u8]>::to(&name).payload(payload).partition(i32::try_from(part).unwrap());
        stranger.send(record).expect("handed over");
    }
    // A message without a value, as a tool would delete a key.
    let tombstone = BaseRecord::<str, [u8]>::to(&name).key("one").partition(i32::try_from(part).unwrap());
    stranger.send(tombstone).expect("handed over");
    stranger.flush(Duration::from_secs(10)).expect("written");
    bus.publish(&topic, &[event("one", 2)]).await.expect("published");
    let mut source = bus.source("test.reader", &topic, &[(part, 0)]).await.expect("opened");
    let batches = read_to(&mut source, 5).await;
    assert_eq!(positions(&batches), [1, 2], "what is ours is read on");
    let unreadable: Vec<(i64, &[u8])> =
        batches.iter().flat_map(|batch| &batch.unreadable).map(|(at, bytes)| (*at, &bytes[..])).collect();
    assert_eq!(unreadable, [(1, &b"\xff\xff no record"[..]), (2, &astray[..])], "the rest is kept as it is");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_comes_to_an_end_that_holds_nothing() {
    let Some(brokers) = fresh::kafka_brokers() else { return };
    let options = fresh::kafka_options(&brokers);
    let (bus, topic) = (opened(&options).await, Topic::events("markers"));
    let part = partition_of("one");
    bus.publish(&topic, &[event("one", 1)]).await.expect("published");
    // A transaction leaves a marker, which has an offset and is no message.
    let mut config = config(&options);
    config.set("transactional.id", &options.prefix);
    let stranger: BaseProducer = config.create().expect("a producer");
    let (name, payload) =
        (format!("{}{}", options.prefix, topic.name), event("one", 2).record.encode_to_vec());
    stranger.init_transactions(Duration::from_secs(30)).expect("transactions");
    stranger.begin_transaction().expect("begun");
    let record = BaseRecord::<str, [u8]>::to(&name).key("one").payload(&payload);
    stranger.send(record.partition(i32::try_from(part).unwrap())).expect("handed over");
    stranger.commit_transaction(Duration::from_secs(30)).expect("committed");
    let mut end = 0;
    // The marker is written behind the answer.
    while end < 3 {
        end = bus.ends(&topic).await.expect("known")[part as usize];
    }
    let mut source = bus.source("test.reader", &topic, &[(part, 0)]).await.expect("opened");
    assert_eq!(positions(&read_to(&mut source, end).await), [1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_outside_the_log_is_told() {
    let Some(brokers) = fresh::kafka_brokers() else { return };
    let options = fresh::kafka_options(&brokers);
    let (bus, topic) = (opened(&options).await, Topic::events("outside"));
    let part = partition_of("one");
    let records: Vec<Routed> = (1..=10).map(|number| event("one", number)).collect();
    bus.publish(&topic, &records).await.expect("published");
    let text = refusal(bus.source("test.reader", &topic, &[(part, 11)]).await);
    assert!(text.contains("stands at 11") && text.contains("ends at 10"), "{text}");
    let text = refusal(bus.source("test.reader", &topic, &[(PARTITIONS, 0)]).await);
    assert!(text.contains("none is 24"), "{text}");

    let mut forgotten = TopicPartitionList::new();
    let name = format!("{}{}", options.prefix, topic.name);
    let until = Offset::Offset(6);
    forgotten.add_partition_offset(&name, i32::try_from(part).unwrap(), until).expect("listed");
    admin(&options).delete_records(&forgotten, &AdminOptions::new()).await.expect("deleted");
    assert_eq!(bus.begins(&topic).await.expect("known")[part as usize], 6);
    let mut source = bus.source("test.reader", &topic, &[(part, 0)]).await.expect("opened");
    assert_eq!(positions(&read_to(&mut source, 10).await), [7, 8, 9, 10], "the rest is read");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_too_large_is_refused_before_anything_is_written() {
    let Some(brokers) = fresh::kafka_brokers() else { return };
    let (bus, topic) = (opened(&fresh::kafka_options(&brokers)).await, Topic::events("oversized"));
    let event_of = |position, bytes| {
        let payload = bytes::Bytes::from(vec![1; bytes]);
        let event = Event { position, partition_key: "one".to_owned(), payload, ..Event::default() };
        Routed::by_key(Record { source: "test".to_owned(), body: Some(Body::Event(event)) })
    };
    let text =
        refusal(bus.publish(&topic, &[event_of(1, 10), event_of(2, 9_000_000), event_of(3, 10)]).await);
    assert!(text.contains("let it carry a reference"), "{text}");
    assert_eq!(bus.ends(&topic).await.expect("known").iter().sum::<i64>(), 0);
    bus.publish(&topic, &[event_of(1, 10), event_of(2, 8_000_000), event_of(3, 10)])
        .await
        .expect("published");
    assert_eq!(bus.ends(&topic).await.expect("known").iter().sum::<i64>(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn dashboards_are_told_how_far_a_reader_is() {
    let Some(brokers) = fresh::kafka_brokers() else { return };
    let options = fresh::kafka_options(&brokers);
    let (bus, topic) = (opened(&options).await, Topic::events("dashboards"));
    let part = partition_of("one");
    bus.publish(&topic, &[event("one", 1), event("one", 2)]).await.expect("published");
    let mut source = bus.source("svc.reader", &topic, &[(part, 0)]).await.expect("opened");
    read_to(&mut source, 2).await;
    source.hint_commit(&[(part, 1)]).await;
    // So soon after, and the last one: it is told when it is quiet.
    source.hint_commit(&[(part, 2)]).await;
    let mut config = config(&options);
    config.set("group.id", format!("{}svc.reader", options.prefix));
    let dashboard: BaseConsumer = config.create().expect("a consumer");
    let mut asked = TopicPartitionList::new();
    asked.add_partition(&format!("{}{}", options.prefix, topic.name), i32::try_from(part).unwrap());
    for _ in 0..50 {
        source.poll(10).await.expect("the log is readable");
        let told = dashboard.committed_offsets(asked.clone(), Duration::from_secs(10)).expect("asked");
        if told.elements()[0].offset() == Offset::Offset(2) {
            return;
        }
    }
    panic!("nobody was told");
}

#[tokio::test(flavor = "multi_thread")]
async fn compaction_leaves_holes_that_a_reader_walks_over() {
    let Some(jars) = broker::jars() else { return };
    let broker = Broker::start(jars);
    let options = Options::new(&broker.address());
    let (bus, topic) = (answering(&options).await, Topic::state("test", "holes"));
    // Small segments: only closed ones are compacted.
    let small = [("segment.bytes", "1048576"), ("min.cleanable.dirty.ratio", "0.01")];
    let fitting = [("cleanup.policy", "compact"), ("max.message.bytes", "9000000")];
    make(&options, &topic, 24, &[small, fitting].concat()).await;
    let mut noise = 1_u64;
    let mut value = |key: &str, revision: u64| {
        let payload = std::iter::repeat_with(|| {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            noise.to_be_bytes()[0]
        });
        let payload = payload.take(20_000).collect::<Vec<u8>>().into();
        let parcel = Parcel { r#type: "t".to_owned(), payload, ..Parcel::default() };
        let state = State {
            key: key.to_owned(),
            partition_key: "p".to_owned(),
            revision,
            value: Some(parcel),
            ..State::default()
        };
        Routed::by_key(Record { source: "test".to_owned(), body: Some(Body::State(state)) })
    };
    for revision in 1..=200 {
        bus.publish(&topic, &[value("a", revision), value("b", revision)]).await.expect("published");
    }
    let part = partition_of("p");
    let end = bus.ends(&topic).await.expect("known")[part as usize];
    for _ in 0..100 {
        let mut source = bus.source("test.reader", &topic, &[(part, 0)]).await.expect("opened");
        let records: Vec<Record> = read_to(&mut source, end)
            .await
            .into_iter()
            .flat_map(|batch| batch.records.into_iter().map(|(_, record)| record))
            .collect();
        let mut newest = HashMap::new();
        for record in &records {
            let Some(Body::State(state)) = &record.body else { panic!("a state") };
            newest.insert(state.key.as_str(), state.revision);
        }
        assert_eq!(newest, HashMap::from([("a", 200), ("b", 200)]));
        if records.len() < 200 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("nothing was compacted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_is_not_sent_more_than_it_can_hold() {
    let Some(brokers) = fresh::kafka_brokers() else { return };
    let (bus, topic) = (opened(&fresh::kafka_options(&brokers)).await, Topic::events("slow"));
    let part = partition_of("one");
    let payload = bytes::Bytes::from(vec![1; 10_000]);
    for page in 0..20_u64 {
        let of = |number| {
            let position = page * 100 + number;
            let payload = payload.clone();
            let event = Event { position, partition_key: "one".to_owned(), payload, ..Event::default() };
            Routed::by_key(Record { source: "test".to_owned(), body: Some(Body::Event(event)) })
        };
        bus.publish(&topic, &(1..=100).map(of).collect::<Vec<_>>()).await.expect("published");
    }
    // Twenty megabytes, of which a queue holds half a megabyte: it pauses and goes on, again and again.
    let mut source = bus.source("test.reader", &topic, &[(part, 0)]).await.expect("opened");
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (mut seen, mut idle) = (Vec::new(), 0);
    while seen.len() < 2_000 {
        let batches = source.poll(7).await.expect("the log is readable");
        idle = if batches.is_empty() { idle + 1 } else { 0 };
        assert!(idle < 40, "it goes on");
        seen.extend(positions(&batches));
    }
    assert_eq!(seen, (1..=2_000).collect::<Vec<_>>());
}

/// A broker that has just become the leader may refuse a producer's first batch and take the second.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_to_a_topic_that_was_just_made_is_all_there() {
    let Some(brokers) = fresh::kafka_brokers() else { return };
    let bus = opened(&fresh::kafka_options(&brokers)).await;
    let record = |part, position, bytes| {
        let payload = bytes::Bytes::from(vec![1; bytes]);
        let event = Event { position, partition_key: "any".to_owned(), payload, ..Event::default() };
        Routed { part, record: Record { source: "test".to_owned(), body: Some(Body::Event(event)) } }
    };
    // The one in the middle is large: three batches a partition, one behind the other.
    let records: Vec<Routed> = (0..PARTITIONS)
        .flat_map(|part| [record(part, 1, 0), record(part, 2, 1_000_000), record(part, 3, 0)])
        .collect();
    for round in 0..6 {
        let topic = Topic::events(&format!("new{round}"));
        bus.publish(&topic, &records).await.expect("published");
        let ends = bus.ends(&topic).await.expect("known");
        assert_eq!(ends, vec![3; PARTITIONS as usize], "what was acknowledged is there");
    }
}
