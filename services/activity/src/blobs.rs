//! Files as they came and columns as they are kept: durable before anything refers to them.

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use futures::TryStreamExt;
use kernel::{AccountId, ActivityId, Code, Refusal};
use object_store::{ObjectStore, ObjectStoreExt, local::LocalFileSystem, path::Path as Key};

/// A place for blobs. Keys are made here, never taken from a caller.
#[derive(Clone)]
pub struct Blobs(Arc<dyn ObjectStore>);

#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    #[error("there is no blob {0}")]
    Missing(String),
    #[error("the blob store: {0}")]
    Store(#[from] object_store::Error),
}

impl From<BlobError> for Refusal {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::Missing(_) => Self::not_found(),
            BlobError::Store(_) => {
                tracing::error!(%error, "the blob store failed");
                Self::new(Code::Unavailable, "files cannot be kept at the moment").retry_after_s(5)
            }
        }
    }
}

impl Blobs {
    /// A folder, made when it is not there. What is put is synced to the disk with its directory.
    pub fn in_folder(folder: &Path) -> Result<Self, String> {
        std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let store = LocalFileSystem::new_with_prefix(folder).map_err(|error| error.to_string())?;
        Ok(Self(Arc::new(store.with_fsync(true))))
    }

    /// Where a file of an account lies: named by its hash, so that the same file is kept once.
    pub fn original_key(account: AccountId, file_hash: &[u8]) -> String {
        format!("original/{account}/{}", hex::encode(file_hash))
    }

    /// Where an activity's columns lie: named by their content, so that a newer version does not touch the older.
    pub fn streams_key(account: AccountId, activity: ActivityId, encoded: &[u8]) -> String {
        use sha2::Digest;
        let hash = sha2::Sha256::digest(encoded);
        format!("streams/{account}/{activity}-{}", hex::encode(&hash[..8]))
    }

    /// Durable when it answers.
    pub async fn put(&self, key: &str, bytes: Bytes) -> Result<(), BlobError> {
        self.0.put(&Key::from(key), bytes.into()).await?;
        Ok(())
    }

    pub async fn get(&self, key: &str) -> Result<Bytes, BlobError> {
        match self.0.get(&Key::from(key)).await {
            Ok(found) => Ok(found.bytes().await?),
            Err(object_store::Error::NotFound { .. }) => Err(BlobError::Missing(key.to_owned())),
            Err(error) => Err(error.into()),
        }
    }

    /// Everything of an account, for its erasure; the number of blobs.
    pub async fn erase(&self, account: AccountId) -> Result<usize, BlobError> {
        let mut erased = 0;
        for room in ["original", "streams"] {
            let folder = Key::from(format!("{room}/{account}"));
            let found: Vec<_> = self.0.list(Some(&folder)).try_collect().await?;
            for blob in found {
                self.0.delete(&blob.location).await?;
                erased += 1;
            }
        }
        Ok(erased)
    }
}
