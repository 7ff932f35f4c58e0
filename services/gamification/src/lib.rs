//! XP, levels, badges: each explains itself

pub mod domain;
