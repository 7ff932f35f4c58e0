//! The meeting: in one transaction the cursors of the served one are held, and the new one takes what is left up to there.

use std::sync::Arc;

use super::{
    feeder::{Places, places_of},
    flip::{Seat, give_way},
};
use crate::{
    consume::{Cursors, Place, Step, StepError, apply_unparked, parked_keys},
    event::Position,
    readers::{Failure, Projection},
    sql::Tx,
};

/// What became of an attempt to meet.
pub(super) enum Meeting {
    Met,
    /// And why, if that is known.
    Missed(Option<String>),
}

/// A feeder as a meeting needs it.
pub(super) struct Met {
    pub(super) projection: Arc<dyn Projection>,
    pub(super) cursors: Cursors,
    pub(super) read_to: Position,
}

/// What is done in the transaction of a meeting.
pub(super) struct Table {
    pub(super) met: Vec<Met>,
    /// By the feeder's number, in the order of their times.
    pub(super) steps: Vec<(usize, Step)>,
    pub(super) flip: Option<Seat>,
    pub(super) now_us: i64,
}

impl Table {
    /// The places moved to; `None`: the served one is further than was read.
    pub(super) async fn sit(self, tx: &mut dyn Tx) -> Result<Option<Vec<Vec<Place>>>, StepError> {
        if self.flip.is_some() {
            give_way(tx).await?;
        }
        let mut served: Vec<Places> = Vec::new();
        for one in &self.met {
            let places = places_of(tx, one.projection.name(), &one.cursors.source, true).await?;
            if places.values().any(|position| *position > one.read_to) {
                return Ok(None);
            }
            served.push(places);
        }
        for (index, mut step) in self.steps {
            let (Some(one), Some(places)) = (self.met.get(index), served.get(index)) else { continue };
            let at = |part: u32| places.get(&part).copied().unwrap_or_default();
            step.taken.retain(|taken| taken.to.source_pos <= at(taken.to.part));
            let waiting = parked_keys(tx, &one.cursors.consumer).await?;
            apply_unparked(tx, &*one.projection, &one.cursors, (&step, &waiting), self.now_us).await?;
        }
        let mut moved = Vec::new();
        for (one, places) in self.met.iter().zip(&served) {
            moved.push(one.move_to(tx, places).await?);
        }
        if let Some(seat) = &self.flip {
            seat.flip(tx).await?;
        }
        Ok(Some(moved))
    }
}

impl Met {
    async fn move_to(&self, tx: &mut dyn Tx, places: &Places) -> Result<Vec<Place>, StepError> {
        let mut moved = Vec::new();
        for (part, position) in places {
            let Some(from) = self.cursors.place(*part) else { continue };
            if from.source_pos > *position {
                // The served one has gone back: made anew from further on, it would miss what that takes again.
                return Err(StepError::Failure(Failure::Poison(
                    "the served one stands behind the new one: forget the new one".to_owned(),
                )));
            }
            if from.source_pos < *position {
                moved.push(Place { source_pos: *position, ..from });
            }
        }
        self.cursors.advance(tx, &moved).await?;
        Ok(moved)
    }
}
