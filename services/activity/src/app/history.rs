//! What happened to an activity, newest first; for its owner.

use eventing::{DomainEvent, StreamId};
use kernel::{AccountId, ActivityId, Refusal};

use super::{App, Seen, activity_stream, page};
use crate::{
    domain::{
        activity::{Activity, Change, Event},
        facts::{Origin, Record},
    },
    store::Row,
    wire,
};

/// One revision.
pub struct Revision {
    pub revision: u64,
    pub at_us: i64,
    pub kind: &'static str,
    /// owner, device, moderator or system.
    pub actor: &'static str,
    pub changed: Vec<String>,
    /// As it was from then on.
    pub activity: Option<Seen>,
}

pub struct Revisions {
    pub items: Vec<Revision>,
    /// Revisions below this follow.
    pub next: Option<u64>,
}

impl App {
    /// `below`: only revisions before this one.
    pub async fn history(
        &self,
        account: AccountId,
        id: ActivityId,
        below: Option<u64>,
        limit: u32,
    ) -> Result<Revisions, Refusal> {
        let stream = activity_stream(id);
        let activity = self.journal.load::<Activity>(&stream).await?.state;
        if activity.account_id != Some(account) || activity.record.is_none() {
            return Err(Refusal::not_found());
        }
        let end = below.map_or(activity.revision, |below| below.saturating_sub(1).min(activity.revision));
        let begin = end.saturating_sub(page(limit).into());
        let mut items = self.revisions(&stream, begin, end).await?;
        items.reverse();
        Ok(Revisions { items, next: (begin > 0).then_some(begin + 1) })
    }

    /// Those above `begin`, up to `end`.
    async fn revisions(&self, stream: &StreamId, begin: u64, end: u64) -> Result<Vec<Revision>, Refusal> {
        let many = usize::try_from(end - begin).unwrap_or(usize::MAX);
        let store = self.journal.store();
        let recorded = store.load(stream, begin.cast_signed(), many).await.map_err(eventing::Error::from)?;
        let plains = self.journal.sealer().open(&recorded).await.map_err(eventing::Error::from)?;
        let mut items = Vec::with_capacity(plains.len());
        for (event, plain) in recorded.iter().zip(&plains) {
            let change = Event::decode(plain).map_err(eventing::Error::from)?;
            items.push(revision(event.version.unsigned_abs(), event.at_us, &event.meta.actor, change));
        }
        Ok(items)
    }
}

/// `by`: who gave the command of which it came.
fn revision(revision: u64, at_us: i64, by: &str, event: Event) -> Revision {
    let (activity_id, account_id) = (event.activity_id, event.account_id);
    let is_owners = by == format!("account:{account_id}");
    // Who may is no owner: the rules speak in the appends of an owner's commands too.
    let ruled_by = if !is_owners && by.starts_with("account:") { "moderator" } else { "system" };
    let said_by = if is_owners { "owner" } else { "system" };
    let seen = |record: &Record| {
        let facts = record.facts.as_ref()?;
        let row = Row {
            activity_id,
            account_id,
            start_us: facts.start_us,
            sport: facts.sport.as_str().to_owned(),
            live: true,
            revision: revision.cast_signed(),
            whole: wire::whole_of(activity_id, account_id, record),
        };
        Some(Seen::by_owner(row))
    };
    let recorded_by = |record: &Record| if record.origin == Origin::Manual { "owner" } else { "device" };
    let (kind, actor, changed, activity) = match event.change {
        Change::Recorded(record) => ("recorded", recorded_by(&record), Vec::new(), seen(&record)),
        Change::Replaced { record, .. } => ("replaced", "device", Vec::new(), seen(&record)),
        Change::Edited { record, changed, .. } => ("edited", "owner", changed, seen(&record)),
        Change::Recomputed { record, changed, .. } => ("recomputed", "system", changed, seen(&record)),
        Change::Restored(record) => ("restored", "owner", Vec::new(), seen(&record)),
        Change::Linked(record) => ("linked", said_by, Vec::new(), seen(&record)),
        Change::Unlinked(record) => ("unlinked", said_by, Vec::new(), seen(&record)),
        Change::Fused(record) => ("fused", "system", Vec::new(), seen(&record)),
        Change::Flagged(record) => ("flagged", ruled_by, Vec::new(), seen(&record)),
        Change::Appealed(record) => ("appealed", "owner", Vec::new(), seen(&record)),
        Change::Cleared(record) => ("cleared", ruled_by, Vec::new(), seen(&record)),
        Change::Cropped { record, .. } => ("cropped", "owner", Vec::new(), seen(&record)),
        Change::Deleted { client_version: None } => ("deleted", "owner", Vec::new(), None),
        Change::Deleted { .. } | Change::Tombstoned { .. } => ("deleted", "device", Vec::new(), None),
        Change::PurgeStarted | Change::Purged => ("purged", "system", Vec::new(), None),
    };
    Revision { revision, at_us, kind, actor, changed, activity }
}
