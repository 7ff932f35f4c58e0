//! Social on real engines: journal, log, relay, readers and gRPC as in production. Beside it stands auth as far as social
//! asks it; activity's and gamification's journals are written by the tests.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod erasure;
mod feed;
mod friends;
mod golden;
mod groups;
mod hidden;
mod pairs;
mod races;
mod search;
mod siblings;
mod state;
mod world;
