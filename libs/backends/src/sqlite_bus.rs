//! The log as a SQLite file: the same topics, partitions and offsets as on Kafka, for one process.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use eventing::{
    args,
    bus::{Batch, Bus, BusError, LogSink, LogSource, PARTITIONS, Routed, Topic, TopicKind},
    migrate::Migrations,
    sql::{Db, DbError, Tx},
};
use kernel::Clock;
use prost::Message;
use proto::envelope::{self, Record, record::Body};
use tokio::sync::watch;

/// The bus file's schema.
pub const BUS_MIGRATIONS: Migrations = Migrations {
    service: "bus",
    sqlite: &[("0001_create_bus", include_str!("../../../migrations/sqlite/bus/0001_create_bus.sql"))],
    postgres: &[],
};

/// How long a source waits for news before it answers with nothing.
const PATIENCE: Duration = Duration::from_millis(500);
/// Stored batches read of one partition in one poll.
const ROWS_MAX: i64 = 200;

/// The end of each partition of a topic; its readers wait for it to move.
type Ends = watch::Sender<Vec<i64>>;

/// One process' log. Readers are woken by what this process publishes; the file alone is the truth.
#[derive(Clone)]
pub struct SqliteBus {
    db: Db,
    clock: Arc<dyn Clock>,
    topics: Arc<Mutex<HashMap<String, Ends>>>,
    /// How often each exclusive sink was opened: the last opening counts.
    openings: Arc<Mutex<HashMap<String, u64>>>,
}

impl SqliteBus {
    /// `db` is the bus file, migrated with [`BUS_MIGRATIONS`].
    pub async fn open(db: Db, clock: Arc<dyn Clock>) -> Result<Self, DbError> {
        let bus = Self { db, clock, topics: Arc::default(), openings: Arc::default() };
        for row in bus.db.fetch("SELECT topic, part, next_offset FROM bus_part", vec![]).await? {
            bus.moved(&row.get::<String>(0)?, [(row.get(1)?, row.get(2)?)]);
        }
        Ok(bus)
    }

    /// Forgets event batches older than `before_us`; state topics keep their newest values. The number forgotten.
    pub async fn sweep(&self, before_us: i64) -> Result<u64, DbError> {
        self.db.execute("DELETE FROM bus_batch WHERE key IS NULL AND at_us < $1", args![before_us]).await
    }

    fn topic(&self, topic: &str) -> Ends {
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = topics.get(topic) {
            return known.clone();
        }
        topics.entry(topic.to_owned()).or_insert_with(|| Ends::new(vec![0; PARTITIONS as usize])).clone()
    }

    fn moved(&self, topic: &str, to: impl IntoIterator<Item = (u32, i64)>) {
        self.topic(topic).send_modify(|ends| {
            for (part, next) in to {
                if let Some(end) = ends.get_mut(part as usize) {
                    *end = next.max(*end);
                }
            }
        });
    }
}

fn unavailable(error: DbError) -> BusError {
    BusError::Unavailable(error.to_string())
}

#[async_trait]
impl LogSink for SqliteBus {
    async fn publish(&self, topic: &Topic, records: &[Routed]) -> Result<(), BusError> {
        self.write(topic, records, || true).await
    }
}

impl SqliteBus {
    /// Stores the records if `allowed` still says so when it is their turn.
    async fn write<F>(&self, topic: &Topic, records: &[Routed], allowed: F) -> Result<(), BusError>
    where
        F: Fn() -> bool + Send + 'static,
    {
        let rows = stored_rows(topic, records);
        if rows.is_empty() {
            return Ok(());
        }
        let (name, at_us) = (topic.name.clone(), kernel::time::micros(self.clock.now()));
        let stored = self.db.transact(move |tx| {
            Box::pin(async move {
                if !allowed() {
                    return Err(DbError::Statement("this sink was opened again elsewhere".to_owned()));
                }
                append(tx, &name, rows, at_us).await
            })
        });
        self.moved(&topic.name, stored.await.map_err(unavailable)?);
        Ok(())
    }

