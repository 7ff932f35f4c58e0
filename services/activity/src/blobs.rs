//! Files as they came and columns as they are kept: durable before anything refers to them.

mod file;
mod parts;
mod place;

pub use file::BlobFile;

use std::{path::PathBuf, sync::Arc};

use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt};
use kernel::{
    AccountId, ActivityId, Code, Refusal,
    time::{self, Clock, SystemClock},
};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions, path::Path as Key};

use crate::domain::ImportId;

/// A place for blobs: a folder or a bucket. Keys are made here, never taken from a caller, and name their content:
/// under one key there is one blob, ever.
#[derive(Clone)]
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
    /// Where the blobs lie, when that is a folder.
    folder: Option<PathBuf>,
}

#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    #[error("there is no blob {0}")]
    Missing(String),
    #[error("the blob store: {0}")]
    Store(#[from] object_store::Error),
    #[error("the folder of blobs: {0}")]
    Folder(#[from] std::io::Error),
    /// The first mark is the owner's, the second ours.
    #[error(
        "the files there belong to the installation {0}, and we are {1}: give each installation a folder or bucket of its \
         own; if its key was changed, keep the old line below the new one; if the old one is lost, delete the file `owner`"
    )]
    Foreign(String, String),
}

impl From<BlobError> for Refusal {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::Missing(_) => Self::not_found(),
            BlobError::Store(_) | BlobError::Folder(_) | BlobError::Foreign(..) => {
                tracing::error!(%error, "the blob store failed");
                Self::new(Code::Unavailable, "files cannot be kept at the moment").retry_after_s(5)
            }
        }
    }
}

/// The rooms of columns, and of archives.
pub const COLUMNS: &str = "streams";
pub const ARCHIVES: &str = "archive";

/// What was written longer ago is written again when it is put again, so that nobody takes it for what was left behind.
const YOUNG_US: i64 = 6 * 3_600 * 1_000_000;

/// The blob that says which place this is.
const IDENTITY: &str = "identity";
/// The blob that says whose place this is.
const OWNER: &str = "owner";

impl Blobs {
    /// Where a file of an account lies: named by its hash, so that the same file is kept once.
    pub fn original_key(account: AccountId, file_hash: &[u8]) -> String {
        format!("original/{account}/{}", hex::encode(file_hash))
    }

    /// Where the archive of an import lies: it is that import's alone, so that it can go when the import is over.
    pub fn archive_key(account: AccountId, import: ImportId) -> String {
        format!("{ARCHIVES}/{account}/{import}")
    }

    /// Where an activity's columns lie: named by their content, so that a newer version does not touch the older.
    pub fn streams_key(account: AccountId, activity: ActivityId, encoded: &[u8]) -> String {
        use sha2::Digest;
        let hash = sha2::Sha256::digest(encoded);
        format!("{COLUMNS}/{account}/{activity}-{}", hex::encode(&hash[..8]))
    }

