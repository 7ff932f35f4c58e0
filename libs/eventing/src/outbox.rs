//! State values leave through a table of the same transaction that made them.

use std::time::Duration;

use bytes::Bytes;
use proto::envelope::{Parcel, Record, State, record::Body};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    args,
    bus::{BusError, CONTENT_BYTES_MAX, LogSink, Routed, Topic, TopicKind},
    consume::{Ground, reader_name, while_owned},
    event::Plain,
    many::Rows,
    refill::refill,
    sealing::Plans,
    sql::{Db, DbError, Engine, Row, Tx, quick},
};
use prost::Message;

/// A generation above the counter of a row: values that were made anew win over all that were published before, see
/// [`crate::rebuild`].
pub(crate) const GENERATION: i64 = 1 << 40;
/// Values published in one go.
const BATCH: i64 = 500;
/// The outbox' resource.
pub(crate) const OUTBOX: &str = "outbox";
/// How often the outbox is looked at: while something happens, and while nothing does. State is what others see.
const LOOK_BUSY: Duration = Duration::from_millis(10);
const LOOK_IDLE: Duration = Duration::from_millis(200);
/// After news, projections may still be at work for so long.
const ALERT: Duration = Duration::from_millis(300);

/// Puts a value that has no personal field. `revision` only compares two values of the same key; the higher wins.
pub async fn put(
    tx: &mut dyn Tx,
    topic: &Topic,
    key: &str,
    partition_key: &str,
    revision: i64,
    value: &Plain,
) -> Result<(), DbError> {
    if Plans::of_contract().of(&value.kind).is_some() {
        return Err(DbError::Statement(format!(
            "{} has personal fields: seal it with put_sealed",
            value.kind
        )));
    }
    let parcel = Parcel {
        r#type: value.kind.clone(),
        schema_ver: value.schema_ver,
        payload: value.payload.clone(),
        sealed: Vec::new(),
        parcel_id: Bytes::copy_from_slice(Uuid::new_v4().as_bytes()),
    };
    put_sealed(tx, topic, (key, partition_key), revision, parcel, "").await
}

/// Puts a value whose personal fields [`crate::sealing::Sealer::parcel`] has sealed. `trace_parent`: of the event that
/// made it so; empty when nobody is to follow it.
pub async fn put_sealed(
    tx: &mut dyn Tx,
    topic: &Topic,
    (key, partition_key): (&str, &str),
    revision: i64,
    value: Parcel,
    trace_parent: &str,
) -> Result<(), DbError> {
    let value = Sealed { key, partition_key, revision, value, trace_parent };
    put_all(tx, topic, [value]).await
}

/// A value with its personal fields sealed: see [`put_sealed`].
#[derive(Debug)]
pub struct Sealed<'a> {
    pub key: &'a str,
    pub partition_key: &'a str,
    pub revision: i64,
    pub value: Parcel,
    pub trace_parent: &'a str,
}

/// Puts values of one topic, as [`put_sealed`] does each, in few statements. A key that comes twice is put as it comes last.
pub async fn put_all(
    tx: &mut dyn Tx,
    topic: &Topic,
    values: impl IntoIterator<Item = Sealed<'_>> + Send,
) -> Result<(), DbError> {
    let mut rows = Rows::new(
        "INSERT INTO es_outbox (topic, key, partition_key, revision, payload)",
        2,
        "ON CONFLICT (topic, key) DO UPDATE SET revision = excluded.revision, payload = excluded.payload
         WHERE excluded.revision > es_outbox.revision",
    );
    let generation = generation(tx, topic).await?;
    for sealed in values {
        let state = State {
            key: sealed.key.to_owned(),
            partition_key: sealed.partition_key.to_owned(),
            revision: sealed.revision.unsigned_abs(),
            value: Some(sealed.value),
            trace_parent: sealed.trace_parent.to_owned(),
        };
        let bytes = state.encoded_len();
        if bytes > CONTENT_BYTES_MAX {
            return Err(DbError::Statement(format!(
                "the value of {} for {} has {bytes} bytes and may have {CONTENT_BYTES_MAX}",
                state.key, topic.name
            )));
        }
        let revision = sealed.revision + generation;
        rows.put(args![
            topic.name.as_str(),
            sealed.key,
            sealed.partition_key,
            revision,
            state.encode_to_vec()
        ]);
    }
    rows.write(tx).await
}

const COUNT: &str = "SELECT generation FROM es_generation WHERE topic = $1";

/// What is added to a row's counter.
async fn generation(tx: &mut dyn Tx, topic: &Topic) -> Result<i64, DbError> {
    of_count(tx.fetch_one(COUNT, args![topic.name.as_str()]).await?)
}

/// As [`generation`], outside a transaction.
pub(crate) async fn generation_of(db: &Db, topic: &Topic) -> Result<i64, DbError> {
    of_count(db.fetch_one(COUNT, args![topic.name.as_str()]).await?)
}

fn of_count(row: Option<Row>) -> Result<i64, DbError> {
    let count: i64 = row.map_or(Ok(0), |row| row.get(0))?;
    Ok(count * GENERATION)
}

/// Publishes what waits while the outbox is owned here. Two who publish the same key could overtake each other; the sink
/// is opened before anything is read, so what an earlier owner still had on its way is older, and stands before it.
pub(crate) async fn send(ground: Ground) {
    while_owned(&ground, OUTBOX, |_| empty(&ground)).await;
}

