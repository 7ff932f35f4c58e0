//! A projection's events, from the journal that holds them: the own one, or a sibling's.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use super::{Error, tables::NEW};
use crate::{
    args,
    bus::partition_of,
    consume::{Arrival, Arrived, BATCH, Cursors, Ground, Place, Step, parts_of, source_name},
    event::{Position, Recorded},
    readers::{Projection, Source, Start},
    sql::{DbError, Engine, Row, Tx},
};

/// How far a reader has come in each part of a source.
pub(super) type Places = BTreeMap<u32, Position>;

/// Events behind the served one that are read ahead, to meet it.
const AHEAD_PAGES: usize = 10;
/// Events held at once when parts stand far apart.
const HELD_MAX: usize = 20_000;

pub(super) struct Feeder {
    pub(super) projection: Arc<dyn Projection>,
    pub(super) source: Source,
    pub(super) cursors: Cursors,
    /// How far the served one has come: no further for us.
    allowed: Places,
    pub(super) pending: VecDeque<Recorded>,
    /// Everything up to here has been looked at.
    pub(super) read_to: Position,
}

impl Feeder {
    /// `projection` writes beside. Whoever made it before us moves no cursor any more.
    pub(super) async fn open(
        ground: &Ground,
        projection: Arc<dyn Projection>,
        source: Source,
    ) -> Result<Self, Error> {
        let consumer = format!("{}{NEW}", projection.name());
        let sql = "SELECT MAX(epoch) FROM es_cursor WHERE consumer = $1";
        let row = ground.db.fetch_one(sql, args![&consumer]).await?;
        let epoch: Option<i64> = row.map_or(Ok(None), |row| row.get(0))?;
        let epoch = epoch.unwrap_or_default() + 1;
        let parts = parts_of(source).map(|part| (part, epoch)).collect();
        let of = (source, ground.service);
        let cursors = Cursors::open(&ground.db, &*ground.bus, &consumer, of, Start::Beginning, parts, 0);
        let cursors = cursors.await.map_err(|error| Error::Failed(error.to_string()))?;
        let (allowed, pending) = Default::default();
        Ok(Self { projection, source, cursors, allowed, pending, read_to: 0 })
    }

    fn part(&self, event: &Recorded) -> u32 {
        match self.source {
            Source::OwnJournal => 0,
            Source::Topic(_) => partition_of(&event.partition_key),
        }
    }

    pub(super) fn place(&self, part: u32) -> Position {
        self.cursors.place(part).map_or(0, |place| place.source_pos)
    }

    fn least(&self) -> Position {
        self.cursors.places.iter().map(|place| place.source_pos).min().unwrap_or_default()
    }

    /// How far it may go.
    pub(super) fn end(&self) -> Position {
        self.allowed.values().copied().max().unwrap_or_default()
    }

    pub(super) fn has_read_all(&self) -> bool {
        self.read_to >= self.end()
    }

    /// Begins again behind what is done, as far as the served one has come now.
    pub(super) async fn look(&mut self, ground: &Ground) -> Result<(), Error> {
        let sql = served(ground.db.engine(), false);
        let rows = ground.db.fetch(sql, args![self.projection.name(), &self.cursors.source]).await?;
        self.allowed = places(&rows)?;
        self.pending.clear();
        self.read_to = self.least();
        Ok(())
    }

    /// Reads until something waits, or until it has read all.
    pub(super) async fn fill(&mut self, ground: &Ground) -> Result<(), Error> {
        while self.pending.is_empty() && !self.has_read_all() {
            let page = self.page(ground).await?;
            let Some(last) = page.last() else { return Ok(()) };
            self.read_to = last.position;
            let wanted = |event: &Recorded| {
                let part = self.part(event);
                let allowed = self.allowed.get(&part).copied().unwrap_or_default();
                (self.place(part) + 1..=allowed).contains(&event.position)
            };
            self.pending = page.into_iter().filter(wanted).collect();
        }
        Ok(())
    }

    /// Reads to where the served one stands and some way beyond: it will be met there.
    pub(super) async fn read_ahead(&mut self, ground: &Ground) -> Result<(), Error> {
        let mut beyond = 0;
        while beyond < AHEAD_PAGES {
            beyond += usize::from(self.has_read_all());
            let page = self.page(ground).await?;
            let Some(last) = page.last() else { return Ok(()) };
            self.read_to = last.position;
            let is_last = page.len() < BATCH;
            let news: Vec<Recorded> =
                page.into_iter().filter(|event| event.position > self.place(self.part(event))).collect();
            self.pending.extend(news);
            if self.pending.len() > HELD_MAX {
                return Err(Error::Failed(format!(
                    "{} stands far back in some partitions of {}: let it catch up, or see what holds it",
                    self.projection.name(),
                    self.cursors.source
                )));
            }
            if is_last {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn page(&self, ground: &Ground) -> Result<Vec<Recorded>, Error> {
        let read = match self.source {
            Source::OwnJournal => {
                ground.store.read_all(self.read_to, BATCH).await.map_err(|error| error.to_string())
            }
            Source::Topic(of) => {
                let journals = ground.siblings.as_ref().ok_or_else(|| {
                    Error::Refused(format!(
                        "the journal of {of} cannot be asked from here, and its log forgets"
                    ))
                })?;
                let read = journals.read_all(of, self.read_to, BATCH).await;
                read.map(|(page, _)| page).map_err(|error| error.to_string())
            }
        };
        read.map_err(|error| Error::Failed(format!("{}: {error}", self.cursors.source)))
    }

    /// These events as one step, in their order.
    pub(super) async fn step(&self, ground: &Ground, events: Vec<Recorded>) -> Result<Step, Error> {
        let mut moves: BTreeMap<u32, Place> = BTreeMap::new();
        let arrivals: Vec<Arrival> = events
            .into_iter()
            .map(|event| {
                let part = self.part(&event);
                let to = Place { part, log_offset: 0, source_pos: event.position };
                moves.insert(part, to);
                Arrival { events: vec![Arrived { to, event: Ok(event) }], to }
            })
            .collect();
        let source = source_name(self.source, ground.service);
        let word = source.split(':').next_back().unwrap_or_default();
        let step = Step::open(arrivals, word, &ground.sealer).await;
        let step = step.map_err(|error| Error::Failed(error.to_string()))?;
        Ok(Step { moves: moves.into_values().collect(), ..step })
    }

    /// Where every part stands once everything that was read is done: also those of which nothing was among it.
    pub(super) fn passed(&self) -> Step {
        let to = |(part, allowed): (&u32, &Position)| {
            let source_pos = (*allowed).min(self.read_to);
            (source_pos > self.place(*part)).then_some(Place { part: *part, log_offset: 0, source_pos })
        };
        Step { taken: Vec::new(), moves: self.allowed.iter().filter_map(to).collect() }
    }
}

/// Where the served one stands; `held`: where it stands until the end of this transaction.
const fn served(engine: Engine, held: bool) -> &'static str {
    match (engine, held) {
        (Engine::Postgres, true) => {
            "SELECT part, source_pos FROM es_cursor WHERE consumer = $1 AND source = $2 ORDER BY part FOR UPDATE"
        }
        _ => "SELECT part, source_pos FROM es_cursor WHERE consumer = $1 AND source = $2 ORDER BY part",
    }
}

pub(super) async fn places_of(
    tx: &mut dyn Tx,
    consumer: &str,
    source: &str,
    held: bool,
) -> Result<Places, DbError> {
    let rows = tx.fetch(served(tx.engine(), held), args![consumer, source]).await?;
    places(&rows)
}

fn places(rows: &[Row]) -> Result<Places, DbError> {
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}
