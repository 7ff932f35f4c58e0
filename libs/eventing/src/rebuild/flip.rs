//! Changing places: in one transaction in which the cursors of the served one stand still, by renaming. Statements find
//! the tables by their names, so every process reads and writes the new rows from its next statement on.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::{
    Error,
    feeder::places_of,
    model::{BUILDING, KEPT, Model},
    run::outbox_of,
    tables::{self, NEW, OLD},
};
use crate::{
    args,
    consume::{Ground, back_off, parts_of, source_name},
    outbox::GENERATION,
    readers::Projection,
    sql::{Db, DbError, Engine, Tx},
};

/// A renaming waits no longer for whoever reads the table: behind it everybody else would wait.
const LOCKED_WITHIN: Duration = Duration::from_millis(250);
/// How often it is tried.
pub(super) const TRIES: u32 = 40;

/// A model's readers and sources, as a transaction needs them.
#[derive(Clone, Debug)]
pub(super) struct Seat {
    pub(super) model: Model,
    /// Each reader with each of its sources, and that one's parts.
    pub(super) sources: Vec<(&'static str, String, std::ops::Range<u32>)>,
    pub(super) now_us: i64,
}

impl Seat {
    pub(super) fn of(ground: &Ground, projections: &[Arc<dyn Projection>], model: &Model) -> Self {
        let feeders = model.feeders(projections).into_iter();
        let source = |source| (source_name(source, ground.service), parts_of(source));
        let sources = feeders.map(|(one, from)| (one.name(), source(from).0, source(from).1)).collect();
        Self { model: model.clone(), sources, now_us: ground.now_us() }
    }

    /// The new one is served, the old one kept. The cursors of the served one are held, and the new one stands there too.
    pub(super) async fn flip(&self, tx: &mut dyn Tx) -> Result<(), DbError> {
        for table in &self.model.tables {
            tables::flip(tx, table).await?;
        }
        for reader in &self.model.readers {
            let (new, old) = (format!("{reader}{NEW}"), format!("{reader}{OLD}"));
            parked(tx, reader, &old).await?;
            parked(tx, &new, reader).await?;
            tx.execute("DELETE FROM es_cursor WHERE consumer IN ($1, $2)", args![&new, &old]).await?;
            let keep = "INSERT INTO es_cursor (consumer, source, part, log_offset, source_pos, epoch)
                        SELECT $1, source, part, log_offset, source_pos, 0 FROM es_cursor WHERE consumer = $2";
            tx.execute(keep, args![&old, *reader]).await?;
        }
        self.publish(tx).await?;
        let sql = "UPDATE es_rebuild SET state = $1, flipped_us = $2 WHERE model = $3";
        tx.execute(sql, args![KEPT, self.now_us, self.model.name()]).await.map(drop)
    }

    /// What the new one says of state leaves now, under a generation that wins.
    async fn publish(&self, tx: &mut dyn Tx) -> Result<(), DbError> {
        let beside = outbox_of(&self.model);
        let topics = tx.fetch(&format!("SELECT DISTINCT topic FROM {beside} ORDER BY topic"), vec![]).await?;
        for row in topics {
            let topic: String = row.get(0)?;
            let sql =
                "INSERT INTO es_generation (topic, generation, model) VALUES ($1, 1, $2) ON CONFLICT (topic)
                       DO UPDATE SET generation = es_generation.generation + 1, model = excluded.model";
            tx.execute(sql, args![topic, self.model.name()]).await?;
        }
        let sql = format!(
            "INSERT INTO es_outbox (topic, key, partition_key, revision, payload)
             SELECT topic, key, partition_key, revision + $1, payload FROM {beside} WHERE revision >= 0
             ON CONFLICT (topic, key) DO UPDATE SET revision = excluded.revision, payload = excluded.payload"
        );
        tx.execute(&sql, args![GENERATION]).await?;
        tables::drop(tx, &beside).await
    }

