//! A workout of a health export as it is recorded.

use eventing::{Batch, Error};
use jiff::Timestamp;
use kernel::{AccountId, ActivityId, Code, Refusal, time};

use super::{SOURCE, pass::MetWorkout};
use crate::{
    app::{
        App, activity_stream, events,
        import::work::Work,
        read_upload::{Encoded, encode},
        standing::Standing,
    },
    domain::{
        activity::Activity,
        cheat,
        facts::{Measured, Origin, Record, Start, keyed_id},
        import::{FileDone, Outcome},
        input::Check,
    },
    reading,
};

pub(in crate::app::import) struct Prepared {
    pub(super) id: ActivityId,
    pub(super) record: Record,
    streams: Option<Encoded>,
    lost_routes: usize,
}

/// The record of a workout; no I/O.
pub(super) fn prepare(
    account: AccountId,
    met: MetWorkout,
    standing: &Standing,
    now: Timestamp,
) -> Result<Prepared, Refusal> {
    let MetWorkout { key, mut workout, beats, lost: lost_routes, .. } = met;
    if standing.health_consent {
        workout.beat(&beats);
    }
    let mut activity = workout.activity;
    let start_us = time::micros(activity.start);
    let mut check = Check::default();
    check.start("start_at", start_us, now);
    check.done()?;
    if !standing.health_consent {
        reading::drop_health(&mut activity);
    }
    let id = keyed_id("activity", account, SOURCE, &key);
    let start = Start::of(start_us, activity.utc_offset_s, None, standing.time_zone.as_deref());
    let origin = Origin::Sync { source: SOURCE.to_owned(), client_version: 1 };
    let record = reading::record(&activity, Measured::Device, origin, start);
    let mut record = cheat::judged(record, Some(&activity.streams));
    let streams = encode(account, id, &activity.streams);
    record.streams_blob = streams.as_ref().map(|(key, _)| key.clone());
    Ok(Prepared { id, record, streams, lost_routes })
}

impl App {
    pub(in crate::app::import) async fn decide_workout(
        &self,
        work: &Work,
        number: u32,
        prepared: &Prepared,
        batch: &mut Batch,
    ) -> Result<FileDone, Refusal> {
        let id = prepared.id;
        let activity = self.journal.load::<Activity>(&activity_stream(id)).await?;
        let same = activity.state.is_live()
            && activity.state.record.as_ref().is_some_and(|known| known.facts == prepared.record.facts);
        let changes = activity.state.record(prepared.record.clone());
        if !changes.is_empty()
            && let Some((key, encoded)) = &prepared.streams
        {
            self.blobs.put(key, encoded.clone()).await?;
        }
        let outcome = match () {
            () if !changes.is_empty() && prepared.lost_routes > 0 => Outcome::Partial,
            () if !changes.is_empty() => Outcome::Recorded,
            () if same => Outcome::Duplicate,
            () => Outcome::Kept,
        };
        let made = if changes.is_empty() { Vec::new() } else { vec![id] };
        batch.write(&activity, &work.account.to_string(), events(id, work.account, changes));
        let mut done = FileDone { activity_ids: vec![id], made, ..FileDone::of(number, outcome) };
        if outcome == Outcome::Partial {
            done.code = Code::FileUnreadable.to_string();
            "a file of its route is not in the archive, or cannot be read".clone_into(&mut done.detail);
        }
        Ok(done)
    }

    /// What a plan says of it.
    pub(super) async fn compare_workout(&self, prepared: &Prepared) -> Result<&'static str, Error> {
        use crate::app::import::{CHANGED, DUPLICATE, NEW};
        let known = self.journal.load::<Activity>(&activity_stream(prepared.id)).await?.state;
        Ok(match &known.record {
            Some(record) if known.is_live() && record.facts == prepared.record.facts => DUPLICATE,
            Some(_) if known.is_live() => CHANGED,
            _ => NEW,
        })
    }
}
