//! Gamification's settings.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How many accounts one preview of rules looks at.
    pub preview_accounts_max: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { preview_accounts_max: 2_000 }
    }
}
