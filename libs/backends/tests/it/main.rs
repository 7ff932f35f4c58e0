//! The engines against the spine's conformance suites.

mod conformance;
mod crash;
mod data_folder;
mod disk_full;
mod fresh;
mod journal;
mod postgres_faults;
mod schema;
mod sealing;
mod wire;
