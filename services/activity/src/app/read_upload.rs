//! The job behind an upload: read the file, keep its columns, record its activities.

use bytes::Bytes;
use eventing::{Claim, Command, Error};
use formats::{Problem, Reading};
use jiff::Timestamp;
use kernel::{AccountId, ActivityId, Code, Refusal};
use platform::{
    spans::{self, Side, Taking},
    trace::Trace,
};
use prost::Message;

use super::{
    App, activity_stream, events,
    import::{import_stream, is_importable},
    receive_upload::{FILE_CLAIM, sha256, upload_events, upload_stream},
    standing::Standing,
};
use crate::{
    blobs::{BlobError, Blobs},
    domain::{
        ImportId, UploadId,
        activity::Activity,
        cheat,
        facts::{Measured, Origin, Record, Start, uploaded_id},
        input::Check,
        twins::Whereabouts,
        upload::{Change, File, Parsed, Salvage, State, Upload},
    },
    readers::Job,
    reading,
    store::uploads,
};

pub const CONSENT_MISSING: &str = "health_consent_missing";

/// Columns as a blob, with its key.
pub type Encoded = (String, Bytes);

/// What a file came to.
pub(super) struct Found {
    pub(super) activities: Vec<(ActivityId, Record, Option<Encoded>)>,
    pub(super) parsed: Parsed,
}

impl App {
    /// Reads an upload that waits; one that was read before is left alone. A refusal means: try again later.
    pub async fn read_upload(&self, upload_id: UploadId) -> Result<(), Refusal> {
        let upload = self.journal.load::<Upload>(&upload_stream(upload_id)).await?.state;
        let Some(file) = upload.file.filter(|_| upload.state == State::Received) else { return Ok(()) };
        if self.is_import(upload_id).await? {
            self.queue.offer(Job::Import(ImportId::new(upload_id.uuid())));
            return Ok(());
        }
        let (command, _step) = self.following(upload_id).await?;
        let standing = self.standing(file.account_id).await?;
        if self.is_large(&file) {
            return self.read_large(&command, upload_id, &file).await;
        }
        let bytes = match self.blobs.get(&file.blob).await {
            Ok(bytes) => bytes,
            Err(BlobError::Missing(_)) => return self.miss(&command, upload_id, &file).await,
            Err(error) => return Err(error.into()),
        };
        if formats::detect(&bytes).is_none() && is_importable(&bytes.as_ref()) {
            return self.open_upload(&command, upload_id, &file).await;
        }
        let (context, now) = (file.clone(), self.journal.now());
        let reading =
            tokio::task::spawn_blocking(move || find(upload_id, &context, &standing, &bytes, now)).await;
        match reading {
            Ok(Ok(found)) => self.record_found(&command, upload_id, &file, found).await,
            Ok(Err(refusal)) => self.fail(&command, upload_id, &file, refusal).await,
            // A fault of ours, not of the file; it must not stop the others.
            Err(panic) => {
                tracing::error!(upload = %upload_id, %panic, "a file could not be read");
                let unreadable = Refusal::new(Code::FileUnreadable, "the file cannot be read");
                self.fail(&command, upload_id, &file, unreadable).await
            }
        }
    }

    fn is_large(&self, file: &File) -> bool {
        usize::try_from(file.size_bytes).is_ok_and(|bytes| bytes > self.config.upload_bytes_max)
    }

    /// More than is ever held in memory: an archive, a health export, or nothing that is read.
    async fn read_large(&self, command: &Command, upload_id: UploadId, file: &File) -> Result<(), Refusal> {
        let blob = match self.blobs.file(&file.blob).await {
            Ok(blob) => blob,
            Err(BlobError::Missing(_)) => return self.miss(command, upload_id, file).await,
            Err(error) => return Err(error.into()),
        };
        let looking = tokio::task::spawn_blocking(move || is_importable(&blob)).await;
        if looking.map_err(|panic| Refusal::new(Code::Internal, panic.to_string()))? {
            return self.open_upload(command, upload_id, file).await;
        }
        let most = self.config.upload_bytes_max;
        let detail = format!("a single device file has at most {most} bytes");
        self.fail(command, upload_id, file, Refusal::new(Code::PayloadTooLarge, detail)).await
    }

