//! The platform as its users meet it.
#![allow(clippy::unwrap_used, reason = "what a test is set up with is there, or the test fails")]

mod actors;
mod config;
mod health;
mod installation;
mod metrics;
mod remote;
mod serving;
mod tasks;
mod transport;
