//! Promo on real engines: journal, log, relay, readers and gRPC as in production. Beside it stand auth and gamification
//! as far as promo asks them.

mod catalogue;
mod golden;
mod journey;
mod parallel;
mod purchase;
mod review;
mod siblings;
mod world;
