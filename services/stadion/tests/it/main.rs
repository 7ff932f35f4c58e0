//! The installation as its users meet it.
#![allow(clippy::unwrap_used, reason = "what a test is set up with is there, or the test fails")]

mod embedded;
mod hostile;
mod journey;
mod killed;
mod tools;
