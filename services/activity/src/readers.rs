//! Who reads uploaded files: a bounded queue, a bounded number of readers, and a sweep of the store for those that a
//! crash, a full queue or an unreachable sibling left waiting.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use eventing::leases::{Leases, Owned};
use platform::Tasks;
use tokio::{
    sync::{Semaphore, mpsc, watch},
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::{app::App, domain::UploadId, store::uploads};

/// Who looks for uploads that wait: one process of those that share the store.
pub const SWEEP: &str = "uploads that wait";

/// Uploads looked up by one sweep.
const WAITING_MAX: u32 = 100;

/// The way to the readers. Cheap to clone.
#[derive(Clone)]
pub struct Queue {
    waiting: mpsc::Sender<UploadId>,
    busy: Arc<Mutex<HashSet<UploadId>>>,
}

/// The other end.
pub struct Readers {
    incoming: mpsc::Receiver<UploadId>,
    queue: Queue,
}

impl Queue {
    pub fn new(waiting_max: usize) -> (Self, Readers) {
        let (waiting, incoming) = mpsc::channel(waiting_max);
        let queue = Self { waiting, busy: Arc::default() };
        (queue.clone(), Readers { incoming, queue })
    }

    /// Asks for an upload to be read soon. With a full queue the sweep finds it later: nothing is lost.
    pub fn offer(&self, id: UploadId) {
        if self.waiting.try_send(id).is_err() {
            tracing::debug!(upload = %id, "the readers are busy");
        }
    }

    /// Whether a reader is at it right now.
    pub fn is_reading(&self, id: UploadId) -> bool {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner).contains(&id)
    }

    /// `None`: somebody is at it.
    fn begin(&self, id: UploadId) -> Option<Busy> {
        let begun = self.busy.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        begun.then(|| Busy { queue: self.clone(), id })
    }
}

/// An upload in a reader's hands, until dropped.
struct Busy {
    queue: Queue,
    id: UploadId,
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.queue.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

impl Readers {
    /// Runs until shutdown. Appends are guarded by the upload's version, so that two readers of one upload do no harm.
    pub async fn run(
        mut self,
        app: App,
        leases: Leases,
        tasks: Tasks,
        shutdown: CancellationToken,
    ) -> Result<(), String> {
        let owned = leases.owned();
        let places = Arc::new(Semaphore::new(app.config.readers.max(1)));
        let mut sweep = tokio::time::interval(Duration::from_millis(app.config.sweep_every_ms.max(10)));
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let ids = tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                Some(id) = self.incoming.recv() => vec![id],
                _ = sweep.tick() => left_waiting(&app, &owned).await,
            };
            for id in ids {
                let Ok(place) = places.clone().acquire_owned().await else { return Ok(()) };
                if shutdown.is_cancelled() {
                    return Ok(());
                }
                let Some(busy) = self.queue.begin(id) else { continue };
                let app = app.clone();
                tasks.spawn_one("activity/reader", async move {
                    let _held = (place, busy);
                    let started = Instant::now();
                    match app.read_upload(id).await {
                        Ok(()) => app.metrics.reading_seconds.observe(started.elapsed().as_secs_f64()),
                        Err(error) => {
                            warn!(upload = %id, %error, "an upload was not read, it will be tried again")
                        }
                    }
                });
            }
        }
    }
}

/// What waits in the store, for the process whose work that is.
async fn left_waiting(app: &App, owned: &watch::Receiver<Owned>) -> Vec<UploadId> {
    if owned.borrow().epoch(SWEEP).is_none() {
        return Vec::new();
    }
    match uploads::waiting(&app.db, WAITING_MAX).await {
        Ok(ids) => ids,
        Err(error) => {
            warn!(%error, "uploads that wait could not be looked up");
            Vec::new()
        }
    }
}
