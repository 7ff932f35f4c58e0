//! What operators see of auth.

use platform::metrics::Metrics as Registry;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
};

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

/// Mail that is taken to a server.
#[derive(Clone)]
pub struct Couriers {
    pub waiting: Gauge,
    pub oldest_seconds: Gauge,
    pub server_answers: Gauge,
    mails: Family<Fate, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Fate {
    fate: &'static str,
}

impl Couriers {
    pub fn register(registry: &Registry) -> Self {
        let mails: Family<Fate, Counter> =
            registry.counters("mails", "Mails offered to the mail server, by what became of them");
        // From zero: what is not there before its first mail has no rate.
        for fate in ["taken", "later", "refused", "given_up"] {
            mails.get_or_create(&Fate { fate }).inc_by(0);
        }
        Self {
            waiting: registry.gauge("mails_waiting", "Mails that the mail server does not have yet"),
            oldest_seconds: registry.gauge("mails_waiting_seconds", "Age of the oldest of them"),
            server_answers: registry.gauge("mail_server_answers", "1: it took what it was offered last"),
            mails,
        }
    }

    pub(crate) fn count(&self, fate: &'static str) {
        self.mails.get_or_create(&Fate { fate }).inc();
    }
}
