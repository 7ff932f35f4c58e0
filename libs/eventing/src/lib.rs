//! The spine: event store, log, readers, sealing. A decision becomes events in one append; a relay carries them to the
//! log; readers turn them into rows, commands or memory. Engines live in `backends`.
//!
//! | module | what |
//! |---|---|
//! | [`sql`] | portable SQL: `Db`, `Tx`, `Value`, `Row` |
//! | [`many`] | many rows in few statements |
//! | [`cql`] | the same words for wide-column stores: `Cql` |
//! | [`event`], [`store`], [`command`] | what is kept, the store's contract, a command's context |
//! | [`aggregate`], [`journal`] | state folded from events; load → decide → append |
//! | [`sealing`] | personal fields under keys that can be destroyed |
//! | [`bus`] | the log between services |
//! | [`readers`], [`spine`] | projection, reactor, follower, timers; and how they are run |
//! | [`rebuild`] | read models made anew beside the old |
//! | [`outbox`], [`refill`] | state values on their way to the log; told again to a log that lost them |
//! | `projected` | waiting until the own read models have seen a position |
//! | [`ownership`] | leases and epochs |
//! | [`migrate`] | schema changes |
//! | [`status`], [`glance`], [`tally`], [`witness`] | how it all stands, for whoever watches; events on their way |
//! | [`conformance`] | what every backend must pass |

pub mod aggregate;
pub mod bus;
pub mod command;
pub mod conformance;
mod consume;
pub mod cql;
pub mod error;
pub mod event;
mod follow;
pub mod glance;
pub mod journal;
pub mod leases;
pub mod many;
pub mod migrate;
pub mod outbox;
pub mod ownership;
mod projected;
pub mod readers;
pub mod rebuild;
pub mod refill;
mod relay;
pub mod sealing;
pub mod spine;
pub mod sql;
pub mod status;
pub mod store;
pub mod tally;
mod timers;
pub mod witness;

pub use aggregate::{Aggregate, Loaded};
pub use bus::{Bus, SiblingJournals, Topic};
pub use command::Command;
pub use consume::{Parked, ParkedKey, Replayed, heard};
pub use error::Error;
pub use event::{DecodeError, DomainEvent, Incoming, Plain, Position, Recorded, StreamId, Version};
pub use follow::Freshness;
pub use journal::{Batch, Decision, Done, Journal};
pub use projected::Projected;
pub use readers::{Failure, Follower, Keeps, Projection, Reactor, Source, Start, StateValue, TimerHandler};
pub use refill::StateTables;
pub use sealing::{Class, Sealer};
pub use spine::Spine;
pub use sql::{Db, Row, Statement, Tx, Value};
pub use status::Status;
pub use store::{Claim, EventStore, Timer};
pub use witness::Witness;
