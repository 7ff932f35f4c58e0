//! Whose log this is: an installation's mark on a topic of its own, looked at before anything is read or written. Two
//! fleets under one prefix would take each other's events for their own.
//!
//! The topic has one partition and keeps everything. A record says `MARK` or `MARK after MARK`: the first one names the
//! owner, a later one the next owner where it follows the one that is. So one of many that come at once is the owner, and
//! an installation's key is changed here in the same steps as in its stores.

use std::time::Duration;

use eventing::bus::BusError;
use rdkafka::{
    Message as _, Offset, TopicPartitionList,
    admin::{NewTopic, TopicReplication},
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
    producer::{BaseProducer, BaseRecord, Producer},
    types::RDKafkaErrorCode,
};
use tokio::time::Instant;

use super::{
    ASK, KafkaBus, OpenError, Options,
    client::{self, Context},
    offsets,
    topics::{Found, forbidden},
};

const TOPIC: &str = "stadion.installation.v1";
const KEY: &str = "installation";
const AFTER: &str = " after ";
/// A topic that was just made needs a moment until it has a leader, and takes records.
const SETTLING: Duration = Duration::from_secs(15);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Whoever has written looks again; one more time where somebody else wrote at the same moment.
const TRIES: u32 = 3;

impl KafkaBus {
    /// Remembers at the first opening whose the log is, and refuses everybody else later. `marks` name the installation;
    /// any of them is believed, the first is written: they may change one by one.
    pub async fn belongs(&self, marks: &[String]) -> Result<(), OpenError> {
        let first =
            marks.first().ok_or_else(|| OpenError::Settings("an installation has a mark".to_owned()))?;
        for _ in 0..TRIES {
            let owner = match self.owner().await? {
                Some(owner) if owner == *first => return Ok(()),
                Some(owner) if !marks.contains(&owner) => return Err(self.foreign(owner, first)),
                owner => owner,
            };
            if owner.is_none() {
                self.make_owner_topic().await?;
            }
            let said = owner.map_or_else(|| first.clone(), |owner| format!("{first}{AFTER}{owner}"));
            let (options, topic) = (self.shared.options.clone(), self.owner_topic());
            client::blocking(move || write(&options, &topic, &said)).await?;
        }
        Err(OpenError::Bus(BusError::Unavailable(format!(
            "{} does not keep whose the log is",
            self.owner_topic()
        ))))
    }

    /// Whose the log is; `None` while nobody has opened it. Nothing is made for the answer.
    pub async fn owner(&self) -> Result<Option<String>, BusError> {
        let topic = self.owner_topic();
        if matches!(self.look(&topic).await?, Found::Nothing) {
            return Ok(None);
        }
        self.settled(&topic).await?;
        let until = Instant::now() + SETTLING;
        loop {
            let (options, asked) = (self.shared.options.clone(), topic.clone());
            let said = client::blocking(move || match read(&options, &asked) {
                Err(error) if offsets::passes(&error) => Ok(Err(error)),
                said => said.map(Ok),
            });
            match said.await? {
                Ok(said) => return Ok(owner_of(&said)),
                Err(error) if Instant::now() > until => {
                    return Err(BusError::Unavailable(format!(
                        "{topic} does not say whose the log is: {error}"
                    )));
                }
                // Its leader has just moved, or not every broker has heard who it is.
                Err(_) => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
    }

    fn owner_topic(&self) -> String {
        format!("{}{TOPIC}", self.shared.options.prefix)
    }

    fn foreign(&self, owner: String, ours: &str) -> OpenError {
        let Options { brokers, prefix, .. } = &self.shared.options;
        OpenError::Foreign {
            brokers: brokers.clone(),
            prefix: prefix.clone(),
            owner,
            ours: ours.to_owned(),
            topic: self.owner_topic(),
        }
    }

    async fn make_owner_topic(&self) -> Result<(), BusError> {
        let name = self.owner_topic();
        let copies = self.shared.options.replication;
        let wanted = NewTopic::new(&name, 1, TopicReplication::Fixed(i32::from(copies)))
            .set("cleanup.policy", "delete")
            .set("retention.ms", "-1")
            .set("min.insync.replicas", if copies > 2 { "2" } else { "1" });
        self.create(&wanted, &name).await?;
        self.settled(&name).await
    }

    async fn settled(&self, name: &str) -> Result<(), BusError> {
        let until = Instant::now() + SETTLING;
        loop {
            match self.look(name).await? {
                Found::Partitions(_) => return Ok(()),
                Found::Forbidden => return Err(BusError::Refused(forbidden(name))),
                Found::Nothing | Found::Settling if Instant::now() > until => {
                    return Err(BusError::Unavailable(format!("{name} has a partition without a leader")));
                }
                Found::Nothing | Found::Settling => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
    }
}

/// The owner after these records, in their order. What is no mark says nothing.
fn owner_of(said: &[String]) -> Option<String> {
    let is_mark = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    said.iter().fold(None, |owner: Option<String>, one| {
        let (mark, after) = one.split_once(AFTER).map_or((one.as_str(), None), |(mark, of)| (mark, Some(of)));
        if is_mark(mark) && owner.as_deref() == after { Some(mark.to_owned()) } else { owner }
    })
}

/// Everything on the topic, on a thread that may wait.
fn read(options: &Options, topic: &str) -> Result<Vec<String>, KafkaError> {
    let mut config = client::reading(options);
    config.set("group.id", format!("{}{KEY}", options.prefix));
    let consumer: BaseConsumer<Context> = config.create_with_context(Context::default())?;
    let (begin, end) = consumer.fetch_watermarks(topic, 0, ASK)?;
    let mut said = Vec::new();
    if begin == end {
        return Ok(said);
    }
    let mut place = TopicPartitionList::new();
    place.add_partition_offset(topic, 0, Offset::Offset(begin))?;
    consumer.assign(&place)?;
    let until = std::time::Instant::now() + ASK;
    loop {
        match consumer.poll(LOOK_EVERY) {
            Some(Ok(message)) => {
                let text = message.payload().and_then(|bytes| std::str::from_utf8(bytes).ok());
                said.extend(text.map(str::to_owned));
                if message.offset() + 1 >= end {
                    return Ok(said);
                }
            }
            Some(Err(KafkaError::PartitionEOF(_))) => return Ok(said),
            // Connections come and go: what counts is the time.
            Some(Err(_)) | None => {}
        }
        if std::time::Instant::now() > until {
            return Err(KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut));
        }
    }
}

/// One record, written before it answers.
fn write(options: &Options, topic: &str, said: &str) -> Result<(), KafkaError> {
    let mut config = client::common(options);
    config.set("acks", "all").set("message.timeout.ms", SETTLING.as_millis().to_string());
    let producer: BaseProducer<Context> = config.create_with_context(Context::default())?;
    let record = BaseRecord::to(topic).partition(0).key(KEY).payload(said);
    producer.send(record).map_err(|(error, _)| error)?;
    producer.flush(SETTLING)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(said: &[&str]) -> Option<String> {
        owner_of(&said.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn the_first_mark_is_the_owner_until_a_successor_follows_it() {
        assert_eq!(owner(&[]), None);
        assert_eq!(owner(&["aa", "bb"]).as_deref(), Some("aa"), "who comes second owns nothing");
        assert_eq!(owner(&["aa", "bb after aa"]).as_deref(), Some("bb"));
        assert_eq!(owner(&["aa", "cc after bb", "bb after aa"]).as_deref(), Some("bb"));
        assert_eq!(owner(&["no mark", "", "bb after aa", "aa"]).as_deref(), Some("aa"));
    }
}