async fn empty(ground: &Ground) -> Result<(), String> {
    let name = reader_name(ground.service, OUTBOX);
    let sink = ground.bus.exclusive_sink(&name).await.map_err(|error| error.to_string())?;
    if let Some(tables) = &ground.state {
        refill(ground, &**tables, &*sink).await?;
    }
    let mut waiting = Outbox::new(&ground.db, &*sink, ground.service);
    let mut head = ground.store.watch();
    let mut alert_until = Instant::now();
    while !ground.shutdown.is_cancelled() {
        if waiting.flush().await? > 0 {
            continue;
        }
        let pause = if Instant::now() < alert_until { LOOK_BUSY } else { LOOK_IDLE };
        let news = tokio::select! {
            biased;
            () = ground.shutdown.cancelled() => return Ok(()),
            () = tokio::time::sleep(pause) => false,
            // Rows may come of another's events too: the pause looks for those.
            changed = head.changed(), if pause == LOOK_IDLE => changed.is_ok(),
        };
        if news || head.has_changed().unwrap_or_default() {
            head.mark_unchanged();
            alert_until = Instant::now() + ALERT;
        }
    }
    Ok(())
}

/// Publishes what waits, each time from where the last time ended: a key that is never at rest starves no other.
struct Outbox<'a> {
    db: &'a Db,
    sink: &'a dyn LogSink,
    service: &'a str,
    /// The topic and key up to which the last page reached.
    reached: (String, String),
    /// What the log refused since the last turn began.
    refused: Option<String>,
}

/// A row, and the record that it becomes.
struct Waiting {
    key: String,
    revision: i64,
    record: Routed,
}

impl<'a> Outbox<'a> {
    fn new(db: &'a Db, sink: &'a dyn LogSink, service: &'a str) -> Self {
        Self { db, sink, service, reached: Default::default(), refused: None }
    }

    /// Publishes a page, topic by topic, and forgets of it what has not been overtaken meanwhile. The number tried; 0
    /// when nothing waits. A topic that the log refuses stops no other: it is told when all have had their turn.
    async fn flush(&mut self) -> Result<usize, String> {
        let mut page = self.page().await?;
        if page.is_empty() && !self.reached.0.is_empty() {
            self.reached = Default::default();
            if let Some(refused) = self.refused.take() {
                return Err(refused);
            }
            page = self.page().await?;
        }
        let mut tried = 0;
        for (name, waiting) in page {
            if let Some(last) = waiting.last() {
                self.reached = (name.clone(), last.key.clone());
            }
            let topic = Topic { name, kind: TopicKind::State };
            tried += waiting.len();
            match self.publish(&topic, waiting).await? {
                Ok(()) => {}
                Err(refused) => self.refused = Some(refused),
            }
        }
        Ok(tried)
    }

    async fn page(&self) -> Result<Vec<(String, Vec<Waiting>)>, String> {
        let sql = "SELECT topic, key, revision, payload FROM es_outbox WHERE (topic, key) > ($1, $2)
                   ORDER BY topic, key LIMIT $3";
        let (topic, key) = &self.reached;
        let rows = self.db.fetch(sql, args![topic, key, BATCH]).await.map_err(|error| error.to_string())?;
        let mut by_topic: Vec<(String, Vec<Waiting>)> = Vec::new();
        for row in &rows {
            let topic: String = row.get(0).map_err(|error| error.to_string())?;
            let waiting = self.waiting(row)?;
            match by_topic.last_mut().filter(|(last, _)| *last == topic) {
                Some((_, page)) => page.push(waiting),
                None => by_topic.push((topic, vec![waiting])),
            }
        }
        Ok(by_topic)
    }

    fn waiting(&self, row: &Row) -> Result<Waiting, String> {
        let read = || Ok::<_, DbError>((row.get::<String>(1)?, row.get::<i64>(2)?, row.get::<Bytes>(3)?));
        let (key, revision, payload) = read().map_err(|error| error.to_string())?;
        let state = State::decode(payload).map_err(|error| error.to_string())?;
        // Generation and counter, as the row has them.
        let state = State { revision: revision.unsigned_abs(), ..state };
        let record =
            Routed::by_key(Record { source: self.service.to_owned(), body: Some(Body::State(state)) });
        Ok(Waiting { key, revision, record })
    }

    /// `Ok(Err(…))`: the log refuses this topic.
    async fn publish(&self, topic: &Topic, waiting: Vec<Waiting>) -> Result<Result<(), String>, String> {
        let (keys, records): (Vec<(String, i64)>, Vec<Routed>) =
            waiting.into_iter().map(|one| ((one.key, one.revision), one.record)).unzip();
        match self.sink.publish(topic, &records).await {
            Ok(()) => {}
            Err(BusError::Refused(reason)) => return Ok(Err(reason)),
            Err(error) => return Err(error.to_string()),
        }
        let mut published = args![topic.name.as_str()];
        for (key, revision) in keys {
            published.extend(args![key, revision]);
        }
        let sql = forget(self.db.engine(), records.len());
        self.db.settle(&sql, published).await.map_err(|error| error.to_string())?;
        Ok(Ok(()))
    }
}

/// Forgets `count` values of a topic where they are still as they were published. A value that a projection is overtaking
/// at this moment is left to it: to wait for it here and there for us is a circle.
fn forget(engine: Engine, count: usize) -> String {
    let places: Vec<String> = (1..=count).map(|one| format!("(${}, ${})", 2 * one, 2 * one + 1)).collect();
    let published = format!(
        "topic = $1 AND (key, revision) IN (SELECT column1, column2 FROM (VALUES {}) AS sent)",
        places.join(", ")
    );
    match engine {
        Engine::Sqlite => format!("DELETE FROM es_outbox WHERE {published}"),
        Engine::Postgres => format!(
            "DELETE FROM es_outbox USING {} WHERE es_outbox.ctid IN
               (SELECT ctid FROM es_outbox WHERE {published} FOR UPDATE SKIP LOCKED)",
            quick(engine)
        ),
    }
}
