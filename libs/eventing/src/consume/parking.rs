//! Dead letters: a poison event's key waits with its bytes, later events of that key wait behind it, others go on.

use std::{collections::HashSet, future::Future};

use bytes::Bytes;
use prost::Message;
use proto::envelope;
use tracing::warn;

use super::{Ground, cursor::hold_places, step::Taken};
use crate::{
    args,
    event::{Incoming, Recorded},
    sealing::Sealer,
    sql::{Db, DbError, Tx},
};

/// A parked record with its bytes.
#[derive(Clone, Debug)]
pub struct Parked {
    pub consumer: String,
    pub source: String,
    pub part: u32,
    pub pos: i64,
    pub key: String,
    pub error: String,
    pub attempts: i64,
    /// 0: before that was kept.
    pub parked_us: i64,
    /// An `envelope.Event`, or bytes that are none.
    pub record: Bytes,
}

/// A key that waits at a reader, as `stadion replay` lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkedKey {
    pub consumer: String,
    /// Of the record that failed.
    pub source: String,
    pub key: String,
    /// The one that failed and all behind it.
    pub records: u64,
    /// Since when it waits; 0: before that was kept.
    pub since_us: i64,
    pub attempts: i64,
    pub error: String,
}

/// What a replay has done, in records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    pub released: usize,
    pub still_parked: usize,
}

/// Why a record is parked, and when.
pub(crate) struct Why<'a> {
    pub(crate) error: &'a str,
    pub(crate) attempts: u32,
    pub(crate) at_us: i64,
}

impl Why<'_> {
    /// It waits behind an earlier one of its key.
    pub(crate) fn behind(at_us: i64) -> Self {
        Self { error: "waits behind a parked event of its key", attempts: 0, at_us }
    }
}

/// Records of one key taken at once.
const PAGE: i64 = 100;

