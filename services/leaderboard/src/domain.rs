//! The order of a challenge's participants: sync, clockless, no I/O.

pub mod board;
pub mod order;
pub mod places;
pub mod teams;
