//! The log under a relay and its readers, SQLite beside Kafka: many records at once, pages as a relay sends them, a
//! reader from the beginning, and one record on its way.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::bail;
use backends::{BUS_MIGRATIONS, KafkaBus, SqliteBus, kafka, sqlite};
use bytes::Bytes;
use eventing::bus::{Bus, LogSource, PARTITIONS, Routed, Topic};
use kernel::SystemClock;
use proto::envelope::{Event, Record, record::Body};
use uuid::Uuid;

use crate::{
    Options,
    report::{Report, durations, record},
};

const RECORDS: u64 = 50_000;
const KEYS: u64 = 5_000;
const PAYLOAD_BYTES: usize = 200;
/// What a relay publishes in one go, and what a reader takes.
const PAGE: usize = 512;
/// Between two lone records.
const PAUSE: Duration = Duration::from_millis(7);

pub(crate) async fn measure(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let folder = options.fresh_folder()?;
    let db = sqlite::open(&folder.path().join("bus.db"), sqlite::Options::default()).await?;
    BUS_MIGRATIONS.apply(&db).await?;
    let bus = Arc::new(SqliteBus::open(db, Arc::new(SystemClock)).await?);
    one(options, report, "SQLite, synchronous=FULL", bus).await?;
    let Some(brokers) = &options.kafka else {
        report.skip("the bus on Kafka", "no --kafka and no STADION_TEST_KAFKA");
        return Ok(());
    };
    let prefix = format!("load-{}.", Uuid::new_v4().simple());
    let bus = KafkaBus::open(kafka::Options { prefix, ..kafka::Options::new(brokers) }).await?;
    one(options, report, "Kafka, acks=all", Arc::new(bus)).await
}

async fn one(options: &Options, report: &mut Report, engine: &str, bus: Arc<dyn Bus>) -> anyhow::Result<()> {
    let records: Vec<Routed> = (1..=RECORDS).map(event).collect();
    let conditions = format!("{RECORDS} events of {PAYLOAD_BYTES} B, {KEYS} keys, {PARTITIONS} partitions");
    let rate = |took: Duration| (count(RECORDS) / took.as_secs_f64(), "events/s");

    let (whole, pages) = (Topic::events("whole"), Topic::events("pages"));
    for topic in [&whole, &pages] {
        bus.ends(topic).await?;
    }
    let begun = Instant::now();
    bus.publish(&whole, &records).await?;
    report.figure(format!("bus, {engine}, one publish"), rate(begun.elapsed()), "all there", &*conditions);
    let begun = Instant::now();
    for page in records.chunks(PAGE) {
        bus.publish(&pages, page).await?;
    }
    report.figure(
        format!("bus, {engine}, pages of {PAGE}"),
        rate(begun.elapsed()),
        "all there",
        &*conditions,
    );
    for topic in [&whole, &pages] {
        let begun = Instant::now();
        let mut source = bus.source("load.reader", topic, &from_the_beginning()).await?;
        let mut seen = 0;
        while seen < RECORDS {
            seen += taken(&mut *source).await?;
        }
        if seen != RECORDS {
            bail!("{engine}: {RECORDS} published, {seen} read");
        }
        let what = format!("bus, {engine}, read of {}", topic.name);
        report.figure(what, rate(begun.elapsed()), "all there", &*conditions);
    }
    alone(options, report, engine, &*bus).await
}

/// One record at a time, until a reader has it.
async fn alone(options: &Options, report: &mut Report, engine: &str, bus: &dyn Bus) -> anyhow::Result<()> {
    let topic = Topic::events("alone");
    let mut source = bus.source("load.reader", &topic, &from_the_beginning()).await?;
    // The first of each partition makes the client known there.
    let every_key: Vec<Routed> = (1..=KEYS).map(event).collect();
    bus.publish(&topic, &every_key).await?;
    let mut seen = 0;
    while seen < KEYS {
        seen += taken(&mut *source).await?;
    }
    let mut took = durations()?;
    for number in 0..u64::from(options.samples) {
        tokio::time::sleep(PAUSE).await;
        let (record_alone, begun) = ([event(number)], Instant::now());
        let read = async {
            while taken(&mut *source).await? == 0 {}
            anyhow::Ok(begun.elapsed())
        };
        let (published, read) = tokio::join!(bus.publish(&topic, &record_alone), read);
        published?;
        record(&mut took, read?);
    }
    let conditions = format!("one record of {PAYLOAD_BYTES} B every {PAUSE:?}, {} samples", options.samples);
    report.latencies(&format!("bus, {engine}, published until read"), &took, "", &conditions);
    Ok(())
}

async fn taken(source: &mut dyn LogSource) -> anyhow::Result<u64> {
    let batches = source.poll(PAGE).await?;
    Ok(batches.iter().map(|batch| batch.records.len() as u64).sum())
}

fn from_the_beginning() -> Vec<(u32, i64)> {
    (0..PARTITIONS).map(|part| (part, 0)).collect()
}

fn event(position: u64) -> Routed {
    let event = Event {
        position,
        partition_key: format!("key-{}", position % KEYS),
        payload: Bytes::from(vec![7; PAYLOAD_BYTES]),
        ..Event::default()
    };
    Routed::by_key(Record { source: "load".to_owned(), body: Some(Body::Event(event)) })
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn count(number: u64) -> f64 {
    number as f64
}
