//! librdkafka: its settings, its voice, and how its clients are let go.

use std::{
    ops::Deref,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use eventing::bus::{BusError, RECORD_BYTES_MAX};
use rdkafka::{
    ClientConfig, ClientContext,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, ConsumerContext},
    error::KafkaError,
    message::DeliveryResult,
    producer::ProducerContext,
    types::RDKafkaErrorCode,
};
use tracing::{debug, error};

use super::{Options, set};

/// Hears what librdkafka says. Connections that fail are its daily work: what they mean is told by whoever waits.
#[derive(Clone, Default)]
pub(super) struct Context {
    last: Arc<Mutex<Option<String>>>,
}

impl Context {
    /// The last trouble that was heard of.
    pub(super) fn last_heard(&self) -> Option<String> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
                error!(facility, "librdkafka: {message}");
            }
            _ => debug!(facility, "librdkafka: {message}"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        debug!(%error, reason, "librdkafka reports an error");
        // "All brokers are down" follows the reason why.
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown) {
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_owned());
        }
    }
}

impl ConsumerContext for Context {}

impl ProducerContext for Context {
    type DeliveryOpaque = ();

    /// What was not delivered fails its transaction, which tells.
    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}

/// What every client is told.
pub(super) fn common(options: &Options) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &options.brokers).set("client.id", &options.client);
    set(
        &mut config,
        &[
            ("socket.keepalive.enable", "true"),
            // A broker that says nothing for so long is given up and asked anew.
            ("socket.timeout.ms", "10000"),
            ("socket.connection.setup.timeout.ms", "5000"),
            ("reconnect.backoff.ms", "50"),
            ("reconnect.backoff.max.ms", "1000"),
            ("enable.metrics.push", "false"),
        ],
    );
    config.set_log_level(RDKafkaLogLevel::Warning);
    config
}

/// A client that reads, or only asks. Every partition has a queue of its own, so that the bounds are per partition.
pub(super) fn reading(options: &Options) -> ClientConfig {
    let mut config = common(options);
    set(
        &mut config,
        &[
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            ("enable.partition.eof", "true"),
            // Whoever stands outside the log is told: nothing is skipped in silence.
            ("auto.offset.reset", "error"),
            // Transactions fence a sink's owner here, they hide nothing: what one that was ended wrote was true when it was
            // written, and is repeated. An open one must not hold up the log.
            ("isolation.level", "read_uncommitted"),
            ("check.crcs", "true"),
            // A broker answers as soon as there is something; this is how long it may say nothing.
            ("fetch.wait.max.ms", "500"),
            // What is fetched ahead of a slow reader, then fetching pauses.
            ("queued.min.messages", "2000"),
            ("queued.max.messages.kbytes", "512"),
            ("fetch.message.max.bytes", "262144"),
            ("fetch.max.bytes", "4194304"),
            ("fetch.queue.backoff.ms", "10"),
            ("fetch.error.backoff.ms", "100"),
        ],
    );
    config
}

/// The client that writes. It never gives up a record by itself: what it has been handed leaves in order, or not at all.
pub(super) fn writing(options: &Options) -> ClientConfig {
    let mut config = common(options);
    config.set("message.max.bytes", (RECORD_BYTES_MAX + 64 * 1024).to_string());
    set(
        &mut config,
        &[
            ("enable.idempotence", "true"),
            ("acks", "all"),
            ("message.timeout.ms", "0"),
            // A record that cannot be written ends the client, instead of letting later ones overtake it.
            ("enable.gapless.guarantee", "true"),
            ("linger.ms", "1"),
            ("compression.codec", "lz4"),
            ("queue.buffering.max.messages", "100000"),
            ("queue.buffering.max.kbytes", "65536"),
        ],
    );
    config
}

/// The client of an exclusive sink. It hands one request after the other to a broker: nothing can be overtaken there. A
/// transaction that nobody ends is ended by the brokers after `transaction.timeout.ms`; every wait here is shorter.
pub(super) fn writing_alone(options: &Options, id: &str) -> ClientConfig {
    let mut config = common(options);
    config.set("transactional.id", id);
    config.set("message.max.bytes", (RECORD_BYTES_MAX + 64 * 1024).to_string());
    set(
        &mut config,
        &[
            ("acks", "all"),
            ("transaction.timeout.ms", "30000"),
            ("message.timeout.ms", "30000"),
            ("max.in.flight.requests.per.connection", "1"),
            ("retry.backoff.ms", "20"),
            ("linger.ms", "1"),
            ("compression.codec", "lz4"),
        ],
    );
    config
}

/// Work that waits for the cluster, off the runtime's threads.
pub(super) async fn blocking<T, F>(work: F) -> Result<T, BusError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, KafkaError> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| unavailable(&error)),
        Err(_) => Err(BusError::Unavailable("the process stops".to_owned())),
    }
}

pub(super) fn unavailable(error: &KafkaError) -> BusError {
    BusError::Unavailable(error.to_string())
}

/// Hears what waits to be said by a client that reads nothing.
pub(super) fn serve(asking: &BaseConsumer<Context>) {
    for _ in 0..64 {
        // A log line answers as nothing, as silence does.
        let _ = asking.poll(Duration::ZERO);
    }
}

/// A client that is closed on a thread of its own: closing waits for connections, and a runtime's thread must not.
pub(super) struct Apart<T: Send + 'static>(Option<T>);

impl<T: Send + 'static> Apart<T> {
    pub(super) fn new(client: T) -> Self {
        Self(Some(client))
    }
}

impl<T: Send + 'static> Deref for Apart<T> {
    type Target = T;

    #[expect(clippy::expect_used, reason = "it is there until it is dropped")]
    fn deref(&self) -> &T {
        self.0.as_ref().expect("there until dropped")
    }
}

impl<T: Send + 'static> Drop for Apart<T> {
    fn drop(&mut self) {
        let client = self.0.take();
        // Where no thread can be had, it is closed here.
        let _ = thread::Builder::new().name("kafka-close".to_owned()).spawn(move || drop(client));
    }
}
