//! A service's journal and state tables, read by its siblings over gRPC: rebuilds never depend on the bus' retention.

use std::sync::Arc;

use async_trait::async_trait;
use eventing::{Recorded, StateTables, StreamId, Topic, store::EventStore};
use kernel::{Code, Refusal};
use proto::{
    envelope::State as StateValue,
    journal::{
        LoadStreamRequest, LoadStreamResponse, ReadAllRequest, ReadAllResponse, StateReadAllRequest,
        StateReadAllResponse, journal_server::Journal, state_server::State,
    },
};
use tonic::{Request, Response, Status};

use crate::{context::Caller, status};

/// Events a page at most, whatever is asked for.
const PAGE_MAX: usize = 500;
const STREAM_NAME_BYTES_MAX: usize = 200;

/// `journal.Journal` over a store.
pub struct JournalReads {
    store: Arc<dyn EventStore>,
}

impl JournalReads {
    pub fn new(store: Arc<dyn EventStore>) -> Self {
        Self { store }
    }
}

#[async_trait]
impl Journal for JournalReads {
    async fn read_all(&self, request: Request<ReadAllRequest>) -> Result<Response<ReadAllResponse>, Status> {
        Caller::of(&request)?.service()?;
        let request = request.into_inner();
        // The head is asked first: it must never be behind an event of the same answer's future.
        let head = self.store.head().await.map_err(fault)?;
        let events = self.store.read_all(number(request.after)?, page(request.max)).await.map_err(fault)?;
        let head = events.last().map_or(head, |last| head.max(last.position)).unsigned_abs();
        Ok(Response::new(ReadAllResponse { events: events.iter().map(Recorded::to_proto).collect(), head }))
    }

    async fn load_stream(
        &self,
        request: Request<LoadStreamRequest>,
    ) -> Result<Response<LoadStreamResponse>, Status> {
        Caller::of(&request)?.service()?;
        let request = request.into_inner();
        if request.stream.is_empty() || request.stream.len() > STREAM_NAME_BYTES_MAX {
            return Err(status::status(Refusal::field(
                "/stream",
                "length",
                "a stream's name has 1 to 200 bytes",
            )));
        }
        let after = number(request.from_version)?.saturating_sub(1).max(0);
        let stream = StreamId::named(&request.stream);
        let events = self.store.load(&stream, after, page(request.max)).await.map_err(fault)?;
        Ok(Response::new(LoadStreamResponse { events: events.iter().map(Recorded::to_proto).collect() }))
    }
}

/// A service without state topics.
pub struct NoState;

#[async_trait]
impl StateTables for NoState {
    fn topics(&self) -> Vec<Topic> {
        Vec::new()
    }

    async fn page(&self, topic: &str, _: &str, _: usize) -> Result<Vec<StateValue>, Refusal> {
        Err(Refusal::new(Code::NotFound, format!("no state topic {topic} is kept here")))
    }
}

/// `journal.State` over a service's tables.
pub struct StateReads {
    tables: Arc<dyn StateTables>,
}

impl StateReads {
    pub fn new(tables: Arc<dyn StateTables>) -> Self {
        Self { tables }
    }
}

#[async_trait]
impl State for StateReads {
    async fn read_all(
        &self,
        request: Request<StateReadAllRequest>,
    ) -> Result<Response<StateReadAllResponse>, Status> {
        Caller::of(&request)?.service()?;
        let request = request.into_inner();
        let max = page(request.max);
        let values =
            self.tables.page(&request.topic, &request.after_key, max).await.map_err(status::status)?;
        let full = values.len() >= max;
        let next_key = values.last().filter(|_| full).map(|last| last.key.clone()).unwrap_or_default();
        Ok(Response::new(StateReadAllResponse { values, next_key }))
    }
}

fn page(asked: u32) -> usize {
    match usize::try_from(asked).unwrap_or(PAGE_MAX) {
        0 => PAGE_MAX,
        asked => asked.min(PAGE_MAX),
    }
}

fn number(value: u64) -> Result<i64, Status> {
    let fault = |_| status::status(Refusal::field("/after", "range", "the position is out of range"));
    i64::try_from(value).map_err(fault)
}

fn fault(error: eventing::store::StoreError) -> Status {
    status::status(eventing::Error::from(error))
}
