//! Where partitions begin and end, all of them in one question.

use eventing::bus::{BusError, PARTITIONS};
use rdkafka::{Offset, TopicPartitionList, consumer::Consumer};

use super::{ASK, KafkaBus};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edge {
    Begin,
    End,
}

impl KafkaBus {
    pub(super) async fn offsets(&self, name: &str, edge: Edge) -> Result<Vec<i64>, BusError> {
        let mut asked = TopicPartitionList::with_capacity(PARTITIONS as usize);
        // Where a time would stand, these two stand for the log's edges.
        let at = match edge {
            Edge::Begin => Offset::Beginning,
            Edge::End => Offset::End,
        };
        for part in 0..PARTITIONS {
            asked
                .add_partition_offset(name, i32::try_from(part).unwrap_or_default(), at)
                .map_err(|error| super::client::unavailable(&error))?;
        }
        let answered = self.ask(move |asking| asking.offsets_for_times(asked, ASK)).await?;
        let mut offsets = vec![None; PARTITIONS as usize];
        for element in answered.elements() {
            element.error().map_err(|error| super::client::unavailable(&error))?;
            let slot = usize::try_from(element.partition()).ok().and_then(|part| offsets.get_mut(part));
            if let (Some(slot), Offset::Offset(offset)) = (slot, element.offset()) {
                *slot = Some(offset);
            }
        }
        let silent = || BusError::Unavailable(format!("the cluster does not tell every offset of {name}"));
        offsets.into_iter().collect::<Option<Vec<i64>>>().ok_or_else(silent)
    }
}
