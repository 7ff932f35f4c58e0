//! What others may have done to a cluster before us: for tests.

use std::time::Duration;

use eventing::bus::BusError;
use rdkafka::{
    admin::{NewTopic, TopicReplication},
    producer::{BaseProducer, BaseRecord, Producer},
};

use super::{
    KafkaBus, Options,
    client::{self, Context},
};

const WRITTEN_WITHIN: Duration = Duration::from_secs(30);

/// Makes a topic in another form than ours.
pub async fn topic(bus: &KafkaBus, name: &str, partitions: i32) -> Result<(), BusError> {
    let name = format!("{}{name}", bus.shared.options.prefix);
    bus.create(&NewTopic::new(&name, partitions, TopicReplication::Fixed(1)), &name).await
}

/// Writes bytes that nobody here has written.
pub async fn record(options: &Options, topic: &str, part: i32, bytes: Vec<u8>) -> Result<(), BusError> {
    let (config, topic) = (client::common(options), format!("{}{topic}", options.prefix));
    client::blocking(move || {
        let producer: BaseProducer<Context> = config.create_with_context(Context::default())?;
        let record = BaseRecord::to(&topic).partition(part).key("stranger").payload(&bytes);
        producer.send(record).map_err(|(error, _)| error)?;
        producer.flush(WRITTEN_WITHIN)
    })
    .await
}