    /// An archive: its import ends it.
    async fn is_import(&self, upload_id: UploadId) -> Result<bool, Refusal> {
        let stream = import_stream(ImportId::new(upload_id.uuid()));
        Ok(!self.journal.store().load(&stream, 0, 1).await.map_err(Error::from)?.is_empty())
    }

    /// What is done with an upload follows from its having been received, and is a step of that one's trace.
    async fn following(&self, upload_id: UploadId) -> Result<(Command, Taking), Refusal> {
        const ACTOR: &str = "service:activity";
        let first = self.journal.store().load(&upload_stream(upload_id), 0, 1).await.map_err(Error::from)?;
        let Some(received) = first.first() else { return Ok((Command::by(ACTOR), Taking::none())) };
        let mut command = Command::after(ACTOR, received);
        let Ok(cause) = command.trace_parent.parse::<Trace>() else { return Ok((command, Taking::none())) };
        let trace = cause.child();
        command.trace_parent = trace.to_string();
        let name = || "activity-reader UploadReceived".to_owned();
        Ok((command, spans::take("activity", trace, Side::Consumer, name)))
    }

    /// The file was durable before it was received, so that it is lost, or not to be seen from here yet. To fail ends
    /// the upload for good: that waits.
    async fn miss(&self, command: &Command, upload_id: UploadId, file: &File) -> Result<(), Refusal> {
        self.metrics.files_missing.inc();
        let row = uploads::get(&self.db, upload_id).await.map_err(Error::from)?;
        let wait_us = i64::from(self.config.files.missing_wait_s) * 1_000_000;
        let now_us = kernel::time::micros(self.journal.now());
        if row.is_none_or(|row| now_us < row.received_us.saturating_add(wait_us)) {
            return Err(Refusal::new(Code::Unavailable, "the file is not where files are kept"));
        }
        tracing::error!(upload = %upload_id, blob = file.blob, "a received file is lost");
        let gone = Refusal::new(Code::FileUnreadable, "the file is gone; please send it again");
        self.fail(command, upload_id, file, gone).await
    }

    async fn record_found(
        &self,
        command: &Command,
        upload_id: UploadId,
        file: &File,
        found: Found,
    ) -> Result<(), Refusal> {
        for (_, _, streams) in &found.activities {
            if let Some((key, encoded)) = streams {
                self.blobs.put(key, encoded.clone()).await?;
            }
        }
        let outcome = if found.parsed.partial { "partial" } else { "ready" };
        let (found, partition) = (&found, &file.account_id.to_string());
        self.journal
            .retrying(|| async move {
                let loaded = self.journal.load::<Upload>(&upload_stream(upload_id)).await?;
                let changes = loaded.state.finish(Change::Parsed(found.parsed.clone()));
                if changes.is_empty() {
                    return Ok(());
                }
                let mut batch = self.journal.batch(command);
                batch.write(&loaded, partition, upload_events(upload_id, file.account_id, changes));
                for (id, record, _) in &found.activities {
                    let activity = self.journal.load::<Activity>(&activity_stream(*id)).await?;
                    let changes = activity.state.record(record.clone());
                    batch.write(&activity, partition, events(*id, file.account_id, changes));
                }
                batch.commit().await?;
                self.metrics.upload(outcome);
                Ok(())
            })
            .await?;
        for (id, record, _) in &found.activities {
            let at = Whereabouts::of(record, None);
            let looked = self.settle_twins(command, file.account_id, *id, &at).await;
            if let Err(refusal) = looked {
                tracing::warn!(activity = %id, %refusal, "twins are looked for later");
            }
        }
        Ok(())
    }

