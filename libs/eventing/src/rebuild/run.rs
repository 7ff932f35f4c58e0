//! Reads the journals again, writes beside, meets the one that is served, compares, flips.
//!
//! Sources are taken in the order of the times at which their events were recorded: rows come about as they did. What is
//! held in memory is a page of each source.

use std::{collections::BTreeSet, sync::Arc};

use tokio::{sync::watch, time::Instant};
use tracing::{info, warn};

use super::{
    Error, Place,
    beside::{Beside, Names},
    compare::{self, Comparison},
    feeder::{Feeder, places_of},
    flip::{Seat, TRIES, clear},
    meet::{Meeting, Met, Table},
    model::{BUILDING, KEPT, Model},
    tables::{self, NEW},
};
use crate::{
    args,
    consume::{self, BATCH, Cursors, Ground, Step, StepError, back_off},
    event::{Position, Recorded},
    readers::Projection,
    sql::{DbError, Tx},
};

/// Tries to see both at the same positions.
const MEETINGS_MAX: u32 = 500;
/// Failures in a row of what is read or written, each waited for longer than the last: some 20 s in all.
const FAILURES_MAX: u32 = 10;
/// Rounds after which also those parts are moved of which there was nothing.
const ROUNDS: u32 = 20;

/// What is to become of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// It is to be served.
    pub flip: bool,
    /// Also when it differs.
    pub differing: bool,
}

/// How it began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Begun {
    #[default]
    NotYet,
    Afresh,
    /// What was made since then is gone on with.
    GoesOn {
        since_us: i64,
    },
    /// What was made since then is thrown away: the program or the schema is another one.
    Anew {
        since_us: i64,
    },
}

/// How far it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub begun: Begun,
    pub doing: &'static str,
    /// Events of all sources that are behind it, of those that the served one has seen. Positions have no gaps.
    pub done: u64,
    pub of: u64,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub comparison: Comparison,
    pub flipped: bool,
}

/// Where a new one's state values wait.
pub(super) fn outbox_of(model: &Model) -> String {
    format!("es_outbox{}", outbox_suffix(model))
}

fn outbox_suffix(model: &Model) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, model.name().as_bytes());
    format!("__{}", hex::encode(digest.as_ref().get(..4).unwrap_or_default()))
}

pub(super) async fn run(
    ground: &Ground,
    projections: &[Arc<dyn Projection>],
    model: &Model,
    program: &str,
    wanted: Wanted,
    told: &watch::Sender<Progress>,
) -> Result<Outcome, Error> {
    let begun = prepare(ground, model, program).await?;
    info!(model = model.name(), ?begun, "a read model is made anew");
    told.send_modify(|progress| progress.begun = begun);
    let renamed = model.tables.iter().map(|table| ((*table).to_owned(), format!("{table}{NEW}")));
    let renamed = renamed.chain([("es_outbox".to_owned(), outbox_of(model))]).collect();
    let spared = model.spared.iter().map(|table| (*table).to_owned()).collect();
    let names = Arc::new(Names::new(renamed, spared));
    let mut feeders = Vec::new();
    for (projection, source) in model.feeders(projections) {
        let beside = Beside { projection: projection.clone(), names: names.clone() };
        feeders.push(Feeder::open(ground, Arc::new(beside), source).await?);
    }
    let mut run = Run { ground, seat: Seat::of(ground, projections, model), names, feeders, told };
    let comparison = run.compared().await?;
    let flipped = wanted.flip && (wanted.differing || comparison.is_equal());
    if flipped {
        run.flipped().await?;
        info!(model = model.name(), "what was made anew is served now");
    }
    Ok(Outcome { comparison, flipped })
}

