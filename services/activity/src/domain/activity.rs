//! One activity: recorded once, replaced by newer versions of its record, edited, deleted, restored.

use eventing::Aggregate;
use kernel::{AccountId, ActivityId, Code, Refusal};

use super::{
    UploadId,
    facts::{self, Origin, Record},
    marks::{Marks, Verdict},
    twins::Whereabouts,
    verdict::still_held,
};

#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub activity_id: ActivityId,
    pub account_id: AccountId,
    pub change: Change,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    Recorded(Box<Record>),
    /// A newer version of the synced record. `deleted`: its owner had deleted it, and it stays so.
    Replaced {
        record: Box<Record>,
        previous_start_us: i64,
        deleted: bool,
    },
    Edited {
        record: Box<Record>,
        previous_start_us: i64,
        changed: Vec<String>,
    },
    Restored(Box<Record>),
    /// Worked out anew from its file, by the algorithms of today.
    Recomputed {
        record: Box<Record>,
        previous_start_us: i64,
        changed: Vec<String>,
    },
    /// The same workout as another, `marks.duplicate_of`.
    Linked(Box<Record>),
    Unlinked(Box<Record>),
    /// Its figures were put together anew, with those of `marks.fused_from`.
    Fused(Box<Record>),
    Flagged(Box<Record>),
    Appealed(Box<Record>),
    Cleared(Box<Record>),
    /// Its owner cut off its beginning or end.
    Cropped {
        record: Box<Record>,
        previous_start_us: i64,
    },
    /// By a changeset of this version, or by its owner.
    Deleted {
        client_version: Option<i64>,
    },
    /// A key that was not known was deleted: older versions that come later are stale.
    Tombstoned {
        client_version: i64,
    },
    /// It was not restored in time: from here on it cannot be, and what is kept of it is destroyed.
    PurgeStarted,
    /// Nothing is kept of it any more.
    Purged,
}

impl Change {
    /// Where to look for twins after this; `None`: it says nothing that matters to that, or not where.
    pub fn whereabouts(&self) -> Option<Whereabouts> {
        Some(match self {
            Self::Recorded(record)
            | Self::Restored(record)
            | Self::Linked(record)
            | Self::Unlinked(record)
            | Self::Cleared(record)
            | Self::Flagged(record) => Whereabouts::of(record, None),
            Self::Replaced { record, previous_start_us, .. }
            | Self::Edited { record, previous_start_us, .. }
            | Self::Recomputed { record, previous_start_us, .. }
            | Self::Cropped { record, previous_start_us } => {
                Whereabouts::of(record, Some(*previous_start_us))
            }
            Self::Deleted { .. }
            | Self::Fused(_)
            | Self::Appealed(_)
            | Self::Tombstoned { .. }
            | Self::PurgeStarted
            | Self::Purged => return None,
        })
    }
}

/// Whether it counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Life {
    /// Nothing is known of it, or only that its key was deleted.
    #[default]
    Absent,
    Live,
    DeletedByOwner,
    DeletedByChangeset,
    /// What is kept of it is being destroyed. `by_owner`: who had deleted it.
    Purging {
        by_owner: bool,
    },
    /// Its owner had deleted it, and nothing is left: no device brings it back. (One that a changeset had deleted is absent.)
    Purged,
}

#[derive(Clone, Debug, Default)]
pub struct Activity {
    pub account_id: Option<AccountId>,
    /// The version of its stream.
    pub revision: u64,
    pub life: Life,
    /// The revision by which it was deleted last.
    pub deleted_at: u64,
    pub record: Option<Record>,
    /// While it is being purged: the upload that it came in.
    pub remains: Option<UploadId>,
    /// As it was before others' columns came in; `None`: nobody's did.
    pub own: Option<Record>,
    /// Its owner cut off its beginning or end.
    pub cropped: bool,
    /// The newest version of its key that a changeset told of.
    pub client_version: Option<i64>,
    /// Fields the owner changed by hand: a newer synced version leaves them alone.
    pub edited: Vec<String>,
}

