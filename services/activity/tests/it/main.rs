//! Activity through gRPC, in an installation of its own: real stores, log, readers and calls. Only auth is a stand-in
//! that answers how accounts stand.

#![expect(clippy::unwrap_used, reason = "a test's own step that fails is the test's failure")]

mod activities;
mod erasure;
mod golden;
mod postgres;
mod restart;
mod sync;
mod uploads;
mod visibility;
mod world;
