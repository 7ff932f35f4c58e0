//! The log on Kafka, for a fleet. Kafka is a log here and no coordinator: partitions are assigned by whoever holds their
//! lease, cursors live with their effects, and group offsets are told for dashboards only.
//!
//! | file | what |
//! |---|---|
//! | [`client`] | how librdkafka is set up, heard and let go |
//! | [`topics`] | topics made as they have to be, or refused |
//! | [`owner`] | whose log it is |
//! | [`message`] | a record as a Kafka message, and back |
//! | [`sink`] | publishing: in order, acknowledged, bounded |
//! | [`exclusive`] | publishing by the one owner of a name: whoever was it before is fenced |
//! | [`source`] | reading given partitions from given offsets |
//! | [`offsets`] | where partitions begin and end |

mod client;
mod exclusive;
mod message;
mod offsets;
mod owner;
mod sink;
mod source;
#[doc(hidden)]
pub mod strange;
mod topics;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use eventing::bus::{Bus, BusError, LogSink, LogSource, Routed, Topic};
use rdkafka::{
    ClientConfig,
    admin::AdminClient,
    consumer::{BaseConsumer, Consumer},
};

use client::{Apart, Context};
use sink::Producer;
pub use topics::Fit;
use topics::TopicState;

/// How long a question to the cluster may take.
const ASK: Duration = Duration::from_secs(5);

/// How a [`KafkaBus`] is reached and named.
#[derive(Clone, Debug)]
pub struct Options {
    /// `host:port`, one or several, comma-separated. Any of them leads to the others.
    pub brokers: String,
    /// Stands before every topic and group: two fleets on one cluster differ in it. May be empty.
    pub prefix: String,
    /// Copies of each partition, for topics that are made here.
    pub replication: u16,
    /// Names this process in the brokers' logs.
    pub client: String,
    /// How long events are kept, for topics that are made here.
    pub retention: Duration,
    /// How long [`LogSink::publish`] waits without a single acknowledgement.
    pub patience: Duration,
}

impl Options {
    /// One copy, events kept for a week, five seconds of patience.
    pub fn new(brokers: &str) -> Self {
        Self {
            brokers: brokers.to_owned(),
            prefix: String::new(),
            replication: 1,
            client: "stadion".to_owned(),
            retention: Duration::from_secs(7 * 24 * 60 * 60),
            patience: Duration::from_secs(5),
        }
    }

    fn checked(&self) -> Result<(), OpenError> {
        let wrong = |text: String| Err(OpenError::Settings(text));
        if self.brokers.split(',').all(|address| address.trim().is_empty()) {
            return wrong("no broker is named: write `brokers = \"host:port\"`".to_owned());
        }
        let word = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if !self.prefix.bytes().all(word) || self.prefix.len() > 100 {
            return wrong(format!(
                "the prefix {:?} may have letters, digits, '.', '_' and '-', 100 of them",
                self.prefix
            ));
        }
        if self.replication == 0 {
            return wrong("replication is at least 1".to_owned());
        }
        Ok(())
    }
}

/// Why a [`KafkaBus`] was not opened.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the bus's settings do not fit: {0}")]
    Settings(String),
    #[error("no Kafka broker answers at {brokers}: {reason}. Is it running, and is that its address?")]
    Unreachable { brokers: String, reason: String },
    #[error(
        "{copies} copies of each partition are wanted, and the cluster at {brokers} has {found} broker(s): \
         lower `replication` or start more brokers"
    )]
    TooFewBrokers { brokers: String, copies: u16, found: usize },
    #[error(
        "the topics «{prefix}stadion.…» at {brokers} belong to the installation {owner}, and we are {ours}: give each \
         installation a `prefix` of its own; if our key was changed, keep the old line below the new one; if nothing of \
         the other installation is needed any more, delete its topics, {topic} among them"
    )]
    Foreign { brokers: String, prefix: String, owner: String, ours: String, topic: String },
    #[error(transparent)]
    Bus(#[from] BusError),
}

/// The fleet's log. Cheap to clone.
#[derive(Clone)]
pub struct KafkaBus {
    shared: Arc<Shared>,
}

