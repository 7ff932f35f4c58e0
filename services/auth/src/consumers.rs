//! Readers of auth's own journal, one file an event.

pub mod password_changed;
