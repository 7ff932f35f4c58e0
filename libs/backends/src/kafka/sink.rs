//! Publishing. What is handed to librdkafka leaves in the order it was handed over, partition by partition: the producer
//! is idempotent and has no time limit, so a record is never dropped between two that are written.
//!
//! A caller must not wait for ever, though. When no acknowledgement comes it is answered `Unavailable`, and what it
//! handed over *stays queued*: taking it back could not tell what the broker already has. The caller's next try is held
//! until that is settled, so a broker that is down for an hour finds one try in the queue, not a thousand, and then one
//! repetition behind it. Within a partition the log therefore reads `1 2 3 1 2 3 4`: readers drop what they have seen by
//! its position or revision. It never reads `2 1 3`, which would lose 1.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use eventing::bus::{BusError, Routed, Topic};
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
    message::{MESSAGE_BYTES_MAX, Message},
    topics::TopicState,
};

/// How long a new try waits for what an earlier one left behind: the trouble is known already.
const KNOWN_TROUBLE: Duration = Duration::from_millis(250);
/// How often a full queue is looked at.
const FULL: Duration = Duration::from_millis(2);
/// Records handed over before others get a turn.
const TURN: usize = 1_000;

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
    client: Mutex<Arc<Apart<Client>>>,
}

impl Producer {
    pub(super) fn open(config: ClientConfig) -> Result<Self, KafkaError> {
        let client = Mutex::new(Self::fresh(&config)?);
        Ok(Self { config, client })
    }

    fn fresh(config: &ClientConfig) -> Result<Arc<Apart<Client>>, KafkaError> {
        let client = config.create_with_context(Deliveries(Context::default()))?;
        Ok(Arc::new(Apart::new(client)))
    }

    fn client(&self) -> Result<Arc<Apart<Client>>, KafkaError> {
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((code, reason)) = client.client().fatal_error() {
            warn!(%code, reason, "the Kafka producer starts anew: nothing it still held was acknowledged");
            *client = Self::fresh(&self.config)?;
        }
        Ok(client.clone())
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
    let client = bus.shared.producer.client().map_err(|error| super::client::unavailable(&error))?;
    let attempt = Attempt { handed: Arc::new(Handed::new()), state: &state };
    let handed_over = hand_over(&client, &attempt, &messages, patience).await;
    attempt.handed.one_less();
    handed_over?;
    if !attempt.handed.settles(patience).await {
        let waiting = attempt.handed.left.load(Ordering::Acquire);
        return Err(BusError::Unavailable(format!(
            "the broker has not acknowledged {waiting} record(s) of {} within {patience:?}",
            state.name
        )));
    }
    let refused = attempt.handed.refused.lock().unwrap_or_else(PoisonError::into_inner).take();
    refused.map_or(Ok(()), |error| Err(refusal(&state, &error)))
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
fn messages(topic: &Topic, records: &[Routed]) -> Result<Vec<Message>, BusError> {
    let messages: Vec<Message> = records.iter().map(Message::of).collect();
    match messages.iter().find(|message| message.payload.len() + message.key.len() > MESSAGE_BYTES_MAX) {
        None => Ok(messages),
        Some(message) => Err(BusError::Refused(format!(
            "a record for {} has {} bytes and may have {MESSAGE_BYTES_MAX} (key {:?}): let it carry a reference",
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
    messages: &[Message],
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
