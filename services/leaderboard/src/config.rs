//! The leaderboard's settings.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How often boards are kept in the service's data folder for the next start, seconds; 0: never.
    pub snapshot_each_s: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { snapshot_each_s: 60 }
    }
}
