//! The beginning and the end that do not belong to it are cut off: the drive home, the wait at the bus stop. The file
//! stays as it came.

use eventing::{Command, Done, Error};
use formats::Streams;
use kernel::{AccountId, ActivityId, Refusal};

use super::{App, Seen, activity_stream, cut, events, read_upload::encode};
use crate::{
    domain::{
        activity::{Activity, Change},
        facts::Record,
        marks::Marks,
        verdict::judged_anew,
    },
    store::starts,
    streams::show,
};

/// What is left must be something.
const ROWS_MIN: usize = 2;

impl App {
    /// What lies between these seconds from the start is left; all figures are worked out anew from it.
    pub async fn crop(
        &self,
        command: &Command,
        account: AccountId,
        id: ActivityId,
        from_s: Option<f64>,
        to_s: Option<f64>,
    ) -> Result<(Done, Seen), Refusal> {
        if let Some(done) = self.journal.replayed(command).await? {
            return Ok((done, self.fresh(id).await?));
        }
        let attempt = || async move {
            let loaded = self.journal.load::<Activity>(&activity_stream(id)).await?;
            let known = loaded.state.owned_by(account).map_err(Error::Refused)?;
            let alone = loaded.state.alone().unwrap_or_else(|| known.clone());
            let streams = self.columns(&alone).await?;
            let left = crop(&alone, streams, from_s, to_s).map_err(Error::Refused)?;
            let (mut record, streams) = (judged_anew(known, left.0, Some(&left.1)), left.1);
            if let Some((key, encoded)) = encode(account, id, &streams) {
                self.blobs.put(&key, encoded).await.map_err(|error| Error::Refused(error.into()))?;
                record.streams_blob = Some(key);
            }
            let changes = loaded.state.crop(account, record).map_err(Error::Refused)?;
            let mut batch = self.journal.batch(command);
            batch.write(&loaded, &account.to_string(), events(id, account, changes));
            self.hold_together(&mut batch, account, id, loaded.state.start_us()).await?;
            batch.answer(200, vec![id.to_string()]);
            batch.commit().await
        };
        let done = self.journal.retrying(attempt).await?;
        let done = self.and_twins(command, account, id, done).await;
        Ok((done, self.fresh(id).await?))
    }

    /// What was found to be the same workout stays so, though it is longer now.
    async fn hold_together(
        &self,
        batch: &mut eventing::Batch,
        account: AccountId,
        id: ActivityId,
        start_us: i64,
    ) -> Result<(), Error> {
        for other in starts::around(&self.db, account, start_us, crate::domain::twins::REACH_US).await? {
            let other = other.activity_id;
            let loaded = self.journal.load::<Activity>(&activity_stream(other)).await?;
            let Some(alone) = loaded.state.alone().filter(|_| loaded.state.is_live()) else { continue };
            if alone.marks.duplicate_of == Some(id) && alone.marks.joined != Some(id) {
                let marks = Marks { joined: Some(id), ..alone.marks.clone() };
                let linked = Change::Linked(Box::new(Record { marks, ..alone }));
                batch.write(&loaded, &account.to_string(), events(other, account, vec![linked]));
            }
        }
        Ok(())
    }
}

/// The record of the rows that are left, and those.
fn crop(
    record: &Record,
    mut streams: Streams,
    from_s: Option<f64>,
    to_s: Option<f64>,
) -> Result<(Record, Streams), Refusal> {
    let (from_s, to_s) = (from_s.unwrap_or(0.0), to_s.unwrap_or(f64::MAX));
    if !from_s.is_finite() || !to_s.is_finite() || from_s < 0.0 {
        return Err(Refusal::field("/from_s", "invalid", "seconds from the start"));
    }
    let first = streams.time_s.partition_point(|time| *time < from_s);
    let end = streams.time_s.partition_point(|time| *time <= to_s);
    if end < first + ROWS_MIN {
        return Err(Refusal::field("/to_s", "invalid", "nothing of its track would be left"));
    }
    let hidden_s = show::keep_rows(&mut streams, &(first..end));
    let cropped = cut::between(record.clone(), streams.clone(), hidden_s);
    let trace = cropped.trace.map(|trace| trace.cropped(&streams));
    Ok((Record { streams_blob: None, trace, ..cropped }, streams))
}