impl Aggregate for Activity {
    type Event = Event;
    const KIND: &'static str = "activity";

    fn evolve(&mut self, event: &Event) {
        self.account_id = Some(event.account_id);
        self.revision += 1;
        match &event.change {
            Change::Recorded(record) | Change::Cropped { record, .. } => {
                self.own = None;
                self.cropped = matches!(event.change, Change::Cropped { .. });
                self.become_live(record);
            }
            Change::Replaced { record, deleted, .. } => {
                (self.own, self.cropped) = (None, false);
                self.become_live(record);
                if *deleted {
                    self.life = Life::DeletedByOwner;
                }
            }
            Change::Edited { record, changed, .. } => {
                self.become_live(record);
                let new: Vec<_> =
                    changed.iter().filter(|field| !self.edited.contains(field)).cloned().collect();
                self.edited.extend(new);
                self.edit_own(record);
            }
            Change::Fused(record) => {
                let before = self.own.take().or_else(|| self.record.take());
                self.own = before.filter(|_| !record.marks.fused_from.is_empty());
                self.become_live(record);
            }
            Change::Linked(record)
            | Change::Unlinked(record)
            | Change::Flagged(record)
            | Change::Appealed(record)
            | Change::Cleared(record) => {
                if record.marks.fused_from.is_empty() {
                    self.own = None;
                }
                self.record = Some(Record::clone(record));
            }
            Change::Recomputed { record, .. } => {
                self.own = None;
                self.become_live(record);
            }
            Change::Restored(record) => self.become_live(record),
            Change::Deleted { client_version: Some(version) } => {
                self.deleted_at = self.revision;
                self.life = Life::DeletedByChangeset;
                self.client_version = self.client_version.max(Some(*version));
            }
            Change::Deleted { client_version: None } => {
                self.deleted_at = self.revision;
                self.life = Life::DeletedByOwner;
            }
            Change::PurgeStarted => self.let_go(),
            Change::Purged => {
                let by_owner = self.life == Life::Purging { by_owner: true };
                self.life = if by_owner { Life::Purged } else { Life::Absent };
                self.remains = None;
            }
            Change::Tombstoned { client_version } => {
                self.client_version = self.client_version.max(Some(*client_version));
            }
        }
    }
}

/// What a synced record came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Synced<C = Change> {
    Stored(Vec<C>),
    Duplicate,
    Stale,
}

impl Activity {
    fn become_live(&mut self, record: &Record) {
        if let Origin::Sync { client_version, .. } = record.origin {
            self.client_version = self.client_version.max(Some(client_version));
        }
        self.life = Life::Live;
        self.record = Some(record.clone());
    }

    /// Of what is purged only stays where it came from, until that is gone too.
    fn let_go(&mut self) {
        let by_owner = self.life == Life::DeletedByOwner;
        let record = self.record.take();
        (self.own, self.cropped, self.edited) = (None, false, Vec::new());
        self.life = Life::Purging { by_owner };
        self.remains = record.and_then(|record| match record.origin {
            Origin::Upload { upload_id, .. } => Some(upload_id),
            Origin::Sync { .. } | Origin::Manual => None,
        });
    }

    /// What an edit changes stays changed when the figures are put together anew.
    fn edit_own(&mut self, edited: &Record) {
        let Some(own) = &mut self.own else { return };
        own.name.clone_from(&edited.name);
        own.visibility.clone_from(&edited.visibility);
        if let (Some(own), Some(edited)) = (&mut own.facts, &edited.facts) {
            own.sport = edited.sport;
            own.sub_sport.clone_from(&edited.sub_sport);
        }
    }

    pub fn is_live(&self) -> bool {
        self.life == Life::Live
    }

