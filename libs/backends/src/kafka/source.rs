//! Reading given partitions from given offsets. Each partition has its own queue, which librdkafka fills ahead up to a
//! bound and pauses; the parts take turns.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use eventing::bus::{Batch, BusError, LogSource, PARTITIONS, Topic};
use rdkafka::{
    Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer, base_consumer::PartitionQueue},
    error::KafkaError,
    types::RDKafkaErrorCode,
};
use tokio::{
    sync::Notify,
    time::{Instant, timeout},
};
use tracing::{debug, warn};

use super::{
    KafkaBus,
    client::{self, Apart, Context},
    message,
    offsets::Edge,
    topics::TopicState,
};

/// How long a source waits for news before it answers with nothing.
const PATIENCE: Duration = Duration::from_millis(500);
/// Who has heard nothing for so long asks whether the log still answers: silence must not look like news.
const SILENCE: Duration = Duration::from_secs(2);
/// A transaction ends with an offset that holds nothing: whoever has read all of it stands before that one.
const END_OF_TRANSACTION: i64 = 1;
/// What the client says, heard in one go.
const EVENTS: usize = 8;
/// How often dashboards are told.
const HINT_EVERY: Duration = Duration::from_secs(5);

pub(super) struct KafkaSource {
    bus: KafkaBus,
    state: Arc<TopicState>,
    reading: Apart<Reading>,
    places: Vec<Place>,
    /// The partition whose turn it is to be read first.
    first: usize,
    news: Arc<Notify>,
    /// When the log was last known to answer.
    heard: Instant,
    /// The log has more, and it does not come.
    stuck: bool,
    /// What went wrong behind records that were still handed out.
    failed: Option<BusError>,
    hinted: Option<Instant>,
    /// What dashboards were not told yet.
    reached: Vec<(u32, i64)>,
}

/// The client and its queues, one a place.
struct Reading {
    consumer: Arc<BaseConsumer<Context>>,
    queues: Vec<PartitionQueue<Context>>,
}

struct Place {
    part: u32,
    /// Where to go on.
    next: i64,
    /// The end when the source was opened. Whoever has come to the end of what can be read has come at least here, also
    /// when the last offsets hold nothing.
    end: i64,
}

pub(super) async fn open(
    bus: &KafkaBus,
    reader: &str,
    topic: &Topic,
    from: &[(u32, i64)],
) -> Result<KafkaSource, BusError> {
    let state = bus.topic(topic).await?;
    let begins = bus.offsets(&state.name, Edge::Begin).await?;
    let ends = bus.offsets(&state.name, Edge::End).await?;
    let mut places = Vec::with_capacity(from.len());
    for (part, offset) in from.iter().copied() {
        let edge = |edges: &[i64]| edges.get(part as usize).copied();
        let (Some(begin), Some(end)) = (edge(&begins), edge(&ends)) else {
            return Err(BusError::Refused(format!(
                "{} has {PARTITIONS} partitions, none is {part}",
                state.name
            )));
        };
        if offset > end {
            return Err(BusError::Refused(format!(
                "{reader} stands at {offset} in {}/{part}, which ends at {end}: the topic was made anew, or the place is \
                 another cluster's",
                state.name
            )));
        }
        if offset > 0 && offset < begin {
            warn!(topic = %state.name, part, offset, begin, reader, "the log no longer reaches back so far");
        }
        places.push(Place { part, next: offset.max(begin), end });
    }
    let news = Arc::new(Notify::new());
    let mut config = client::reading(&bus.shared.options);
    config.set("group.id", format!("{}{reader}", bus.shared.options.prefix));
    let (name, woken) = (state.name.clone(), news.clone());
    let starts: Vec<(u32, i64)> = places.iter().map(|place| (place.part, place.next)).collect();
    let reading = client::blocking(move || Reading::open(&config, &name, &starts, &woken)).await?;
    let now = Instant::now();
    Ok(KafkaSource {
        bus: bus.clone(),
        state,
        reading: Apart::new(reading),
        places,
        first: 0,
        news,
        heard: now,
        stuck: false,
        failed: None,
        hinted: None,
        reached: Vec::new(),
    })
}

impl Reading {
    fn open(
        config: &rdkafka::ClientConfig,
        topic: &str,
        starts: &[(u32, i64)],
        news: &Arc<Notify>,
    ) -> Result<Self, KafkaError> {
        let mut consumer: BaseConsumer<Context> = config.create_with_context(Context::default())?;
        let wake = |news: Arc<Notify>| move || news.notify_one();
        consumer.set_nonempty_callback(wake(news.clone()));
        let consumer = Arc::new(consumer);
        let mut assigned = TopicPartitionList::with_capacity(starts.len());
        let mut queues = Vec::with_capacity(starts.len());
        for (part, offset) in starts {
            let part = i32::try_from(*part).unwrap_or_default();
            assigned.add_partition_offset(topic, part, Offset::Offset(*offset))?;
            // Before the assignment: nothing is fetched into the common queue.
            let mut queue = consumer
                .split_partition_queue(topic, part)
                .ok_or_else(|| KafkaError::Subscription(format!("{topic}/{part} has no queue")))?;
            queue.set_nonempty_callback(wake(news.clone()));
            queues.push(queue);
        }
        consumer.assign(&assigned)?;
        Ok(Self { consumer, queues })
    }
}

