//! The place in which uploaded files are kept, when the settings name one.

use std::path::Path;

use activity::{Config, blobs::Blobs};
use anyhow::{Context, anyhow};

/// A folder or bucket that others may name too, and that is ours. `None`: files lie in the data folder, which has its lock.
///
/// # Errors
/// It does not answer, or is another installation's; `marks` name ours.
pub(crate) async fn open(config: &Config, marks: &[String]) -> anyhow::Result<Option<Blobs>> {
    if config.files.url.is_empty() {
        return Ok(None);
    }
    let files =
        Blobs::open(&config.files, Path::new("")).map_err(|error| anyhow!(error)).context("files.url")?;
    files.belongs(marks).await.context("files.url")?;
    Ok(Some(files))
}
