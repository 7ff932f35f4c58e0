//! What can be set. Every setting has a default.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// The largest file.
    pub upload_bytes_max: usize,
    /// Bytes of files that are on their way in at the same time; more is answered `overloaded`.
    pub uploads_bytes_max: usize,
    /// Files read at the same time.
    pub readers: usize,
    /// Files that wait for a reader in memory; those beyond it wait in the store.
    pub readers_queue_max: usize,
    /// How often the store is searched for files that wait.
    pub sweep_every_ms: u64,
    /// Records of one changeset.
    pub sync_records_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            upload_bytes_max: 64 * 1024 * 1024,
            uploads_bytes_max: 256 * 1024 * 1024,
            readers: 2,
            readers_queue_max: 256,
            sweep_every_ms: 2_000,
            sync_records_max: 1_000,
        }
    }
}
