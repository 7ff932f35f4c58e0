//! A file comes in: durable blob → `UploadReceived` with the file's claim → a reader takes it from there.

use bytes::Bytes;
use eventing::{Aggregate, Claim, Command, Done, Error, StreamId};
use kernel::{AccountId, Code, Refusal};

use super::{App, Sender, activity_stream, events};
use crate::{
    blobs::Blobs,
    domain::{
        UploadId,
        activity::Activity,
        input,
        upload::{self, Change, Event, File, State, Upload},
    },
    readers::Job,
};

pub const FILE_CLAIM: &str = "activity.file";
const FILENAME_CHARS_MAX: usize = 255;
/// How often a claim may be found taken and then free again.
const ATTEMPTS: usize = 8;

/// A file as it was sent.
#[derive(Clone, Debug)]
pub struct Incoming {
    pub filename: String,
    pub source: String,
    pub bytes: Bytes,
}

/// An upload that was taken in, or recognised.
#[derive(Clone, Debug)]
pub struct Taken {
    pub upload_id: UploadId,
    pub done: Done,
}

impl App {
    pub async fn receive_upload(
        &self,
        mut command: Command,
        sender: &Sender,
        file: Incoming,
    ) -> Result<Taken, Refusal> {
        if file.bytes.is_empty() {
            return Err(Refusal::new(Code::FileUnreadable, "the file is empty"));
        }
        let bytes = file.bytes.clone();
        let sha256 = tokio::task::spawn_blocking(move || sha256(&bytes));
        let sha256 = sha256.await.map_err(|_| Refusal::new(Code::Internal, "a file was not hashed"))?;
        if let Some(key) = &mut command.key {
            key.request_hash = Bytes::copy_from_slice(&sha256);
        }
        if let Some(done) = self.journal.replayed(&command).await? {
            return taken_before(done);
        }
        let upload_id: UploadId = command.new_id("upload");
        let hash = upload::file_hash(sender.account, &sha256);
        let described = File {
            account_id: sender.account,
            session_id: sender.session,
            blob: Blobs::original_key(sender.account, &hash),
            hash,
            size_bytes: i64::try_from(file.bytes.len()).unwrap_or(i64::MAX),
            source: input::source(&file.source, "upload")?,
            filename: filename(&file.filename),
        };
        self.metrics.upload_bytes.inc_by(file.bytes.len() as u64);
        self.take(&command, upload_id, described, Some(file.bytes)).await
    }

