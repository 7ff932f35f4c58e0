//! Topics: made when missing, refused when they are not as they have to be.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use eventing::bus::{BusError, PARTITIONS, RECORD_BYTES_MAX, Topic, TopicKind};
use rdkafka::{
    admin::{AdminOptions, NewTopic, ResourceSpecifier, TopicReplication},
    consumer::Consumer,
    types::RDKafkaErrorCode,
};
use tokio::time::Instant;
use tracing::info;

use super::{ASK, KafkaBus, client::unavailable, sink::Handed};

/// A topic that was just made needs a moment until every broker knows it.
const SETTLING: Duration = Duration::from_secs(15);

/// What this process knows of one topic.
pub(super) struct TopicState {
    pub(super) name: String,
    fits: AtomicBool,
    looking: tokio::sync::Mutex<()>,
    /// One call at a time writes a partition's first record.
    pub(super) beginning: tokio::sync::Mutex<()>,
    /// What was handed over and not waited for to the end.
    pub(super) overdue: Mutex<Vec<Arc<Handed>>>,
}

impl TopicState {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            fits: AtomicBool::new(false),
            looking: tokio::sync::Mutex::default(),
            beginning: tokio::sync::Mutex::default(),
            overdue: Mutex::default(),
        }
    }

    /// Looks again at the next use.
    pub(super) fn doubt(&self) {
        self.fits.store(false, Ordering::Release);
    }
}

/// How a topic stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It will be made when it is first used.
    Missing,
    /// `copies`: of the partition that has the fewest; `in_sync`: of the one that has the fewest of those.
    Fits { copies: usize, in_sync: usize },
    /// What is wrong with it, and what to do.
    Unfit(String),
    /// It is not known at the moment: it is just being made, or has lost a broker.
    Unclear(String),
}

/// What the cluster says of a topic.
pub(super) enum Found {
    Nothing,
    /// It is there, without a leader for each partition yet.
    Settling,
    /// The cluster does not tell this user.
    Forbidden,
    Partitions(usize),
}

impl KafkaBus {
    /// The topic, there and as it has to be.
    pub(super) async fn topic(&self, topic: &Topic) -> Result<Arc<TopicState>, BusError> {
        let state = self.state(&self.name(topic));
        if state.fits.load(Ordering::Acquire) {
            return Ok(state);
        }
        let _looking = state.looking.lock().await;
        if !state.fits.load(Ordering::Acquire) {
            self.settle(&state.name, topic.kind).await?;
            state.fits.store(true, Ordering::Release);
        }
        Ok(state.clone())
    }

    /// How these topics stand, in their order. Nothing is made or changed.
    pub async fn fit(&self, topics: &[Topic]) -> Result<Vec<Fit>, BusError> {
        let mut fits = Vec::with_capacity(topics.len());
        for topic in topics {
            let name = self.name(topic);
            fits.push(match self.look(&name).await? {
                Found::Nothing => Fit::Missing,
                Found::Settling => Fit::Unclear(format!("{name} has a partition without a leader")),
                Found::Forbidden => Fit::Unfit(forbidden(&name)),
                Found::Partitions(count) if count != PARTITIONS as usize => {
                    Fit::Unfit(miscounted(&name, count))
                }
                Found::Partitions(_) => match self.check(&name, topic.kind).await {
                    Ok(()) => self.copies(&name).await?,
                    Err(BusError::Refused(why)) => Fit::Unfit(why),
                    Err(error) => Fit::Unclear(error.to_string()),
                },
            });
        }
        Ok(fits)
    }

    async fn copies(&self, name: &str) -> Result<Fit, BusError> {
        let asked = name.to_owned();
        self.ask(move |asking| {
            let metadata = asking.fetch_metadata(Some(&asked), ASK)?;
            let parts = metadata.topics().iter().flat_map(|topic| topic.partitions());
            let counts: Vec<_> = parts.map(|part| (part.replicas().len(), part.isr().len())).collect();
            let fewest = |of: fn(&(usize, usize)) -> usize| counts.iter().map(of).min().unwrap_or_default();
            Ok(Fit::Fits { copies: fewest(|counts| counts.0), in_sync: fewest(|counts| counts.1) })
        })
        .await
    }

    async fn settle(&self, name: &str, kind: TopicKind) -> Result<(), BusError> {
        let until = Instant::now() + SETTLING;
        let mut made = false;
        let partitions = loop {
            match self.look(name).await? {
                Found::Partitions(count) => break count,
                Found::Nothing if !made => {
                    self.make(name, kind).await?;
                    made = true;
                }
                Found::Forbidden => return Err(BusError::Refused(forbidden(name))),
                Found::Nothing | Found::Settling if Instant::now() < until => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Found::Nothing | Found::Settling => {
                    return Err(BusError::Unavailable(format!("{name} has a partition without a leader")));
                }
            }
        };
        if partitions != PARTITIONS as usize {
            return Err(BusError::Refused(miscounted(name, partitions)));
        }
        self.check(name, kind).await
    }

    pub(super) async fn look(&self, name: &str) -> Result<Found, BusError> {
        let asked = name.to_owned();
        self.ask(move |asking| {
            let metadata = asking.fetch_metadata(Some(&asked), ASK)?;
            let Some(topic) = metadata.topics().iter().find(|topic| topic.name() == asked) else {
                return Ok(Found::Nothing);
            };
            Ok(match topic.error().map(RDKafkaErrorCode::from) {
                Some(RDKafkaErrorCode::UnknownTopicOrPartition) => Found::Nothing,
                Some(RDKafkaErrorCode::TopicAuthorizationFailed) => Found::Forbidden,
                Some(_) => Found::Settling,
                None if topic.partitions().iter().any(|part| part.leader() < 0) => Found::Settling,
                None => Found::Partitions(topic.partitions().len()),
            })
        })
        .await
    }

