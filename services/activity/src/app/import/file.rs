//! One file of a running import: the same file again, a new one, an entry made by hand, or a fault.

use bytes::Bytes;
use eventing::{Batch, Claim, Error};
use formats::archive::{self, strava};
use jiff::Timestamp;
use kernel::{AccountId, ActivityId, Code, Id, Refusal, time};
use proto::activity::PlannedFile;

use super::{STRAVA, health::Prepared, import_events, work::Work};
use crate::{
    app::{
        App, activity_stream, events,
        read_upload::{Found, find, refusal_of},
        receive_upload::{FILE_CLAIM, filename, sha256, upload_events, upload_stream},
        standing::Standing,
    },
    blobs::Blobs,
    domain::{
        UploadId,
        activity::Activity,
        facts::{Measured, Origin, Record, Start, keyed_id},
        import::{Change, FileDone, Outcome},
        input::{self, Check},
        upload::{self, File, State, Upload},
    },
    reading,
};

/// How often something may come between.
const ATTEMPTS: usize = 8;

/// What of an import it is.
pub(super) enum What {
    /// A member of the archive.
    Packed,
    /// An entry of its table, by its id.
    Entry(String),
    /// Of a health export, read already.
    Workout(Result<Box<Prepared>, Refusal>),
    /// Days or samples of one, by their blob.
    Records(String),
}

impl What {
    pub(super) fn of(file: &PlannedFile) -> Self {
        match (file.entry.as_str(), file.records_blob.as_str()) {
            ("", "") => Self::Packed,
            ("", blob) => Self::Records(blob.to_owned()),
            (entry, _) => Self::Entry(entry.to_owned()),
        }
    }
}

impl FileDone {
    pub(super) fn of(number: u32, outcome: Outcome) -> Self {
        Self {
            number,
            outcome,
            upload_id: None,
            activity_ids: Vec::new(),
            made: Vec::new(),
            code: String::new(),
            detail: String::new(),
        }
    }

    fn failed(number: u32, refusal: &Refusal) -> Self {
        Self {
            code: refusal.code.to_string(),
            detail: refusal.detail.clone(),
            ..Self::of(number, Outcome::Failed)
        }
    }
}

