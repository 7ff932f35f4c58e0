//! The journal over any [`Db`]: one group-commit writer a store, positions without gaps.
//!
//! Appends that wait together are decided one behind the other against a picture of the store read inside the lock,
//! and written in one transaction. So a global order costs one lock a group, not one an append.

mod commit;
mod group;
mod picture;
mod reads;
mod rows;
mod tail;

use std::sync::Arc;

use async_trait::async_trait;
use eventing::{
    event::{Position, Recorded, StreamId, Version},
    sql::Db,
    store::{Answered, Append, DueTimer, EventStore, Outcome, Snapshot, StoreError, Writer},
    tally::Tally,
};
use tail::Tail;
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::Instant,
};

/// Appends that may wait for the writer; more are told to come back later.
const QUEUE_MAX: usize = 8_192;
/// Appends committed by one transaction.
const GROUP_MAX: usize = 512;

/// Sizes of groups, and how long answers take: 0.25 ms to 10 s.
const GROUP_SIZES: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256, 511];
const ANSWERS_US: &[u64] = &[
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    10_000_000,
];

/// An event store on SQL.
pub struct SqlEventStore {
    db: Db,
    appends: mpsc::Sender<Waiting>,
    head: watch::Sender<Position>,
    groups: Arc<Tally>,
    answers_us: Tally,
    tail: Arc<Tail>,
}

struct Waiting {
    append: Append,
    answer: oneshot::Sender<Result<Outcome, StoreError>>,
}

impl SqlEventStore {
    /// The spine's tables must be there already ([`eventing::migrate::SPINE`]).
    pub async fn open(db: Db) -> Result<Self, StoreError> {
        let head = watch::Sender::new(reads::head(&db).await?);
        let (appends, queue) = mpsc::channel(QUEUE_MAX);
        let groups = Arc::new(Tally::new(GROUP_SIZES));
        let tail = Arc::new(Tail::default());
        #[expect(
            clippy::disallowed_methods,
            reason = "the writer lives as long as its store, the ear as long as the database: they end when those are dropped"
        )]
        {
            if let Some(announced) = db.announced() {
                tokio::spawn(hear(announced, head.clone()));
            }
            tokio::spawn(write((db.clone(), tail.clone()), queue, head.clone(), groups.clone()));
        }
        Ok(Self { db, appends, head, groups, answers_us: Tally::new(ANSWERS_US), tail })
    }
}

#[async_trait]
impl EventStore for SqlEventStore {
    async fn append(&self, append: Append) -> Result<Outcome, StoreError> {
        let (answer, answered) = oneshot::channel();
        let arrived_at = Instant::now();
        self.appends.try_send(Waiting { append, answer }).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => StoreError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => StoreError::Closed,
        })?;
        let outcome = answered.await.map_err(|_| StoreError::Closed)?;
        self.answers_us.add(u64::try_from(arrived_at.elapsed().as_micros()).unwrap_or(u64::MAX));
        outcome
    }

    async fn load(&self, stream: &StreamId, after: Version, max: usize) -> Result<Vec<Recorded>, StoreError> {
        reads::load(&self.db, stream, after, max).await
    }

    async fn read_all(&self, after: Position, max: usize) -> Result<Vec<Recorded>, StoreError> {
        if let Some(page) = self.tail.page(after, max) {
            return Ok(page);
        }
        let page = reads::read_all(&self.db, after, max).await?;
        // What another process has appended is news here too.
        if let Some(last) = page.last() {
            raise(&self.head, last.position);
        }
        Ok(page)
    }

    async fn head(&self) -> Result<Position, StoreError> {
        reads::head(&self.db).await
    }

    async fn answered(&self, actor: &str, key: &str) -> Result<Option<Answered>, StoreError> {
        reads::answered(&self.db, actor, key).await
    }

    async fn claimed_by(&self, scope: &str, key: &str) -> Result<Option<StreamId>, StoreError> {
        reads::claimed_by(&self.db, scope, key).await
    }

    async fn snapshot(&self, stream: &StreamId) -> Result<Option<Snapshot>, StoreError> {
        reads::snapshot(&self.db, stream).await
    }

    async fn save_snapshot(&self, stream: &StreamId, snapshot: Snapshot) -> Result<(), StoreError> {
        rows::save_snapshot(&self.db, stream, snapshot).await
    }

    async fn due_timers(&self, now_us: i64, max: usize) -> Result<Vec<DueTimer>, StoreError> {
        reads::due_timers(&self.db, now_us, max).await
    }

    async fn next_timer_us(&self) -> Result<Option<i64>, StoreError> {
        reads::next_timer_us(&self.db).await
    }

    async fn timer_done(&self, timer: &DueTimer) -> Result<(), StoreError> {
        rows::timer_done(&self.db, timer).await
    }

    async fn sweep_commands(&self, before_us: i64) -> Result<u64, StoreError> {
        rows::sweep_commands(&self.db, before_us).await
    }

    fn watch(&self) -> watch::Receiver<Position> {
        self.head.subscribe()
    }

    fn writer(&self) -> Option<Writer> {
        Some(Writer {
            waiting: self.appends.max_capacity() - self.appends.capacity(),
            groups: self.groups.read(),
            answers_us: self.answers_us.read(),
        })
    }
}

/// The writer: takes what waits, at once when idle, and commits it together.
async fn write(
    (db, tail): (Db, Arc<Tail>),
    mut queue: mpsc::Receiver<Waiting>,
    head: watch::Sender<Position>,
    groups: Arc<Tally>,
) {
    let mut waiting = Vec::with_capacity(GROUP_MAX);
    while queue.recv_many(&mut waiting, GROUP_MAX).await > 0 {
        let (appends, answers): (Vec<Append>, Vec<_>) =
            waiting.drain(..).map(|waiting| (waiting.append, waiting.answer)).unzip();
        groups.add(u64::try_from(appends.len()).unwrap_or(u64::MAX));
        let results = commit::commit(&db, &tail, appends).await;
        let newest = results.iter().filter_map(|result| match result {
            Ok(Outcome::Appended { position, .. }) => Some(*position),
            _ => None,
        });
        if let Some(newest) = newest.max() {
            raise(&head, newest);
            db.announce(newest);
        }
        for (answer, result) in answers.into_iter().zip(results) {
            // A caller that has gone away does not undo what was committed.
            let _ = answer.send(result);
        }
    }
}

/// What other processes append is news here too.
async fn hear(mut announced: watch::Receiver<Position>, head: watch::Sender<Position>) {
    while announced.changed().await.is_ok() {
        let newest = *announced.borrow_and_update();
        raise(&head, newest);
    }
}

fn raise(head: &watch::Sender<Position>, to: Position) {
    head.send_if_modified(|known| {
        let higher = to > *known;
        *known = to.max(*known);
        higher
    });
}