    /// It is there, and is not shown as a source of another.
    pub fn is_shown(&self) -> bool {
        self.is_live() && self.marks().is_none_or(|marks| marks.duplicate_of.is_none())
    }

    pub fn marks(&self) -> Option<&Marks> {
        self.record.as_ref().map(|record| &record.marks)
    }

    /// What was recorded of it alone, without others' columns, under the marks it has now.
    pub fn alone(&self) -> Option<Record> {
        let record = self.record.as_ref()?;
        let marks = Marks { fused_from: Vec::new(), ..record.marks.clone() };
        let own = self.own.as_ref().unwrap_or(record).clone();
        Some(Record { marks, judgement: record.judgement.clone(), ..own })
    }

    pub fn start_us(&self) -> i64 {
        self.record.as_ref().and_then(|record| record.facts.as_ref()).map_or(0, |facts| facts.start_us)
    }

    /// The live activity of this owner; anybody else's, a deleted and an unknown one are alike not found.
    pub fn owned_by(&self, account: AccountId) -> Result<&Record, Refusal> {
        match &self.record {
            Some(record) if self.is_live() && self.account_id == Some(account) => Ok(record),
            _ => Err(Refusal::not_found()),
        }
    }

    /// From an uploaded file, or a manual entry. One that was deleted is restored as it was; one that is there stays.
    pub fn record(&self, record: Record) -> Vec<Change> {
        match (self.life, &self.record) {
            (Life::Live | Life::Purging { .. }, _) => Vec::new(),
            (Life::DeletedByOwner | Life::DeletedByChangeset, Some(known)) => {
                vec![Change::Restored(Box::new(known.clone()))]
            }
            _ => judged(Change::Recorded, record),
        }
    }

    /// A version of a synced record: a higher one replaces, the same is a duplicate, a lower one stale.
    pub fn sync(&self, record: Record, version: i64) -> Synced {
        match self.client_version {
            Some(seen) if version < seen => return Synced::Stale,
            // Deleted at this very version: the deletion came after.
            Some(seen) if version == seen && matches!(self.life, Life::Absent | Life::DeletedByChangeset) => {
                return Synced::Stale;
            }
            Some(seen) if version == seen => return Synced::Duplicate,
            _ => {}
        }
        let Some(known) = &self.record else {
            // What its owner deleted stays so, and nothing of it is kept again.
            if matches!(self.life, Life::Purged | Life::Purging { .. }) {
                return Synced::Stored(vec![Change::Tombstoned { client_version: version }]);
            }
            return Synced::Stored(judged(Change::Recorded, record));
        };
        let (previous_start_us, deleted) = (self.start_us(), self.life == Life::DeletedByOwner);
        let replaced = |record| Change::Replaced { record, previous_start_us, deleted };
        Synced::Stored(judged(replaced, still_held(known, self.with_owners_edits(known, record))))
    }

    /// What the owner wrote by hand outlives newer versions from the device.
    fn with_owners_edits(&self, known: &Record, mut record: Record) -> Record {
        let verdict = record.marks.verdict;
        record.marks = Marks { verdict, fused_from: Vec::new(), ..known.marks.clone() };
        let edited = |field: &str| self.edited.iter().any(|name| name == field);
        if edited("name") {
            record.name.clone_from(&known.name);
        }
        if edited("visibility") {
            record.visibility.clone_from(&known.visibility);
        }
        if let (Some(new), Some(old)) = (&mut record.facts, &known.facts) {
            if edited("sport") {
                new.sport = old.sport;
            }
            if edited("sport") || edited("sub_sport") {
                new.sub_sport.clone_from(&old.sub_sport);
            }
        }
        record
    }

    /// A changeset says that its key is gone, as of this version.
    pub fn sync_delete(&self, version: i64) -> Synced {
        match self.client_version {
            Some(seen) if version < seen => Synced::Stale,
            Some(seen) if version == seen && self.life != Life::Live => Synced::Duplicate,
            _ if self.record.is_none() => {
                Synced::Stored(vec![Change::Tombstoned { client_version: version }])
            }
            _ => Synced::Stored(vec![Change::Deleted { client_version: Some(version) }]),
        }
    }

