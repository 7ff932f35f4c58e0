//! Background work: each task has a name, a place in shutdown, and an end that is seen.
//!
//! The only room that spawns. A task that panics or fails stops the whole process with a non-zero exit: half a
//! service that looks alive is worse than a restart.

use std::{
    future::Future,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::FutureExt;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument, error, info_span};

/// Work that ends when shutdown begins, or earlier by itself. An error stops the process.
pub struct Task {
    pub name: String,
    pub run: Pin<Box<dyn Future<Output = Result<(), String>> + Send>>,
}

impl Task {
    pub fn new<F>(name: impl Into<String>, run: F) -> Self
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        Self { name: name.into(), run: Box::pin(run) }
    }
}

impl std::fmt::Debug for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Task({})", self.name)
    }
}

/// The process' tasks. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tasks {
    tracker: TaskTracker,
    shutdown: CancellationToken,
    failure: Arc<Mutex<Option<String>>>,
}

impl Tasks {
    /// `shutdown` is cancelled when a task fails.
    pub fn new(shutdown: CancellationToken) -> Self {
        Self { tracker: TaskTracker::new(), shutdown, failure: Arc::default() }
    }

    pub fn shutdown(&self) -> &CancellationToken {
        &self.shutdown
    }

    /// Runs a task that must not fail.
    pub fn spawn(&self, task: Task) {
        let tasks = self.clone();
        let span = info_span!(parent: None, "task", name = task.name);
        self.launch(
            async move {
                let failure = match AssertUnwindSafe(task.run).catch_unwind().await {
                    Ok(Ok(())) => return,
                    Ok(Err(error)) => format!("task {} failed: {error}", task.name),
                    Err(panic) => format!("task {} panicked: {}", task.name, panic_text(&*panic)),
                };
                tasks.fail(failure);
            }
            .instrument(span),
        );
    }

    /// Runs the work of one connection or request, whose end, even a panic, is its own affair.
    pub fn spawn_one<F>(&self, name: &'static str, work: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.launch(async move {
            if let Err(panic) = AssertUnwindSafe(work).catch_unwind().await {
                error!(name, panic = panic_text(&*panic), "a piece of work panicked");
            }
        });
    }

    /// Says that the process cannot go on; the first reason is kept.
    pub fn fail(&self, reason: String) {
        error!(%reason, "the process must stop");
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(reason);
        self.shutdown.cancel();
    }

    /// Why the process had to stop, if it had to.
    pub fn failure(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn running(&self) -> usize {
        self.tracker.len()
    }

    /// Waits for every task to end, at most so long; whether all have ended.
    pub async fn ended_within(&self, limit: Duration) -> bool {
        self.tracker.close();
        tokio::time::timeout(limit, self.tracker.wait()).await.is_ok()
    }

    fn launch<F>(&self, work: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tracker.spawn(work);
    }
}

/// The words of a panic.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no words")
}