pub(crate) async fn parked_keys(tx: &mut dyn Tx, consumer: &str) -> Result<HashSet<String>, DbError> {
    let rows = tx.fetch("SELECT DISTINCT key FROM es_dlq WHERE consumer = $1", args![consumer]).await?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// Whether a key still waits, as the transaction sees it.
pub(crate) async fn still_waits(tx: &mut dyn Tx, consumer: &str, key: &str) -> Result<bool, DbError> {
    let sql = "SELECT pos FROM es_dlq WHERE consumer = $1 AND key = $2 LIMIT 1";
    Ok(tx.fetch_one(sql, args![consumer, key]).await?.is_some())
}

pub(crate) async fn park(
    tx: &mut dyn Tx,
    consumer: &str,
    source: &str,
    taken: &Taken,
    why: &Why<'_>,
) -> Result<(), DbError> {
    let record = taken.bytes();
    // Unreadable records have no position of their own: their offset stands in, below zero so that they never meet.
    let pos = match &taken.opened {
        Ok(incoming) => incoming.event.position,
        Err(_) => Recorded::from_proto(envelope::Event::decode(record.clone()).unwrap_or_default())
            .map_or(-taken.to.log_offset, |event| event.position),
    };
    let (part, key) = (taken.to.part, &taken.key);
    tx.execute(
        "INSERT INTO es_dlq (consumer, source, part, pos, key, record, error, attempts, parked_us)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (consumer, source, part, pos) DO NOTHING",
        args![consumer, source, part, pos, key, record, why.error, why.attempts, why.at_us],
    )
    .await?;
    Ok(())
}

/// The keys that wait, by reader and key; also those of readers that are no more. At most `max`.
pub(crate) async fn waiting_keys(db: &Db, max: u32) -> Result<Vec<ParkedKey>, DbError> {
    let rows = db
        .fetch(
            "SELECT consumer, key, COUNT(*), MIN(parked_us) FROM es_dlq GROUP BY consumer, key ORDER BY consumer, key LIMIT $1",
            args![max],
        )
        .await?;
    let mut keys = Vec::with_capacity(rows.len());
    for row in rows {
        let (consumer, key): (String, String) = (row.get(0)?, row.get(1)?);
        // Whoever waits behind was never tried.
        let failed = db
            .fetch_one(
                "SELECT source, error, attempts FROM es_dlq WHERE consumer = $1 AND key = $2
                 ORDER BY attempts DESC, source, pos LIMIT 1",
                args![&consumer, &key],
            )
            .await?;
        // Released between the two looks.
        let Some(failed) = failed else { continue };
        keys.push(ParkedKey {
            consumer,
            key,
            records: row.get(2)?,
            since_us: row.get(3)?,
            source: failed.get(0)?,
            error: failed.get(1)?,
            attempts: failed.get(2)?,
        });
    }
    Ok(keys)
}

/// The first records of a key that waits, in the order in which they will be taken.
pub(crate) async fn parked_of(db: &Db, consumer: &str, key: &str, max: i64) -> Result<Vec<Parked>, DbError> {
    let rows = db
        .fetch(
            "SELECT source, part, pos, error, attempts, parked_us, record FROM es_dlq
             WHERE consumer = $1 AND key = $2 ORDER BY source, pos LIMIT $3",
            args![consumer, key, max],
        )
        .await?;
    let read = |row: &crate::sql::Row| {
        Ok(Parked {
            consumer: consumer.to_owned(),
            key: key.to_owned(),
            source: row.get(0)?,
            part: row.get(1)?,
            pos: row.get(2)?,
            error: row.get(3)?,
            attempts: row.get(4)?,
            parked_us: row.get(5)?,
            record: row.get(6)?,
        })
    };
    rows.iter().map(read).collect()
}

/// Forgets a key with all that waits; the number of records lost.
pub(crate) async fn drop_key(db: &Db, consumer: &str, key: &str) -> Result<u64, DbError> {
    let (consumer, key) = (consumer.to_owned(), key.to_owned());
    db.transact(move |tx| {
        Box::pin(async move {
            hold_places(tx, &consumer).await?;
            tx.execute("DELETE FROM es_dlq WHERE consumer = $1 AND key = $2", args![consumer, key]).await
        })
    })
    .await
}

/// Forgets only the record that is first: what is behind it can be released then. The number of records lost.
pub(crate) async fn drop_first(db: &Db, consumer: &str, key: &str) -> Result<u64, DbError> {
    let Some(first) = parked_of(db, consumer, key, 1).await?.pop() else { return Ok(0) };
    let forgotten: bool = db
        .transact(move |tx| {
            Box::pin(async move {
                hold_places(tx, &first.consumer).await?;
                first.forget(tx).await
            })
        })
        .await?;
    Ok(forgotten.into())
}

/// Has the records of a reader's keys taken `again`, in order within each key, until none of the key waits or one is
/// refused: that one stays, with all behind it. `again` forgets what it took; `false`: somebody else took it before.
pub(crate) async fn release<F, Fut>(
    ground: &Ground,
    consumer: &str,
    only: Option<&str>,
    again: F,
) -> Result<Replayed, String>
where
    F: Fn(Parked) -> Fut,
    Fut: Future<Output = Result<bool, String>>,
{
    let mut keys: Vec<String> = ground
        .db
        .fetch("SELECT DISTINCT key FROM es_dlq WHERE consumer = $1 ORDER BY key", args![consumer])
        .await
        .and_then(|rows| rows.iter().map(|row| row.get(0)).collect())
        .map_err(|error: DbError| error.to_string())?;
    keys.retain(|key| only.is_none_or(|wanted| wanted == key));
    let mut report = Replayed::default();
    for key in keys {
        let one = release_key(ground, consumer, &key, &again).await?;
        report.released += one.released;
        report.still_parked += one.still_parked;
    }
    Ok(report)
}

async fn release_key<F, Fut>(
    ground: &Ground,
    consumer: &str,
    key: &str,
    again: &F,
) -> Result<Replayed, String>
where
    F: Fn(Parked) -> Fut,
    Fut: Future<Output = Result<bool, String>>,
{
    let mut released = 0;
    loop {
        // Looked for again and again: as long as one waits, new ones are parked behind it.
        let page = parked_of(&ground.db, consumer, key, PAGE).await.map_err(|error| error.to_string())?;
        if page.is_empty() {
            return Ok(Replayed { released, still_parked: 0 });
        }
        for letter in page {
            let error = match again(letter.clone()).await {
                Ok(ours) => {
                    released += usize::from(ours);
                    continue;
                }
                Err(error) => error,
            };
            warn!(reader = consumer, key, %error, "still poison");
            letter.refused(&ground.db, error).await.map_err(|error| error.to_string())?;
            let sql = "SELECT COUNT(*) FROM es_dlq WHERE consumer = $1 AND key = $2";
            let row = ground.db.fetch_one(sql, args![consumer, key]).await;
            let left = row.and_then(|row| row.map_or(Ok(0), |row| row.get::<u64>(0)));
            let left = left.map_err(|error| error.to_string())?;
            return Ok(Replayed { released, still_parked: usize::try_from(left).unwrap_or(usize::MAX) });
        }
    }
}

impl ParkedKey {
    /// A short name for people to type: the same for as long as the key waits.
    pub fn id(&self, service: &str) -> String {
        let named = format!("{service}\0{}\0{}", self.consumer, self.key);
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, named.as_bytes());
        hex::encode(digest.as_ref().get(..5).unwrap_or_default())
    }
}

impl Parked {
    /// The event, still sealed; `None`: the bytes are none.
    pub fn event(&self) -> Option<Recorded> {
        envelope::Event::decode(self.record.clone()).ok().and_then(|event| Recorded::from_proto(event).ok())
    }

    /// The event as its reader wants it.
    pub(crate) async fn open(&self, sealer: &Sealer) -> Result<Incoming, String> {
        let event = envelope::Event::decode(self.record.clone()).map_err(|error| error.to_string())?;
        let event = Recorded::from_proto(event).map_err(|error| error.to_string())?;
        let plain = sealer.open(std::slice::from_ref(&event)).await.map_err(|error| error.to_string())?.pop();
        let source = self.source.split(':').next_back().unwrap_or_default().to_owned();
        plain.map(|plain| Incoming { source, event, plain }).ok_or_else(|| "nothing opened".to_owned())
    }

    /// It was tried once more.
    async fn refused(&self, db: &Db, error: String) -> Result<(), DbError> {
        let sql = "UPDATE es_dlq SET attempts = attempts + 1, error = $1
             WHERE consumer = $2 AND source = $3 AND part = $4 AND pos = $5";
        db.execute(sql, args![error, &self.consumer, &self.source, self.part, self.pos]).await?;
        Ok(())
    }

    /// `false`: it is there no more.
    pub(crate) async fn forget(&self, tx: &mut dyn Tx) -> Result<bool, DbError> {
        let forgotten = tx
            .execute(
                "DELETE FROM es_dlq WHERE consumer = $1 AND source = $2 AND part = $3 AND pos = $4",
                args![&self.consumer, &self.source, self.part, self.pos],
            )
            .await?;
        Ok(forgotten > 0)
    }
}
