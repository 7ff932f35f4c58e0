//! The broker dies, hangs, comes back: everything is there, in order.

use std::{collections::HashMap, sync::Arc, time::Duration};

use eventing::bus::{Bus, BusError, LogSink, PARTITIONS, Routed, Topic};
use proto::envelope::{Event, Record, record::Body};
use stadion_backends::{KafkaBus, kafka::Options};
use tokio_util::sync::CancellationToken;

use crate::{
    broker::{self, Broker},
    fresh::answering,
};

/// As a relay: a page after the other, each until it is acknowledged.
const PAGE: u64 = 50;
const KEYS: u64 = 40;

fn page(number: u64) -> Vec<Routed> {
    let event = |position: u64| {
        let partition_key = format!("key-{}", position % KEYS);
        let event = Event { position, partition_key, ..Event::default() };
        Routed::by_key(Record { source: "test".to_owned(), body: Some(Body::Event(event)) })
    };
    (number * PAGE + 1..=(number + 1) * PAGE).map(event).collect()
}

/// Publishes pages until told to stop; how many, and how many tries were in vain.
async fn publish_on(bus: &KafkaBus, topic: &Topic, stop: &CancellationToken) -> (u64, u64) {
    let (mut number, mut in_vain) = (0, 0);
    while !stop.is_cancelled() {
        match bus.publish(topic, &page(number)).await {
            Ok(()) => number += 1,
            Err(BusError::Unavailable(_)) => in_vain += 1,
            Err(other) => panic!("the broker is away, nothing else: {other}"),
        }
    }
    (number, in_vain)
}

/// As a consumer: a partition's positions ascend, what is not above the last is known. Opens anew after trouble.
async fn read_all(bus: &KafkaBus, topic: &Topic, stop: &CancellationToken) -> Seen {
    let mut seen = Seen::default();
    let mut places: Vec<(u32, i64)> = (0..PARTITIONS).map(|part| (part, 0)).collect();
    loop {
        let Ok(mut source) = bus.source("test.reader", topic, &places).await else { continue };
        let mut silent = 0;
        while let Ok(batches) = source.poll(500).await {
            silent = if batches.is_empty() { silent + 1 } else { 0 };
            for batch in batches {
                for (offset, record) in &batch.records {
                    seen.take(batch.part, *offset, record);
                }
                places[batch.part as usize].1 = batch.next_offset;
            }
            let ended = stop.is_cancelled() && silent > 1;
            if ended
                && bus
                    .ends(topic)
                    .await
                    .is_ok_and(|ends| places.iter().zip(ends).all(|(at, end)| at.1 >= end))
            {
                return seen;
            }
        }
    }
}

#[derive(Default)]
struct Seen {
    last: HashMap<u32, u64>,
    offsets: HashMap<u32, i64>,
    positions: Vec<u64>,
    repeated: u64,
}

impl Seen {
    fn take(&mut self, part: u32, offset: i64, record: &Record) {
        let Some(Body::Event(event)) = &record.body else { panic!("an event") };
        let before = self.offsets.insert(part, offset);
        assert!(before.is_none_or(|before| before < offset), "offsets ascend");
        let last = self.last.entry(part).or_default();
        if event.position > *last {
            *last = event.position;
            self.positions.push(event.position);
        } else {
            self.repeated += 1;
        }
    }

    fn check(mut self, pages: u64) -> u64 {
        self.positions.sort_unstable();
        let expected: Vec<u64> = (1..=pages * PAGE).collect();
        assert_eq!(
            self.positions.len(),
            expected.len(),
            "nothing is lost, by whoever drops what is not above the last"
        );
        assert_eq!(self.positions, expected);
        self.repeated
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_dies_or_hangs_loses_and_reorders_nothing() {
    let Some(jars) = broker::jars() else { return };
    let mut broker = Broker::start(jars);
    let options = Options { patience: Duration::from_millis(700), ..Options::new(&broker.address()) };
    let (bus, topic) = (Arc::new(answering(&options).await), Topic::events("outage"));
    bus.prepare(&topic).await.expect("a topic");
    let (enough, written) = (CancellationToken::new(), CancellationToken::new());
    let publishing = async {
        let published = publish_on(&bus, &topic, &enough).await;
        written.cancel();
        published
    };
    let trouble = async {
        let moment = Duration::from_millis(800);
        for _ in 0..2 {
            tokio::time::sleep(moment).await;
            broker.kill();
            tokio::time::sleep(moment * 2).await;
            tokio::task::block_in_place(|| broker.back());
            tokio::time::sleep(moment * 3).await;
        }
        broker.signal("STOP");
        tokio::time::sleep(moment * 3).await;
        broker.signal("CONT");
        tokio::time::sleep(moment).await;
        enough.cancel();
    };
    let ((pages, in_vain), seen, ()) = tokio::join!(publishing, read_all(&bus, &topic, &written), trouble);
    let repeated = seen.check(pages);
    assert!(in_vain > 0, "the broker was away");
    println!("{pages} pages of {PAGE}, {in_vain} tries in vain, {repeated} records repeated");
}
