//! What this service makes of events, its own and auth's.

pub mod account_erased;
pub mod activity_changed;
pub mod comparers;
pub mod consent_withdrawn;
pub mod daily_changed;
pub mod find_twins;
pub mod import_changed;
pub mod statistics;
pub mod timers;
pub mod upload_changed;

pub use account_erased::{AccountErased, Erased};
pub use comparers::Comparers;
pub use consent_withdrawn::ConsentWithdrawn;
pub use find_twins::FindTwins;
pub use statistics::Statistics;
pub use timers::Timers;

use std::sync::Arc;

use async_trait::async_trait;
use eventing::{
    Failure, Incoming, Keeps, Projection, Source,
    sql::{Tx, hold},
};

use crate::{
    blobs::Blobs,
    store::{ActivityStore, taken},
};

/// Why what stands in another engine is not made anew.
const IN_CQL: &str = "activities are kept in CQL, where no transaction holds them together with a cursor";

/// The read models of this service's own journal, under one cursor.
pub struct Rows {
    pub activities: Arc<dyn ActivityStore>,
    pub blobs: Blobs,
}

#[async_trait]
impl Projection for Rows {
    fn name(&self) -> &'static str {
        "activity.rows.1"
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::OwnJournal]
    }

    fn keeps(&self) -> Keeps {
        if !self.activities.is_beside_the_journal() {
            return Keeps::Never(IN_CQL);
        }
        Keeps::Tables {
            tables: &[
                "activity",
                "activity_stream",
                "upload",
                "daily",
                "import",
                "import_file",
                "activity_start",
                "verdict_case",
            ],
            // Primary: an erased account's are deleted too.
            spared: &["metric", "sync_cursor"],
        }
    }

    async fn apply(&self, tx: &mut dyn Tx, events: &[Incoming]) -> Result<(), Failure> {
        // Others write the rows of an account too: when a consent is withdrawn, and when it is erased.
        let accounts: Vec<uuid::Uuid> =
            events.iter().filter_map(|event| event.event.partition_key.parse().ok()).collect();
        hold(tx, accounts.clone()).await?;
        // Events were opened before that: what has been taken away since is in them still.
        let taken = taken::of(tx, &accounts).await?;
        for event in events {
            let account = event.event.partition_key.parse::<uuid::Uuid>().unwrap_or_default();
            let taken = taken.get(&account).copied().unwrap_or_default();
            if taken.erased {
                continue;
            }
            let bodiless = event.event.position <= taken.health_until;
            match event.event.stream.kind() {
                "activity" => {
                    activity_changed::apply(&*self.activities, &self.blobs, tx, event, bodiless).await?;
                }
                "upload" => upload_changed::apply(tx, event).await?,
                "import" => import_changed::apply(&self.blobs, tx, event).await?,
                "daily" => daily_changed::apply(tx, event, bodiless).await?,
                "erasure" => account_erased::forget(&*self.activities, tx, event).await?,
                _ => {}
            }
        }
        Ok(())
    }
}
