//! An archive goes when its import is over, or was never run, for as long as what it made could be restored. What it made,
//! the plan, and what a rollback needs stay.

use eventing::{Command, Error, StreamId, Timer};
use kernel::time;
use tracing::warn;

use super::{import_events, import_stream};
use crate::{
    app::{
        App,
        purge_activity::{AGAIN_US, DAY_US, away},
        receive_upload::{FILE_CLAIM, upload_stream},
    },
    blobs::Blobs,
    domain::{
        ImportId, UploadId,
        import::{Archive, Import},
    },
};

const ACTOR: &str = "timer:activity";
const ARCHIVE: &str = "archive";

impl App {
    /// `over_us`: when it ended.
    pub(in crate::app) fn archive_timer(&self, stream: StreamId, over_us: i64) -> Timer {
        let window_us = i64::from(self.config.restore_days).saturating_mul(DAY_US);
        let due_us = over_us.saturating_add(window_us);
        Timer::Set { due_us, stream, command_id: ARCHIVE.to_owned(), payload: Default::default() }
    }

    /// The timer is due. One that runs meanwhile sets it anew when it ends.
    pub async fn purge_archive_due(&self, id: ImportId) -> Result<(), Error> {
        if let Err(error) = self.purge_archive(id).await {
            warn!(import = %id, %error, "an archive is deleted later");
            let due_us = time::micros(self.journal.now()).saturating_add(AGAIN_US);
            let (stream, command_id) = (import_stream(id), ARCHIVE.to_owned());
            let mut batch = self.journal.batch(&Command::by(ACTOR));
            batch.timer(Timer::Set { due_us, stream, command_id, payload: Default::default() });
            batch.commit().await?;
        }
        Ok(())
    }

    /// First it is said, so that nobody runs it; then it is deleted, by the same timer again when the process dies between.
    async fn purge_archive(&self, id: ImportId) -> Result<(), Error> {
        let command = &Command::by(ACTOR);
        let begin = || async move {
            let loaded = self.journal.load::<Import>(&import_stream(id)).await?;
            let Some(archive) = loaded.state.archive.clone() else { return Ok(None) };
            let Some(changes) = loaded.state.purge_archive() else { return Ok(None) };
            if !changes.is_empty() {
                let mut batch = self.journal.batch(command);
                let (account, partition) = (archive.account_id, archive.account_id.to_string());
                batch.write(&loaded, &partition, import_events(id, account, changes));
                batch.commit().await?;
            }
            Ok(Some(archive))
        };
        let Some(archive) = self.journal.retrying(begin).await? else { return Ok(()) };
        if self.is_its_own(id, &archive).await? {
            self.blobs.delete(&archive.blob).await.map_err(away)?;
        }
        Ok(())
    }

    /// Whether nobody else refers to the blob. That of an uploaded archive lies under the file's hash: it is this one's while
    /// the upload has the file's claim, as whoever sends the file again is told that it is known, and keeps nothing.
    async fn is_its_own(&self, id: ImportId, archive: &Archive) -> Result<bool, Error> {
        if !archive.of_upload {
            return Ok(archive.blob == Blobs::archive_key(archive.account_id, id));
        }
        let holder = self.journal.store().claimed_by(FILE_CLAIM, &hex::encode(&archive.hash)).await?;
        Ok(holder == Some(upload_stream(UploadId::new(id.uuid()))))
    }
}
