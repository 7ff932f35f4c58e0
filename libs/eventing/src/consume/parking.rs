//! Dead letters: a poison event's key waits with its bytes, later events of that key wait behind it, others go on.

use std::collections::HashSet;

use bytes::Bytes;
use prost::Message;
use proto::envelope;

use super::step::Taken;
use crate::{
    args,
    event::{Incoming, Recorded},
    sealing::Sealer,
    sql::{Db, DbError, Tx},
};

/// A parked event as `stadion replay` lists it.
#[derive(Clone, Debug)]
pub struct Parked {
    pub consumer: String,
    pub source: String,
    pub part: u32,
    pub pos: i64,
    pub key: String,
    pub error: String,
    pub attempts: i64,
    pub record: Bytes,
}

/// What a replay has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    pub released: usize,
    pub still_parked: usize,
}

pub(crate) async fn parked_keys(tx: &mut dyn Tx, consumer: &str) -> Result<HashSet<String>, DbError> {
    let rows = tx.fetch("SELECT DISTINCT key FROM es_dlq WHERE consumer = $1", args![consumer]).await?;
    rows.iter().map(|row| row.get(0)).collect()
}

pub(crate) async fn park(
    tx: &mut dyn Tx,
    consumer: &str,
    source: &str,
    taken: &Taken,
    error: &str,
    attempts: u32,
) -> Result<(), DbError> {
    // Unreadable records have no position of their own: their offset stands in, below zero so that they never meet.
    let pos = match &taken.opened {
        Ok(incoming) => incoming.event.position,
        Err(_) => Recorded::from_proto(envelope::Event::decode(taken.bytes.clone()).unwrap_or_default())
            .map_or(-taken.to.log_offset, |event| event.position),
    };
    tx.execute(
        "INSERT INTO es_dlq (consumer, source, part, pos, key, record, error, attempts)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (consumer, source, part, pos) DO NOTHING",
        args![consumer, source, taken.to.part, pos, &taken.key, taken.bytes.clone(), error, attempts],
    )
    .await?;
    Ok(())
}

pub(crate) async fn parked(db: &Db, consumer: &str) -> Result<Vec<Parked>, DbError> {
    let rows = db
        .fetch(
            "SELECT source, part, pos, key, error, attempts, record FROM es_dlq WHERE consumer = $1 ORDER BY key, pos",
            args![consumer],
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Parked {
                consumer: consumer.to_owned(),
                source: row.get(0)?,
                part: row.get(1)?,
                pos: row.get(2)?,
                key: row.get(3)?,
                error: row.get(4)?,
                attempts: row.get(5)?,
                record: row.get(6)?,
            })
        })
        .collect()
}

impl Parked {
    /// The event as its reader wants it.
    pub(crate) async fn open(&self, sealer: &Sealer) -> Result<Incoming, String> {
        let event = envelope::Event::decode(self.record.clone()).map_err(|error| error.to_string())?;
        let event = Recorded::from_proto(event).map_err(|error| error.to_string())?;
        let plain = sealer.open(std::slice::from_ref(&event)).await.map_err(|error| error.to_string())?.pop();
        let source = self.source.split(':').next_back().unwrap_or_default().to_owned();
        plain.map(|plain| Incoming { source, event, plain }).ok_or_else(|| "nothing opened".to_owned())
    }

    pub(crate) async fn forget(&self, tx: &mut dyn Tx) -> Result<(), DbError> {
        tx.execute(
            "DELETE FROM es_dlq WHERE consumer = $1 AND source = $2 AND part = $3 AND pos = $4",
            args![&self.consumer, &self.source, self.part, self.pos],
        )
        .await?;
        Ok(())
    }
}
