//! Events of activities.

use eventing::{DecodeError, DomainEvent, Plain};
use kernel::{AccountId, ActivityId};
use prost::{Message, Name};
use proto::activity as wire;

use super::{Whole, bytes, id, record_of, whole, whole_of};
use crate::domain::{
    Record,
    activity::{Change, Event},
};

impl DomainEvent for Event {
    fn encode(&self) -> Plain {
        let (activity_id, account_id) = (bytes(self.activity_id), bytes(self.account_id));
        let whole_of = |record: &Record| whole_of(self.activity_id, self.account_id, record);
        match &self.change {
            Change::Recorded(record) => Plain::of(&whole_of(record)),
            Change::Restored(record) => shaped::<wire::ActivityRestored>(&whole_of(record)),
            Change::Linked(record) => shaped::<wire::ActivityLinked>(&whole_of(record)),
            Change::Unlinked(record) => shaped::<wire::ActivityUnlinked>(&whole_of(record)),
            Change::Fused(record) => shaped::<wire::ActivityFused>(&whole_of(record)),
            Change::Flagged(record) => shaped::<wire::ActivityFlagged>(&whole_of(record)),
            Change::Appealed(record) => shaped::<wire::ActivityAppealed>(&whole_of(record)),
            Change::Cleared(record) => shaped::<wire::ActivityCleared>(&whole_of(record)),
            Change::Cropped { record, previous_start_us } => Plain::of(&wire::ActivityCropped {
                previous_start_us: *previous_start_us,
                ..whole::shaped(&whole_of(record))
            }),
            Change::Replaced { record, previous_start_us, deleted } => Plain::of(&wire::ActivityReplaced {
                previous_start_us: *previous_start_us,
                deleted: *deleted,
                ..whole::shaped(&whole_of(record))
            }),
            Change::Edited { record, previous_start_us, changed } => Plain::of(&wire::ActivityEdited {
                previous_start_us: *previous_start_us,
                changed: changed.clone(),
                ..whole::shaped(&whole_of(record))
            }),
            Change::Recomputed { record, previous_start_us, changed } => {
                Plain::of(&wire::ActivityRecomputed {
                    previous_start_us: *previous_start_us,
                    changed: changed.clone(),
                    ..whole::shaped(&whole_of(record))
                })
            }
            Change::Deleted { client_version } => {
                Plain::of(&wire::ActivityDeleted { activity_id, account_id, client_version: *client_version })
            }
            Change::Tombstoned { client_version } => Plain::of(&wire::ActivityTombstoned {
                activity_id,
                account_id,
                client_version: *client_version,
            }),
            Change::PurgeStarted => Plain::of(&wire::ActivityPurgeStarted { activity_id, account_id }),
            Change::Purged => Plain::of(&wire::ActivityPurged { activity_id, account_id }),
        }
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        if let Some(message) = plain.decode::<wire::ActivityRecorded>() {
            return full(message?, Change::Recorded);
        }
        if let Some(event) = alike(plain) {
            return event;
        }
        if let Some(message) = plain.decode::<wire::ActivityReplaced>() {
            let message = message?;
            let (previous_start_us, deleted) = (message.previous_start_us, message.deleted);
            let change = |record| Change::Replaced { record, previous_start_us, deleted };
            return full(whole::of(&message)?, change);
        }
        if let Some(message) = plain.decode::<wire::ActivityEdited>() {
            let mut message = message?;
            let (previous_start_us, changed) =
                (message.previous_start_us, std::mem::take(&mut message.changed));
            let change = |record| Change::Edited { record, previous_start_us, changed };
            return full(whole::of(&message)?, change);
        }
        if let Some(message) = plain.decode::<wire::ActivityCropped>() {
            let message = message?;
            let previous_start_us = message.previous_start_us;
            return full(whole::of(&message)?, |record| Change::Cropped { record, previous_start_us });
        }
        if let Some(message) = plain.decode::<wire::ActivityRecomputed>() {
            let mut message = message?;
            let (previous_start_us, changed) =
                (message.previous_start_us, std::mem::take(&mut message.changed));
            let change = |record| Change::Recomputed { record, previous_start_us, changed };
            return full(whole::of(&message)?, change);
        }
        if let Some(message) = plain.decode::<wire::ActivityDeleted>() {
            let message = message?;
            let change = Change::Deleted { client_version: message.client_version };
            return bare(&message.activity_id, &message.account_id, change);
        }
        if let Some(message) = plain.decode::<wire::ActivityPurgeStarted>() {
            let message = message?;
            return bare(&message.activity_id, &message.account_id, Change::PurgeStarted);
        }
        if let Some(message) = plain.decode::<wire::ActivityPurged>() {
            let message = message?;
            return bare(&message.activity_id, &message.account_id, Change::Purged);
        }
        let message: wire::ActivityTombstoned = plain.expect()?;
        let change = Change::Tombstoned { client_version: message.client_version };
        bare(&message.activity_id, &message.account_id, change)
    }
}

fn shaped<M: Message + Name + Default>(whole: &Whole) -> Plain {
    Plain::of(&whole::shaped::<M>(whole))
}

/// Those that carry the whole activity and nothing else.
fn alike(plain: &Plain) -> Option<Result<Event, DecodeError>> {
    read::<wire::ActivityRestored>(plain, Change::Restored)
        .or_else(|| read::<wire::ActivityLinked>(plain, Change::Linked))
        .or_else(|| read::<wire::ActivityUnlinked>(plain, Change::Unlinked))
        .or_else(|| read::<wire::ActivityFused>(plain, Change::Fused))
        .or_else(|| read::<wire::ActivityFlagged>(plain, Change::Flagged))
        .or_else(|| read::<wire::ActivityAppealed>(plain, Change::Appealed))
        .or_else(|| read::<wire::ActivityCleared>(plain, Change::Cleared))
}

fn read<M: Message + Name + Default>(
    plain: &Plain,
    change: fn(Box<Record>) -> Change,
) -> Option<Result<Event, DecodeError>> {
    let message = plain.decode::<M>()?;
    Some(message.and_then(|message| full(whole::of(&message)?, change)))
}

fn full(whole: Whole, change: impl FnOnce(Box<Record>) -> Change) -> Result<Event, DecodeError> {
    let (activity_id, account_id): (ActivityId, AccountId) =
        (id(&whole.activity_id, "activity_id")?, id(&whole.account_id, "account_id")?);
    Ok(Event { activity_id, account_id, change: change(Box::new(record_of(whole)?)) })
}

fn bare(activity_id: &[u8], account_id: &[u8], change: Change) -> Result<Event, DecodeError> {
    Ok(Event {
        activity_id: id(activity_id, "activity_id")?,
        account_id: id(account_id, "account_id")?,
        change,
    })
}
