//! Publishing. What is handed to librdkafka leaves in the order it was handed over, partition by partition: the producer
//! is idempotent and has no time limit, so a record is never dropped between two that are written.
//!
//! A caller must not wait for ever, though. When no acknowledgement comes it is answered `Unavailable`, and what it
//! handed over *stays queued*: taking it back could not tell what the broker already has. The caller's next try is held
//! until that is settled, so a broker that is down for an hour finds one try in the queue, not a thousand, and then one
//! repetition behind it. Within a partition the log therefore reads `1 2 3 1 2 3 4`: readers drop what they have seen by
//! its position or revision. It never reads `2 1 3`, which would lose 1.
//!
//! A broker checks a producer's sequence only in partitions where it knows the producer. Where it does not, and has just
//! become the leader, it may refuse the first batch and take the second behind it; the first then counts as a repetition
//! and is acknowledged without being there. (Seen with librdkafka 2.12.1 and Kafka 4.1.1 on new topics.) Therefore the
//! first record that a client writes to a partition goes alone, and nothing follows before it is acknowledged.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use eventing::bus::{BusError, RECORD_BYTES_MAX, Routed, Topic};
use rdkafka::{
    ClientConfig, ClientContext,
    config::RDKafkaLogLevel,
    error::KafkaError,
    message::DeliveryResult,
    producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer},
    types::RDKafkaErrorCode,
};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{
    KafkaBus,
    client::{Apart, Context},
    message::Message,
    topics::TopicState,
};

/// How long a new try waits for what an earlier one left behind: the trouble is known already.
const KNOWN_TROUBLE: Duration = Duration::from_millis(250);
/// How often a full queue is looked at.
const FULL: Duration = Duration::from_millis(2);
/// Records handed over before others get a turn.
const TURN: usize = 1_000;

/// A broker forgets a producer that wrote nothing to a partition for `producer.id.expiration.ms`, a day unless told
/// otherwise. Long before that it is made known again.
const KNOWN_FOR: Duration = Duration::from_secs(60 * 60);

type Client = ThreadedProducer<Deliveries>;

/// The records of one call, until the last of them is acknowledged.
pub(super) struct Handed {
    /// Records without an answer, and one more while they are handed over.
    left: AtomicUsize,
    refused: Mutex<Option<KafkaError>>,
    settled: CancellationToken,
}

impl Handed {
    fn new() -> Self {
        Self { left: AtomicUsize::new(1), refused: Mutex::default(), settled: CancellationToken::new() }
    }

    fn one_more(&self) {
        self.left.fetch_add(1, Ordering::AcqRel);
    }

    fn one_less(&self) {
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.settled.cancel();
        }
    }

    /// `false`: not one acknowledgement came for as long as `patience`.
    async fn settles(&self, patience: Duration) -> bool {
        let mut left = self.left.load(Ordering::Acquire);
        while timeout(patience, self.settled.cancelled()).await.is_err() {
            let now = self.left.load(Ordering::Acquire);
            if now >= left {
                return false;
            }
            left = now;
        }
        true
    }
}

/// Counts delivery reports, on librdkafka's thread.
struct Deliveries(Context);

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.0.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.0.error(error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Arc<Handed>;

    fn delivery(&self, result: &DeliveryResult<'_>, handed: Arc<Handed>) {
        if let Err((error, _)) = result {
            let mut refused = handed.refused.lock().unwrap_or_else(PoisonError::into_inner);
            refused.get_or_insert_with(|| error.clone());
        }
        handed.one_less();
    }
}

/// The client that writes; another takes its place when it can no longer keep its promise.
pub(super) struct Producer {
    config: ClientConfig,
    writing: Mutex<Arc<Writing>>,
}

struct Writing {
    client: Apart<Client>,
    /// When each partition of a topic last acknowledged something of this client.
    known: Mutex<HashMap<String, HashMap<i32, Instant>>>,
}

impl Producer {
    pub(super) fn open(config: ClientConfig) -> Result<Self, KafkaError> {
        let writing = Mutex::new(Writing::open(&config)?);
        Ok(Self { config, writing })
    }

    fn writing(&self) -> Result<Arc<Writing>, KafkaError> {
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((code, reason)) = writing.client.client().fatal_error() {
            warn!(%code, reason, "the Kafka producer starts anew: nothing it still held was acknowledged");
            *writing = Writing::open(&self.config)?;
        }
        Ok(writing.clone())
    }
}

impl Writing {
    fn open(config: &ClientConfig) -> Result<Arc<Self>, KafkaError> {
        let client = config.create_with_context(Deliveries(Context::default()))?;
        Ok(Arc::new(Self { client: Apart::new(client), known: Mutex::default() }))
    }

    /// The first message of each partition that does not know this client, and all the others, in their order.
    fn split<'m>(&self, topic: &str, messages: &'m [Message]) -> (Vec<&'m Message>, Vec<&'m Message>) {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let parts = known.get(topic);
        let mut begun: HashSet<i32> = HashSet::new();
        messages.iter().partition(|message| {
            let last = parts.and_then(|parts| parts.get(&message.part));
            last.is_none_or(|at| at.elapsed() > KNOWN_FOR) && begun.insert(message.part)
        })
    }

    fn acknowledged(&self, topic: &str, messages: &[&Message]) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let parts = known.entry(topic.to_owned()).or_default();
        let now = Instant::now();
        parts.extend(messages.iter().map(|message| (message.part, now)));
    }
}

