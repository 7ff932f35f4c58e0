//! Gamification's settings.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How many accounts one preview of rules looks at.
    pub preview_accounts_max: u32,
    /// A folder of rules, `*.json`, beside those of the house; the newest version of all is in force. All processes of
    /// the service have the same ones.
    pub rules: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self { preview_accounts_max: 2_000, rules: None }
    }
}
