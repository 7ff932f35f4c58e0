//! How readers are run: feed → open → apply → move the cursor, with poison parked by key.

mod back_off;
mod cursor;
mod feed;
mod owned;
mod pace;
mod parking;
mod progress;
mod projector;
mod reacting;
mod step;

pub(crate) use back_off::{Failures, back_off, pause};
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

use std::sync::Arc;

use kernel::Clock;
use tokio_util::sync::CancellationToken;

use crate::{
    bus::{Bus, SiblingJournals},
    leases::Leases,
    readers::Source,
    refill::StateTables,
    sealing::Sealer,
    sql::Db,
    store::EventStore,
    witness::Witness,
};

/// Tries of a poison event before its key is parked.
const POISON_TRIES: u32 = 3;
/// Events a reader takes at once.
pub(crate) const BATCH: usize = 500;

/// What every reader's loop stands on.
#[derive(Clone)]
pub(crate) struct Ground {
    pub(crate) service: &'static str,
    pub(crate) db: Db,
    pub(crate) store: Arc<dyn EventStore>,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) siblings: Option<Arc<dyn SiblingJournals>>,
    /// The state topics that are the service's own.
    pub(crate) state: Option<Arc<dyn StateTables>>,
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
