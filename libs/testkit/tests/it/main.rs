//! The house rules, as tests: the house keeps itself. And the tools that other tests stand on.

#![allow(clippy::unwrap_used, reason = "in a test a panic with its line is the message")]

mod contract;
mod dependencies;
mod documents;
mod golden_events;
mod migrations;
mod names;
mod schemas;
mod service_graph;
mod sizes;
mod tools;
mod tree;
