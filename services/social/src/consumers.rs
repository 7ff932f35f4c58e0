//! What is heard, one file each.

pub mod own_journal;
