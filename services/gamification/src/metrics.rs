//! What operators see of gamification.

use platform::metrics::Metrics;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
};

use crate::domain::{Event, league::cohort};

/// Counts what reaches the read models.
#[derive(Clone)]
pub struct Told {
    activities: Counter,
    unlocked: Family<Badge, Counter>,
    revoked: Family<Badge, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Badge {
    badge: String,
}

/// Counts what becomes of the leagues' weeks.
#[derive(Clone)]
pub struct Leagues {
    weeks: Counter,
    places: Family<Place, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Place {
    outcome: &'static str,
}

impl Leagues {
    pub fn register(metrics: &Metrics) -> Self {
        Self {
            weeks: metrics.counter("league_weeks_closed", "Weeks of the leagues that were closed"),
            places: metrics.counters("league_places", "Places of closed weeks, by outcome"),
        }
    }

    pub(crate) fn closed(&self) {
        self.weeks.inc();
    }

    pub(crate) fn placed(&self, event: &cohort::Event) {
        if let Some(ended) = event.ended {
            self.places.get_or_create(&Place { outcome: ended.outcome.as_str() }).inc();
        }
    }
}

/// Shows how other rules come into force.
pub struct Backfill {
    left: Gauge,
    brought: Counter,
}

impl Backfill {
    pub fn register(metrics: &Metrics) -> Self {
        Self {
            left: metrics
                .gauge("accounts_under_older_rules", "Accounts that the rules in force have not judged yet"),
            brought: metrics
                .counter("accounts_brought_to_rules", "Accounts that were judged anew by other rules"),
        }
    }

    pub(crate) fn left(&self, accounts: i64) {
        self.left.set(accounts);
    }

    pub(crate) fn brought(&self, accounts: usize) {
        self.brought.inc_by(u64::try_from(accounts).unwrap_or(u64::MAX));
        self.left.dec_by(i64::try_from(accounts).unwrap_or(i64::MAX));
    }
}

impl Told {
    pub fn register(metrics: &Metrics) -> Self {
        Self {
            activities: metrics
                .counter("activities_counted", "Activities that count, again for each revision"),
            unlocked: metrics.counters("badges_unlocked", "Badges unlocked, by badge"),
            revoked: metrics.counters("badges_revoked", "Badges taken back, by badge"),
        }
    }

    pub(crate) fn count(&self, event: &Event) {
        match event {
            Event::Counted { .. } => {
                self.activities.inc();
            }
            Event::BadgeUnlocked(given) => {
                self.unlocked.get_or_create(&Badge { badge: given.badge.clone() }).inc();
            }
            Event::BadgeRevoked { badge, .. } => {
                self.revoked.get_or_create(&Badge { badge: badge.clone() }).inc();
            }
            _ => {}
        }
    }
}