    async fn make(&self, name: &str, kind: TopicKind) -> Result<(), BusError> {
        let copies = self.shared.options.replication;
        let retention_ms = self.shared.options.retention.as_millis().to_string();
        let bytes_max = message_bytes_max().to_string();
        let wanted = NewTopic::new(
            name,
            i32::try_from(PARTITIONS).unwrap_or_default(),
            TopicReplication::Fixed(i32::from(copies)),
        )
        .set("max.message.bytes", &bytes_max)
        // A producer's clock orders nothing and keeps nothing.
        .set("message.timestamp.type", "LogAppendTime")
        .set("min.insync.replicas", if copies > 2 { "2" } else { "1" });
        let wanted = match kind {
            TopicKind::Events => wanted
                .set("cleanup.policy", "delete")
                .set("retention.ms", &retention_ms)
                .set("segment.ms", "86400000"),
            // Only closed segments are compacted.
            TopicKind::State => wanted
                .set("cleanup.policy", "compact")
                .set("segment.ms", "3600000")
                .set("segment.bytes", "67108864")
                .set("min.cleanable.dirty.ratio", "0.2"),
        };
        self.create(&wanted, name).await
    }

    pub(super) async fn create(&self, wanted: &NewTopic<'_>, name: &str) -> Result<(), BusError> {
        let copies = self.shared.options.replication;
        let answers = self.shared.admin.create_topics([wanted], &patient()).await;
        match answers.map_err(|error| unavailable(&error))?.into_iter().next() {
            Some(Ok(_)) => {
                info!(topic = name, copies, "a topic was made");
                Ok(())
            }
            // Somebody else was faster.
            Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => Ok(()),
            Some(Err((_, code))) => Err(not_made(name, copies, code)),
            None => Err(BusError::Unavailable(format!("the cluster did not say whether it made {name}"))),
        }
    }

    async fn check(&self, name: &str, kind: TopicKind) -> Result<(), BusError> {
        let answers = self
            .shared
            .admin
            .describe_configs(&[ResourceSpecifier::Topic(name)], &patient())
            .await
            .map_err(|error| unavailable(&error))?;
        let settings = match answers.into_iter().next() {
            Some(Ok(settings)) => settings,
            Some(Err(code)) => return Err(BusError::Unavailable(format!("{name} is not described: {code}"))),
            None => return Err(BusError::Unavailable(format!("{name} is not described"))),
        };
        let value =
            |setting: &str| settings.get(setting).and_then(|entry| entry.value.clone()).unwrap_or_default();
        let (policy, why) = match kind {
            TopicKind::Events => ("delete", "it carries every event, not the last of each key"),
            TopicKind::State => ("compact", "it keeps the last value of each key for ever"),
        };
        let found = value("cleanup.policy");
        if found != policy {
            return Err(BusError::Refused(format!(
                "topic {name} has cleanup.policy={found} and must have {policy}, for {why}: \
                 set it with kafka-configs.sh --alter --entity-type topics --entity-name {name} \
                 --add-config cleanup.policy={policy}"
            )));
        }
        let bytes = value("max.message.bytes").parse::<usize>().unwrap_or_default();
        if bytes < message_bytes_max() {
            return Err(BusError::Refused(format!(
                "topic {name} has max.message.bytes={bytes} and must bear {}: set it with kafka-configs.sh --alter \
                 --entity-type topics --entity-name {name} --add-config max.message.bytes={}",
                message_bytes_max(),
                message_bytes_max()
            )));
        }
        Ok(())
    }
}

fn miscounted(name: &str, partitions: usize) -> String {
    format!(
        "topic {name} has {partitions} partitions and must have {PARTITIONS}, or keys would change places: delete it if \
         nothing on it is needed, or set another `prefix`"
    )
}

/// What to say, and what to allow, where the cluster does not tell this user of a topic.
pub(super) fn forbidden(name: &str) -> String {
    format!("topic {name} may not be described by this user: allow Describe, Read and Write")
}

/// What a topic must bear: a message, and what Kafka writes around it.
fn message_bytes_max() -> usize {
    RECORD_BYTES_MAX + 64 * 1024
}

fn patient() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(ASK)).operation_timeout(Some(ASK))
}

fn not_made(name: &str, copies: u16, code: RDKafkaErrorCode) -> BusError {
    match code {
        RDKafkaErrorCode::InvalidReplicationFactor => BusError::Refused(format!(
            "topic {name} cannot have {copies} copies on this cluster: lower `replication` or start more brokers"
        )),
        RDKafkaErrorCode::TopicAuthorizationFailed
        | RDKafkaErrorCode::ClusterAuthorizationFailed
        | RDKafkaErrorCode::PolicyViolation
        | RDKafkaErrorCode::InvalidConfig
        | RDKafkaErrorCode::InvalidTopic => BusError::Refused(format!(
            "topic {name} could not be made: {code}. Make it, or allow it to be made"
        )),
        code => BusError::Unavailable(format!("topic {name} could not be made: {code}")),
    }
}
