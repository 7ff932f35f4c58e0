//! A step: some events, opened as far as possible, and the places to move to once they have had their effect.

use bytes::Bytes;
use prost::Message;

use super::{cursor::Place, feed::Arrival, feed::Arrived};
use crate::{
    event::{Incoming, Plain, Recorded},
    sealing::{Sealer, SealingError},
};

#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) taken: Vec<Taken>,
    pub(crate) moves: Vec<Place>,
}

/// One event of a step.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub(crate) to: Place,
    /// The key that waits when this one is poison.
    pub(crate) key: String,
    /// What is kept of it when it is parked.
    pub(crate) bytes: Bytes,
    pub(crate) opened: Result<Incoming, String>,
}

impl Step {
    /// `Err` when keys cannot be had now: try again later.
    pub(crate) async fn open(
        arrivals: Vec<Arrival>,
        source: &str,
        sealer: &Sealer,
    ) -> Result<Self, SealingError> {
        let mut moves: Vec<Place> = arrivals.iter().map(|arrival| arrival.to).collect();
        // Whoever moves several places takes them in one order: owners that follow each other never wait in a circle.
        moves.sort_by_key(|place| place.part);
        let arrived: Vec<Arrived> = arrivals.into_iter().flat_map(|arrival| arrival.events).collect();
        let recorded: Vec<Recorded> = arrived.iter().filter_map(|one| one.event.clone().ok()).collect();
        let mut plains = open_each(&recorded, sealer).await?.into_iter();
        let mut taken = Vec::with_capacity(arrived.len());
        for Arrived { to, event } in arrived {
            taken.push(match event {
                Ok(event) => Taken {
                    to,
                    key: event.partition_key.clone(),
                    bytes: event.to_proto().encode_to_vec().into(),
                    opened: plains
                        .next()
                        .unwrap_or_else(|| Err("it was not opened".to_owned()))
                        .map(|plain| Incoming { source: source.to_owned(), event, plain }),
                },
                Err((error, bytes)) => {
                    let key = format!("unreadable-{}-{}", to.part, to.log_offset);
                    Taken { to, key, bytes, opened: Err(error.to_string()) }
                }
            });
        }
        Ok(Self { taken, moves })
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.taken.iter().all(|taken| taken.opened.is_ok())
    }

    /// One step for each event, in order, and a last one for the places behind them.
    pub(crate) fn one_by_one(self) -> Vec<Self> {
        let mut steps: Vec<Self> =
            self.taken.into_iter().map(|taken| Self { moves: vec![taken.to], taken: vec![taken] }).collect();
        steps.push(Self { taken: Vec::new(), moves: self.moves });
        steps
    }
}

/// Opens all at once; only when one of them does not open, each by itself.
async fn open_each(events: &[Recorded], sealer: &Sealer) -> Result<Vec<Result<Plain, String>>, SealingError> {
    match sealer.open(events).await {
        Ok(plains) => return Ok(plains.into_iter().map(Ok).collect()),
        Err(error @ SealingError::Unavailable(_)) => return Err(error),
        Err(_) => {}
    }
    let mut opened = Vec::with_capacity(events.len());
    for event in events {
        opened.push(match sealer.open(std::slice::from_ref(event)).await {
            Ok(mut plains) => plains.pop().ok_or_else(|| "nothing opened".to_owned()),
            Err(error @ SealingError::Unavailable(_)) => return Err(error),
            Err(error) => Err(error.to_string()),
        });
    }
    Ok(opened)
}
