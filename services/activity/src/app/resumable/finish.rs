//! A file that is whole: its parts become one blob, named by its hash like any other, and that an upload or an import. Broken
//! off in the middle, it is begun again.

use eventing::{Command, Error};
use kernel::{AccountId, Code, Refusal};

use super::append::bytes_of;
use crate::{
    app::{
        App,
        import::import_stream,
        receive_upload::{FILE_CLAIM, upload_stream},
    },
    blobs::Blobs,
    domain::{
        ImportId, ResumableId, UploadId,
        import::{Archive, Import},
        upload::{self, File},
    },
    store::resumables::{self, Part, RECEIVED, Row},
};

const ACTOR: &str = "service:activity";
const IMPORT: &str = "import";

impl App {
    /// A refusal means: try again later.
    pub async fn finish_resumable(&self, id: ResumableId) -> Result<(), Refusal> {
        let row = resumables::get(&self.db, id).await.map_err(Error::from)?;
        let Some(row) = row.filter(|row| row.state == RECEIVED) else { return Ok(()) };
        let parts = resumables::parts(&self.db, id).await.map_err(Error::from)?;
        let hash = upload::file_hash(row.account_id, &self.hash_of(&row, &parts).await?);
        let blob = match row.how.purpose.as_str() {
            IMPORT => Blobs::archive_key(row.account_id, ImportId::new(id.uuid())),
            _ => Blobs::original_key(row.account_id, &hash),
        };
        let blobs: Vec<&str> = parts.iter().map(|part| part.blob.as_str()).collect();
        self.blobs.join(&blob, &blobs, row.length).await?;
        let filename = Some(row.how.filename.clone()).filter(|name| !name.is_empty());
        let file = File {
            account_id: row.account_id,
            session_id: row.session_id,
            hash,
            blob,
            size_bytes: row.length,
            source: row.how.source.clone(),
            filename,
        };
        if row.how.purpose == IMPORT {
            self.resumed_import(&row, file).await?;
        } else {
            self.resumed_upload(&row, file).await?;
        }
        resumables::finish(&self.db, id, self.resumable_expires_us()).await.map_err(Error::from)?;
        self.blobs.drop_parts(row.account_id, id).await?;
        Ok(())
    }

    async fn hash_of(&self, row: &Row, parts: &[Part]) -> Result<[u8; 32], Refusal> {
        use sha2::Digest;
        let (mut hash, mut end) = (sha2::Sha256::new(), 0);
        for part in parts {
            let bytes = self.blobs.get(&part.blob).await?;
            if part.start != end || bytes_of(bytes.len()) != part.size {
                return Err(Refusal::new(Code::Internal, "the parts of a file do not fit together"));
            }
            end += part.size;
            let hashed = tokio::task::spawn_blocking(move || {
                hash.update(&bytes);
                hash
            });
            hash = hashed.await.map_err(|_| Refusal::new(Code::Internal, "a file was not hashed"))?;
        }
        if end != row.length {
            return Err(Refusal::new(Code::Internal, "a part of a file is missing"));
        }
        Ok(hash.finalize().into())
    }

    async fn resumed_import(&self, row: &Row, file: File) -> Result<(), Refusal> {
        let id = ImportId::new(row.resumable_id.uuid());
        if !self.journal.store().load(&import_stream(id), 0, 1).await.map_err(Error::from)?.is_empty() {
            return Ok(());
        }
        let archive = Archive {
            account_id: file.account_id,
            session_id: file.session_id,
            hash: file.hash,
            blob: file.blob,
            size_bytes: file.size_bytes,
            filename: file.filename,
            dry_run: row.how.dry_run,
            source: file.source,
            of_upload: false,
        };
        self.begin_import(&Command::by(ACTOR), id, archive).await?;
        Ok(())
    }

    async fn resumed_upload(&self, row: &Row, file: File) -> Result<(), Refusal> {
        let id = UploadId::new(row.resumable_id.uuid());
        let (hash, blob) = (file.hash.clone(), file.blob.clone());
        if self.journal.store().load(&upload_stream(id), 0, 1).await.map_err(Error::from)?.is_empty() {
            self.take(&Command::by(ACTOR), id, file, None).await?;
        }
        self.drop_purged(&hash, &blob).await
    }

    /// It may be known as an archive that is kept no longer: nobody reads what was joined now, nor would delete it.
    async fn drop_purged(&self, hash: &[u8], blob: &str) -> Result<(), Refusal> {
        let holder = self.journal.store().claimed_by(FILE_CLAIM, &hex::encode(hash)).await;
        let Some(first) = holder.map_err(Error::from)?.and_then(|stream| stream.id()) else { return Ok(()) };
        let known = self.journal.load::<Import>(&import_stream(first)).await?.state;
        if known.purged && known.archive.is_some_and(|archive| archive.blob == blob) {
            self.blobs.delete(blob).await?;
        }
        Ok(())
    }

    /// Whether an upload or import of this id is on its way: whole, and not yet begun.
    pub(in crate::app) async fn is_arriving(
        &self,
        account: AccountId,
        id: uuid::Uuid,
        purpose: &str,
    ) -> Result<Option<Row>, Refusal> {
        let row = resumables::get(&self.db, ResumableId::new(id)).await.map_err(Error::from)?;
        Ok(row.filter(|row| {
            row.account_id == account && row.how.purpose == purpose && row.state != resumables::OPEN
        }))
    }
}
