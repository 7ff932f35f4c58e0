//! A day's value of one source (steps, sleep, weight): the newest version of it counts, with what of it is not told by
//! another source of the same day too ([`super::unite`]).

use eventing::Aggregate;
use kernel::AccountId;

use super::{DailyId, activity::Synced};

#[derive(Clone, Debug, PartialEq)]
pub struct DailyValue {
    /// A type of [`super::input::METRICS`].
    pub kind: String,
    /// The account's local day, `2026-05-01`.
    pub date: String,
    pub value: f64,
    pub spans: Vec<Span>,
    /// What it was told by, where that was said.
    pub device: Option<DeviceKind>,
}

/// What a value was told by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceKind {
    Watch,
    Band,
    Ring,
    ChestStrap,
    HeadMounted,
    Phone,
    Other,
}

impl DeviceKind {
    pub const ALL: [Self; 7] =
        [Self::Watch, Self::Band, Self::Ring, Self::ChestStrap, Self::HeadMounted, Self::Phone, Self::Other];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Watch => "watch",
            Self::Band => "band",
            Self::Ring => "ring",
            Self::ChestStrap => "chest_strap",
            Self::HeadMounted => "head_mounted",
            Self::Phone => "phone",
            Self::Other => "other",
        }
    }

    /// Empty, and a word that is not known: nothing.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A part of a day's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    pub start_us: i64,
    pub end_us: i64,
    pub value: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub daily_id: DailyId,
    pub account_id: AccountId,
    pub change: Change,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// `daily` is `None` when its key was destroyed. `share`: what of the value counts, where that is not all of it.
    Recorded {
        source: String,
        client_version: i64,
        daily: Option<DailyValue>,
        share: Option<f64>,
    },
    /// The value stays, and this much of it counts; `None` when its key was destroyed.
    Shared(Option<Share>),
    Deleted {
        client_version: i64,
    },
}

/// What of a value counts for a type and date.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    pub kind: String,
    pub date: String,
    pub value: f64,
}

#[derive(Clone, Debug, Default)]
pub struct Daily {
    pub account: Option<AccountId>,
    pub client_version: Option<i64>,
    pub live: bool,
    pub source: String,
    /// As it was told last.
    pub told: Option<DailyValue>,
    /// What of it counts.
    pub share: f64,
}

impl Aggregate for Daily {
    type Event = Event;
    const KIND: &'static str = "daily";

    fn evolve(&mut self, event: &Event) {
        self.account = Some(event.account_id);
        match &event.change {
            Change::Recorded { source, client_version, daily, share } => {
                self.client_version = self.client_version.max(Some(*client_version));
                self.live = true;
                self.source.clone_from(source);
                self.told.clone_from(daily);
                self.share = share.or_else(|| daily.as_ref().map(|daily| daily.value)).unwrap_or_default();
            }
            Change::Shared(share) => self.share = share.as_ref().map_or(0.0, |share| share.value),
            Change::Deleted { client_version } => {
                self.client_version = self.client_version.max(Some(*client_version));
                self.live = false;
            }
        }
    }
}

/// What a version of a day's value came to.
pub type Verdict = Synced<Change>;

impl Daily {
    /// What it tells now, unless it is deleted or erased.
    pub fn telling(&self) -> Option<&DailyValue> {
        self.told.as_ref().filter(|_| self.live)
    }

    pub fn sync(&self, source: &str, daily: DailyValue, version: i64) -> Verdict {
        match self.client_version {
            Some(seen) if version < seen || (version == seen && !self.live) => Synced::Stale,
            Some(seen) if version == seen => Synced::Duplicate,
            _ => Synced::Stored(vec![Change::Recorded {
                source: source.to_owned(),
                client_version: version,
                daily: Some(daily),
                share: None,
            }]),
        }
    }

    /// A changeset says that its key is gone; of a key that was not known too, so that older versions are stale.
    pub fn sync_delete(&self, version: i64) -> Verdict {
        match self.client_version {
            Some(seen) if version < seen => Synced::Stale,
            Some(seen) if version == seen && !self.live => Synced::Duplicate,
            _ => Synced::Stored(vec![Change::Deleted { client_version: version }]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps() -> DailyValue {
        DailyValue {
            kind: "steps".to_owned(),
            date: "2026-05-01".to_owned(),
            value: 10_432.0,
            spans: Vec::new(),
            device: None,
        }
    }

    fn given(changes: Vec<Change>) -> Daily {
        let mut daily = Daily::default();
        for change in changes {
            daily.evolve(&Event { daily_id: DailyId::random(), account_id: AccountId::random(), change });
        }
        daily
    }

    fn recorded(client_version: i64) -> Change {
        let (source, daily) = ("healthkit".to_owned(), Some(steps()));
        Change::Recorded { source, client_version, daily, share: None }
    }

    #[test]
    fn a_day_is_replaced_by_a_higher_version_only() {
        let daily = given(vec![recorded(7)]);
        assert_eq!(daily.sync("healthkit", steps(), 6), Synced::Stale);
        assert_eq!(daily.sync("healthkit", steps(), 7), Synced::Duplicate);
        assert!(matches!(daily.sync("healthkit", steps(), 8), Synced::Stored(_)));
    }

    #[test]
    fn a_deleted_day_comes_back_with_a_higher_version() {
        let daily = given(vec![recorded(7), Change::Deleted { client_version: 8 }]);
        assert_eq!(daily.sync_delete(8), Synced::Duplicate);
        assert_eq!(daily.sync("healthkit", steps(), 8), Synced::Stale);
        assert!(matches!(daily.sync("healthkit", steps(), 9), Synced::Stored(_)));
    }

    #[test]
    fn deleting_a_day_that_was_not_known_is_remembered() {
        let Synced::Stored(changes) = given(vec![]).sync_delete(3) else { panic!("a tombstone is stored") };
        assert_eq!(given(changes).sync("healthkit", steps(), 2), Synced::Stale);
    }
}