pub(super) async fn publish(bus: &KafkaBus, topic: &Topic, records: &[Routed]) -> Result<(), BusError> {
    if records.is_empty() {
        return Ok(());
    }
    let messages = messages(topic, records)?;
    let patience = bus.shared.options.patience;
    let state = timeout(patience, bus.topic(topic))
        .await
        .map_err(|_| BusError::Unavailable(format!("no answer about {}", bus.name(topic))))??;
    settle_overdue(&state).await?;
    let writing = bus.shared.producer.writing().map_err(|error| super::client::unavailable(&error))?;
    let (first, others) = writing.split(&state.name, &messages);
    if first.is_empty() {
        return write(&writing, &state, &others, patience).await;
    }
    let beginning = timeout(patience, state.beginning.lock()).await.map_err(|_| {
        BusError::Unavailable(format!("the first records of {} wait for the broker", state.name))
    })?;
    // Whoever had the turn before may have left something behind, or done it already.
    settle_overdue(&state).await?;
    let (first, others) = writing.split(&state.name, &messages);
    write(&writing, &state, &first, patience).await?;
    drop(beginning);
    write(&writing, &state, &others, patience).await
}

/// Hands the messages over and waits until all of them are acknowledged.
async fn write(
    writing: &Writing,
    state: &TopicState,
    messages: &[&Message],
    patience: Duration,
) -> Result<(), BusError> {
    let attempt = Attempt { handed: Arc::new(Handed::new()), state };
    {
        let _handing_over = HandingOver(&attempt.handed);
        hand_over(&writing.client, &attempt, messages, patience).await?;
    }
    if !attempt.handed.settles(patience).await {
        let waiting = attempt.handed.left.load(Ordering::Acquire);
        return Err(BusError::Unavailable(format!(
            "the broker has not acknowledged {waiting} record(s) of {} within {patience:?}",
            state.name
        )));
    }
    let refused = attempt.handed.refused.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(error) = refused {
        return Err(refusal(state, &error));
    }
    writing.acknowledged(&state.name, messages);
    Ok(())
}

/// While it lives more may be handed over; it ends also where the caller is dropped in the middle.
struct HandingOver<'a>(&'a Handed);

impl Drop for HandingOver<'_> {
    fn drop(&mut self) {
        self.0.one_less();
    }
}

/// One call's records; when nobody waits for them any more, the next call does.
struct Attempt<'a> {
    handed: Arc<Handed>,
    state: &'a TopicState,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.handed.settled.is_cancelled() {
            let mut overdue = self.state.overdue.lock().unwrap_or_else(PoisonError::into_inner);
            overdue.push(self.handed.clone());
        }
    }
}

/// Everything is measured before anything is handed over: a record in the middle that is refused would stop those behind.
pub(super) fn messages(topic: &Topic, records: &[Routed]) -> Result<Vec<Message>, BusError> {
    let messages: Vec<Message> = records.iter().map(Message::of).collect();
    match messages.iter().find(|message| message.payload.len() + message.key.len() > RECORD_BYTES_MAX) {
        None => Ok(messages),
        Some(message) => Err(BusError::Refused(format!(
            "a record for {} has {} bytes and may have {RECORD_BYTES_MAX} (key {:?}): let it carry a reference",
            topic.name,
            message.payload.len(),
            message.key
        ))),
    }
}

async fn settle_overdue(state: &TopicState) -> Result<(), BusError> {
    let waiting: Vec<Arc<Handed>> = {
        let mut overdue = state.overdue.lock().unwrap_or_else(PoisonError::into_inner);
        overdue.retain(|handed| !handed.settled.is_cancelled());
        overdue.clone()
    };
    let until = Instant::now() + KNOWN_TROUBLE;
    for handed in waiting {
        if tokio::time::timeout_at(until, handed.settled.cancelled()).await.is_err() {
            let waiting = handed.left.load(Ordering::Acquire);
            return Err(BusError::Unavailable(format!(
                "{waiting} earlier record(s) of {} wait for the broker",
                state.name
            )));
        }
    }
    Ok(())
}

async fn hand_over(
    client: &Apart<Client>,
    attempt: &Attempt<'_>,
    messages: &[&Message],
    patience: Duration,
) -> Result<(), BusError> {
    for (count, message) in messages.iter().enumerate() {
        if count % TURN == TURN - 1 {
            tokio::task::yield_now().await;
        }
        let full_until = Instant::now() + patience;
        while let Err(error) = send(client, attempt, message) {
            if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                return Err(refusal(attempt.state, &error));
            }
            if Instant::now() > full_until {
                return Err(BusError::Unavailable("the queue towards the broker is full".to_owned()));
            }
            tokio::time::sleep(FULL).await;
        }
    }
    Ok(())
}

fn send(client: &Apart<Client>, attempt: &Attempt<'_>, message: &Message) -> Result<(), KafkaError> {
    attempt.handed.one_more();
    let record = BaseRecord::with_opaque_to(&attempt.state.name, attempt.handed.clone())
        .partition(message.part)
        .key(message.key.as_str())
        .payload(&message.payload)
        .headers(message.headers());
    client.send(record).map_err(|(error, _)| {
        attempt.handed.one_less();
        error
    })
}

fn refusal(state: &TopicState, error: &KafkaError) -> BusError {
    // Whatever it was, the topic may no longer be what it was.
    state.doubt();
    let text = format!("{} was not written: {error}", state.name);
    match error.rdkafka_error_code() {
        Some(
            RDKafkaErrorCode::MessageSizeTooLarge
            | RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::InvalidRecord,
        ) => BusError::Refused(text),
        _ => BusError::Unavailable(text),
    }
}
