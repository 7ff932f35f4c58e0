//! Readers of auth's own journal, one file an event.

pub mod consent_withdrawn;
pub mod password_changed;
pub mod standing_changed;
