//! Parts of a file that is still coming, and the file that they make.

use bytes::Bytes;
use kernel::AccountId;
use object_store::{ObjectStoreExt, WriteMultipart, path::Path as Key};

use super::{BlobError, Blobs, is_young};
use crate::domain::ResumableId;

/// The least that buckets take for a piece is 5 MB.
const PIECE_BYTES: usize = 8 << 20;
const PIECES_AT_ONCE: usize = 2;

impl Blobs {
    /// Keeps a part under a name of its own, so that nobody who sends the same part touches it; durable when it answers.
    pub async fn put_part(
        &self,
        account: AccountId,
        file: ResumableId,
        start: i64,
        bytes: Bytes,
    ) -> Result<String, BlobError> {
        let name = uuid::Uuid::new_v4();
        let key = format!("parts/{account}/{file}/{start:020}-{name}");
        self.put(&key, bytes).await?;
        Ok(key)
    }

    /// When it answers it is gone for good.
    pub async fn delete(&self, key: &str) -> Result<(), BlobError> {
        let room = key.rsplit_once('/').map_or("", |(room, _)| room);
        match self.store.delete(&Key::from(key)).await {
            // Whoever deleted it before may have died before the sync.
            Ok(()) | Err(object_store::Error::NotFound { .. }) => self.sync_folder(&Key::from(room)).await,
            Err(error) => Err(error.into()),
        }
    }

    /// Everything that came of a file, also what nobody counts.
    pub async fn drop_parts(&self, account: AccountId, file: ResumableId) -> Result<(), BlobError> {
        self.delete_all(&Key::from(format!("parts/{account}/{file}"))).await.map(drop)
    }

    /// Writes the parts one after another under the key; durable when it answers. One that is there already, of the same
    /// length and young, is it.
    pub async fn join(&self, key: &str, parts: &[&str], length: i64) -> Result<(), BlobError> {
        let location = Key::from(key);
        match self.store.head(&location).await {
            Ok(found) if found.size == length.unsigned_abs() && is_young(&found) => {
                return self.sync(&location).await;
            }
            Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let upload = self.store.put_multipart(&location).await?;
        let mut writing = WriteMultipart::new_with_chunk_size(upload, PIECE_BYTES);
        for part in parts {
            writing.wait_for_capacity(PIECES_AT_ONCE).await?;
            writing.put(self.get(part).await?);
        }
        writing.finish().await?;
        self.sync(&location).await
    }
}
