//! The engines against the spine's conformance suites.

mod conformance;
mod crash;
mod data_folder;
mod fresh;
mod schema;
mod sealing;
