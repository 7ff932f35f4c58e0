//! The engines against the spine's conformance suites.

mod broker;
mod conformance;
mod crash;
mod data_folder;
mod disk_full;
mod faults;
mod fresh;
mod fsync_fails;
mod journal;
mod kafka;
mod kafka_outage;
mod postgres_faults;
mod schema;
mod sealing;
mod simulation;
mod wire;
mod zombie;
