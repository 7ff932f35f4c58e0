//! Who follows events on their way: for traces. Nothing depends on what a witness does.

use crate::{
    event::{Incoming, Recorded},
    readers::Failure,
    sql::BoxFuture,
};

/// Times are microseconds of the injected clock. What is told has happened already; it must not be held up.
pub trait Witness: Send + Sync + 'static {
    /// These are on the log.
    fn published(&self, service: &'static str, events: &[Recorded], began_us: i64);

    /// A projection has taken these, in one transaction.
    fn projected(&self, service: &'static str, projection: &'static str, events: &[&Incoming], began_us: i64);

    /// Runs a reaction, so that what it asks of others belongs to the event's trace.
    fn reacting<'a>(
        &'a self,
        service: &'static str,
        reactor: &'static str,
        event: &'a Incoming,
        reaction: BoxFuture<'a, Result<(), Failure>>,
    ) -> BoxFuture<'a, Result<(), Failure>>;
}
