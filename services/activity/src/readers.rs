//! Who reads uploaded files and runs imports: a bounded queue, a bounded number of readers, and a sweep of the store for those that a
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

use crate::{
    app::App,
    domain::{ImportId, ResumableId, UploadId},
    store::{imports, resumables, uploads},
};

/// Who looks for uploads that wait: one process of those that share the store.
pub const SWEEP: &str = "uploads that wait";

/// Uploads looked up by one sweep.
const WAITING_MAX: u32 = 100;

/// Imports run at the same time: a long one does not hold up the others. None holds its archive in memory.
const IMPORTS_AT_ONCE: usize = 3;

/// What there is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Job {
    Upload(UploadId),
    Import(ImportId),
    /// A file that came in parts is put together.
    Resumable(ResumableId),
}

/// The way to the readers. Cheap to clone.
#[derive(Clone)]
pub struct Queue {
    waiting: mpsc::Sender<Job>,
    busy: Arc<Mutex<HashSet<Job>>>,
}

/// The other end.
pub struct Readers {
    incoming: mpsc::Receiver<Job>,
    queue: Queue,
}

impl Queue {
    pub fn new(waiting_max: usize) -> (Self, Readers) {
        let (waiting, incoming) = mpsc::channel(waiting_max);
        let queue = Self { waiting, busy: Arc::default() };
        (queue.clone(), Readers { incoming, queue })
    }

    /// Asks for something to be done soon. With a full queue the sweep finds it later: nothing is lost.
    pub fn offer(&self, job: Job) {
        if self.waiting.try_send(job).is_err() {
            tracing::debug!(?job, "the readers are busy");
        }
    }

    /// Whether a reader is at it right now.
    pub fn is_busy_with(&self, job: Job) -> bool {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner).contains(&job)
    }

    /// `None`: somebody is at it.
    fn begin(&self, job: Job) -> Option<Busy> {
        let begun = self.busy.lock().unwrap_or_else(PoisonError::into_inner).insert(job);
        begun.then(|| Busy { queue: self.clone(), job })
    }
}

/// A job in a reader's hands, until dropped.
struct Busy {
    queue: Queue,
    job: Job,
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.queue.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.job);
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
        let imports = Arc::new(Semaphore::new(IMPORTS_AT_ONCE));
        let broom = sweep_blobs(app.clone(), owned.clone());
        let stop = shutdown.clone();
        tasks.spawn_one("activity/blobs", async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = broom => {}
            }
        });
        let mut sweep = tokio::time::interval(Duration::from_millis(app.config.sweep_every_ms.max(10)));
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let jobs = tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                Some(job) = self.incoming.recv() => vec![job],
                _ = sweep.tick() => left_waiting(&app, &owned).await,
            };
            for job in jobs {
                let place = match job {
                    Job::Upload(_) => places.clone().acquire_owned().await.ok(),
                    // Nobody waits behind a long one: the sweep comes back to those that find no place.
                    Job::Import(_) | Job::Resumable(_) => match imports.clone().try_acquire_owned() {
                        Ok(place) => Some(place),
                        Err(_) => continue,
                    },
                };
                let Some(place) = place.filter(|_| !shutdown.is_cancelled()) else { return Ok(()) };
                let Some(busy) = self.queue.begin(job) else { continue };
                let (app, shutdown) = (app.clone(), shutdown.clone());
                tasks.spawn_one("activity/reader", async move {
                    let _held = (place, busy);
                    // A long one is broken off between two of its steps, as by a crash, and gone on with later.
                    tokio::select! {
                        () = shutdown.cancelled(), if !matches!(job, Job::Upload(_)) => {}
                        () = work(&app, job) => {}
                    }
                });
            }
        }
    }
}

async fn work(app: &App, job: Job) {
    let started = Instant::now();
    let done = match job {
        Job::Upload(id) => app.read_upload(id).await,
        Job::Import(id) => Box::pin(app.work_on_import(id)).await,
        Job::Resumable(id) => app.finish_resumable(id).await,
    };
    match (done, job) {
        (Ok(()), Job::Upload(_)) => app.metrics.reading_seconds.observe(started.elapsed().as_secs_f64()),
        (Ok(()), Job::Import(_) | Job::Resumable(_)) => {}
        (Err(error), _) => warn!(?job, %error, "this was not read to its end, it will be tried again"),
    }
}

/// Now and then, by the process that looks for waiting uploads; first within an hour of its start, as not each lives for a day.
async fn sweep_blobs(app: App, owned: watch::Receiver<Owned>) {
    const SOON: Duration = Duration::from_secs(3_600);
    let every = Duration::from_secs(app.config.blobs_swept_every_s.into());
    if every.is_zero() {
        return;
    }
    let mut sweep = tokio::time::interval_at(Instant::now() + every.min(SOON), every);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        sweep.tick().await;
        if owned.borrow().epoch(SWEEP).is_none() {
            continue;
        }
        match app.sweep_blobs().await {
            Ok(0) => {}
            Ok(swept) => tracing::info!(swept, "files that nobody referred to were deleted"),
            Err(refusal) => warn!(%refusal, "files that nobody refers to are looked for later"),
        }
    }
}

/// What waits in the store, for the process whose work that is.
async fn left_waiting(app: &App, owned: &watch::Receiver<Owned>) -> Vec<Job> {
    if owned.borrow().epoch(SWEEP).is_none() {
        return Vec::new();
    }
    let found = async {
        let uploads = uploads::waiting(&app.db, WAITING_MAX).await?;
        let imports = imports::unfinished(&app.db, WAITING_MAX).await?;
        let whole = resumables::received(&app.db, WAITING_MAX).await?;
        Ok::<_, eventing::sql::DbError>((uploads, imports, whole))
    };
    if let Err(refusal) = app.expire_resumables().await {
        warn!(%refusal, "files that nobody goes on with are deleted later");
    }
    match found.await {
        Ok((uploads, imports, whole)) => {
            let uploads = uploads.into_iter().map(Job::Upload);
            let long = imports.into_iter().map(Job::Import).chain(whole.into_iter().map(Job::Resumable));
            uploads.chain(long).collect()
        }
        Err(error) => {
            warn!(%error, "uploads that wait could not be looked up");
            Vec::new()
        }
    }
}
