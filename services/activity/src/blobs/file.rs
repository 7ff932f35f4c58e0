//! A blob that may be larger than memory, read by place.

use std::{
    io::{Error, Result},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use formats::archive::ReadAt;
use object_store::{ObjectStore, ObjectStoreExt, path::Path as Key};
use tokio::runtime::Handle;

use super::{BlobError, Blobs};

/// Read at once: few requests to a bucket, little memory.
const BLOCK_BYTES: u64 = 1 << 20;

/// A blob's bytes by place, for threads that may block: on one that must not, reading panics. A clone has a place of its
/// own, so that two readers do not disturb each other.
pub struct BlobFile {
    store: Arc<dyn ObjectStore>,
    key: Key,
    size: u64,
    runtime: Handle,
    block: Mutex<(u64, Bytes)>,
    reached: Arc<AtomicU64>,
}

impl Blobs {
    /// # Errors
    /// There is no such blob, or the store does not answer.
    pub async fn file(&self, key: &str) -> std::result::Result<BlobFile, BlobError> {
        let location = Key::from(key);
        let size = match self.store.head(&location).await {
            Ok(found) => found.size,
            Err(object_store::Error::NotFound { .. }) => return Err(BlobError::Missing(key.to_owned())),
            Err(error) => return Err(error.into()),
        };
        Ok(BlobFile {
            store: self.store.clone(),
            key: location,
            size,
            runtime: Handle::current(),
            block: Mutex::default(),
            reached: Arc::default(),
        })
    }
}

impl BlobFile {
    /// The same, and how far into it is read is counted anew.
    pub fn from_its_beginning(&self) -> Self {
        Self { reached: Arc::default(), ..self.clone() }
    }

    /// How far into the blob anybody has read, with the clones of this one.
    pub fn reached(&self) -> u64 {
        self.reached.load(Ordering::Relaxed)
    }
}

impl Clone for BlobFile {
    fn clone(&self) -> Self {
        Self {
            store: self.store.clone(),
            key: self.key.clone(),
            size: self.size,
            runtime: self.runtime.clone(),
            block: Mutex::default(),
            reached: self.reached.clone(),
        }
    }
}

impl ReadAt for BlobFile {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, at: u64, out: &mut [u8]) -> Result<usize> {
        if at >= self.size {
            return Ok(0);
        }
        let mut block = self.block.lock().unwrap_or_else(PoisonError::into_inner);
        let (start, bytes) = &mut *block;
        if at < *start || at >= *start + bytes.len() as u64 {
            let end = at.saturating_add(BLOCK_BYTES).min(self.size);
            let reading = self.store.get_range(&self.key, at..end);
            (*start, *bytes) = (at, self.runtime.block_on(reading).map_err(Error::other)?);
            self.reached.fetch_max(end, Ordering::Relaxed);
        }
        let from = usize::try_from(at - *start).unwrap_or(usize::MAX);
        let there = bytes.get(from..).unwrap_or_default();
        let count = there.len().min(out.len());
        out[..count].copy_from_slice(&there[..count]);
        Ok(count)
    }
}
