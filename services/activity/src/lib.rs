//! Activities: uploads, sync, manual entries; their totals and streams.

mod blobs;
mod config;
mod consumers;
mod domain;
mod metrics;
mod store;
mod streams;
mod wire;
