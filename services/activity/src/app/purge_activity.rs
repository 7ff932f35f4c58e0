//! What was deleted, and not restored in time, is destroyed: its rows, its columns, and the file that it came in, unless
//! another activity came in the same.
//!
//! The last step that was done before a process died may be any; the timer goes on until all are.
//!
//! 1. `ActivityPurgeStarted`: it cannot be restored from here on, and its rows go.
//! 2. Blobs are deleted. Nobody writes any under their names meanwhile: neither is a newer version of the record taken, nor
//!    the file, whose claim its upload still has.
//! 3. `ActivityPurged`: with it the file's claim is given back. Who sends the file again brings the activity anew.

use eventing::{Aggregate, Batch, Claim, Command, Error, Recorded, StreamId, Timer};
use kernel::{AccountId, ActivityId, Code, Refusal, time};
use tracing::warn;

use super::{
    App, activity_stream, events,
    receive_upload::{FILE_CLAIM, upload_stream},
};
use crate::domain::{
    UploadId,
    activity::{Activity, Change},
    import::{Import, Phase},
    upload::{State, Upload},
};

const ACTOR: &str = "timer:activity";
/// Before the revision by which it was deleted, in the name of its timer.
const PURGE: &str = "purge-";
/// And never run, maybe.
const LOOKED_THROUGH: &str = "ImportPlanned";
pub(super) const DAY_US: i64 = 86_400 * 1_000_000;
/// When blobs cannot be deleted now, others' timers do not wait for it.
pub(super) const AGAIN_US: i64 = 600 * 1_000_000;

impl App {
    /// When what these changes delete is destroyed, if they do.
    pub(super) fn purge_later(
        &self,
        id: ActivityId,
        activity: &Activity,
        changes: &[Change],
    ) -> Option<Timer> {
        let deletes = matches!(changes.last(), Some(Change::Deleted { .. }));
        let revision = activity.revision + changes.len() as u64;
        deletes.then(|| self.purge_timer(&activity_stream(id), revision, time::micros(self.journal.now())))
    }

    /// The same for deletions of before that had none: by when they were made.
    pub(super) async fn purge_past(&self, command: &Command, page: &[Recorded]) -> Result<(), Error> {
        let deleted = page.iter().filter(|event| event.kind.ends_with(".ActivityDeleted"));
        let over = page.iter().filter(|event| is_end_of_import(&event.kind));
        let mut batch = self.journal.batch(command);
        let mut any = false;
        for event in over {
            // What ran since has another end.
            if event.kind.ends_with(LOOKED_THROUGH)
                && self.journal.load::<Import>(&event.stream).await?.state.phase != Phase::Planned
            {
                continue;
            }
            batch.timer(self.archive_timer(event.stream.clone(), event.at_us));
            any = true;
        }
        for event in deleted {
            batch.timer(self.purge_timer(&event.stream, event.version.unsigned_abs(), event.at_us));
            any = true;
        }
        if any {
            batch.commit().await?;
        }
        Ok(())
    }

    fn purge_timer(&self, stream: &StreamId, revision: u64, deleted_us: i64) -> Timer {
        let window_us = i64::from(self.config.restore_days).saturating_mul(DAY_US);
        Timer::Set {
            due_us: deleted_us.saturating_add(window_us),
            stream: stream.clone(),
            command_id: format!("{PURGE}{revision}"),
            payload: Default::default(),
        }
    }

    /// The timer is due. Restored since, and maybe deleted again: that one has a timer of its own.
    pub async fn purge_due(&self, id: ActivityId, command_id: &str) -> Result<(), Error> {
        let Some(revision) = command_id.strip_prefix(PURGE).and_then(|text| text.parse().ok()) else {
            return Ok(());
        };
        if let Err(error) = self.purge(id, revision).await {
            warn!(activity = %id, %error, "what was deleted is destroyed later");
            let mut batch = self.journal.batch(&Command::by(ACTOR));
            batch.timer(Timer::Set {
                due_us: time::micros(self.journal.now()).saturating_add(AGAIN_US),
                stream: activity_stream(id),
                command_id: command_id.to_owned(),
                payload: Default::default(),
            });
            batch.commit().await?;
        }
        Ok(())
    }