#[async_trait]
impl LogSource for KafkaSource {
    async fn poll(&mut self, max: usize) -> Result<Vec<Batch>, BusError> {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(error) = self.failed.take() {
                return Err(error);
            }
            self.hear_client()?;
            let batches = self.take(max);
            if !batches.is_empty() {
                self.heard = Instant::now();
                self.stuck = false;
                return Ok(batches);
            }
            if self.failed.is_some() {
                continue;
            }
            if tokio::time::timeout_at(until, self.news.notified()).await.is_err() {
                self.tell_dashboards();
                self.ask_whether_alive().await?;
                return Ok(Vec::new());
            }
        }
    }

    async fn hint_commit(&mut self, reached: &[(u32, i64)]) {
        self.reached = reached.to_vec();
        self.tell_dashboards();
    }
}

impl KafkaSource {
    /// Now and then; what was reached last is told when it is quiet.
    fn tell_dashboards(&mut self) {
        if self.reached.is_empty() || self.hinted.is_some_and(|at| at.elapsed() < HINT_EVERY) {
            return;
        }
        self.hinted = Some(Instant::now());
        let reached = std::mem::take(&mut self.reached);
        let mut offsets = TopicPartitionList::with_capacity(reached.len());
        for (part, offset) in reached {
            let part = i32::try_from(part).unwrap_or_default();
            if offsets.add_partition_offset(&self.state.name, part, Offset::Offset(offset)).is_err() {
                return;
            }
        }
        if let Err(error) = self.reading.consumer.commit(&offsets, CommitMode::Async) {
            debug!(topic = %self.state.name, %error, "dashboards were not told");
        }
    }

    /// At most `max` records that have come, without waiting.
    fn take(&mut self, max: usize) -> Vec<Batch> {
        let mut batches = Vec::new();
        let mut left = max;
        let count = self.places.len();
        for turn in 0..count {
            let index = (self.first + turn) % count;
            let (Some(place), Some(queue)) = (self.places.get_mut(index), self.reading.queues.get(index))
            else {
                continue;
            };
            if left == 0 || self.failed.is_some() {
                break;
            }
            let (batch, failed) = place.take(queue, left);
            left = left.saturating_sub(batch.records.len() + batch.unreadable.len());
            if batch.next_offset > place.next {
                place.next = batch.next_offset;
                batches.push(batch);
            }
            self.failed = failed.map(|error| self.trouble(&error));
        }
        self.first = self.first.wrapping_add(1);
        batches
    }

    /// What the client itself says. A connection lost is its own business, until none is left.
    fn hear_client(&mut self) -> Result<(), BusError> {
        for _ in 0..EVENTS {
            match self.reading.consumer.poll(Duration::ZERO) {
                // Silence, or a log line that was heard.
                None => {}
                Some(Ok(_)) => debug!(topic = %self.state.name, "a record outside the partitions' queues"),
                Some(Err(error)) => match error.rdkafka_error_code() {
                    Some(
                        RDKafkaErrorCode::BrokerTransportFailure
                        | RDKafkaErrorCode::Resolve
                        | RDKafkaErrorCode::OperationTimedOut,
                    ) => {}
                    _ => return Err(self.trouble(&error)),
                },
            }
        }
        Ok(())
    }

    fn trouble(&self, error: &KafkaError) -> BusError {
        let name = &self.state.name;
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::TopicAuthorizationFailed) => {
                BusError::Refused(format!("{name} may not be read: {error}"))
            }
            Some(RDKafkaErrorCode::AutoOffsetReset) => {
                BusError::Unavailable(format!("the log of {name} no longer reaches back to this reader"))
            }
            _ => {
                self.state.doubt();
                BusError::Unavailable(format!("{name}: {error}"))
            }
        }
    }

    /// After a silence: does the log answer, and has it nothing more?
    async fn ask_whether_alive(&mut self) -> Result<(), BusError> {
        if self.heard.elapsed() < SILENCE {
            return Ok(());
        }
        let ends = timeout(super::ASK, self.bus.offsets(&self.state.name, Edge::End))
            .await
            .map_err(|_| BusError::Unavailable(format!("{} does not answer", self.state.name)))??;
        self.heard = Instant::now();
        let more = |place: &Place| {
            ends.get(place.part as usize).is_some_and(|end| *end > place.next + END_OF_TRANSACTION)
        };
        let stuck = self.places.iter().any(more);
        if stuck && self.stuck {
            return Err(BusError::Unavailable(format!("{} has more, and it does not come", self.state.name)));
        }
        self.stuck = stuck;
        Ok(())
    }
}

impl Place {
    fn take(&self, queue: &PartitionQueue<Context>, max: usize) -> (Batch, Option<KafkaError>) {
        let mut batch =
            Batch { part: self.part, records: Vec::new(), unreadable: Vec::new(), next_offset: self.next };
        while batch.records.len() + batch.unreadable.len() < max {
            match queue.poll(Duration::ZERO) {
                None => break,
                Some(Ok(message)) => {
                    let offset = message.offset();
                    if offset < batch.next_offset {
                        continue;
                    }
                    batch.next_offset = offset + 1;
                    // Nobody here deletes a key: a message without a value says nothing.
                    match message.payload().map(|payload| message::read(self.part, payload)) {
                        Some(Ok(record)) => batch.records.push((offset, record)),
                        Some(Err(bytes)) => batch.unreadable.push((offset, bytes)),
                        None => {}
                    }
                }
                Some(Err(KafkaError::PartitionEOF(_))) => {
                    batch.next_offset = batch.next_offset.max(self.end);
                }
                Some(Err(error)) => return (batch, Some(error)),
            }
        }
        (batch, None)
    }
}
