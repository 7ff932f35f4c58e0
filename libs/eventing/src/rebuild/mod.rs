//! Read models made anew from the journals, beside the old, which goes on being served and projected.
//!
//! The same projections write through a transaction that leads to other tables ([`beside`]), under cursors of their own,
//! and only as far as the old ones have come: so both stand at the same positions, can be compared row by row at one
//! moment, and change places by renaming, in one transaction in which the old cursors cannot move. The cursors are then
//! right for the new rows as they were for the old: no record is lost or taken twice at the seam, and whoever projects,
//! in whatever process, does not even notice. The old rows are kept, with the places at which they stand.
//!
//! | file | what |
//! |---|---|
//! | [`model`] | which projections make up which tables: what is made anew together |
//! | [`tables`] | tables like others, and their names |
//! | [`beside`] | a transaction that leads to other tables |
//! | [`feeder`] | a projection's events, from the journals |
//! | [`run`] | reads, writes, meets, compares, flips |
//! | [`meet`] | both at the same positions, in one transaction |
//! | [`compare`] | both, row by row, at one moment |
//! | [`flip`] | changing places, back, forgetting |

mod beside;
mod compare;
mod feeder;
mod flip;
mod meet;
mod model;
mod run;
mod tables;

use std::sync::Arc;

use tokio::sync::watch;

pub use compare::{Comparison, Difference, Side};
pub use model::Model;
pub use run::{Begun, Outcome, Progress, Wanted};

use crate::{
    args,
    consume::{Ground, source_name},
    event::Position,
    readers::Projection,
    sql::DbError,
};

/// Why a read model was not made anew.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no reader is called {0}")]
    Unknown(String),
    /// The sentence says what to do first.
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Db(#[from] DbError),
    /// What it reads, or one that it is made of, fails: the same later may go on.
    #[error("{0}")]
    Failed(String),
}

/// How a read model stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The least and the last position of each source, of the one that is served.
    pub served: Vec<Place>,
    /// Of the one that is being made.
    pub made: Vec<Place>,
    /// Of the one that is kept.
    pub kept: Vec<Place>,
    /// When it was begun, or flipped, whichever was last.
    pub since_us: i64,
}

/// How far a reader has come in one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub reader: &'static str,
    pub source: String,
    /// The least of its parts and the last.
    pub least: Position,
    pub last: Position,
}

/// The read models of one service.
pub struct Rebuilds {
    ground: Ground,
    projections: Vec<Arc<dyn Projection>>,
}

impl Rebuilds {
    pub(crate) fn of(ground: &Ground, projections: &[Arc<dyn Projection>]) -> Self {
        // Its events were told of when they were projected first.
        let ground = Ground { witness: None, ..ground.clone() };
        Self { ground, projections: projections.to_vec() }
    }

    /// Every projection: with those that write the same tables, or why it cannot be made anew.
    pub fn models(&self) -> Vec<Model> {
        model::models(&self.projections)
    }

    /// The model that this reader makes up, alone or with others.
    pub fn model(&self, reader: &str) -> Result<Model, Error> {
        let found = self.models().into_iter().find(|model| model.readers.contains(&reader));
        let model = found.ok_or_else(|| Error::Unknown(reader.to_owned()))?;
        match model.never {
            Some(why) => Err(Error::Refused(format!("{} cannot be made anew: {why}", model.name()))),
            None => Ok(model),
        }
    }

    /// Makes the model anew, or goes on where that was left; compares; flips, when that is wanted and both are equal or
    /// the difference is. `program` names the program: another one begins anew. `told` hears how far it is.
    pub async fn run(
        &self,
        model: &Model,
        program: &str,
        wanted: Wanted,
        told: &watch::Sender<Progress>,
    ) -> Result<Outcome, Error> {
        run::run(&self.ground, &self.projections, model, program, wanted, told).await
    }

    /// The one that is kept is served again from where it stood, and catches up by itself; the other is kept.
    pub async fn back(&self, model: &Model) -> Result<(), Error> {
        flip::back(&self.ground, &self.projections, model).await
    }

    /// Drops the one that is kept, or what was made of a new one. `false`: there was nothing.
    pub async fn forget(&self, model: &Model) -> Result<bool, Error> {
        flip::forget(&self.ground, model).await
    }

    pub async fn standing(&self, model: &Model) -> Result<Standing, DbError> {
        let sql = "SELECT state, begun_us, flipped_us FROM es_rebuild WHERE model = $1";
        let row = self.ground.db.fetch_one(sql, args![model.name()]).await?;
        let mut standing = Standing { served: self.places(model, "").await?, ..Standing::default() };
        if let Some(row) = row {
            let (state, begun_us, flipped_us): (String, i64, Option<i64>) =
                (row.get(0)?, row.get(1)?, row.get(2)?);
            standing.since_us = flipped_us.unwrap_or(begun_us);
            if state == model::KEPT {
                standing.kept = self.places(model, tables::OLD).await?;
            } else {
                standing.made = self.places(model, tables::NEW).await?;
            }
        }
        Ok(standing)
    }

    async fn places(&self, model: &Model, suffix: &str) -> Result<Vec<Place>, DbError> {
        let sql =
            "SELECT MIN(source_pos), MAX(source_pos) FROM es_cursor WHERE consumer = $1 AND source = $2";
        let mut places = Vec::new();
        for (projection, source) in model.feeders(&self.projections) {
            let source = source_name(source, self.ground.service);
            let consumer = format!("{}{suffix}", projection.name());
            let row = self.ground.db.fetch_one(sql, args![consumer, &source]).await?;
            let Some(row) = row else { continue };
            let (least, last): (Option<Position>, Option<Position>) = (row.get(0)?, row.get(1)?);
            places.push(Place {
                reader: projection.name(),
                source,
                least: least.unwrap_or_default(),
                last: last.unwrap_or_default(),
            });
        }
        Ok(places)
    }
}
