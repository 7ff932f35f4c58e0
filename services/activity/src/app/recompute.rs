//! The past, worked out anew: what files came to is found again by the algorithms of today, and where it differs the
//! difference is an event. What its owner wrote by hand stays. Days that several sources tell of are put together.
//!
//! It walks the journal a page a call, and remembers under the run's name how far it has come: whoever asks again goes on.

use std::collections::BTreeSet;

use eventing::{Command, Decision, Error, Position};
use kernel::{ActivityId, Refusal};

use super::{
    App, activity_stream, events,
    read_upload::{self, Encoded},
};
use crate::{
    blobs::BlobError,
    domain::{
        DailyId,
        activity::Activity,
        facts::{Measured, Origin, Record, Start},
    },
    reading,
    store::recomputes,
};

/// Events of the journal that one call looks at.
const EVENTS_MAX: usize = 500;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recomputed {
    /// How far it has come, and how far it must.
    pub position: Position,
    pub head: Position,
    pub ended: bool,
    /// Of this page: activities that were read again, those that came out otherwise, and files that are not there or
    /// cannot be read any more.
    pub read: u32,
    pub changed: u32,
    pub unreadable: u32,
}

/// What one activity came to.
enum Outcome {
    /// Not from a file, not there, or erased.
    Passed,
    Same,
    Changed,
    Unreadable,
}

impl App {
    /// Goes on with this run by a page of at most `events_max` events. `dry`: nothing is written, not even how far it is;
    /// then `after` says where the page begins.
    pub async fn recompute(
        &self,
        command: &Command,
        run: &str,
        events_max: u32,
        dry: Option<Position>,
    ) -> Result<Recomputed, Refusal> {
        let known = recomputes::run(&self.db, run).await.map_err(Error::from)?;
        let after = dry.unwrap_or(known.position);
        let head = self.journal.store().head().await.map_err(Error::from)?;
        let mut done = Recomputed { position: after, head, ended: true, ..Recomputed::default() };
        if known.ended && dry.is_none() {
            return Ok(done);
        }
        let most = usize::try_from(events_max).unwrap_or(EVENTS_MAX).clamp(1, EVENTS_MAX);
        let page = self.journal.store().read_all(after, most).await.map_err(Error::from)?;
        if dry.is_none() {
            self.purge_past(command, &page).await.map_err(Refusal::from)?;
        }
        let recorded = |kind: &str| kind.ends_with(".ActivityRecorded");
        let ids: BTreeSet<ActivityId> = page
            .iter()
            .filter(|event| recorded(&event.kind))
            .filter_map(|event| event.stream.as_str().strip_prefix("activity-")?.parse().ok())
            .collect();
        let told = |kind: &str| kind.ends_with(".DailyRecorded");
        let days: BTreeSet<DailyId> = page
            .iter()
            .filter(|event| told(&event.kind))
            .filter_map(|event| event.stream.as_str().strip_prefix("daily-")?.parse().ok())
            .collect();
        for id in days {
            done.read += 1;
            done.changed += u32::from(self.unite_again(command, id, dry.is_some()).await?);
        }
        for id in ids {
            match self.recompute_one(command, id, dry.is_some()).await? {
                Outcome::Passed => continue,
                Outcome::Same => {}
                Outcome::Changed => done.changed += 1,
                Outcome::Unreadable => done.unreadable += 1,
            }
            done.read += 1;
        }
        done.position = page.last().map_or(after, |event| event.position);
        done.ended = page.is_empty() || done.position >= head;
        if dry.is_none() {
            recomputes::put(&self.db, run, done.position, done.ended).await.map_err(Error::from)?;
        }
        Ok(done)
    }

    async fn recompute_one(&self, command: &Command, id: ActivityId, dry: bool) -> Result<Outcome, Refusal> {
        let activity = self.journal.load::<Activity>(&activity_stream(id)).await?.state;
        let (Some(account), Some(known)) = (activity.account_id, &activity.record) else {
            return Ok(Outcome::Passed);
        };
        let Origin::Upload { original_blob, .. } = &known.origin else { return Ok(Outcome::Passed) };
        if !activity.is_live() || known.facts.is_none() {
            return Ok(Outcome::Passed);
        }
        let standing = self.standing(account).await?;
        if !standing.present {
            return Ok(Outcome::Passed);
        }
        let bytes = match self.blobs.get(original_blob).await {
            Ok(bytes) => bytes,
            Err(BlobError::Missing(_)) => return Ok(Outcome::Unreadable),
            Err(error) => return Err(error.into()),
        };
        let (before, kept) = (known.clone(), known.health.is_some());
        let read = tokio::task::spawn_blocking(move || {
            let health = kept && standing.health_consent;
            read_again(&before, &bytes, health, |streams| read_upload::encode(account, id, streams))
        });
        // A fault of ours, not of the file; it must not stop the others.
        let Ok(Some((found, streams))) = read.await else { return Ok(Outcome::Unreadable) };
        if activity.recompute(&found).is_empty() {
            return Ok(Outcome::Same);
        }
        if dry {
            return Ok(Outcome::Changed);
        }
        if let Some((key, encoded)) = streams {
            self.blobs.put(&key, encoded).await?;
        }
        let stream = activity_stream(id);
        self.journal
            .execute::<Activity, _>(command, &stream, &account.to_string(), |activity, _| {
                Ok(Decision::of(events(id, account, activity.recompute(&found))))
            })
            .await?;
        Ok(Outcome::Changed)
    }
}

/// What the file comes to today; `None` where it has no such activity any more.
fn read_again(
    known: &Record,
    bytes: &[u8],
    health: bool,
    encode: impl Fn(&formats::Streams) -> Option<Encoded>,
) -> Option<(Record, Option<Encoded>)> {
    let Origin::Upload { session_number, .. } = &known.origin else { return None };
    let mut activities = formats::read(bytes).ok()?.activities.into_iter();
    let mut activity = activities.find(|activity| activity.session_index == *session_number)?;
    if !health {
        reading::drop_health(&mut activity);
    }
    // The zone of the account when it was recorded, not the one of today.
    let zone = known.facts.as_ref().and_then(|facts| facts.time_zone.as_deref());
    let start = Start::of(kernel::time::micros(activity.start), activity.utc_offset_s, None, zone);
    let mut record = reading::record(&activity, Measured::Device, known.origin.clone(), start);
    let streams = encode(&activity.streams);
    record.streams_blob = streams.as_ref().map(|(key, _)| key.clone());
    Some((record, streams))
}
