//! The leaderboard, tested from outside.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod boards;
mod history;
mod live;
mod names;
mod segments;
mod siblings;
mod stream;
mod teams;
mod warm;
mod world;
