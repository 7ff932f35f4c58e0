//! Events of activities.

use eventing::{DecodeError, DomainEvent, Plain};
use kernel::{AccountId, ActivityId};
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
            Change::Restored(record) => Plain::of(&whole::restored(whole_of(record))),
            Change::Replaced { record, previous_start_us, deleted } => Plain::of(&wire::ActivityReplaced {
                previous_start_us: *previous_start_us,
                deleted: *deleted,
                ..whole::replaced(whole_of(record))
            }),
            Change::Edited { record, previous_start_us, changed } => Plain::of(&wire::ActivityEdited {
                previous_start_us: *previous_start_us,
                changed: changed.clone(),
                ..whole::edited(whole_of(record))
            }),
            Change::Recomputed { record, previous_start_us, changed } => {
                Plain::of(&wire::ActivityRecomputed {
                    previous_start_us: *previous_start_us,
                    changed: changed.clone(),
                    ..whole::recomputed(whole_of(record))
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
        }
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        if let Some(message) = plain.decode::<wire::ActivityRecorded>() {
            return full(message?, Change::Recorded);
        }
        if let Some(message) = plain.decode::<wire::ActivityRestored>() {
            return full(whole::of_restored(message?), Change::Restored);
        }
        if let Some(message) = plain.decode::<wire::ActivityReplaced>() {
            let message = message?;
            let (previous_start_us, deleted) = (message.previous_start_us, message.deleted);
            let change = |record| Change::Replaced { record, previous_start_us, deleted };
            return full(whole::of_replaced(message), change);
        }
        if let Some(message) = plain.decode::<wire::ActivityEdited>() {
            let mut message = message?;
            let (previous_start_us, changed) =
                (message.previous_start_us, std::mem::take(&mut message.changed));
            let change = |record| Change::Edited { record, previous_start_us, changed };
            return full(whole::of_edited(message), change);
        }
        if let Some(message) = plain.decode::<wire::ActivityRecomputed>() {
            let mut message = message?;
            let (previous_start_us, changed) =
                (message.previous_start_us, std::mem::take(&mut message.changed));
            let change = |record| Change::Recomputed { record, previous_start_us, changed };
            return full(whole::of_recomputed(message), change);
        }
        if let Some(message) = plain.decode::<wire::ActivityDeleted>() {
            let message = message?;
            let change = Change::Deleted { client_version: message.client_version };
            return bare(&message.activity_id, &message.account_id, change);
        }
        let message: wire::ActivityTombstoned = plain.expect()?;
        let change = Change::Tombstoned { client_version: message.client_version };
        bare(&message.activity_id, &message.account_id, change)
    }
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
