//! The journal under writers: each appends one event, waits until it is durable, and appends the next. A reader follows
//! and counts positions that are missing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use backends::{SqlEventStore, postgres, sqlite};
use bytes::Bytes;
use eventing::{
    Db, EventStore, Position, StreamId,
    migrate::SPINE,
    store::{Append, Expected, NewEvent, Outcome, Write},
};
use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::{
    Options,
    report::{Report, durations, record},
};

pub(crate) const WRITERS: [usize; 4] = [1, 16, 64, 1_024];
pub(crate) const PAYLOAD_BYTES: usize = 200;
const PAGE: usize = 500;

pub(crate) async fn measure(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    for writers in WRITERS {
        let folder = options.fresh_folder()?;
        let db = sqlite::open(&folder.path().join("journal.db"), sqlite::Options::default()).await?;
        one(options, report, "SQLite, synchronous=FULL", db, writers).await?;
    }
    let Some(server) = &options.postgres else {
        report.skip("event append on PostgreSQL", "no --postgres and no STADION_TEST_POSTGRES");
        return Ok(());
    };
    for writers in WRITERS {
        one(options, report, "PostgreSQL, fsync=on", fresh(server).await?, writers).await?;
    }
    Ok(())
}

/// A database for one run.
pub(crate) async fn fresh(server: &str) -> anyhow::Result<Db> {
    let name = format!("stadion_load_{}", Uuid::new_v4().simple());
    let url = postgres::create_database(server, &name).await?;
    Ok(postgres::connect(&url, postgres::Options::default()).await?)
}

async fn one(
    options: &Options,
    report: &mut Report,
    engine: &str,
    db: Db,
    writers: usize,
) -> anyhow::Result<()> {
    let run = run(db, writers, options.seconds()).await.with_context(|| engine.to_owned())?;
    let conditions = format!(
        "{PAYLOAD_BYTES} B, one event an append, {} s, following reader saw {} events and 0 gaps; append p50 {:.1} ms, p99 {:.1} ms",
        options.seconds(),
        run.events,
        run.p50_ms,
        run.p99_ms,
    );
    report.figure(
        format!("append, {engine}, {writers} writers"),
        (run.events_per_s, "events/s"),
        "0 gaps",
        conditions,
    );
    Ok(())
}

/// What a number of writers did.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// All of them were seen by the reader that follows.
    pub(crate) events: u64,
    pub(crate) events_per_s: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

/// # Errors
/// A store that fails, or a following reader that missed something.
pub(crate) async fn run(db: Db, writers: usize, seconds: u64) -> anyhow::Result<Run> {
    SPINE.apply(&db).await?;
    let store: Arc<dyn EventStore> = Arc::new(SqlEventStore::open(db).await?);
    let written = Arc::new(AtomicBool::new(false));
    let mut readers = JoinSet::new();
    readers.spawn(follow(store.clone(), written.clone()));

    let begun = Instant::now();
    let until = begun + Duration::from_secs(seconds);
    let mut tasks = JoinSet::new();
    for _ in 0..writers {
        tasks.spawn(write(store.clone(), until));
    }
    let mut took = durations()?;
    while let Some(one) = tasks.join_next().await {
        took.add(one??)?;
    }
    let elapsed = begun.elapsed();
    written.store(true, Ordering::SeqCst);
    let seen = readers.join_next().await.context("the reader is gone")???;

    let events = took.len();
    if seen.gaps > 0 || seen.events != events {
        bail!("{events} appended, {} seen, {} gaps", seen.events, seen.gaps);
    }
    Ok(Run {
        events,
        events_per_s: count(events) / elapsed.as_secs_f64(),
        p50_ms: ms(took.value_at_quantile(0.5)),
        p99_ms: ms(took.value_at_quantile(0.99)),
    })
}

/// One stream, one event at a time, each at the version it expects.
async fn write(store: Arc<dyn EventStore>, until: Instant) -> anyhow::Result<Histogram<u64>> {
    let stream = StreamId::named(&format!("load-{}", Uuid::new_v4()));
    let payload = Bytes::from(vec![7; PAYLOAD_BYTES]);
    let mut took = durations()?;
    let mut version = 0;
    while Instant::now() < until {
        let event = NewEvent {
            event_id: Uuid::now_v7(),
            kind: "stadion.load.v1.Appended".to_owned(),
            schema_ver: 1,
            payload: payload.clone(),
            meta: proto::envelope::Meta { actor: "service:load".to_owned(), ..Default::default() },
        };
        let write = Write {
            stream: stream.clone(),
            partition_key: stream.as_str().to_owned(),
            expected: Expected::Exactly(version),
            events: vec![event],
        };
        let begun = Instant::now();
        match store.append(Append { writes: vec![write], ..Append::default() }).await? {
            Outcome::Appended { .. } => record(&mut took, begun.elapsed()),
            other => bail!("an append was not taken: {other:?}"),
        }
        version += 1;
    }
    Ok(took)
}

struct Seen {
    events: u64,
    gaps: u64,
}

/// Reads behind the writers until they have ended and nothing is left.
async fn follow(store: Arc<dyn EventStore>, written: Arc<AtomicBool>) -> anyhow::Result<Seen> {
    let mut seen = Seen { events: 0, gaps: 0 };
    let mut after: Position = 0;
    let mut news = store.watch();
    loop {
        let ended = written.load(Ordering::SeqCst);
        news.mark_unchanged();
        let page = store.read_all(after, PAGE).await?;
        for event in &page {
            seen.gaps += u64::from(event.position != after + 1);
            seen.events += 1;
            after = event.position;
        }
        if page.is_empty() {
            if ended {
                return Ok(seen);
            }
            // News or not: the next look tells.
            let _ = tokio::time::timeout(Duration::from_millis(50), news.changed()).await;
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
fn ms(micros: u64) -> f64 {
    micros as f64 / 1_000.0
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn count(events: u64) -> f64 {
    events as f64
}
