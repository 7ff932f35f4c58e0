//! State values leave through a table of the same transaction that made them.

use bytes::Bytes;
use proto::envelope::{Parcel, Record, State, record::Body};
use uuid::Uuid;

use crate::{
    args,
    bus::{LogSink, Routed, Topic, TopicKind},
    event::Plain,
    sealing::Plans,
    sql::{Db, DbError, Engine, Tx},
};
use prost::Message;

/// Values published in one go.
const BATCH: i64 = 500;

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
    put_sealed(tx, topic, key, partition_key, revision, parcel).await
}

/// Puts a value whose personal fields [`crate::sealing::Sealer::parcel`] has sealed.
pub async fn put_sealed(
    tx: &mut dyn Tx,
    topic: &Topic,
    key: &str,
    partition_key: &str,
    revision: i64,
    value: Parcel,
) -> Result<(), DbError> {
    let state = State {
        key: key.to_owned(),
        partition_key: partition_key.to_owned(),
        revision: revision.unsigned_abs(),
        value: Some(value),
    };
    tx.execute(
        "INSERT INTO es_outbox (topic, key, partition_key, revision, payload) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (topic, key) DO UPDATE SET revision = excluded.revision, payload = excluded.payload
         WHERE excluded.revision > es_outbox.revision",
        args![topic.name.as_str(), key, partition_key, revision, state.encode_to_vec()],
    )
    .await?;
    Ok(())
}

/// A value that a projection is overtaking at this moment is left to it: to wait for it here and there for us is a circle.
const fn forget(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => "DELETE FROM es_outbox WHERE topic = $1 AND key = $2 AND revision = $3",
        Engine::Postgres => {
            "DELETE FROM es_outbox WHERE ctid IN (SELECT ctid FROM es_outbox
               WHERE topic = $1 AND key = $2 AND revision = $3 FOR UPDATE SKIP LOCKED)"
        }
    }
}

/// Publishes what waits, then forgets it unless it has been overtaken meanwhile. The number published.
pub(crate) async fn flush(db: &Db, sink: &dyn LogSink, service: &str) -> Result<usize, String> {
    let rows = db
        .fetch(
            "SELECT topic, key, revision, payload FROM es_outbox ORDER BY topic, key LIMIT $1",
            args![BATCH],
        )
        .await
        .map_err(|error| error.to_string())?;
    if rows.is_empty() {
        return Ok(0);
    }
    let mut by_topic: Vec<(String, Vec<Routed>)> = Vec::new();
    let mut published: Vec<(String, String, i64)> = Vec::new();
    for row in &rows {
        let read = || {
            Ok::<_, DbError>((
                row.get::<String>(0)?,
                row.get::<String>(1)?,
                row.get::<i64>(2)?,
                row.get::<Bytes>(3)?,
            ))
        };
        let (topic, key, revision, payload) = read().map_err(|error| error.to_string())?;
        let state = State::decode(payload).map_err(|error| error.to_string())?;
        let routed = Routed::by_key(Record { source: service.to_owned(), body: Some(Body::State(state)) });
        match by_topic.last_mut().filter(|(last, _)| *last == topic) {
            Some((_, records)) => records.push(routed),
            None => by_topic.push((topic.clone(), vec![routed])),
        }
        published.push((topic, key, revision));
    }
    for (name, records) in by_topic {
        let topic = Topic { name, kind: TopicKind::State };
        sink.publish(&topic, &records).await.map_err(|error| error.to_string())?;
    }
    let count = published.len();
    db.transact(move |tx| {
        Box::pin(async move {
            for (topic, key, revision) in published {
                tx.execute(forget(tx.engine()), args![topic, key, revision]).await?;
            }
            Ok::<_, DbError>(())
        })
    })
    .await
    .map_err(|error| error.to_string())?;
    Ok(count)
}
