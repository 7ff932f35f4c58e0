//! Where blobs are kept, as the settings say.

use std::{path::Path, sync::Arc, time::Duration};

use object_store::{
    ClientOptions, RetryConfig, aws::AmazonS3Builder, local::LocalFileSystem, prefix::PrefixStore,
};

use super::Blobs;
use crate::config::Files;

const CONNECT_WITHIN: Duration = Duration::from_secs(5);
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
const RETRIES_MAX: usize = 3;
const RETRY_WITHIN: Duration = Duration::from_secs(20);

impl Blobs {
    /// The place that the settings name; without a name a folder in the service's own.
    ///
    /// # Errors
    /// A name that is none, a folder that cannot be made. A bucket is not asked yet.
    pub fn open(files: &Files, data: &Path) -> Result<Self, String> {
        if files.url.is_empty() {
            return Self::in_folder(&data.join("blobs"));
        }
        if let Some(folder) = files.url.strip_prefix("file://") {
            let folder = Path::new(folder);
            if !folder.is_absolute() {
                return Err(format!("{}: file:// is followed by a whole path, file:///var/…", files.url));
            }
            return Self::in_folder(folder);
        }
        match files.url.strip_prefix("s3://") {
            Some(place) => Self::in_bucket(place, files),
            None => Err(format!("{}: files are kept in file:///folder or s3://bucket/prefix", files.url)),
        }
    }

    /// A folder, made when it is not there. What is put is synced to the disk with its directory.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn in_folder(folder: &Path) -> Result<Self, String> {
        std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let store = LocalFileSystem::new_with_prefix(folder).map_err(|error| error.to_string())?;
        Ok(Self { store: Arc::new(store.with_fsync(true)), folder: Some(folder.to_owned()) })
    }

    /// `bucket/prefix` of an S3-compatible server. A write that it answers is durable by its own promise.
    fn in_bucket(place: &str, files: &Files) -> Result<Self, String> {
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        if bucket.is_empty() {
            return Err(format!("{}: s3:// is followed by a bucket", files.url));
        }
        let client = ClientOptions::new().with_connect_timeout(CONNECT_WITHIN).with_timeout(ANSWER_WITHIN);
        let retry =
            RetryConfig { max_retries: RETRIES_MAX, retry_timeout: RETRY_WITHIN, ..RetryConfig::default() };
        // What is not said comes from the environment, as everything that speaks S3 reads it.
        let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket).with_retry(retry);
        builder = builder.with_client_options(client.with_allow_http(files.endpoint.starts_with("http://")));
        if !files.endpoint.is_empty() {
            builder = builder.with_endpoint(&files.endpoint);
        }
        if !files.region.is_empty() {
            builder = builder.with_region(&files.region);
        }
        if !files.access_key.is_empty() {
            builder = builder.with_access_key_id(&files.access_key).with_secret_access_key(&files.secret);
        }
        let bucket = builder.build().map_err(|error| format!("{}: {error}", files.url))?;
        let prefix = prefix.trim_matches('/');
        Ok(Self { store: Arc::new(PrefixStore::new(bucket, prefix)), folder: None })
    }
}