/// Makes the tables, or finds them made by the same program from the same schema.
async fn prepare(ground: &Ground, model: &Model, program: &str) -> Result<Begun, Error> {
    let (model, program, now_us) = (model.clone(), program.to_owned(), ground.now_us());
    ground
        .db
        .transact(move |tx| {
            Box::pin(async move {
                let mut shape = format!("{program}\n{}\n", model.name());
                for table in &model.tables {
                    shape.push_str(&tables::describe(tx, table).await?.shape);
                }
                let sql = "SELECT state, shape, begun_us FROM es_rebuild WHERE model = $1";
                let row = tx.fetch_one(sql, args![model.name()]).await?;
                let known: Option<(String, String, i64)> =
                    row.map(|row| Ok::<_, DbError>((row.get(0)?, row.get(1)?, row.get(2)?))).transpose()?;
                let begun = match known {
                    Some((state, _, _)) if state == KEPT => {
                        let name = model.name();
                        let why = format!("an old one of {name} is kept: go back to it or forget it first");
                        return Err(Error::Refused(why));
                    }
                    Some((_, known, since_us)) if known == shape => return Ok(Begun::GoesOn { since_us }),
                    Some((_, _, since_us)) => Begun::Anew { since_us },
                    None => Begun::Afresh,
                };
                make(tx, &model, &shape, now_us).await?;
                Ok(begun)
            })
        })
        .await
}

async fn make(tx: &mut dyn Tx, model: &Model, shape: &str, now_us: i64) -> Result<(), DbError> {
    clear(tx, model, NEW).await?;
    for table in &model.tables {
        tables::make(tx, table, NEW).await?;
    }
    tables::make(tx, "es_outbox", &outbox_suffix(model)).await?;
    let sql =
        "INSERT INTO es_rebuild (model, state, shape, begun_us, flipped_us) VALUES ($1, $2, $3, $4, NULL)
               ON CONFLICT (model) DO UPDATE SET shape = excluded.shape, begun_us = excluded.begun_us";
    tx.execute(sql, args![model.name(), BUILDING, shape, now_us]).await.map(drop)
}

struct Run<'r> {
    ground: &'r Ground,
    seat: Seat,
    names: Arc<Names>,
    feeders: Vec<Feeder>,
    told: &'r watch::Sender<Progress>,
}