    /// Without bytes: they lie where the file says already.
    pub(super) async fn take(
        &self,
        command: &Command,
        upload_id: UploadId,
        file: File,
        bytes: Option<Bytes>,
    ) -> Result<Taken, Refusal> {
        let claim_key = hex::encode(&file.hash);
        for _ in 0..ATTEMPTS {
            let first = self.journal.store().claimed_by(FILE_CLAIM, &claim_key).await.map_err(Error::from)?;
            let attempt = match first.and_then(|stream| stream.id()) {
                // What of it was purged comes in anew.
                Some(original) if self.unclaim_purged(file.account_id, original, &claim_key).await? => {
                    continue;
                }
                Some(original) => self.duplicate(command, upload_id, original, &file).await,
                None => {
                    if let Some(bytes) = &bytes {
                        self.blobs.put(&file.blob, bytes.clone()).await?;
                    }
                    self.receive(command, upload_id, &file, &claim_key).await.map(Some)
                }
            };
            match attempt {
                Ok(Some(done)) if done.replayed => return taken_before(done),
                Ok(Some(done)) => return Ok(Taken { upload_id, done }),
                // Somebody took the claim, or gave it back, in the meantime: look again.
                Ok(None) | Err(Error::Claimed { .. } | Error::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::Conflict.into())
    }

    async fn receive(
        &self,
        command: &Command,
        upload_id: UploadId,
        file: &File,
        key: &str,
    ) -> Result<Done, Error> {
        let stream = upload_stream(upload_id);
        let loaded = self.journal.load::<Upload>(&stream).await?;
        let changes = loaded.state.begin(Change::Received(file.clone()));
        let mut batch = self.journal.batch(command);
        batch.write(
            &loaded,
            &file.account_id.to_string(),
            upload_events(upload_id, file.account_id, changes),
        );
        batch.claim(Claim::Take { scope: FILE_CLAIM.to_owned(), key: key.to_owned(), stream });
        batch.answer(202, vec![upload_id.to_string()]);
        let done = batch.commit().await?;
        if !done.replayed {
            self.metrics.upload("received");
            self.queue.offer(Job::Upload(upload_id));
        }
        Ok(done)
    }

    /// The same file again. Activities of it that were deleted are restored. `None`: the first has failed meanwhile.
    async fn duplicate(
        &self,
        command: &Command,
        upload_id: UploadId,
        original: UploadId,
        file: &File,
    ) -> Result<Option<Done>, Error> {
        let account = file.account_id;
        let first = self.journal.load::<Upload>(&upload_stream(original)).await?;
        let activity_ids = match &first.state.state {
            State::Parsed { activity_ids, .. } => activity_ids.clone(),
            State::Failed { .. } => return Ok(None),
            State::Unknown | State::Received | State::Duplicate { .. } => Vec::new(),
        };
        let loaded = self.journal.load::<Upload>(&upload_stream(upload_id)).await?;
        let duplicated = Change::Duplicated {
            original,
            session_id: file.session_id,
            size_bytes: file.size_bytes,
            source: file.source.clone(),
            filename: file.filename.clone(),
        };
        let mut batch = self.journal.batch(command);
        // A write without events: if the first is finished in this moment, look again.
        batch.write(&first, &account.to_string(), Vec::new());
        let changes = loaded.state.begin(duplicated);
        batch.write(&loaded, &account.to_string(), upload_events(upload_id, account, changes));
        for id in activity_ids {
            let activity = self.journal.load::<Activity>(&activity_stream(id)).await?;
            if activity.exists() {
                // Purged in this moment: look again.
                if activity.state.record.is_none() {
                    return Ok(None);
                }
                batch.write(
                    &activity,
                    &account.to_string(),
                    events(id, account, activity.state.restore(account)?),
                );
            }
        }
        batch.answer(202, vec![upload_id.to_string()]);
        let done = batch.commit().await?;
        if !done.replayed {
            self.metrics.upload("duplicate");
        }
        Ok(Some(done))
    }
}

pub fn upload_stream(id: UploadId) -> StreamId {
    StreamId::of(Upload::KIND, id)
}

pub fn upload_events(upload_id: UploadId, account_id: AccountId, changes: Vec<Change>) -> Vec<Event> {
    changes.into_iter().map(|change| Event { upload_id, account_id, change }).collect()
}

pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).into()
}

/// The first answer to the same command.
fn taken_before(done: Done) -> Result<Taken, Refusal> {
    let id = done.result.ids.first().and_then(|id| id.parse().ok());
    let upload_id = id.ok_or_else(|| Refusal::new(Code::Internal, "an answered upload has no id"))?;
    Ok(Taken { upload_id, done })
}

/// The last part of a path, as a name that can be shown.
pub(super) fn filename(text: &str) -> Option<String> {
    let name = input::clean(text.rsplit(['/', '\\']).next().unwrap_or_default());
    let name: String = name.chars().take(FILENAME_CHARS_MAX).collect();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filename_is_the_last_part_of_a_path() {
        assert_eq!(filename("../../etc/run.fit").as_deref(), Some("run.fit"));
        assert_eq!(filename(r"C:\watch\run.fit").as_deref(), Some("run.fit"));
        assert_eq!(filename("a\u{0}\u{202e}b.fit").as_deref(), Some("ab.fit"));
        assert_eq!(filename("dir/"), None);
    }
}
