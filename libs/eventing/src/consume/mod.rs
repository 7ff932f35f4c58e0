//! How readers are run: feed → open → apply → move the cursor, with poison parked by key.

mod cursor;
mod feed;
mod owned;
mod pace;
mod parking;
mod progress;
mod projector;
mod reacting;
mod step;

pub use cursor::heard;
pub(crate) use cursor::{Cursors, Place};
pub(crate) use feed::{Arrival, Arrived, Feed};
pub(crate) use owned::{over_owned, parts_of, resources, while_owned};
pub(crate) use pace::Pace;
pub use parking::{Parked, ParkedKey, Replayed};
pub(crate) use parking::{drop_first, drop_key, parked_keys, parked_of, waiting_keys};
pub(crate) use progress::Progress;
pub(crate) use projector::{StepError, apply_unparked, project, replay_projection, take};
pub(crate) use reacting::{react, replay_reactor};
pub(crate) use step::Step;

use std::{sync::Arc, time::Duration};

use kernel::Clock;
use tokio_util::sync::CancellationToken;

use crate::{
    bus::{Bus, SiblingJournals},
    leases::Leases,
    readers::Source,
    sealing::Sealer,
    sql::Db,
    store::EventStore,
    witness::Witness,
};

/// Tries of a poison event before its key is parked.
const POISON_TRIES: u32 = 3;
/// Events a reader takes at once.
pub(crate) const BATCH: usize = 500;
/// A wait between tries that grows to this.
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// What every reader's loop stands on.
#[derive(Clone)]
pub(crate) struct Ground {
    pub(crate) service: &'static str,
    pub(crate) db: Db,
    pub(crate) store: Arc<dyn EventStore>,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) siblings: Option<Arc<dyn SiblingJournals>>,
    pub(crate) sealer: Sealer,
    pub(crate) leases: Leases,
    pub(crate) witness: Option<Arc<dyn Witness>>,
    pub(crate) shutdown: CancellationToken,
}

impl Ground {
    pub(crate) fn now_us(&self) -> i64 {
        kernel::time::micros(self.clock.now())
    }
}

/// The name of a source in cursors and dead letters.
pub(crate) fn source_name(source: Source, service: &str) -> String {
    match source {
        Source::OwnJournal => format!("journal:{service}"),
        Source::Topic(of) => format!("topic:{of}"),
    }
}

/// The service whose events a source has.
pub(crate) fn source_word(source: Source, service: &'static str) -> &'static str {
    match source {
        Source::OwnJournal => service,
        Source::Topic(of) => of,
    }
}

/// A consumer's name on the bus.
pub(crate) fn reader_name(service: &str, consumer: &str) -> String {
    format!("{service}.{consumer}")
}

/// Grows from 20 ms; `false` when the process stops instead.
pub(crate) async fn back_off(attempt: u32, shutdown: &CancellationToken) -> bool {
    let wait = Duration::from_millis(20_u64.saturating_mul(1 << attempt.min(10))).min(BACKOFF_MAX);
    tokio::select! {
        biased;
        () = shutdown.cancelled() => false,
        () = tokio::time::sleep(wait) => true,
    }
}
