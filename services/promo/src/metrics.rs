//! What operators see of promo.

use platform::metrics::Metrics;
use prometheus_client::metrics::counter::Counter;

use crate::domain::{offer, redemption};

/// Counted once an event is projected: a rebuild counts again, a crash counts nothing twice that was not read twice.
#[derive(Clone)]
pub struct Told {
    granted: Counter,
    withheld: Counter,
    reserved: Counter,
    confirmed: Counter,
    expired: Counter,
    reconcile: Counter,
}

impl Told {
    pub fn register(metrics: &Metrics) -> Self {
        Self {
            granted: metrics.counter("offers_granted", "offers granted by achievements"),
            withheld: metrics.counter("offers_withheld", "offers kept back as holdout"),
            reserved: metrics.counter("redemptions_reserved", "reservations made"),
            confirmed: metrics.counter("redemptions_confirmed", "redemptions confirmed by paid orders"),
            expired: metrics.counter("redemptions_expired", "reservations that nobody paid in time"),
            reconcile: metrics.counter("redemptions_to_reconcile", "late payments that a person must decide"),
        }
    }

    pub fn offer(&self, event: &offer::Event) {
        match event {
            offer::Event::Granted(_) => drop(self.granted.inc()),
            offer::Event::Withheld { .. } => drop(self.withheld.inc()),
            _ => {}
        }
    }

    pub fn redemption(&self, event: &redemption::Event) {
        let counter = match event {
            redemption::Event::Reserved { .. } => &self.reserved,
            redemption::Event::Confirmed { .. } => &self.confirmed,
            redemption::Event::Expired { .. } => &self.expired,
            redemption::Event::NeedsReconciliation { .. } => &self.reconcile,
            _ => return,
        };
        counter.inc();
    }
}
