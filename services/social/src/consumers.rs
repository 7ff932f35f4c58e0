//! What is heard, one file each.

pub mod erasure;
pub mod own_journal;
pub mod people;
pub mod posts;
