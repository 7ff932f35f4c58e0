//! The visibility function as its users meet it, and against an oracle.

#![allow(clippy::unwrap_used, reason = "in a test a panic with its line is the message")]

mod oracle;
mod sentences;