impl App {
    /// Decides one file and appends what it came to. On the way out `work` is as the journal has it.
    pub(super) async fn import_file(
        &self,
        work: &mut Work,
        planned: &PlannedFile,
        standing: Standing,
        what: &What,
    ) -> Result<(), Refusal> {
        if !standing.present {
            return Err(Refusal::not_found());
        }
        for _ in 0..ATTEMPTS {
            work.loaded = self.journal.refresh(work.loaded.clone()).await?;
            if !work.loaded.state.is_open_for(planned.number) {
                return Ok(());
            }
            let mut batch = self.journal.batch(&work.command);
            let number = planned.number;
            let decided = match what {
                What::Packed => self.decide_file(work, planned, &standing, &mut batch).await,
                What::Entry(entry) => self.decide_entry(work, number, entry, &standing, &mut batch).await,
                What::Workout(Ok(prepared)) => {
                    self.decide_workout(work, number, prepared, &mut batch).await.map(Some)
                }
                What::Workout(Err(refusal)) => Ok(Some(FileDone::failed(number, refusal))),
                What::Records(blob) => self.decide_records(work, number, blob).await.map(Some),
            };
            let Some(done) = decided? else { continue };
            let change = vec![Change::FileDone(done)];
            let partition = work.account.to_string();
            batch.write(&work.loaded, &partition, import_events(work.id, work.account, change));
            match batch.commit().await {
                Ok(_) => {
                    work.loaded = self.journal.refresh(work.loaded.clone()).await?;
                    return Ok(());
                }
                // Somebody took the claim, gave it back, or went on with this import in the meantime: look again.
                Err(Error::Conflict | Error::Claimed { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::Conflict.into())
    }

    /// `None`: look again.
    async fn decide_file(
        &self,
        work: &Work,
        planned: &PlannedFile,
        standing: &Standing,
        batch: &mut Batch,
    ) -> Result<Option<FileDone>, Refusal> {
        let number = planned.number;
        let Some(member) = work.opened.members.get(planned.member as usize).cloned() else {
            return Ok(Some(FileDone::failed(
                number,
                &Refusal::new(Code::FileUnreadable, "not in the archive"),
            )));
        };
        let archive = work.opened.file.clone();
        let unpacking = tokio::task::spawn_blocking(move || {
            archive::unpack(&archive, &member).map(|bytes| (sha256(&bytes), Bytes::from(bytes)))
        });
        let (sha256, bytes) = match unpacking.await {
            Ok(Ok(unpacked)) => unpacked,
            Ok(Err(problem)) => return Ok(Some(FileDone::failed(number, &refusal_of(&problem)))),
            Err(panic) => return Err(Refusal::new(Code::Internal, panic.to_string())),
        };
        let hash = upload::file_hash(work.account, &sha256);
        let key = hex::encode(&hash);
        let first = self.journal.store().claimed_by(FILE_CLAIM, &key).await.map_err(Error::from)?;
        if let Some(first) = first.and_then(|stream| stream.id()) {
            // What of it was purged comes in anew.
            if self.unclaim_purged(work.account, first, &key).await? {
                return Ok(None);
            }
            return self.decide_duplicate(work, number, first, batch).await;
        }
        let file = File {
            account_id: work.account,
            session_id: work.archive.session_id,
            blob: Blobs::original_key(work.account, &hash),
            hash,
            size_bytes: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
            source: work.archive.source.clone(),
            filename: filename(&planned.name),
        };
        let upload_id: UploadId =
            Id::derived(&[b"activity.import.file", work.id.as_bytes(), &number.to_be_bytes()]);
        let (context, standing, now, content) =
            (file.clone(), standing.clone(), self.journal.now(), bytes.clone());
        let reading =
            tokio::task::spawn_blocking(move || find(upload_id, &context, &standing, &content, now)).await;
        let mut found = match reading {
            Ok(Ok(found)) => found,
            Ok(Err(refusal)) => return Ok(Some(FileDone::failed(number, &refusal))),
            Err(panic) => {
                tracing::error!(import = %work.id, number, %panic, "a file could not be read");
                let unreadable = Refusal::new(Code::FileUnreadable, "the file cannot be read");
                return Ok(Some(FileDone::failed(number, &unreadable)));
            }
        };
        if let Some(row) = work.opened.table.row_of(&planned.name) {
            found.activities.iter_mut().for_each(|(_, record, _)| complete(record, row));
        }
        self.blobs.put(&file.blob, bytes).await?;
        self.record_file(work, number, upload_id, file, found, batch).await.map(Some)
    }

    async fn record_file(
        &self,
        work: &Work,
        number: u32,
        upload_id: UploadId,
        file: File,
        found: Found,
        batch: &mut Batch,
    ) -> Result<FileDone, Refusal> {
        let partition = work.account.to_string();
        let outcome = if found.parsed.partial { Outcome::Partial } else { Outcome::Recorded };
        let mut done = FileDone { upload_id: Some(upload_id), ..FileDone::of(number, outcome) };
        for (id, record, streams) in found.activities {
            if let Some((key, encoded)) = streams {
                self.blobs.put(&key, encoded).await?;
            }
            let activity = self.journal.load::<Activity>(&activity_stream(id)).await?;
            let changes = activity.state.record(record);
            done.activity_ids.push(id);
            if !changes.is_empty() {
                done.made.push(id);
            }
            batch.write(&activity, &partition, events(id, work.account, changes));
        }
        let stream = upload_stream(upload_id);
        let loaded = self.journal.load::<Upload>(&stream).await?;
        let key = hex::encode(&file.hash);
        let changes = vec![upload::Change::Received(file), upload::Change::Parsed(found.parsed)];
        batch.write(&loaded, &partition, upload_events(upload_id, work.account, changes));
        batch.claim(Claim::Take { scope: FILE_CLAIM.to_owned(), key, stream });
        Ok(done)
    }

    /// Activities of it that were deleted count again.
    async fn decide_duplicate(
        &self,
        work: &Work,
        number: u32,
        original: UploadId,
        batch: &mut Batch,
    ) -> Result<Option<FileDone>, Refusal> {
        let first = self.journal.load::<Upload>(&upload_stream(original)).await?;
        let activity_ids = match &first.state.state {
            State::Parsed { activity_ids, .. } => activity_ids.clone(),
            State::Failed { .. } => return Ok(None),
            State::Unknown | State::Received | State::Duplicate { .. } => Vec::new(),
        };
        // A write without events: if the first is finished in this moment, look again.
        batch.write(&first, &work.account.to_string(), Vec::new());
        let mut done = FileDone { upload_id: Some(original), ..FileDone::of(number, Outcome::Duplicate) };
        for id in activity_ids {
            let activity = self.journal.load::<Activity>(&activity_stream(id)).await?;
            done.activity_ids.push(id);
            if activity.exists() && !activity.state.is_live() {
                // Purged in this moment: look again.
                if activity.state.record.is_none() {
                    return Ok(None);
                }
                let changes = activity.state.restore(work.account)?;
                done.made.push(id);
                done.outcome = Outcome::Recorded;
                batch.write(&activity, &work.account.to_string(), events(id, work.account, changes));
            }
        }
        Ok(Some(done))
    }

    async fn decide_entry(
        &self,
        work: &Work,
        number: u32,
        entry_id: &str,
        standing: &Standing,
        batch: &mut Batch,
    ) -> Result<Option<FileDone>, Refusal> {
        let row = work.opened.table.rows.iter().find(|row| row.id == entry_id);
        let found = row.ok_or_else(|| Refusal::new(Code::FileUnreadable, "not in the table"));
        let (id, record) = match found.and_then(|row| entry(work.account, row, standing, self.journal.now()))
        {
            Ok(found) => found,
            Err(refusal) => return Ok(Some(FileDone::failed(number, &refusal))),
        };
        let activity = self.journal.load::<Activity>(&activity_stream(id)).await?;
        let same = activity.state.record.as_ref().is_some_and(|known| known.facts == record.facts);
        let changes = activity.state.record(record);
        let outcome = match () {
            () if !changes.is_empty() => Outcome::Recorded,
            () if same => Outcome::Duplicate,
            () => Outcome::Kept,
        };
        let made = if changes.is_empty() { Vec::new() } else { vec![id] };
        batch.write(&activity, &work.account.to_string(), events(id, work.account, changes));
        Ok(Some(FileDone { activity_ids: vec![id], made, ..FileDone::of(number, outcome) }))
    }
}

/// What the table knows better than the file.
fn complete(record: &mut Record, row: &strava::Row) {
    let title = row.title.as_deref().map(input::clean).filter(|name| !name.is_empty());
    // The table is newer: it is renamed there, and the file stays as it was sent.
    record.name = title.or(record.name.take());
    if let Some(activity) = &row.activity {
        record.say_sport(activity.sport, activity.sub_sport.as_deref());
    }
}

/// The record of an entry that was made by hand.
pub(super) fn entry(
    account: AccountId,
    row: &strava::Row,
    standing: &Standing,
    now: Timestamp,
) -> Result<(ActivityId, Record), Refusal> {
    let unreadable = || Refusal::new(Code::FileUnreadable, "the date of the entry cannot be read");
    let mut activity = row.activity.clone().ok_or_else(unreadable)?;
    let start_us = time::micros(activity.start);
    let mut check = Check::default();
    check.start("start_at", start_us, now);
    check.done()?;
    if !standing.health_consent {
        reading::drop_health(&mut activity);
    }
    let start = Start::of(start_us, None, None, standing.time_zone.as_deref());
    let origin = Origin::Sync { source: STRAVA.to_owned(), client_version: 1 };
    let mut record = reading::record(&activity, Measured::Owner, origin, start);
    record.name = row.title.as_deref().map(input::clean).filter(|name| !name.is_empty());
    Ok((keyed_id("activity", account, STRAVA, &row.id), record))
}
