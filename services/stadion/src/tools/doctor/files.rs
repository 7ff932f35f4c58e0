//! Where uploaded files are kept.

use std::path::Path;

use activity::blobs::{BlobError, Blobs};

use super::{
    finding::{Area, Finding},
    machine,
};
use crate::settings::Settings;

pub(super) async fn look(settings: &Settings, marks: &[String]) -> Vec<Finding> {
    let files = &settings.activity.files;
    if files.url.is_empty() {
        // They lie in the data folder, which is looked at by itself.
        return Vec::new();
    }
    let what = format!("files {}", files.url);
    if let Some(folder) = files.url.strip_prefix("file://") {
        return vec![machine::writable(Area::Engine, &what, Path::new(folder))];
    }
    let looked = async {
        let blobs = Blobs::open(files, &settings.platform.data)?;
        let seen = async { Ok::<_, BlobError>((blobs.look().await?, blobs.owner().await?)) };
        seen.await.map_err(|error| error.to_string())
    };
    vec![match looked.await {
        Ok((_, Some(owner))) if !marks.is_empty() && !marks.contains(&owner) => Finding::wrong(
            Area::Engine,
            what,
            format!("the files there belong to the installation {owner}"),
            "name a folder or bucket of your own in [files] url, or bring the key file of that installation",
        ),
        Ok((Some(name), _)) => Finding::ok(Area::Engine, what, format!("the place calls itself {name}")),
        Ok((None, _)) => Finding::ok(Area::Engine, what, "it answers, and nobody has kept a file there yet"),
        Err(error) => Finding::wrong(
            Area::Engine,
            what,
            error,
            "make the bucket, start the server, or mend [files] endpoint, region, access_key, secret",
        ),
    }]
}
