//! An archive comes in: durable blob → `ImportOpened`; a worker takes it from there.

use bytes::Bytes;
use eventing::{Command, Decision, Done, Error};
use kernel::{Code, Refusal};

use super::{
    import_events, import_stream,
    opened::{NOTHING_OF_IT, is_importable},
};
use crate::{
    app::{
        App, Sender,
        receive_upload::{Incoming, filename, sha256},
    },
    blobs::Blobs,
    domain::{
        ImportId, UploadId,
        import::{Archive, Import},
        input,
        upload::{self, File},
    },
    readers::Job,
};

pub struct Opened {
    pub import_id: ImportId,
    pub done: Done,
}

impl App {
    pub async fn open_import(
        &self,
        mut command: Command,
        sender: &Sender,
        file: Incoming,
        dry_run: bool,
    ) -> Result<Opened, Refusal> {
        if !is_importable(&file.bytes.as_ref()) {
            return Err(Refusal::new(Code::FileUnreadable, NOTHING_OF_IT));
        }
        let bytes = file.bytes.clone();
        let sha256 = tokio::task::spawn_blocking(move || sha256(&bytes));
        let sha256 = sha256.await.map_err(|_| Refusal::new(Code::Internal, "a file was not hashed"))?;
        if let Some(key) = &mut command.key {
            let mut hash = sha256.to_vec();
            hash.push(dry_run.into());
            key.request_hash = Bytes::from(hash);
        }
        if let Some(done) = self.journal.replayed(&command).await? {
            let id = done.result.ids.first().and_then(|id| id.parse().ok());
            let import_id = id.ok_or_else(|| Refusal::new(Code::Internal, "an answered import has no id"))?;
            return Ok(Opened { import_id, done });
        }
        let import_id: ImportId = command.new_id("import");
        let hash = upload::file_hash(sender.account, &sha256);
        let archive = Archive {
            account_id: sender.account,
            session_id: sender.session,
            blob: Blobs::archive_key(sender.account, import_id),
            hash,
            size_bytes: i64::try_from(file.bytes.len()).unwrap_or(i64::MAX),
            filename: filename(&file.filename),
            dry_run,
            source: input::source(&file.source, "upload")?,
            of_upload: false,
        };
        self.metrics.upload_bytes.inc_by(file.bytes.len() as u64);
        self.blobs.put(&archive.blob, file.bytes).await?;
        let done = self.begin_import(&command, import_id, archive).await?;
        Ok(Opened { import_id, done })
    }

    /// The files of an uploaded archive are an import of the same id, which is run at once.
    pub(in crate::app) async fn open_upload(
        &self,
        command: &Command,
        upload_id: UploadId,
        file: &File,
    ) -> Result<(), Refusal> {
        let archive = Archive {
            account_id: file.account_id,
            session_id: file.session_id,
            hash: file.hash.clone(),
            blob: file.blob.clone(),
            size_bytes: file.size_bytes,
            filename: file.filename.clone(),
            dry_run: false,
            source: file.source.clone(),
            of_upload: true,
        };
        self.begin_import(command, ImportId::new(upload_id.uuid()), archive).await?;
        Ok(())
    }

    pub(in crate::app) async fn begin_import(
        &self,
        command: &Command,
        id: ImportId,
        archive: Archive,
    ) -> Result<Done, Error> {
        let (stream, account) = (import_stream(id), archive.account_id);
        let partition = account.to_string();
        let done = self.journal.execute::<Import, _>(command, &stream, &partition, |import, _| {
            let changes = import.open(archive.clone());
            Ok(Decision::of(import_events(id, account, changes)).answer(202, vec![id.to_string()]))
        });
        let done = done.await?;
        self.queue.offer(Job::Import(id));
        Ok(done)
    }
}