    /// Durable when it answers. What is there under this key stays as it is, unless it is of another size: then it is
    /// half a file, and is replaced; or old: then it is young again.
    pub async fn put(&self, key: &str, bytes: Bytes) -> Result<(), BlobError> {
        let location = Key::from(key);
        let once = PutOptions::from(PutMode::Create);
        match self.store.put_opts(&location, bytes.clone().into(), once).await {
            Ok(_) => return Ok(()),
            Err(object_store::Error::AlreadyExists { .. }) => {
                match self.store.head(&location).await {
                    Ok(found) if found.size != bytes.len() as u64 => {
                        tracing::warn!(key, "a blob of another size was found and is replaced");
                    }
                    // Whoever wrote it may not have come to the sync.
                    Ok(found) if is_young(&found) => return self.sync(&location).await,
                    // Old, or swept in this moment.
                    Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            // Buckets without conditional writes: the same bytes are written over the same bytes.
            Err(object_store::Error::NotImplemented { .. } | object_store::Error::NotSupported { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        self.store.put(&location, bytes.into()).await?;
        Ok(())
    }

    pub async fn get(&self, key: &str) -> Result<Bytes, BlobError> {
        match self.store.get(&Key::from(key)).await {
            Ok(found) => Ok(found.bytes().await?),
            Err(object_store::Error::NotFound { .. }) => Err(BlobError::Missing(key.to_owned())),
            Err(error) => Err(error.into()),
        }
    }

    /// The columns of an activity, those of its past versions too. When it answers they are gone for good.
    pub async fn delete_streams(&self, account: AccountId, activity: ActivityId) -> Result<(), BlobError> {
        let folder = Key::from(format!("streams/{account}"));
        let begin = format!("streams/{account}/{activity}");
        let mut found = self.store.list_with_offset(Some(&folder), &Key::from(begin.as_str()));
        let mut own = Vec::new();
        while let Some(blob) = found.next().await {
            let location = blob?.location;
            if location.as_ref().starts_with(&begin) {
                own.push(Ok(location));
            }
        }
        drop(found);
        self.delete_these(&folder, own).await.map(drop)
    }

    async fn delete_these(
        &self,
        folder: &Key,
        found: Vec<Result<Key, object_store::Error>>,
    ) -> Result<usize, BlobError> {
        let mut erased = 0;
        let mut deleted = self.store.delete_stream(futures::stream::iter(found).boxed());
        while let Some(outcome) = deleted.next().await {
            match outcome {
                Ok(_) => erased += 1,
                // Somebody else is at it too.
                Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if erased > 0 {
            self.sync_folder(folder).await?;
        }
        Ok(erased)
    }

    /// Everything of an account, for its erasure; the number of blobs. When it answers they are gone for good.
    pub async fn erase(&self, account: AccountId) -> Result<usize, BlobError> {
        let mut erased = 0;
        for room in ["original", COLUMNS, ARCHIVES, "parts"] {
            erased += self.delete_all(&Key::from(format!("{room}/{account}"))).await?;
        }
        Ok(erased)
    }

    /// The keys of a room, of all accounts, with the microsecond since which each lies there, by the store's clock. In no
    /// order; a page of them is held at a time.
    pub fn list(&self, room: &str) -> impl Stream<Item = Result<(String, i64), BlobError>> + Send + 'static {
        let found = self.store.list(Some(&Key::from(room)));
        found
            .map_ok(|blob| (blob.location.to_string(), blob.last_modified.timestamp_micros()))
            .map_err(Into::into)
    }

    /// How many there were. When it answers they are gone for good.
    async fn delete_all(&self, folder: &Key) -> Result<usize, BlobError> {
        let found = self.store.list(Some(folder)).map_ok(|blob| blob.location);
        let found = found.try_collect::<Vec<_>>().await?.into_iter().map(Ok).collect();
        self.delete_these(folder, found).await
    }

    /// What this place is called: the same for every process that uses it, another for any other place. Whoever comes
    /// first names it.
    pub async fn identity(&self) -> Result<String, BlobError> {
        self.first_said(IDENTITY, uuid::Uuid::new_v4().to_string()).await
    }

    /// Remembers at the first opening whose the place is, and refuses everybody else later: to a second installation all
    /// that the first one keeps there is left behind by nobody, and would be swept. `marks` name the installation; any of
    /// them is believed, the first is written: they may change one by one.
    ///
    /// # Errors
    /// [`BlobError::Foreign`]; a place that does not answer.
    pub async fn belongs(&self, marks: &[String]) -> Result<(), BlobError> {
        let first = marks.first().map_or("", String::as_str);
        let owner = self.first_said(OWNER, first.to_owned()).await?;
        if owner == first {
            return Ok(());
        }
        if !marks.contains(&owner) {
            return Err(BlobError::Foreign(owner, first.to_owned()));
        }
        self.store.put(&Key::from(OWNER), Bytes::from(first.to_owned()).into()).await?;
        Ok(())
    }

    /// Whose the place is, `None` while nobody's. Nothing is made for the answer.
    pub async fn owner(&self) -> Result<Option<String>, BlobError> {
        self.said(OWNER).await
    }

    /// What the blob says, or, when there is none, what it says from now on.
    async fn first_said(&self, key: &str, wanted: String) -> Result<String, BlobError> {
        if let Some(known) = self.said(key).await? {
            return Ok(known);
        }
        let (location, bytes) = (Key::from(key), Bytes::from(wanted));
        let once = PutOptions::from(PutMode::Create);
        match self.store.put_opts(&location, bytes.clone().into(), once).await {
            Ok(_) | Err(object_store::Error::AlreadyExists { .. }) => {}
            Err(object_store::Error::NotImplemented { .. } | object_store::Error::NotSupported { .. }) => {
                self.store.put(&location, bytes.into()).await?;
            }
            Err(error) => return Err(error.into()),
        }
        Ok(text(&self.get(key).await?))
    }

    async fn said(&self, key: &str) -> Result<Option<String>, BlobError> {
        match self.get(key).await {
            Ok(said) => Ok(Some(text(&said))),
            Err(BlobError::Missing(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What this place is called, `None` while nobody has named it. Nothing is made for the answer.
    ///
    /// # Errors
    /// A place that does not answer, is not there, or may not be read.
    pub async fn look(&self) -> Result<Option<String>, BlobError> {
        // A bucket that is missing answers for one key as one without that key does; for a list it does not.
        self.store.list(None).next().await.transpose()?;
        self.said(IDENTITY).await
    }

    async fn sync(&self, location: &Key) -> Result<(), BlobError> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let file = folder.join(location.as_ref());
        tokio::fs::File::open(&file).await?.sync_all().await?;
        if let Some(room) = file.parent() {
            tokio::fs::File::open(room).await?.sync_all().await?;
        }
        Ok(())
    }

    async fn sync_folder(&self, room: &Key) -> Result<(), BlobError> {
        let Some(folder) = &self.folder else { return Ok(()) };
        match tokio::fs::File::open(folder.join(room.as_ref())).await {
            Ok(room) => Ok(room.sync_all().await?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// By the store's clock, which is the world's, as this one is.
fn is_young(found: &ObjectMeta) -> bool {
    let age_us = time::micros(SystemClock.now()).saturating_sub(found.last_modified.timestamp_micros());
    age_us < YOUNG_US
}

fn text(bytes: &Bytes) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}
