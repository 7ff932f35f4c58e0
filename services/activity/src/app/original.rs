//! The file an activity came from; for its owner.

use bytes::Bytes;
use kernel::{AccountId, ActivityId, Refusal};

use super::App;
use crate::{domain::facts::Origin, store::uploads, wire};

pub struct Original {
    pub filename: String,
    pub content_type: &'static str,
    pub bytes: Bytes,
}

impl App {
    pub async fn original(&self, account: AccountId, id: ActivityId) -> Result<Original, Refusal> {
        let row = self.activities.get(id).await.map_err(eventing::Error::from)?;
        let row = row.filter(|row| row.live && row.account_id == account).ok_or_else(Refusal::not_found)?;
        let record = wire::record_of(row.whole).map_err(eventing::Error::from)?;
        let Origin::Upload { upload_id, original_blob, .. } = record.origin else {
            return Err(Refusal::not_found());
        };
        let bytes = self.blobs.get(&original_blob).await?;
        let upload = uploads::get(&self.db, upload_id).await.map_err(eventing::Error::from)?;
        let named = upload.map(|row| row.whole.filename).filter(|name| !name.is_empty());
        let (content_type, extension) = kind_of(&bytes);
        Ok(Original { filename: named.unwrap_or_else(|| format!("{id}.{extension}")), content_type, bytes })
    }
}

fn kind_of(bytes: &[u8]) -> (&'static str, &'static str) {
    match bytes {
        [0x1f, 0x8b, ..] => ("application/gzip", "gz"),
        [b'P', b'K', ..] => ("application/zip", "zip"),
        [b'<' | 0xef | b' ' | b'\n', ..] => ("application/gpx+xml", "gpx"),
        _ => ("application/vnd.ant.fit", "fit"),
    }
}