    /// By its owner.
    pub fn delete(&self, account: AccountId, expected_revision: Option<u64>) -> Result<Vec<Change>, Refusal> {
        self.owned_by(account)?;
        self.check_revision(expected_revision)?;
        Ok(vec![Change::Deleted { client_version: None }])
    }

    /// What its file comes to today. What the owner wrote by hand stays, and nothing of what is not live changes.
    pub fn recompute(&self, found: &Record) -> Vec<Change> {
        let Some(known) = self.record.as_ref().filter(|_| self.is_live()) else { return Vec::new() };
        let mut found = found.clone();
        let by_hand = |name: &str| self.edited.iter().any(|field| field == name);
        // What its owner says is no evidence of where it was.
        if let Some(old) = known.facts.as_ref().filter(|_| !by_hand("sport")) {
            found.say_sport(old.sport, old.sub_sport.as_deref().filter(|_| !by_hand("sub_sport")));
        }
        let mut record = self.with_owners_edits(known, found);
        record.name.clone_from(&known.name);
        record.visibility.clone_from(&known.visibility);
        // What is held about it stands; what others gave it comes in again.
        record.marks = Marks { fused_from: Vec::new(), ..known.marks.clone() };
        record.judgement.clone_from(&known.judgement);
        let alone = self.alone().unwrap_or_else(|| known.clone());
        // What its owner cut off stays off: the file is no longer what it is made of.
        if known.facts.is_none() || self.cropped || record == alone {
            return Vec::new();
        }
        let changed = facts::differing(&alone, &record);
        vec![Change::Recomputed { record: Box::new(record), previous_start_us: self.start_us(), changed }]
    }

    /// It was deleted by this revision, and not restored since.
    pub fn start_purge(&self, deleted_at: u64) -> Vec<Change> {
        let deleted = matches!(self.life, Life::DeletedByOwner | Life::DeletedByChangeset);
        if deleted && self.deleted_at == deleted_at { vec![Change::PurgeStarted] } else { Vec::new() }
    }

    pub fn is_being_purged(&self) -> bool {
        matches!(self.life, Life::Purging { .. })
    }

    /// By its owner; what is not deleted stays as it is.
    pub fn restore(&self, account: AccountId) -> Result<Vec<Change>, Refusal> {
        let known = self
            .record
            .as_ref()
            .filter(|_| self.account_id == Some(account))
            .ok_or_else(Refusal::not_found)?;
        if self.is_live() {
            return Ok(Vec::new());
        }
        Ok(vec![Change::Restored(Box::new(known.clone()))])
    }

    pub(super) fn check_revision(&self, expected: Option<u64>) -> Result<(), Refusal> {
        match expected {
            Some(expected) if expected != self.revision => Err(Refusal::new(
                Code::VersionMismatch,
                format!("the activity is at revision {}, not {expected}", self.revision),
            )),
            _ => Ok(()),
        }
    }

    pub(super) fn edited_to(&self, record: Record, changed: Vec<String>) -> Vec<Change> {
        if changed.is_empty() {
            return Vec::new();
        }
        vec![Change::Edited { record: Box::new(record), previous_start_us: self.start_us(), changed }]
    }
}

/// What is recorded, and, where the rules found what cannot be, that it is flagged: it never counts in between, as the
/// first says so too.
pub(super) fn judged(change: impl FnOnce(Box<Record>) -> Change, record: Record) -> Vec<Change> {
    let flagged =
        (record.marks.verdict == Verdict::Flagged).then(|| Change::Flagged(Box::new(record.clone())));
    std::iter::once(change(Box::new(record))).chain(flagged).collect()
}

#[cfg(test)]
#[path = "activity_tests.rs"]
mod tests;
