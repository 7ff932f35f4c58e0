//! Promo's settings.

use serde::{Deserialize, Serialize};

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How long a reservation waits for its order to be paid; longer than shops' own payment timeouts. Seconds.
    pub reservation_ttl_s: u32,
    /// The largest feed that is read, in bytes.
    pub feed_bytes_max: u64,
    /// 64 hex digits from which codes and click tokens are derived; the same on every node. Empty: a file in the
    /// service's data folder, made at first start.
    pub secret: String,
}

impl Default for Config {
    fn default() -> Self {
        Self { reservation_ttl_s: 1_800, feed_bytes_max: 32 * 1024 * 1024, secret: String::new() }
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("reservation_ttl_s", &self.reservation_ttl_s)
            .field("feed_bytes_max", &self.feed_bytes_max)
            .finish_non_exhaustive()
    }
}
