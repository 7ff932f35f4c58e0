//! What accounts and partners may do: state, decisions and events. Sync, clockless, no I/O.

pub mod account;
#[cfg(test)]
mod account_tests;
pub mod age;
pub mod consent;
pub mod email;
pub mod names;
pub mod partner;
pub mod password;
pub mod privacy;
pub mod profile;
pub mod role;
pub mod sign_up;
