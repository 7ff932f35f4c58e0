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
        let row =
            row.filter(|row| row.is_there() && row.account_id == account).ok_or_else(Refusal::not_found)?;
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

/// The media type and the ending of its name, by what it holds.
fn kind_of(bytes: &[u8]) -> (&'static str, String) {
    match formats::detect(bytes) {
        Some((format, false)) => (format.media_type(), format.as_str().to_owned()),
        Some((format, true)) => ("application/gzip", format!("{}.gz", format.as_str())),
        None => ("application/octet-stream", "bin".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_what_it_holds() {
        let run = formats::synth::run(1, "2026-05-01T06:00:00Z".parse().unwrap(), 200.0, 300.0);
        assert_eq!(kind_of(&formats::write(&run)), ("application/vnd.ant.fit", "fit".to_owned()));
        let gpx = formats::gpx::write(&run);
        assert_eq!(kind_of(gpx.as_bytes()), ("application/gpx+xml", "gpx".to_owned()));
        let tcx = formats::tcx::write(&run);
        assert_eq!(kind_of(tcx.as_bytes()), ("application/vnd.garmin.tcx+xml", "tcx".to_owned()));
        let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut zipped, tcx.as_bytes()).unwrap();
        assert_eq!(kind_of(&zipped.finish().unwrap()), ("application/gzip", "tcx.gz".to_owned()));
        assert_eq!(kind_of(b"?").0, "application/octet-stream");
    }
}
