//! The engines behind the spine's traits. Engine drivers are named in this crate and nowhere else.
//!
//! | module | what |
//! |---|---|
//! | [`sqlite`], [`postgres`] | `Db` over each engine |
//! | [`cql`] | `Cql` over ScyllaDB or Cassandra |
//! | [`SqlEventStore`] | the journal over any `Db`: one group-commit writer, gapless positions |
//! | [`SqliteBus`] | the log as a SQLite file |
//! | [`kafka`] | the log on Kafka |
//! | [`DataFolder`] | one data folder, one owner |

pub mod cql;
mod data_folder;
mod engine;
mod event_store;
pub mod kafka;
mod sqlite_bus;

pub use data_folder::{DataFolder, DataFolderError};
pub use engine::{postgres, sqlite};
pub use event_store::SqlEventStore;
pub use kafka::KafkaBus;
pub use sqlite_bus::{BUS_MIGRATIONS, SqliteBus};
