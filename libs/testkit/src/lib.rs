//! For tests only: what the tests of several crates share. No crate but a test may depend on it.
//!
//! | module | what it is for |
//! |---|---|
//! | [`story`] | `given(events).when(decision).then(events)` for aggregates |
//! | [`golden`] | payloads of the past with what they must decode to |
//! | [`fleet`] | an installation in this process, on real engines |
//! | [`ground`] | where its data lie: on SQLite or PostgreSQL, by the run |
//! | [`stand_in`] | a sibling that answers what a test has told |
//! | [`mail`] | a mail server |
//! | [`overlap`] | two units of work on PostgreSQL that overlap, in an order that a test says |
//! | [`zip`] | archives |
//! | [`engines`] | where the real engines are, and what to say when they are not |
//!
//! The house rules stand in `tests/it`: dependency direction, service graph, sizes, names, migrations, contract.

pub mod engines;
pub mod fleet;
pub mod golden;
pub mod ground;
pub mod mail;
pub mod overlap;
pub mod stand_in;
pub mod story;
pub mod zip;

pub use stand_in::StandIn;
pub use story::given;
