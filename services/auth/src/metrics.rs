//! What operators see of auth.

use platform::metrics::Metrics as Registry;
use prometheus_client::metrics::counter::Counter;

#[derive(Clone)]
pub struct Metrics {
    pub registered: Counter,
    pub logins: Counter,
    pub failed_logins: Counter,
    pub throttled: Counter,
    pub refreshed: Counter,
    /// Refresh tokens used twice: each ends a session.
    pub reused: Counter,
    pub paired: Counter,
}

impl Metrics {
    pub fn register(registry: &Registry) -> Self {
        Self {
            registered: registry.counter("accounts_registered", "Accounts whose sign-up was finished"),
            logins: registry.counter("logins", "Logins with the right password"),
            failed_logins: registry.counter("logins_failed", "Logins with a wrong e-mail or password"),
            throttled: registry.counter("throttled", "Attempts refused because there were too many"),
            refreshed: registry.counter("tokens_refreshed", "Refresh tokens changed for new ones"),
            reused: registry.counter("tokens_reused", "Refresh tokens that came twice; each ended a session"),
            paired: registry.counter("devices_paired", "Devices that got their tokens"),
        }
    }
}
