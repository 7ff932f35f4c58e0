//! Where uploaded files are kept.

use std::path::Path;

use activity::blobs::Blobs;

use super::{
    finding::{Area, Finding},
    machine,
};
use crate::settings::Settings;

pub(super) async fn look(settings: &Settings) -> Vec<Finding> {
    let files = &settings.activity.files;
    if files.url.is_empty() {
        // They lie in the data folder, which is looked at by itself.
        return Vec::new();
    }
    let what = format!("files {}", files.url);
    if let Some(folder) = files.url.strip_prefix("file://") {
        return vec![machine::writable(Area::Engine, &what, Path::new(folder))];
    }
    let answer = match Blobs::open(files, &settings.platform.data) {
        Ok(blobs) => blobs.look().await.map_err(|error| error.to_string()),
        Err(error) => Err(error),
    };
    vec![match answer {
        Ok(Some(name)) => Finding::ok(Area::Engine, what, format!("the place calls itself {name}")),
        Ok(None) => Finding::ok(Area::Engine, what, "it answers, and nobody has kept a file there yet"),
        Err(error) => Finding::wrong(
            Area::Engine,
            what,
            error,
            "make the bucket, start the server, or mend [files] endpoint, region, access_key, secret",
        ),
    }]
}
