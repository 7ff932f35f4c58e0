//! The installation as its users meet it.
#![allow(clippy::unwrap_used, reason = "what a test is set up with is there, or the test fails")]

mod any_order;
mod embedded;
mod fleet;
mod hostile;
mod hostile_circle;
mod hostile_contest;
mod journey;
mod killed;
mod mail;
mod parked;
mod replicas;
mod seed;
mod serve;
mod tools;
mod traces;
mod visibility;
