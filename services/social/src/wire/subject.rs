//! The event of an erased account.

use eventing::{Aggregate, DecodeError, DomainEvent, Plain};
use proto::social as p;

use super::{bytes_of, id};
use crate::domain::subject::{Event, Subject};

impl Aggregate for Subject {
    type Event = Event;
    const KIND: &'static str = "subject";

    fn evolve(&mut self, event: &Event) {
        Self::evolve(self, event);
    }
}

impl DomainEvent for Event {
    fn encode(&self) -> Plain {
        let Self::Erased(account) = self;
        Plain::of(&p::SubjectErased { account_id: bytes_of(*account) })
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        let event: p::SubjectErased = plain.expect()?;
        Ok(Self::Erased(id(&event.account_id, "account_id")?))
    }
}
