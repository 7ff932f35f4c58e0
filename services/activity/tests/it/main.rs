//! Activity through gRPC, in an installation of its own: real stores, log, readers and calls. Only auth and
//! social are stand-ins that answer how accounts stand, to all and to each other.

#![expect(clippy::unwrap_used, reason = "a test's own step that fails is the test's failure")]

mod across;
mod activities;
mod blobs;
mod contributions;
mod days;
mod detail;
mod erasure;
mod exports;
mod golden;
mod imports;
mod keyspace;
mod live;
mod lost_files;
mod purge;
mod races;
mod recompute;
mod regions;
mod relations;
mod restart;
mod resumables;
mod settled;
mod statistics;
mod store;
mod sync;
mod sync_depth;
mod twins;
mod uploads;
mod verdicts;
mod visibility;
mod world;
mod zones;