    /// The served one and the kept one change places, each with its cursors and with what is parked of it.
    async fn swap(&self, tx: &mut dyn Tx) -> Result<(), Error> {
        for (reader, source, _) in &self.sources {
            places_of(tx, reader, source, true).await?;
        }
        for table in &self.model.tables {
            let kept = format!("{table}{OLD}");
            if tables::describe(tx, table).await?.shape != tables::describe(tx, &kept).await?.shape {
                return Err(Error::Refused(format!(
                    "the schema of {table} has changed since: what is kept can only be forgotten"
                )));
            }
            tables::swap(tx, table).await?;
        }
        for (reader, source, parts) in &self.sources {
            for part in parts.clone() {
                swap_cursor(tx, reader, source, part).await?;
            }
        }
        for reader in &self.model.readers {
            let (old, between) = (format!("{reader}{OLD}"), format!("{reader}__mid"));
            parked(tx, reader, &between).await?;
            parked(tx, &old, reader).await?;
            parked(tx, &between, &old).await?;
        }
        let sql = "UPDATE es_generation SET generation = generation + 1 WHERE model = $1";
        tx.execute(sql, args![self.model.name()]).await?;
        let sql = "UPDATE es_rebuild SET flipped_us = $1 WHERE model = $2";
        tx.execute(sql, args![self.now_us, self.model.name()]).await?;
        Ok(())
    }
}

/// What is parked of one reader is another's.
async fn parked(tx: &mut dyn Tx, from: &str, to: &str) -> Result<(), DbError> {
    tx.execute("DELETE FROM es_dlq WHERE consumer = $1", args![to]).await?;
    tx.execute("UPDATE es_dlq SET consumer = $1 WHERE consumer = $2", args![to, from]).await.map(drop)
}

/// Whoever projects finds the cursor moved, and begins again from where it stands now.
async fn swap_cursor(tx: &mut dyn Tx, reader: &str, source: &str, part: u32) -> Result<(), DbError> {
    let old = format!("{reader}{OLD}");
    let mut places = Vec::new();
    for consumer in [reader, &old] {
        let sql =
            "SELECT log_offset, source_pos FROM es_cursor WHERE consumer = $1 AND source = $2 AND part = $3";
        let row = tx.fetch_one(sql, args![consumer, source, part]).await?;
        let place: (i64, i64) = row.map_or(Ok((0, 0)), |row| Ok((row.get(0)?, row.get(1)?)))?;
        places.push(place);
    }
    for (consumer, (log_offset, source_pos)) in [reader, &old].into_iter().zip(places.into_iter().rev()) {
        let sql = "INSERT INTO es_cursor (consumer, source, part, log_offset, source_pos, epoch)
                   VALUES ($1, $2, $3, $4, $5, 0) ON CONFLICT (consumer, source, part)
                   DO UPDATE SET log_offset = excluded.log_offset, source_pos = excluded.source_pos";
        tx.execute(sql, args![consumer, source, part, log_offset, source_pos]).await?;
    }
    Ok(())
}

/// Renaming gives way to whoever reads: it is tried again.
pub(super) async fn give_way(tx: &mut dyn Tx) -> Result<(), DbError> {
    if tx.engine() == Engine::Postgres {
        let sql = format!("SET LOCAL lock_timeout = '{}ms'", LOCKED_WITHIN.as_millis());
        tx.execute(&sql, vec![]).await?;
    }
    Ok(())
}

pub(super) async fn back(
    ground: &Ground,
    projections: &[Arc<dyn Projection>],
    model: &Model,
) -> Result<(), Error> {
    if state(&ground.db, model).await?.as_deref() != Some(KEPT) {
        return Err(Error::Refused(format!("nothing is kept of {}: there is no way back", model.name())));
    }
    let mut tries = 0;
    loop {
        tries += 1;
        let seat = Seat::of(ground, projections, model);
        let swapped = ground.db.transact(move |tx| {
            Box::pin(async move {
                give_way(tx).await?;
                seat.swap(tx).await
            })
        });
        match swapped.await {
            Err(Error::Db(DbError::Unavailable(_) | DbError::Contended(_))) if tries < TRIES => {}
            done => return done,
        }
        if !back_off(1, &ground.shutdown).await {
            return Err(Error::Failed("stopping".to_owned()));
        }
    }
}

async fn state(db: &Db, model: &Model) -> Result<Option<String>, DbError> {
    let row = db.fetch_one("SELECT state FROM es_rebuild WHERE model = $1", args![model.name()]).await?;
    row.map(|row| row.get(0)).transpose()
}

pub(super) async fn forget(ground: &Ground, model: &Model) -> Result<bool, Error> {
    let Some(state) = state(&ground.db, model).await? else { return Ok(false) };
    let suffix = if state == BUILDING { NEW } else { OLD };
    let model = model.clone();
    let forgotten = ground.db.transact(move |tx| {
        Box::pin(async move {
            clear(tx, &model, suffix).await?;
            tx.execute("DELETE FROM es_rebuild WHERE model = $1", args![model.name()]).await
        })
    });
    Ok(forgotten.await? > 0)
}

/// Drops the tables, the cursors and what is parked under this suffix.
pub(super) async fn clear(tx: &mut dyn Tx, model: &Model, suffix: &str) -> Result<(), DbError> {
    let tables: BTreeSet<String> = model.tables.iter().map(|table| format!("{table}{suffix}")).collect();
    for table in tables {
        tables::drop(tx, &table).await?;
    }
    if suffix == NEW {
        tables::drop(tx, &outbox_of(model)).await?;
    }
    for reader in &model.readers {
        let consumer = format!("{reader}{suffix}");
        tx.execute("DELETE FROM es_cursor WHERE consumer = $1", args![&consumer]).await?;
        tx.execute("DELETE FROM es_dlq WHERE consumer = $1", args![&consumer]).await?;
    }
    Ok(())
}