    /// The upload fails, and its claim is given back: the same file may be tried again.
    async fn fail(
        &self,
        command: &Command,
        upload_id: UploadId,
        file: &File,
        refusal: Refusal,
    ) -> Result<(), Refusal> {
        let refusal = &refusal;
        self.journal
            .retrying(|| async move {
                let stream = upload_stream(upload_id);
                let loaded = self.journal.load::<Upload>(&stream).await?;
                let failed =
                    Change::Failed { code: refusal.code.to_string(), detail: refusal.detail.clone() };
                let changes = loaded.state.finish(failed);
                if changes.is_empty() {
                    return Ok(());
                }
                let mut batch = self.journal.batch(command);
                let events = upload_events(upload_id, file.account_id, changes);
                batch.write(&loaded, &file.account_id.to_string(), events);
                let key = hex::encode(&file.hash);
                batch.claim(Claim::Release { scope: FILE_CLAIM.to_owned(), key, stream });
                batch.commit().await?;
                self.metrics.upload("failed");
                Ok::<_, Error>(())
            })
            .await?;
        Ok(())
    }
}

/// Bytes to records; no I/O.
pub(super) fn find(
    upload_id: UploadId,
    file: &File,
    standing: &Standing,
    bytes: &[u8],
    now: Timestamp,
) -> Result<Found, Refusal> {
    if !standing.present {
        return Err(Refusal::not_found());
    }
    let reading = formats::read(bytes).map_err(|problem| refusal_of(&problem))?;
    let sha256 = sha256(bytes);
    let mut found = Found { activities: Vec::new(), parsed: parsed_of(&reading) };
    let mut refused = None;
    for mut activity in reading.activities {
        let mut check = Check::default();
        check.start("start_at", kernel::time::micros(activity.start), now);
        if let Err(refusal) = check.done() {
            refused = Some(refusal);
            continue;
        }
        let zone = standing.time_zone.as_deref();
        let start = Start::of(kernel::time::micros(activity.start), activity.utc_offset_s, None, zone);
        let dropped = !standing.health_consent && reading::drop_health(&mut activity);
        if dropped && found.parsed.notices.is_empty() {
            found.parsed.notices.push(CONSENT_MISSING.to_owned());
        }
        let origin = Origin::Upload {
            upload_id,
            session_number: activity.session_index,
            source: file.source.clone(),
            original_blob: file.blob.clone(),
        };
        let id = uploaded_id(file.account_id, &sha256, activity.session_index);
        let record = reading::record(&activity, Measured::Device, origin, start);
        let mut record = cheat::judged(record, Some(&activity.streams));
        let streams = encode(file.account_id, id, &activity.streams);
        record.streams_blob = streams.as_ref().map(|(key, _)| key.clone());
        found.parsed.activity_ids.push(id);
        found.activities.push((id, record, streams));
    }
    match refused {
        Some(refusal) if found.activities.is_empty() => Err(refusal),
        Some(refusal) => {
            found.parsed.partial = true;
            let salvage = found.parsed.salvage.get_or_insert_default();
            salvage.reasons.push(refusal.code.to_string());
            Ok(found)
        }
        None => Ok(found),
    }
}

/// The columns as a blob, with its key; `None` when there are none.
pub fn encode(account: AccountId, id: ActivityId, streams: &formats::Streams) -> Option<Encoded> {
    let blob = crate::streams::codec::encode(streams);
    if blob.chunks.is_empty() {
        return None;
    }
    let encoded: Bytes = blob.encode_to_vec().into();
    Some((Blobs::streams_key(account, id, &encoded), encoded))
}

fn parsed_of(reading: &Reading) -> Parsed {
    let salvage = reading.salvage.as_ref().map(|salvage| Salvage {
        records_kept: salvage.records_kept,
        bytes_lost: salvage.bytes_lost,
        reasons: salvage.reasons.clone(),
    });
    Parsed { activity_ids: Vec::new(), partial: salvage.is_some(), salvage, notices: Vec::new() }
}

pub(super) fn refusal_of(problem: &Problem) -> Refusal {
    let code = Code::parse(problem.code()).unwrap_or(Code::FileUnreadable);
    Refusal::new(code, problem.detail())
}
