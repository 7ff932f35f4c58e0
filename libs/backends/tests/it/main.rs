//! The engines against the spine's conformance suites.

mod broker;
mod conformance;
mod crash;
mod data_folder;
mod disk_full;
mod fresh;
mod journal;
mod kafka;
mod kafka_outage;
mod postgres_faults;
mod schema;
mod sealing;
mod wire;
