//! Cursors: how far a consumer has come, moved only in the transaction of the effects.

use crate::{
    args,
    bus::{Bus, PARTITIONS, Topic},
    event::Position,
    readers::{Source, Start},
    sql::{Db, DbError, Engine, Row, Tx, Value, quick},
};

use super::{owned::Parts, source_name};

/// One partition's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) part: u32,
    pub(crate) log_offset: i64,
    pub(crate) source_pos: Position,
}

/// A consumer's places in one source.
#[derive(Clone, Debug)]
pub(crate) struct Cursors {
    pub(crate) consumer: String,
    pub(crate) source: String,
    /// What this owner holds, each under its epoch.
    pub(crate) parts: Parts,
    pub(crate) places: Vec<Place>,
    /// Whether anything waited in the dead letters when a place was moved last; `None`: none was moved yet.
    pub(crate) waits: Option<bool>,
}

const PLACES: &str =
    "SELECT part, log_offset, source_pos FROM es_cursor WHERE consumer = $1 AND source = $2 ORDER BY part";

/// Why a cursor could not be read or moved.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum CursorError {
    #[error("another owner has moved the cursor")]
    Fenced,
    #[error(transparent)]
    Db(#[from] DbError),
    #[error("{0}")]
    Bus(String),
}

impl Cursors {
    /// Reads the cursors of these partitions under their owner's epochs, making those that are missing.
    pub(crate) async fn open(
        db: &Db,
        bus: &dyn Bus,
        consumer: &str,
        (source, service): (Source, &'static str),
        start: Start,
        parts: Parts,
        head: Position,
    ) -> Result<Self, CursorError> {
        let ends = match (source, start) {
            (Source::Topic(of), Start::Present) => {
                bus.ends(&Topic::events(of)).await.map_err(|error| CursorError::Bus(error.to_string()))?
            }
            (Source::Topic(_), Start::Beginning) => vec![0; PARTITIONS as usize],
            (Source::OwnJournal, _) => vec![0],
        };
        let first_pos = if source == Source::OwnJournal && start == Start::Present { head } else { 0 };
        let (consumer, source) = (consumer.to_owned(), source_name(source, service));
        let cursors = Self { consumer, source, parts, places: Vec::new(), waits: None };
        let opening = cursors.clone();
        let places = db
            .transact(move |tx| {
                Box::pin(async move {
                    for (part, epoch) in &opening.parts {
                        let end = ends.get(*part as usize).copied().unwrap_or_default();
                        opening.take(tx, (*part, *epoch), (end, first_pos)).await?;
                    }
                    opening.read(tx).await
                })
            })
            .await?;
        Ok(Self { places, ..cursors })
    }

    /// One partition's cursor under its new epoch; a cursor that is not there yet begins at `first`.
    async fn take(
        &self,
        tx: &mut dyn Tx,
        (part, epoch): (u32, i64),
        (log_offset, source_pos): (i64, Position),
    ) -> Result<(), DbError> {
        tx.execute(
            "INSERT INTO es_cursor (consumer, source, part, log_offset, source_pos, epoch)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (consumer, source, part) DO NOTHING",
            args![&self.consumer, &self.source, part, log_offset, source_pos, epoch],
        )
        .await?;
        tx.execute(
            "UPDATE es_cursor SET epoch = $4 WHERE consumer = $1 AND source = $2 AND part = $3 AND epoch < $4",
            args![&self.consumer, &self.source, part, epoch],
        )
        .await?;
        Ok(())
    }

    async fn read(&self, tx: &mut dyn Tx) -> Result<Vec<Place>, DbError> {
        self.of_rows(&tx.fetch(PLACES, args![&self.consumer, &self.source]).await?)
    }

    /// Those of the parts that this owner holds.
    fn of_rows(&self, rows: &[Row]) -> Result<Vec<Place>, DbError> {
        let places = rows
            .iter()
            .map(|row| Ok(Place { part: row.get(0)?, log_offset: row.get(1)?, source_pos: row.get(2)? }))
            .collect::<Result<Vec<Place>, DbError>>()?;
        Ok(places.into_iter().filter(|place| self.parts.contains_key(&place.part)).collect())
    }

    pub(crate) fn place(&self, part: u32) -> Option<Place> {
        self.places.iter().copied().find(|place| place.part == part)
    }

    /// Whether the stored places are these. They are not where somebody has set the cursor: a read model that was flipped
    /// back stands where it stood, and nothing may arrive that would show it.
    pub(crate) async fn are_stored(&self, db: &Db) -> Result<bool, DbError> {
        let stored = db.fetch(PLACES, args![&self.consumer, &self.source]).await?;
        Ok(self.of_rows(&stored)? == self.places)
    }

    /// Remembers what a committed transaction has moved.
    pub(crate) fn moved(&mut self, to: Place) {
        if let Some(place) = self.places.iter_mut().find(|place| place.part == to.part) {
            *place = to;
        }
    }

    /// Moves places that have nothing else to wait for.
    pub(crate) async fn step_to(&mut self, db: &Db, moves: Vec<Place>) -> Result<(), CursorError> {
        if moves.is_empty() {
            return Ok(());
        }
        let rows = db.settle(&advance(db.engine(), moves.len()), self.moves(&moves)?).await?;
        self.waits = Some(self.has_moved(&moves, &rows)?);
        moves.into_iter().for_each(|to| self.moved(to));
        Ok(())
    }

    /// Whether every one of these is where it stands already.
    pub(crate) fn are_at(&self, moves: &[Place]) -> bool {
        moves.iter().all(|to| self.place(to.part) == Some(*to))
    }

    /// Holds a place against other owners to the end of the transaction; refused when it is no longer ours.
    pub(crate) async fn guard(&self, tx: &mut dyn Tx, part: u32) -> Result<(), CursorError> {
        let place = self.place(part).ok_or(CursorError::Fenced)?;
        self.advance(tx, &[place]).await.map(drop)
    }

    /// Moves these places in one statement, if nobody else has moved any of them. Whether anything waits in the dead
    /// letters.
    pub(crate) async fn advance(&self, tx: &mut dyn Tx, moves: &[Place]) -> Result<bool, CursorError> {
        if moves.is_empty() {
            return Ok(true);
        }
        let rows = tx.fetch(&advance(tx.engine(), moves.len()), self.moves(moves)?).await?;
        self.has_moved(moves, &rows)
    }

    fn moves(&self, moves: &[Place]) -> Result<Vec<Value>, CursorError> {
        let mut values = args![&self.consumer, &self.source];
        for to in moves {
            let from = self.place(to.part).ok_or(CursorError::Fenced)?;
            let epoch = self.parts.get(&to.part).copied().ok_or(CursorError::Fenced)?;
            let (whence, whither) =
                (args![from.log_offset, from.source_pos], args![to.log_offset, to.source_pos]);
            values.extend(args![to.part, epoch].into_iter().chain(whence).chain(whither));
        }
        Ok(values)
    }

    fn has_moved(&self, moves: &[Place], rows: &[Row]) -> Result<bool, CursorError> {
        let Some(row) = rows.first().filter(|_| rows.len() == moves.len()) else {
            return Err(CursorError::Fenced);
        };
        Ok(row.get(0)?)
    }
}

/// Moves `count` places: part, epoch, whence and whither of each. Says of each whether anything waits.
fn advance(engine: Engine, count: usize) -> String {
    const FIRST: usize = 3;
    const WIDTH: usize = 6;
    let row = |nth: usize| {
        let places: Vec<String> =
            (0..WIDTH).map(|column| format!("${}", FIRST + nth * WIDTH + column)).collect();
        format!("({})", places.join(", "))
    };
    let rows: Vec<String> = (0..count).map(row).collect();
    format!(
        "UPDATE es_cursor SET log_offset = moved.column5, source_pos = moved.column6
         FROM {}, (VALUES {}) AS moved
         WHERE consumer = $1 AND source = $2 AND part = moved.column1 AND epoch = moved.column2
           AND log_offset = moved.column3 AND source_pos = moved.column4
         RETURNING (SELECT COUNT(*) FROM (SELECT 1 FROM es_dlq WHERE consumer = $1 LIMIT 1) AS waiting)",
        quick(engine),
        rows.join(", ")
    )
}

/// Holds all places of a consumer to the end of the transaction: what its owners do meanwhile is before this, or behind.
pub(super) async fn hold_places(tx: &mut dyn Tx, consumer: &str) -> Result<(), DbError> {
    // One writer does it all on SQLite.
    if tx.engine() == Engine::Postgres {
        let sql = "SELECT part FROM es_cursor WHERE consumer = $1 ORDER BY source, part FOR UPDATE";
        tx.fetch(sql, args![consumer]).await?;
    }
    Ok(())
}

/// How far a consumer has heard another service's topic, in that one's journal: the least of all partitions. 0 before it
/// has begun with each of them. What waits in the dead letters is behind it, and holds nobody up.
pub async fn heard(db: &Db, consumer: &str, of: &'static str) -> Result<Position, DbError> {
    let source = source_name(Source::Topic(of), "");
    let row = db
        .fetch_one(
            "SELECT COUNT(*), MIN(source_pos) FROM es_cursor WHERE consumer = $1 AND source = $2",
            args![consumer, source],
        )
        .await?;
    let Some(row) = row else { return Ok(0) };
    let (parts, least): (i64, Option<Position>) = (row.get(0)?, row.get(1)?);
    Ok(if parts == i64::from(PARTITIONS) { least.unwrap_or_default() } else { 0 })
}
