//! The engines against the spine's conformance suites.

mod auth_away;
mod broker;
mod conformance;
mod data_folder;
mod disk_full;
mod faults;
mod fresh;
mod fsync_fails;
mod journal;
mod kafka;
mod kafka_outage;
mod kafka_owner;
mod postgres_faults;
mod ring;
mod scene;
mod schema;
mod sealing;
mod simulation;
mod slow_reader;
mod strangers;
mod wire;
