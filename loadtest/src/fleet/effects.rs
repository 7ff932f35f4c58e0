//! When a workout's effect was to be seen in gamification's read model, exactly and at little cost.
//!
//! A projection moves its cursor in the transaction of its rows, so the rows of an event are visible at the moment at
//! which the cursor is seen behind it. One connection looks at that single row each four milliseconds and notes, by the clock
//! of the generator, when it moved. Which position belongs to which workout is read from the journals afterwards: an
//! event of gamification names the event of activity that caused it.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context;
use backends::SqlEventStore;
use eventing::{Db, EventStore, Position, args};
use uuid::Uuid;

/// The reader whose rows are scores, contributions and XP, made of gamification's own journal.
pub(crate) const SCORES: (&str, &str) = ("gamification-scores", "journal:gamification");
/// What activity's journal has handed to the log.
pub(crate) const RELAY: (&str, &str) = ("relay", "activity");

/// Looking costs what is looked at, on the same cores: so seldom that it is little.
const LOOK_EACH: Duration = Duration::from_millis(4);
const PAGE: usize = 500;

/// The moments at which a cursor was first seen at a position.
#[derive(Default)]
pub(crate) struct Progress(Vec<(Instant, Position)>);

impl Progress {
    /// When the cursor was first seen at or behind the position.
    pub(crate) fn passed(&self, position: Position) -> Option<Instant> {
        let nth = self.0.partition_point(|(_, at)| *at < position);
        self.0.get(nth).map(|(when, _)| *when)
    }
}

/// Looks at a reader's cursor until it is over.
pub(crate) async fn watch(
    db: Db,
    cursor: (&'static str, &'static str),
    over: Arc<AtomicBool>,
) -> anyhow::Result<Progress> {
    let mut progress = Progress::default();
    let mut last = 0;
    while !over.load(Ordering::Relaxed) {
        let at = position(&db, cursor).await?;
        if at > last {
            last = at;
            progress.0.push((Instant::now(), at));
        }
        tokio::time::sleep(LOOK_EACH).await;
    }
    Ok(progress)
}

/// Where a reader's cursor stands now.
pub(crate) async fn position(db: &Db, (consumer, source): (&str, &str)) -> anyhow::Result<Position> {
    let sql = "SELECT source_pos FROM es_cursor WHERE consumer = $1 AND source = $2 AND part = 0";
    let row = db.fetch_one(sql, args![consumer, source]).await?;
    Ok(row.map_or(Ok(0), |row| row.get(0))?)
}

/// Where an activity stands in the journals.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Trail {
    /// The last of its events in activity's journal.
    pub(crate) recorded: Position,
    /// The last that gamification wrote because of it; 0: none yet.
    pub(crate) counted: Position,
}

/// Follows workouts from journal to journal.
pub(crate) struct Journals {
    activity: Arc<dyn EventStore>,
    gamification: Arc<dyn EventStore>,
    after: (Position, Position),
    /// The activity of each of its events.
    of_event: HashMap<Uuid, Uuid>,
    pub(crate) trails: HashMap<Uuid, Trail>,
}

impl Journals {
    pub(crate) async fn open(activity: Db, gamification: Db) -> anyhow::Result<Self> {
        Ok(Self {
            activity: Arc::new(SqlEventStore::open(activity).await?),
            gamification: Arc::new(SqlEventStore::open(gamification).await?),
            after: (0, 0),
            of_event: HashMap::new(),
            trails: HashMap::new(),
        })
    }

    /// Takes what was written since the last time.
    pub(crate) async fn read(&mut self) -> anyhow::Result<()> {
        loop {
            let page = self.activity.read_all(self.after.0, PAGE).await?;
            let Some(last) = page.last() else { break };
            self.after.0 = last.position;
            for event in page.iter().filter(|event| event.stream.kind() == "activity") {
                let activity = event.stream.id::<()>().context("a stream of an activity names it")?.uuid();
                self.of_event.insert(event.event_id, activity);
                self.trails.entry(activity).or_default().recorded = event.position;
            }
        }
        loop {
            let page = self.gamification.read_all(self.after.1, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            self.after.1 = last.position;
            for event in &page {
                let cause = Uuid::from_slice(&event.meta.causation_id).ok();
                if let Some(activity) = cause.and_then(|cause| self.of_event.get(&cause)) {
                    self.trails.entry(*activity).or_default().counted = event.position;
                }
            }
        }
    }

    /// How many of these have had no effect yet that the reader has passed.
    pub(crate) async fn waiting(&mut self, of: &[Uuid], passed: Position) -> anyhow::Result<usize> {
        self.read().await?;
        let seen = |activity: &Uuid| {
            self.trails.get(activity).is_some_and(|trail| (1..=passed).contains(&trail.counted))
        };
        Ok(of.iter().filter(|activity| !seen(activity)).count())
    }
}
