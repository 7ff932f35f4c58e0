//! The public surface without its services: the files mirror the URL tree. What needs a service answers
//! `unavailable` here, which tells "let in" from "refused at the door".

#![expect(clippy::unwrap_used, reason = "a test whose request cannot be built has failed")]

mod boards;
mod bodies;
mod challenges;
mod fleet;
mod limits;
mod live;
mod live_sessions;
mod oauth;
mod openapi;
mod partner;
mod root;
mod social;
mod tokens;
mod uploads;
mod world;
