//! auth through its gRPC, in process, on real stores.

extern crate stadion_auth as auth;

mod consents;
mod devices;
mod golden;
mod keys;
mod operators;
mod partners;
mod privacy;
mod profile;
mod races;
mod resets;
mod sessions;
mod sign_up;
mod smtp;
mod stage;
mod standing;
mod upkeep;