impl Run<'_> {
    /// Both, compared at the same positions at one moment.
    async fn compared(&mut self) -> Result<Comparison, Error> {
        let mut why = None;
        for _ in 0..MEETINGS_MAX {
            self.catch_up().await?;
            match self.meet(false).await? {
                Meeting::Met => {}
                Meeting::Missed(reason) => {
                    why = reason.or(why);
                    self.pause().await?;
                    continue;
                }
            }
            self.doing("comparing");
            if let Some(comparison) = self.look().await? {
                return Ok(comparison);
            }
        }
        Err(never_met(why))
    }

    async fn flipped(&mut self) -> Result<(), Error> {
        let mut why = None;
        for _ in 0..TRIES {
            self.catch_up().await?;
            self.doing("flipping");
            match self.meet(true).await? {
                Meeting::Met => return Ok(()),
                Meeting::Missed(reason) => why = reason.or(why),
            }
            self.pause().await?;
        }
        Err(never_met(why))
    }

    fn doing(&self, doing: &'static str) {
        self.told.send_modify(|progress| progress.doing = doing);
    }

    async fn pause(&self) -> Result<(), Error> {
        if back_off(1, &self.ground.shutdown).await { Ok(()) } else { Err(stopping()) }
    }

    /// Takes everything that the served one had seen when this began.
    async fn catch_up(&mut self) -> Result<(), Error> {
        let mut failures = 0;
        loop {
            let began = Instant::now();
            match self.read_and_write().await {
                Ok(()) => return Ok(()),
                Err(error) if self.names.refused().is_some() => {
                    return Err(self.names.refused().map_or(error, Error::Refused));
                }
                Err(Error::Failed(error))
                    if failures < FAILURES_MAX && !self.ground.shutdown.is_cancelled() =>
                {
                    // Long work that fails is no failure in a row.
                    failures = if began.elapsed().as_secs() > 60 { 1 } else { failures + 1 };
                    self.ours().await?;
                    warn!(%error, "a rebuild tries again");
                    if !back_off(failures + 2, &self.ground.shutdown).await {
                        return Err(stopping());
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn read_and_write(&mut self) -> Result<(), Error> {
        for feeder in &mut self.feeders {
            feeder.look(self.ground).await?;
        }
        self.doing("reading");
        let mut rounds = 0;
        loop {
            if self.ground.shutdown.is_cancelled() {
                return Err(stopping());
            }
            for feeder in &mut self.feeders {
                feeder.fill(self.ground).await?;
            }
            let runs = next_runs(&mut self.feeders);
            let is_last = runs.is_empty();
            for (index, events) in runs {
                let Some(feeder) = self.feeders.get_mut(index) else { continue };
                let step = feeder.step(self.ground, events).await?;
                take(self.ground, feeder, step).await?;
            }
            rounds += 1;
            if is_last || rounds % ROUNDS == 0 {
                self.pass().await?;
            }
            self.tell();
            if is_last {
                return Ok(());
            }
        }
    }

    async fn pass(&mut self) -> Result<(), Error> {
        for feeder in self.feeders.iter_mut().filter(|feeder| feeder.pending.is_empty()) {
            let step = feeder.passed();
            if !step.moves.is_empty() {
                take(self.ground, feeder, step).await?;
            }
        }
        Ok(())
    }

    fn tell(&self) {
        let count = |position: Position| u64::try_from(position).unwrap_or_default();
        let done = self.feeders.iter().map(|feeder| count(feeder.read_to.min(feeder.end()))).sum();
        let of = self.feeders.iter().map(|feeder| count(feeder.end())).sum();
        self.told.send_modify(|progress| (progress.done, progress.of) = (done, of));
    }

    /// Whether our cursors are still ours.
    async fn ours(&self) -> Result<(), Error> {
        for feeder in &self.feeders {
            let Cursors { consumer, source, parts, .. } = &feeder.cursors;
            let sql = "SELECT MAX(epoch) FROM es_cursor WHERE consumer = $1 AND source = $2";
            let row = self.ground.db.fetch_one(sql, args![consumer, source]).await?;
            let epoch: Option<i64> = row.map_or(Ok(None), |row| row.get(0))?;
            if epoch.is_none_or(|epoch| parts.values().any(|ours| *ours < epoch)) {
                return Err(Error::Refused("another process goes on with it, or has given it up".to_owned()));
            }
        }
        Ok(())
    }

    /// Brings the new one to where the served one stands, which is held there meanwhile; and flips in the same
    /// transaction, when that is meant.
    async fn meet(&mut self, flips: bool) -> Result<Meeting, Error> {
        let mut met = Vec::new();
        for feeder in &mut self.feeders {
            feeder.look(self.ground).await?;
            feeder.read_ahead(self.ground).await?;
        }
        let mut steps = Vec::new();
        for (index, events) in merged(&mut self.feeders, i64::MAX) {
            let Some(feeder) = self.feeders.get(index) else { continue };
            steps.push((index, feeder.step(self.ground, events).await?));
        }
        for feeder in &self.feeders {
            let (projection, cursors) = (feeder.projection.clone(), feeder.cursors.clone());
            met.push(Met { projection, cursors, read_to: feeder.read_to });
        }
        let flip = flips.then(|| Seat { now_us: self.ground.now_us(), ..self.seat.clone() });
        let table = Table { met, steps, flip, now_us: self.ground.now_us() };
        let done = self.ground.db.transact(move |tx| Box::pin(async move { table.sit(tx).await })).await;
        match done {
            Ok(Some(places)) => {
                for (feeder, moves) in self.feeders.iter_mut().zip(places) {
                    moves.into_iter().for_each(|to| feeder.cursors.moved(to));
                }
                Ok(Meeting::Met)
            }
            Ok(None) => Ok(Meeting::Missed(None)),
            Err(StepError::Fenced) => {
                self.ours().await?;
                Ok(Meeting::Missed(None))
            }
            Err(StepError::Failure(failure)) => Ok(Meeting::Missed(Some(failure.to_string()))),
        }
    }

    /// `None`: the served one has gone on in between.
    async fn look(&self) -> Result<Option<Comparison>, Error> {
        let readers: Vec<(&'static str, String, String)> = self
            .feeders
            .iter()
            .map(|feeder| {
                let Cursors { consumer, source, .. } = &feeder.cursors;
                (feeder.projection.name(), consumer.clone(), source.clone())
            })
            .collect();
        let tables = self.seat.model.tables.clone();
        let looked = self.ground.db.look(move |tx| {
            Box::pin(async move {
                let mut places = Vec::new();
                for (reader, consumer, source) in &readers {
                    let served = places_of(tx, reader, source, false).await?;
                    let made = places_of(tx, consumer, source, false).await?;
                    let at = |part: &u32| served.get(part).copied().unwrap_or_default();
                    if made.iter().any(|(part, position)| at(part) != *position) {
                        return Ok(None);
                    }
                    let least = made.values().copied().min().unwrap_or_default();
                    let last = made.values().copied().max().unwrap_or_default();
                    places.push(Place { reader, source: source.clone(), least, last });
                }
                let served = readers.iter().map(|(reader, _, _)| *reader).collect();
                let made = readers.iter().map(|(_, consumer, _)| consumer.as_str()).collect();
                let parked = (parked(tx, &served).await?, parked(tx, &made).await?);
                let mut compared = Vec::new();
                for table in tables {
                    compared.push(compare::table(tx, table).await?);
                }
                Ok::<_, DbError>(Some(Comparison {
                    places,
                    parked_served: parked.0,
                    parked_made: parked.1,
                    tables: compared,
                }))
            })
        });
        Ok(looked.await?)
    }
}

/// Records that wait for a person.
async fn parked(tx: &mut dyn Tx, consumers: &BTreeSet<&str>) -> Result<u64, DbError> {
    let mut records = 0;
    for consumer in consumers {
        let row = tx.fetch_one("SELECT COUNT(*) FROM es_dlq WHERE consumer = $1", args![*consumer]).await?;
        records += row.map_or(Ok(0), |row| row.get::<u64>(0))?;
    }
    Ok(records)
}

async fn take(ground: &Ground, feeder: &mut Feeder, step: Step) -> Result<(), Error> {
    consume::take(ground, &feeder.projection, &mut feeder.cursors, step).await.map_err(Error::Failed)
}

fn stopping() -> Error {
    Error::Failed("the process stops; asked for again, it goes on from here".to_owned())
}

fn never_met(why: Option<String>) -> Error {
    Error::Failed(format!(
        "it never came to stand where the served one does: {}; asked for again, it goes on from here",
        why.unwrap_or_else(|| "that one moves too fast".to_owned())
    ))
}

/// Events of every feeder up to the time that all of them have been read to, in the order of times.
fn next_runs(feeders: &mut [Feeder]) -> Vec<(usize, Vec<Recorded>)> {
    let last = |feeder: &Feeder| feeder.pending.iter().map(|event| event.at_us).max();
    let unread = feeders.iter().filter(|feeder| !feeder.has_read_all());
    let horizon = unread.filter_map(last).min().unwrap_or(i64::MAX);
    merged(feeders, horizon)
}

/// Runs of one feeder each, none longer than a batch.
fn merged(feeders: &mut [Feeder], horizon_us: i64) -> Vec<(usize, Vec<Recorded>)> {
    let mut runs: Vec<(usize, Vec<Recorded>)> = Vec::new();
    loop {
        let waiting = feeders.iter().enumerate().filter_map(|(index, feeder)| {
            feeder.pending.front().map(|event| (event.at_us, index)).filter(|(at_us, _)| *at_us <= horizon_us)
        });
        let Some((_, index)) = waiting.min() else { return runs };
        let Some(event) = feeders.get_mut(index).and_then(|feeder| feeder.pending.pop_front()) else {
            return runs;
        };
        match runs.last_mut() {
            Some((last, events)) if *last == index && events.len() < BATCH => events.push(event),
            _ => runs.push((index, vec![event])),
        }
    }
}
