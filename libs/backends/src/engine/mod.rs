//! `Db` over each engine.

pub mod postgres;
mod postgres_news;
pub mod sqlite;
