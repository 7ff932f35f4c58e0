//! What this process owns now: every loop of a spine waits for its resource here, and stops when it is lost.
//!
//! On SQLite the data folder has one owner, and everything is its own. On PostgreSQL the processes of a service share its
//! resources out by lease rows: each takes its fair part of what is free and gives back what is above it. Whoever could
//! not renew stops by its own clock before anybody else may begin; whoever slept through that is refused by its epoch.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    ownership::{Holder, Share},
    sql::DbError,
};

/// How long a lease lives, and how often it is renewed.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    pub life: Duration,
    pub renew_every: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { life: Duration::from_secs(6), renew_every: Duration::from_secs(2) }
    }
}

/// The resources that are this process' own, each under its epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owned {
    /// Of the one owner of a whole store.
    whole: Option<i64>,
    epochs: BTreeMap<String, i64>,
}

impl Owned {
    /// How many of these are owned.
    pub fn count(&self, resources: &[String]) -> usize {
        resources.iter().filter(|resource| self.epoch(resource).is_some()).count()
    }

    pub fn epoch(&self, resource: &str) -> Option<i64> {
        self.whole.or_else(|| self.epochs.get(resource).copied())
    }
}

/// This process' part of a store's resources. Cheap to clone.
#[derive(Clone)]
pub struct Leases {
    /// `None`: nothing is shared.
    holder: Option<Holder>,
    pace: Pace,
    owned: watch::Sender<Owned>,
}

impl Leases {
    /// For the one owner of a store: see [`crate::ownership::STORE`].
    pub fn whole(epoch: i64) -> Self {
        let owned = Owned { whole: Some(epoch), epochs: BTreeMap::new() };
        Self { holder: None, pace: Pace::default(), owned: watch::Sender::new(owned) }
    }

    /// For one of several processes on a store; it owns nothing until [`Leases::keep`] runs.
    pub fn shared(holder: Holder, pace: Pace) -> Self {
        Self { holder: Some(holder), pace, owned: watch::Sender::new(Owned::default()) }
    }

    pub fn owned(&self) -> watch::Receiver<Owned> {
        self.owned.subscribe()
    }

    /// Whether other processes may own what this one does not.
    pub fn are_shared(&self) -> bool {
        self.holder.is_some()
    }

    /// Takes, renews and gives back its part of `wanted` until `shutdown`; then gives everything back.
    pub async fn keep(&self, wanted: &[String], shutdown: &CancellationToken) {
        let Some(holder) = &self.holder else { return };
        let mut ours_until = Instant::now() + self.pace.life;
        let mut orphans = Orphans::default();
        while !shutdown.is_cancelled() {
            let asked_at = Instant::now();
            match timeout_at(ours_until, self.round(holder, wanted, &mut orphans)).await {
                // Counted from before the database was asked: its clock began later.
                Ok(Ok(())) => ours_until = asked_at + self.pace.life - self.pace.renew_every / 4,
                Ok(Err(error)) => warn!(%error, "leases were not renewed"),
                Err(_) => warn!("leases were not renewed in time"),
            }
            if ours_until <= Instant::now() {
                self.owned.send_if_modified(|owned| std::mem::take(owned) != Owned::default());
                ours_until = Instant::now() + self.pace.life;
            }
            let next = (asked_at + self.pace.renew_every).min(ours_until);
            tokio::select! {
                biased;
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep_until(next) => {}
            }
        }
        self.owned.send_replace(Owned::default());
        if let Ok(Err(error)) = tokio::time::timeout(self.pace.renew_every, holder.leave()).await {
            warn!(%error, "leases were not given back: they end by themselves");
        }
    }

    async fn round(&self, holder: &Holder, wanted: &[String], orphans: &mut Orphans) -> Result<(), DbError> {
        let share = holder.share(wanted, &orphans.taken, self.pace.life).await?;
        orphans.note(&share, self.pace);
        let Share { mut owned, surplus, .. } = share;
        if !surplus.is_empty() {
            info!(given_back = surplus.len(), kept = owned.len(), "another process takes its part");
        }
        owned.retain(|resource, _| !surplus.contains(resource));
        let next = Owned { whole: None, epochs: owned };
        // Its loops are told before anybody else may begin; what they still commit, their epoch refuses.
        self.owned.send_if_modified(|known| std::mem::replace(known, next.clone()) != next);
        if surplus.is_empty() { Ok(()) } else { holder.release(&surplus).await }
    }
}

/// What nobody else takes: while versions are mixed, one of them may not know of resources that the other wants.
#[derive(Default)]
struct Orphans {
    /// In how many rounds each was left for others, one after the other.
    left: BTreeMap<String, u32>,
    /// Taken above the fair part, until somebody comes or goes.
    taken: BTreeSet<String>,
    members: BTreeSet<String>,
}

impl Orphans {
    fn note(&mut self, share: &Share, pace: Pace) {
        // Rounds in which somebody else might have taken what was free: who is silent for longer is no member any more.
        let patience = pace.life.as_micros().div_ceil(pace.renew_every.as_micros().max(1));
        if self.members != share.members {
            *self = Self { members: share.members.clone(), ..Self::default() };
        }
        let counted =
            |resource: &String| (resource.clone(), self.left.get(resource).copied().unwrap_or(0) + 1);
        let left: BTreeMap<String, u32> = share.left.iter().map(counted).collect();
        let orphaned = left.iter().filter(|(_, rounds)| u128::from(**rounds) >= patience);
        self.taken.extend(orphaned.map(|(name, _)| name.clone()));
        self.left = left;
    }
}
