//! `Db` over each engine.

pub mod postgres;
pub mod sqlite;