    fn with_openings<T>(&self, act: impl FnOnce(&mut HashMap<String, u64>) -> T) -> T {
        act(&mut self.openings.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The data folder has one process, and its store one writer: what comes later is decided there.
struct ExclusiveSink {
    bus: SqliteBus,
    name: String,
    opening: u64,
}

#[async_trait]
impl LogSink for ExclusiveSink {
    async fn publish(&self, topic: &Topic, records: &[Routed]) -> Result<(), BusError> {
        let (bus, name, opening) = (self.bus.clone(), self.name.clone(), self.opening);
        let is_last = move || bus.with_openings(|openings| openings.get(&name) == Some(&opening));
        self.bus.write(topic, records, is_last).await
    }
}

/// A row to be stored: a batch of one partition, or one value of a state topic.
struct StoredRow {
    part: u32,
    key: Option<String>,
    records: Vec<Record>,
}

fn stored_rows(topic: &Topic, records: &[Routed]) -> Vec<StoredRow> {
    let mut rows: Vec<StoredRow> = Vec::new();
    for routed in records {
        let key = match (&topic.kind, &routed.record.body) {
            (TopicKind::State, Some(Body::State(state))) => Some(state.key.clone()),
            _ => None,
        };
        let open = rows.iter_mut().find(|row| row.part == routed.part && row.key.is_none() && key.is_none());
        match open {
            Some(row) => row.records.push(routed.record.clone()),
            None => rows.push(StoredRow { part: routed.part, key, records: vec![routed.record.clone()] }),
        }
    }
    rows
}

async fn append(
    tx: &mut dyn Tx,
    topic: &str,
    rows: Vec<StoredRow>,
    at_us: i64,
) -> Result<HashMap<u32, i64>, DbError> {
    let mut ends: HashMap<u32, i64> = HashMap::new();
    for row in tx.fetch("SELECT part, next_offset FROM bus_part WHERE topic = $1", args![topic]).await? {
        ends.insert(row.get(0)?, row.get(1)?);
    }
    let mut touched: HashMap<u32, i64> = HashMap::new();
    for row in rows {
        let first = ends.get(&row.part).copied().unwrap_or_default();
        let next = first + i64::try_from(row.records.len()).unwrap_or(i64::MAX);
        if let Some(key) = &row.key {
            tx.execute(
                "DELETE FROM bus_batch WHERE topic = $1 AND part = $2 AND key = $3",
                args![topic, row.part, key],
            )
            .await?;
        }
        let body = envelope::Batch { records: row.records }.encode_to_vec();
        tx.execute(
            "INSERT INTO bus_batch (topic, part, first_offset, next_offset, key, body, at_us) VALUES ($1, $2, $3, $4, $5, $6, $7)",
            args![topic, row.part, first, next, row.key, body, at_us],
        )
        .await?;
        ends.insert(row.part, next);
        touched.insert(row.part, next);
    }
    for (part, next) in &touched {
        tx.execute(
            "INSERT INTO bus_part (topic, part, next_offset) VALUES ($1, $2, $3)
             ON CONFLICT (topic, part) DO UPDATE SET next_offset = excluded.next_offset",
            args![topic, *part, *next],
        )
        .await?;
    }
    Ok(touched)
}

#[async_trait]
impl Bus for SqliteBus {
    async fn exclusive_sink(&self, name: &str) -> Result<Arc<dyn LogSink>, BusError> {
        let opening = self.with_openings(|openings| {
            let opening = openings.entry(name.to_owned()).or_default();
            *opening += 1;
            *opening
        });
        Ok(Arc::new(ExclusiveSink { bus: self.clone(), name: name.to_owned(), opening }))
    }

    async fn source(
        &self,
        _reader: &str,
        topic: &Topic,
        from: &[(u32, i64)],
    ) -> Result<Box<dyn LogSource>, BusError> {
        Ok(Box::new(SqliteSource {
            bus: self.clone(),
            topic: topic.name.clone(),
            kind: topic.kind,
            places: from.to_vec(),
            first: 0,
            ends: self.topic(&topic.name).subscribe(),
        }))
    }

    async fn ends(&self, topic: &Topic) -> Result<Vec<i64>, BusError> {
        Ok(self.topic(&topic.name).borrow().clone())
    }

    async fn begins(&self, topic: &Topic) -> Result<Vec<i64>, BusError> {
        let mut begins = self.topic(&topic.name).borrow().clone();
        let sql = "SELECT part, MIN(first_offset) FROM bus_batch WHERE topic = $1 GROUP BY part";
        for row in self.db.fetch(sql, args![topic.name.as_str()]).await.map_err(unavailable)? {
            let (part, first): (u32, i64) =
                (row.get(0).map_err(unavailable)?, row.get(1).map_err(unavailable)?);
            if let Some(begin) = begins.get_mut(part as usize) {
                *begin = first;
            }
        }
        Ok(begins)
    }
}

struct SqliteSource {
    bus: SqliteBus,
    topic: String,
    kind: TopicKind,
    places: Vec<(u32, i64)>,
    /// The partition whose turn it is to be read first.
    first: usize,
    ends: watch::Receiver<Vec<i64>>,
}

#[async_trait]
impl LogSource for SqliteSource {
    async fn poll(&mut self, max: usize) -> Result<Vec<Batch>, BusError> {
        let behind = |ends: &Vec<i64>| {
            self.places.iter().any(|(part, offset)| ends.get(*part as usize).is_some_and(|end| end > offset))
        };
        // Whether news came or time passed: the ends tell.
        let _ = tokio::time::timeout(PATIENCE, self.ends.wait_for(behind)).await;
        let ends = self.ends.borrow_and_update().clone();
        let mut batches = Vec::new();
        let mut left = max;
        for turn in 0..self.places.len() {
            let index = (self.first + turn) % self.places.len();
            let Some((part, offset)) = self.places.get(index).copied() else { continue };
            if left == 0 || ends.get(part as usize).is_none_or(|end| *end <= offset) {
                continue;
            }
            let batch = self.read(part, offset, left).await?;
            left = left.saturating_sub(batch.records.len());
            if let Some(place) = self.places.get_mut(index) {
                place.1 = batch.next_offset;
            }
            batches.push(batch);
        }
        self.first = self.first.wrapping_add(1);
        Ok(batches)
    }
}

impl SqliteSource {
    /// At most `max` records of one partition, whole stored batches except the one that begins before `offset`.
    async fn read(&self, part: u32, offset: i64, max: usize) -> Result<Batch, BusError> {
        // The stored batch that `offset` lies in begins at it or before: nothing further back is looked at.
        let sql = "SELECT first_offset, next_offset, body FROM bus_batch
             WHERE topic = $1 AND part = $2 AND next_offset > $3 AND first_offset >= COALESCE(
                 (SELECT MAX(first_offset) FROM bus_batch WHERE topic = $1 AND part = $2 AND first_offset <= $3), 0)
             ORDER BY first_offset LIMIT $4";
        let rows = self
            .bus
            .db
            .fetch(sql, args![self.topic.as_str(), part, offset, ROWS_MAX])
            .await
            .map_err(unavailable)?;
        let first = rows.first().map(|row| row.get::<i64>(0)).transpose().map_err(unavailable)?;
        if self.kind == TopicKind::Events && first.is_none_or(|first| first > offset) {
            // Events stand side by side: whoever goes on behind what was swept would miss it without a word.
            let gone = format!("{}/{part} no longer keeps offset {offset}", self.topic);
            return Err(BusError::Unavailable(gone));
        }
        let (mut records, mut unreadable) = (Vec::new(), Vec::new());
        let mut next_offset = offset;
        for row in &rows {
            if records.len() >= max {
                break;
            }
            let first: i64 = row.get(0).map_err(unavailable)?;
            next_offset = row.get(1).map_err(unavailable)?;
            let body: Bytes = row.get(2).map_err(unavailable)?;
            match envelope::Batch::decode(body.clone()) {
                Ok(batch) => records.extend((first..).zip(batch.records).filter(|(at, _)| *at >= offset)),
                Err(_) => unreadable.push((next_offset - 1, body)),
            }
        }
        if rows.is_empty() {
            // Everything up to the end was overtaken by newer values.
            next_offset = self.ends.borrow().get(part as usize).copied().unwrap_or(offset).max(offset);
        }
        Ok(Batch { part, records, unreadable, next_offset })
    }
}
