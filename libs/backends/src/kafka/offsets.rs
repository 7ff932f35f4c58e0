//! Where partitions begin and end, all of them in one question.

use std::time::Duration;

use eventing::bus::{BusError, PARTITIONS};
use rdkafka::{Offset, TopicPartitionList, consumer::Consumer, error::KafkaError, types::RDKafkaErrorCode};
use tokio::time::Instant;

use super::{ASK, KafkaBus};

/// How long to wait before a partition's leader is asked for again.
const LEADER: Duration = Duration::from_millis(25);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edge {
    Begin,
    End,
}

impl KafkaBus {
    /// One offset a partition. A leader that has just moved is waited for, as long as any question may take.
    pub(super) async fn offsets(&self, name: &str, edge: Edge) -> Result<Vec<i64>, BusError> {
        let until = Instant::now() + ASK;
        loop {
            let topic = name.to_owned();
            let answer = self.ask(move |asking| match query(asking, &topic, edge) {
                Err(error) if passes(&error) => Ok(Err(error)),
                answer => answer.map(Ok),
            });
            match answer.await? {
                Ok(offsets) => return Ok(offsets),
                Err(error) if Instant::now() > until => {
                    return Err(BusError::Unavailable(format!("{name} does not tell its offsets: {error}")));
                }
                Err(_) => {
                    // The client keeps what it heard of a topic's leaders, also while they were away: it is made to ask anew.
                    self.look(name).await?;
                    tokio::time::sleep(LEADER).await;
                }
            }
        }
    }
}

fn query<C: Consumer<Context>, Context: rdkafka::consumer::ConsumerContext>(
    asking: &C,
    topic: &str,
    edge: Edge,
) -> Result<Vec<i64>, KafkaError> {
    let mut asked = TopicPartitionList::with_capacity(PARTITIONS as usize);
    // Where a time would stand, these two stand for the log's edges.
    let at = match edge {
        Edge::Begin => Offset::Beginning,
        Edge::End => Offset::End,
    };
    for part in 0..PARTITIONS {
        asked.add_partition_offset(topic, i32::try_from(part).unwrap_or_default(), at)?;
    }
    let answered = asking.offsets_for_times(asked, ASK)?;
    let mut offsets = vec![None; PARTITIONS as usize];
    for element in answered.elements() {
        element.error()?;
        let slot = usize::try_from(element.partition()).ok().and_then(|part| offsets.get_mut(part));
        if let (Some(slot), Offset::Offset(offset)) = (slot, element.offset()) {
            *slot = Some(offset);
        }
    }
    let silent = KafkaError::MetadataFetch(RDKafkaErrorCode::LeaderNotAvailable);
    offsets.into_iter().collect::<Option<Vec<i64>>>().ok_or(silent)
}

/// What a cluster says while leaders move, or while a new topic becomes known to all of it.
pub(super) fn passes(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::NotLeaderForPartition
                | RDKafkaErrorCode::LeaderNotAvailable
                | RDKafkaErrorCode::UnknownTopicOrPartition
                // librdkafka's own word for leaders it knows none of.
                | RDKafkaErrorCode::UnknownPartition
                | RDKafkaErrorCode::OffsetNotAvailable
                | RDKafkaErrorCode::KafkaStorageError
                | RDKafkaErrorCode::FencedLeaderEpoch
                | RDKafkaErrorCode::UnknownLeaderEpoch
        )
    )
}
