//! A step: some events, opened as far as possible, and the places to move to once they have had their effect.

use bytes::Bytes;
use prost::Message;

use super::{cursor::Place, feed::Arrival, feed::Arrived};
use crate::{
    event::{DecodeError, Incoming, Plain, Recorded},
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
    pub(crate) opened: Result<Incoming, Unopened>,
}

/// What could not be opened: why, and its bytes.
#[derive(Clone, Debug)]
pub(crate) struct Unopened {
    pub(crate) why: String,
    bytes: Bytes,
}

impl Taken {
    fn of(to: Place, source: &str, event: Recorded, plain: Result<Plain, String>) -> Self {
        let key = event.partition_key.clone();
        let opened = match plain {
            Ok(plain) => Ok(Incoming { source: source.to_owned(), event, plain }),
            Err(why) => Err(Unopened { why, bytes: event.to_proto().encode_to_vec().into() }),
        };
        Self { to, key, opened }
    }

    fn unreadable(to: Place, error: &DecodeError, bytes: Bytes) -> Self {
        let key = format!("unreadable-{}-{}", to.part, to.log_offset);
        Self { to, key, opened: Err(Unopened { why: error.to_string(), bytes }) }
    }

    /// What is kept of it when it is parked.
    pub(crate) fn bytes(&self) -> Bytes {
        match &self.opened {
            Ok(incoming) => incoming.event.to_proto().encode_to_vec().into(),
            Err(unopened) => unopened.bytes.clone(),
        }
    }
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
        let (mut recorded, mut arrived) = (Vec::new(), Vec::new());
        for Arrived { to, event } in arrivals.into_iter().flat_map(|arrival| arrival.events) {
            let unreadable = event.map(|event| recorded.push(event)).err();
            arrived.push((to, unreadable));
        }
        let mut plains = open_each(&recorded, sealer).await?.into_iter();
        let mut recorded = recorded.into_iter();
        let taken = arrived.into_iter().filter_map(|(to, unreadable)| match unreadable {
            None => {
                let plain = plains.next().unwrap_or_else(|| Err("it was not opened".to_owned()));
                recorded.next().map(|event| Taken::of(to, source, event, plain))
            }
            Some((error, bytes)) => Some(Taken::unreadable(to, &error, bytes)),
        });
        let taken = taken.collect();
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
