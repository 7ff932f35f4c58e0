//! `stadion migrate`: the schema of every store, brought up to date without serving.

use std::sync::Arc;

use backends::DataFolder;
use kernel::SystemClock;
use tokio_util::sync::CancellationToken;

use super::say::say;
use crate::{
    settings::Settings,
    stores::{self, SERVICES},
};

/// # Errors
/// A folder in use (its owner migrated it when it started), a store that does not open, a migration that was edited.
pub async fn run(settings: &Settings) -> anyhow::Result<()> {
    let folder = DataFolder::open(&settings.platform.data)?;
    std::fs::create_dir_all(folder.path().join("stores"))?;
    let fatal = CancellationToken::new();
    for service in SERVICES {
        let store = stores::open(folder.path(), service, fatal.clone()).await?;
        told(store.service, &store.migrated);
    }
    let (_, migrated) = stores::open_log(folder.path(), Arc::new(SystemClock), fatal).await?;
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
