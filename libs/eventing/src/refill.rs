//! State topics that the log has lost, told again from their owner's tables.
//!
//! A log keeps the newest value of each key for ever. One that was lost, or came back empty, says nothing of what was told
//! before, and the outbox has forgotten it. So whoever owns the outbox looks first: where a topic has never held
//! anything and the owner's table has, every value of it is published before anything new. A refill that was interrupted
//! goes on behind the last page.

use async_trait::async_trait;
use kernel::Refusal;
use proto::envelope::{Record, State, record::Body};
use tracing::warn;

use crate::{
    args,
    bus::{BusError, LogSink, Routed, Topic},
    consume::Ground,
    outbox,
    sql::DbError,
};

/// Values published in one go.
const PAGE: usize = 500;

/// A service's state topics, as tables it can page through.
#[async_trait]
pub trait StateTables: Send + Sync + 'static {
    /// Those of which [`StateTables::page`] knows.
    fn topics(&self) -> Vec<Topic>;

    /// Values of `topic` with `key > after_key`, ordered by key, at most `max`. An unknown topic is `not_found`.
    async fn page(&self, topic: &str, after_key: &str, max: usize) -> Result<Vec<State>, Refusal>;
}

/// Looks at each topic, and tells again what is missing.
pub(crate) async fn refill(
    ground: &Ground,
    tables: &dyn StateTables,
    sink: &dyn LogSink,
) -> Result<(), String> {
    'topics: for topic in tables.topics() {
        let Some(mut after) = begin(ground, tables, &topic).await? else { continue };
        warn!(topic = topic.name, "the log lacks this state: it is told again");
        let generation =
            outbox::generation_of(&ground.db, &topic).await.map_err(|error| error.to_string())?;
        loop {
            if ground.shutdown.is_cancelled() {
                return Ok(());
            }
            let values = page(tables, &topic, &after, PAGE).await?;
            let Some(last) = values.last() else { break };
            after = last.key.clone();
            let records: Vec<Routed> =
                values.into_iter().map(|value| routed(ground.service, value, generation)).collect();
            match sink.publish(&topic, &records).await {
                Ok(()) => {}
                // It stops no other; whoever owns the outbox next goes on here.
                Err(BusError::Refused(reason)) => {
                    warn!(topic = topic.name, reason, "the log refuses to be told this state again");
                    continue 'topics;
                }
                Err(error) => return Err(error.to_string()),
            }
            note(ground, &topic, &after).await.map_err(|error| error.to_string())?;
        }
        let done = ground.db.execute("DELETE FROM es_refill WHERE topic = $1", args![topic.name.as_str()]);
        done.await.map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// The key behind which values are to be told; `None` where nothing is missing.
async fn begin(ground: &Ground, tables: &dyn StateTables, topic: &Topic) -> Result<Option<String>, String> {
    let ends = match ground.bus.ends(topic).await {
        Ok(ends) => ends,
        // It stops no other; whoever owns the outbox next looks again.
        Err(BusError::Refused(reason)) => {
            warn!(topic = topic.name, reason, "the log refuses to be asked for this state");
            // By then it may hold what was put meanwhile: it is told from its beginning all the same.
            let sql =
                "INSERT INTO es_refill (topic, after_key) VALUES ($1, '') ON CONFLICT (topic) DO NOTHING";
            let noted = ground.db.execute(sql, args![topic.name.as_str()]).await;
            noted.map_err(|error| error.to_string())?;
            return Ok(None);
        }
        Err(error) => return Err(error.to_string()),
    };
    if ends.iter().any(|end| *end > 0) {
        let sql = "SELECT after_key FROM es_refill WHERE topic = $1";
        let begun = ground.db.fetch_one(sql, args![topic.name.as_str()]).await;
        let begun = begun.and_then(|row| row.map(|row| row.get(0)).transpose());
        return begun.map_err(|error| error.to_string());
    }
    if page(tables, topic, "", 1).await?.is_empty() {
        return Ok(None);
    }
    note(ground, topic, "").await.map_err(|error| error.to_string())?;
    Ok(Some(String::new()))
}

async fn page(
    tables: &dyn StateTables,
    topic: &Topic,
    after: &str,
    max: usize,
) -> Result<Vec<State>, String> {
    tables.page(&topic.name, after, max).await.map_err(|refusal| refusal.to_string())
}

async fn note(ground: &Ground, topic: &Topic, after: &str) -> Result<(), DbError> {
    let sql = "INSERT INTO es_refill (topic, after_key) VALUES ($1, $2)
               ON CONFLICT (topic) DO UPDATE SET after_key = excluded.after_key";
    ground.db.execute(sql, args![topic.name.as_str(), after]).await.map(drop)
}

/// Tables count within their generation; the log's revisions have both.
fn routed(service: &str, value: State, generation: i64) -> Routed {
    let value = State { revision: value.revision + generation.unsigned_abs(), ..value };
    Routed::by_key(Record { source: service.to_owned(), body: Some(Body::State(value)) })
}