struct Shared {
    options: Options,
    /// Answers questions about topics and offsets; reads nothing.
    asking: Apart<BaseConsumer<Context>>,
    admin: Apart<AdminClient<Context>>,
    producer: Producer,
    topics: Mutex<HashMap<String, Arc<TopicState>>>,
}

impl KafkaBus {
    /// Connects, or says within seconds why not. Topics are made and checked when they are first used ([`KafkaBus::fit`]
    /// looks before); whose log it is, [`KafkaBus::belongs`] asks.
    pub async fn open(options: Options) -> Result<Self, OpenError> {
        options.checked()?;
        let settings = |error: rdkafka::error::KafkaError| OpenError::Settings(error.to_string());
        let context = Context::default();
        let asking: BaseConsumer<Context> =
            client::reading(&options).create_with_context(context.clone()).map_err(settings)?;
        let admin: AdminClient<Context> =
            client::common(&options).create_with_context(Context::default()).map_err(settings)?;
        let producer = Producer::open(client::writing(&options)).map_err(settings)?;
        let shared = Shared {
            options,
            asking: Apart::new(asking),
            admin: Apart::new(admin),
            producer,
            topics: Mutex::default(),
        };
        let bus = Self { shared: Arc::new(shared) };
        let found = bus
            .ask(|asking| asking.fetch_metadata(None, ASK).map(|metadata| metadata.brokers().len()))
            .await
            .map_err(|error| OpenError::Unreachable {
                brokers: bus.shared.options.brokers.clone(),
                reason: context.last_heard().unwrap_or_else(|| error.to_string()),
            })?;
        let Options { brokers, replication, .. } = &bus.shared.options;
        if found < usize::from(*replication) {
            return Err(OpenError::TooFewBrokers { brokers: brokers.clone(), copies: *replication, found });
        }
        Ok(bus)
    }

    /// Makes the topic when it is missing, and refuses it when it is not as it has to be. Every use does so by itself;
    /// this is for finding out at once.
    pub async fn prepare(&self, topic: &Topic) -> Result<(), BusError> {
        self.topic(topic).await.map(|_| ())
    }

    /// The topic's name on the cluster.
    fn name(&self, topic: &Topic) -> String {
        format!("{}{}", self.shared.options.prefix, topic.name)
    }

    fn state(&self, name: &str) -> Arc<TopicState> {
        let mut topics = self.shared.topics.lock().unwrap_or_else(PoisonError::into_inner);
        topics.entry(name.to_owned()).or_insert_with(|| Arc::new(TopicState::new(name))).clone()
    }

    /// A question to the cluster, off the runtime's threads.
    async fn ask<T, F>(&self, question: F) -> Result<T, BusError>
    where
        T: Send + 'static,
        F: FnOnce(&BaseConsumer<Context>) -> Result<T, rdkafka::error::KafkaError> + Send + 'static,
    {
        let shared = self.shared.clone();
        client::blocking(move || {
            let answer = question(&shared.asking);
            client::serve(&shared.asking);
            answer
        })
        .await
    }
}

#[async_trait]
impl LogSink for KafkaBus {
    async fn publish(&self, topic: &Topic, records: &[Routed]) -> Result<(), BusError> {
        sink::publish(self, topic, records).await
    }
}

#[async_trait]
impl Bus for KafkaBus {
    async fn exclusive_sink(&self, name: &str) -> Result<Arc<dyn LogSink>, BusError> {
        Ok(Arc::new(exclusive::open(self, name).await?))
    }

    async fn source(
        &self,
        reader: &str,
        topic: &Topic,
        from: &[(u32, i64)],
    ) -> Result<Box<dyn LogSource>, BusError> {
        Ok(Box::new(source::open(self, reader, topic, from).await?))
    }

    async fn ends(&self, topic: &Topic) -> Result<Vec<i64>, BusError> {
        let state = self.topic(topic).await?;
        self.offsets(&state.name, offsets::Edge::End).await
    }

    async fn begins(&self, topic: &Topic) -> Result<Vec<i64>, BusError> {
        let state = self.topic(topic).await?;
        self.offsets(&state.name, offsets::Edge::Begin).await
    }
}

/// librdkafka's settings by name.
fn set(config: &mut ClientConfig, settings: &[(&str, &str)]) {
    for (name, value) in settings {
        config.set(*name, *value);
    }
}
