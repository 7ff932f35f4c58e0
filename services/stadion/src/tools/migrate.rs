//! `stadion migrate`: the schema of every store, brought up to date without serving. Of several that do so at once, also
//! by starting, one changes a schema at a time and the others find it done.

use std::sync::Arc;

use backends::DataFolder;
use kernel::SystemClock;
use platform::installation::InstallationKey;
use tokio_util::sync::CancellationToken;

use super::say::say;
use crate::{
    installation::key_file,
    keyspace,
    settings::Settings,
    stores::{self, Log, Opener, SERVICES},
};

/// # Errors
/// A folder in use (its owner migrated it when it started), a store that does not open or belongs to somebody else, a
/// migration that was edited, a schema of a newer program.
pub async fn run(settings: &Settings) -> anyhow::Result<()> {
    // Stores on a server may be brought up to date while processes run on them.
    let _folder = match stores::are_elsewhere(settings) {
        true => None,
        false => Some(DataFolder::open(&settings.platform.data)?),
    };
    std::fs::create_dir_all(settings.platform.data.join("stores"))?;
    let fatal = CancellationToken::new();
    let key = InstallationKey::load_or_create(&key_file(settings))?;
    let opener = Opener::of(settings, &key, String::new());
    for service in SERVICES {
        let store = stores::open(settings, &opener, service, fatal.clone()).await?;
        told(store.service, &store.migrated);
        store.db.close().await;
    }
    if let Some(keyspace) = keyspace::open(&settings.activity, &opener.marks).await? {
        told(&format!("keyspace {}", settings.activity.cql_keyspace), &keyspace.migrated);
    }
    let (_, migrated) = Log::open(settings, &opener, Arc::new(SystemClock), fatal).await?;
    told("bus", &migrated);
    Ok(())
}

fn told(store: &str, migrated: &[&str]) {
    if migrated.is_empty() {
        say(format_args!("{store}: up to date"));
    } else {
        say(format_args!("{store}: applied {}", migrated.join(", ")));
    }
}
