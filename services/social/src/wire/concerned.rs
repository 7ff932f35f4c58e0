//! Whose relations an event changed.

use eventing::{DecodeError, DomainEvent, Plain, StreamId};
use kernel::AccountId;

use crate::domain::{group, pair, subject};

/// Empty for events that change no relation. The stream's first word says what kind of event it is.
pub fn concerned(stream: &StreamId, plain: &Plain) -> Result<Vec<AccountId>, DecodeError> {
    match stream.kind() {
        "pair" => pair::Event::decode(plain).map(|event| event.both().to_vec()),
        "group" => group::Event::decode(plain).map(|event| event.account().into_iter().collect()),
        "subject" => subject::Event::decode(plain).map(|subject::Event::Erased(account)| vec![account]),
        _ => Ok(Vec::new()),
    }
}
