//! Blobs that nobody refers to: columns of versions that were replaced, and what was written by a process that died before
//! it said so. A blob is durable before its event, so that it may be without one; what lies there for a day is not on its way.
//!
//! Of an activity's columns those are referred to that its state names: its own, and what it had before others' came in.
//! No later state names others, but by writing them anew, which makes them young. Should that happen in the moment of
//! the deletion, it is seen after it, and they are put back.

use std::pin::pin;

use eventing::Error;
use futures::TryStreamExt;
use kernel::{ActivityId, Refusal, time};
use tracing::warn;

use super::{App, activity_stream, import::import_stream};
use crate::{
    blobs::{ARCHIVES, BlobError, COLUMNS},
    domain::{ImportId, activity::Activity, import::Import},
};

/// However often is swept: what is on its way is younger.
const AGE_US_MIN: i64 = 86_400 * 1_000_000;

impl App {
    /// How many were deleted. One after another: nobody waits for it.
    pub async fn sweep_blobs(&self) -> Result<u64, Refusal> {
        let age_us = (i64::from(self.config.blobs_swept_every_s) * 1_000_000).max(AGE_US_MIN);
        let before_us = time::micros(self.journal.now()).saturating_sub(age_us);
        let mut swept = 0;
        for room in [COLUMNS, ARCHIVES] {
            let mut found = pin!(self.blobs.list(room));
            while let Some((key, since_us)) = found.try_next().await? {
                if since_us > before_us {
                    continue;
                }
                match self.sweep(room, &key).await {
                    Ok(true) => {
                        self.metrics.swept.inc();
                        swept += 1;
                    }
                    Ok(false) => {}
                    // The others do not wait for this one.
                    Err(refusal) => {
                        self.metrics.sweep_faults.inc();
                        warn!(key, %refusal, "whether a file is referred to is looked at again later");
                    }
                }
            }
        }
        Ok(swept)
    }

    async fn sweep(&self, room: &str, key: &str) -> Result<bool, Refusal> {
        if self.is_referred_to(room, key).await? {
            return Ok(false);
        }
        if room == ARCHIVES {
            self.blobs.delete(key).await?;
            return Ok(true);
        }
        let bytes = match self.blobs.get(key).await {
            Err(BlobError::Missing(_)) => return Ok(false),
            found => found?,
        };
        self.blobs.delete(key).await?;
        if self.is_referred_to(room, key).await? {
            self.blobs.put(key, bytes).await?;
            return Ok(false);
        }
        Ok(true)
    }

    /// A name that is none of ours is left alone.
    async fn is_referred_to(&self, room: &str, key: &str) -> Result<bool, Error> {
        let name = key.rsplit('/').next().unwrap_or_default();
        if room == ARCHIVES {
            let Ok(id) = name.parse::<ImportId>() else { return Ok(true) };
            let import = self.journal.load::<Import>(&import_stream(id)).await?.state;
            return Ok(import.archive.is_some_and(|archive| archive.blob == key) && !import.purged);
        }
        let Some(Ok(id)) = name.rsplit_once('-').map(|(id, _)| id.parse::<ActivityId>()) else {
            return Ok(true);
        };
        let activity = self.journal.load::<Activity>(&activity_stream(id)).await?.state;
        let known = activity.record.iter().chain(&activity.own);
        Ok(known.filter_map(|record| record.streams_blob.as_deref()).any(|blob| blob == key))
    }
}