    async fn purge(&self, id: ActivityId, revision: u64) -> Result<(), Error> {
        let command = &Command::by(ACTOR);
        let begin = || async move {
            let loaded = self.journal.load::<Activity>(&activity_stream(id)).await?;
            let Some(account) = loaded.state.account_id else { return Ok(None) };
            let changes = loaded.state.start_purge(revision);
            if !changes.is_empty() {
                let mut batch = self.journal.batch(command);
                batch.write(&loaded, &account.to_string(), events(id, account, changes));
                batch.commit().await?;
                return Ok(Some(account));
            }
            Ok(loaded.state.is_being_purged().then_some(account))
        };
        let Some(account) = self.journal.retrying(begin).await? else { return Ok(()) };
        self.blobs.delete_streams(account, id).await.map_err(away)?;
        self.journal.retrying(|| self.end_purge(command, account, id)).await?;
        self.metrics.purged.inc();
        Ok(())
    }

    async fn end_purge(&self, command: &Command, account: AccountId, id: ActivityId) -> Result<(), Error> {
        let loaded = self.journal.load::<Activity>(&activity_stream(id)).await?;
        if !loaded.state.is_being_purged() {
            return Ok(());
        }
        let mut batch = self.journal.batch(command);
        if let Some(upload) = loaded.state.remains {
            self.purge_file(&mut batch, account, id, upload).await?;
        }
        batch.write(&loaded, &account.to_string(), events(id, account, vec![Change::Purged]));
        batch.commit().await.map(drop)
    }

    /// Deletes the file when this is the last activity of it. Whatever that hangs on is guarded by the append.
    async fn purge_file(
        &self,
        batch: &mut Batch,
        account: AccountId,
        id: ActivityId,
        upload: UploadId,
    ) -> Result<(), Error> {
        let sent = self.journal.load::<Upload>(&upload_stream(upload)).await?;
        let Some(file) = sent.state.file else { return Ok(()) };
        let key = hex::encode(&file.hash);
        let holder = self.journal.store().claimed_by(FILE_CLAIM, &key).await?;
        // Of an upload that was sent later, maybe, when others of the file had been purged.
        let Some(stream) = holder.filter(|stream| stream.kind() == Upload::KIND) else { return Ok(()) };
        let holder = self.journal.load::<Upload>(&stream).await?;
        batch.write(&holder, &account.to_string(), Vec::new());
        let State::Parsed { activity_ids, .. } = &holder.state.state else { return Ok(()) };
        let mut last = true;
        for other in activity_ids.iter().filter(|other| **other != id) {
            let other = self.journal.load::<Activity>(&activity_stream(*other)).await?;
            last &= other.state.record.is_none() && !other.state.is_being_purged();
            batch.write(&other, &account.to_string(), Vec::new());
        }
        if last {
            self.blobs.delete(&file.blob).await.map_err(away)?;
            batch.claim(Claim::Release { scope: FILE_CLAIM.to_owned(), key, stream });
        }
        Ok(())
    }

    /// Takes a known file's claim from its upload when some of what was in it was purged: it is to be read again. Whether
    /// that was done.
    ///
    /// # Errors
    /// `unavailable` while something of it is being purged.
    pub(super) async fn unclaim_purged(
        &self,
        account: AccountId,
        known: UploadId,
        key: &str,
    ) -> Result<bool, Refusal> {
        let (stream, partition) = (&upload_stream(known), &account.to_string());
        let attempt = || async move {
            let known = self.journal.load::<Upload>(stream).await?;
            let State::Parsed { activity_ids, .. } = &known.state.state else { return Ok(false) };
            let mut batch = self.journal.batch(&Command::by(ACTOR));
            let mut purged = false;
            for id in activity_ids {
                let activity = self.journal.load::<Activity>(&activity_stream(*id)).await?;
                if activity.state.is_being_purged() {
                    return Err(being_purged().into());
                }
                purged |= activity.exists() && activity.state.record.is_none();
                batch.write(&activity, partition, Vec::new());
            }
            if purged {
                let (scope, key) = (FILE_CLAIM.to_owned(), key.to_owned());
                batch.claim(Claim::Release { scope, key, stream: stream.clone() });
                batch.commit().await?;
            }
            Ok(purged)
        };
        Ok(self.journal.retrying(attempt).await?)
    }
}

fn is_end_of_import(kind: &str) -> bool {
    [LOOKED_THROUGH, "ImportFinished", "ImportFailed", "ImportRolledBack"]
        .iter()
        .any(|end| kind.ends_with(end))
}

/// It takes a moment.
pub(super) fn being_purged() -> Refusal {
    let detail = "what was deleted of it is just being destroyed; try again in a moment";
    Refusal::new(Code::Unavailable, detail).retry_after_s(1)
}

pub(super) fn away(error: crate::blobs::BlobError) -> Error {
    Error::Refused(error.into())
}
