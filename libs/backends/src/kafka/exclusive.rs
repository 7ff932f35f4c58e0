//! Publishing by the one owner of a name, wherever it runs. Kafka fences by a transactional id: the broker that keeps it
//! ends the transaction of whoever had it before and refuses what still comes from there, also from a process that was
//! stopped for an hour with records in its hands. Each call is a transaction; readers see its records as they are written.

use std::{
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use eventing::bus::{BusError, LogSink, Routed, Topic};
use rdkafka::{
    ClientConfig,
    error::KafkaError,
    producer::{BaseRecord, Producer as _, ThreadedProducer},
    types::RDKafkaErrorCode,
};
use tokio::time::timeout;

use super::{
    KafkaBus,
    client::{self, Apart, Context},
    message::Message,
    sink::messages,
};

/// How often a full queue is looked at.
const FULL: Duration = Duration::from_millis(2);

type Client = ThreadedProducer<Context>;

pub(super) struct ExclusiveSink {
    bus: KafkaBus,
    id: String,
    /// `None` when it failed or was ended: whoever still owns the name opens another.
    client: Arc<Mutex<Option<Apart<Client>>>>,
    /// One transaction at a time.
    turn: tokio::sync::Mutex<()>,
}

pub(super) async fn open(bus: &KafkaBus, name: &str) -> Result<ExclusiveSink, BusError> {
    let options = &bus.shared.options;
    let id = format!("{}{name}", options.prefix);
    let (config, patience) = (client::writing_alone(options, &id), options.patience);
    let client = client::blocking(move || begin(&config, patience)).await?;
    Ok(ExclusiveSink {
        bus: bus.clone(),
        id,
        client: Arc::new(Mutex::new(Some(client))),
        turn: tokio::sync::Mutex::default(),
    })
}

/// Ends whoever has the id, and has it.
fn begin(config: &ClientConfig, patience: Duration) -> Result<Apart<Client>, KafkaError> {
    let client = Apart::new(config.create_with_context::<_, Client>(Context::default())?);
    client.init_transactions(patience)?;
    Ok(client)
}

#[async_trait]
impl LogSink for ExclusiveSink {
    async fn publish(&self, topic: &Topic, records: &[Routed]) -> Result<(), BusError> {
        if records.is_empty() {
            return Ok(());
        }
        let messages = messages(topic, records)?;
        let patience = self.bus.shared.options.patience;
        let state = timeout(patience, self.bus.topic(topic))
            .await
            .map_err(|_| BusError::Unavailable(format!("no answer about {}", self.bus.name(topic))))??;
        let _turn = self.turn.lock().await;
        let (slot, id, name) = (self.client.clone(), self.id.clone(), state.name.clone());
        let written = client::blocking(move || {
            let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(client) = slot.take() else {
                return Ok(Err(BusError::Unavailable(format!("the sink {id} has ended"))));
            };
            match transact(&client, &name, &messages, patience) {
                Ok(()) => {
                    *slot = Some(client);
                    Ok(Ok(()))
                }
                Err(error) => Ok(Err(refusal(&client, &id, &error))),
            }
        });
        let written = written.await?;
        if written.is_err() {
            // Whatever it was, the topic may no longer be what it was.
            state.doubt();
        }
        written
    }
}

/// Writes all of it within `patience`. Whoever fails here gives the client up: the next owner of the id finds nothing open.
fn transact(
    client: &Client,
    topic: &str,
    messages: &[Message],
    patience: Duration,
) -> Result<(), KafkaError> {
    let until = Instant::now() + patience;
    client.begin_transaction()?;
    for message in messages {
        let record = || {
            BaseRecord::to(topic)
                .partition(message.part)
                .key(message.key.as_str())
                .payload(&message.payload)
                .headers(message.headers())
        };
        while let Err((error, _)) = client.send(record()) {
            let is_full = error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull);
            if !is_full || Instant::now() > until {
                return Err(error);
            }
            thread::sleep(FULL);
        }
    }
    client.commit_transaction(until.saturating_duration_since(Instant::now()))
}

fn refusal(client: &Client, id: &str, error: &KafkaError) -> BusError {
    match client.client().fatal_error() {
        Some((RDKafkaErrorCode::Fenced, _)) => {
            BusError::Unavailable(format!("the sink {id} was opened again elsewhere"))
        }
        Some((code, reason)) => BusError::Unavailable(format!("the sink {id} has ended: {reason} ({code})")),
        None => BusError::Unavailable(format!("the sink {id} could not write: {error}")),
    }
}
