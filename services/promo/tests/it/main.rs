//! Promo on real engines: journal, log, relay, readers and gRPC as in production. Beside it stand auth and gamification
//! as far as promo asks them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod catalogue;
mod golden;
mod groups;
mod journey;
mod kill;
mod parallel;
mod purchase;
mod races;
mod review;
mod siblings;
mod world;
