//! Siblings' journals and state over gRPC, for readers whose place the log no longer keeps, and while it is away.

use async_trait::async_trait;
use eventing::{Position, Recorded, SiblingJournals, Topic, bus::BusError};
use proto::{
    envelope::State,
    journal::{ReadAllRequest, StateReadAllRequest},
};

use crate::transport::Peers;

/// The journals of everyone this service can reach.
pub struct PeerJournals(Peers);

impl PeerJournals {
    pub fn of(peers: &Peers) -> Self {
        Self(peers.clone())
    }
}

#[async_trait]
impl SiblingJournals for PeerJournals {
    async fn read_all(
        &self,
        service: &'static str,
        after: Position,
        max: usize,
    ) -> Result<(Vec<Recorded>, Position), BusError> {
        let unavailable = |error: String| BusError::Unavailable(format!("the journal of {service}: {error}"));
        let request =
            ReadAllRequest { after: after.unsigned_abs(), max: u32::try_from(max).unwrap_or(u32::MAX) };
        let answer = self.0.journal(service).read_all(request).await;
        let answer = answer.map_err(|status| unavailable(status.message().to_owned()))?.into_inner();
        let head = Position::try_from(answer.head).unwrap_or(Position::MAX);
        let events: Result<Vec<Recorded>, _> = answer.events.into_iter().map(Recorded::from_proto).collect();
        Ok((events.map_err(|error| unavailable(error.to_string()))?, head))
    }

    async fn state(
        &self,
        service: &'static str,
        topic: &Topic,
        after_key: &str,
    ) -> Result<(Vec<State>, String), BusError> {
        let request =
            StateReadAllRequest { topic: topic.name.clone(), after_key: after_key.to_owned(), max: 0 };
        let answer = self.0.state(service).read_all(request).await.map_err(|status| {
            BusError::Unavailable(format!("the state of {service}: {}", status.message()))
        })?;
        let answer = answer.into_inner();
        Ok((answer.values, answer.next_key))
    }
}
