//! Where a reader's events come from: the service's own journal, or another's topic – and that one's journal, for
//! what the topic no longer keeps.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use proto::envelope::{Record, record::Body};
use tokio::sync::watch;

use super::{BATCH, Ground, cursor::Cursors, cursor::Place, reader_name};
use crate::{
    bus::{Batch, Bus, LogSource, SiblingJournals, Topic, partition_of},
    event::{DecodeError, Position, Recorded},
    readers::Source,
    store::EventStore,
};
use prost::Message;

/// How long a reader waits for news before it looks again by itself.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// New events of one partition, and where the cursor stands behind them.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) events: Vec<Arrived>,
    pub(crate) to: Place,
}

/// One event, or bytes that are none.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    /// Where the cursor stands behind this one.
    pub(crate) to: Place,
    pub(crate) event: Result<Recorded, (DecodeError, Bytes)>,
}

pub(crate) enum Feed {
    Journal { store: Arc<dyn EventStore>, news: watch::Receiver<Position> },
    Topic { log: Box<dyn LogSource> },
    HandOver(HandOver),
}

/// Reads a sibling's journal up to `head`, then goes on with its topic from `ends`, which were noted before: whatever
/// stands on the topic behind `ends` is behind `head` too, or known already by its position.
pub(crate) struct HandOver {
    journals: Arc<dyn SiblingJournals>,
    bus: Arc<dyn Bus>,
    of: &'static str,
    reader: String,
    /// Of the partitions that are read here.
    ends: Vec<(u32, i64)>,
    after: Position,
    head: Option<Position>,
}

impl Feed {
    pub(crate) async fn open(ground: &Ground, source: Source, cursors: &Cursors) -> Result<Self, String> {
        match source {
            Source::OwnJournal => {
                Ok(Self::Journal { store: ground.store.clone(), news: ground.store.watch() })
            }
            Source::Topic(of) => {
                let topic = Topic::events(of);
                if !within(ground, &topic, cursors).await? {
                    return HandOver::begin(ground, of, cursors).await.map(Self::HandOver);
                }
                let reader = reader_name(ground.service, &cursors.consumer);
                let from = places(cursors);
                let log =
                    ground.bus.source(&reader, &topic, &from).await.map_err(|error| error.to_string())?;
                // What was forgotten while the source was opened would be missed without a word.
                if !within(ground, &topic, cursors).await? {
                    return HandOver::begin(ground, of, cursors).await.map(Self::HandOver);
                }
                Ok(Self::Topic { log })
            }
        }
    }

    /// Waits a moment for events behind the cursors; may be empty.
    pub(crate) async fn next(&mut self, cursors: &Cursors) -> Result<Vec<Arrival>, String> {
        match self {
            Self::Journal { store, news } => {
                let after = cursors.place(0).map_or(0, |place| place.source_pos);
                if *news.borrow_and_update() <= after {
                    // Whether news came or time passed: a look tells.
                    let _ = tokio::time::timeout(LOOK_AGAIN, news.changed()).await;
                }
                let page = store.read_all(after, BATCH).await.map_err(|error| error.to_string())?;
                Ok(arrival_of_page(page).into_iter().collect())
            }
            Self::Topic { log } => {
                let batches = log.poll(BATCH).await.map_err(|error| error.to_string())?;
                Ok(batches.into_iter().filter_map(|batch| arrival_of_batch(batch, cursors)).collect())
            }
            Self::HandOver(hand_over) => {
                let (arrivals, ended) = hand_over.next(cursors).await?;
                if ended {
                    let log = hand_over.log().await?;
                    *self = Self::Topic { log };
                }
                Ok(arrivals)
            }
        }
    }

    /// Tells the log's dashboards where the cursors stand.
    pub(crate) async fn reached(&mut self, cursors: &Cursors) {
        if let Self::Topic { log } = self {
            log.hint_commit(&places(cursors)).await;
        }
    }
}

/// Whether the log holds everything behind the places. It does not when that was swept, nor when the log ends before
/// them: then it was made anew.
async fn within(ground: &Ground, topic: &Topic, cursors: &Cursors) -> Result<bool, String> {
    let begins = ground.bus.begins(topic).await.map_err(|error| error.to_string())?;
    let ends = ground.bus.ends(topic).await.map_err(|error| error.to_string())?;
    let at = |offsets: &[i64], place: &Place, or| offsets.get(place.part as usize).copied().unwrap_or(or);
    Ok(cursors
        .places
        .iter()
        .all(|place| (at(&begins, place, 0)..=at(&ends, place, i64::MAX)).contains(&place.log_offset)))
}

fn places(cursors: &Cursors) -> Vec<(u32, i64)> {
    cursors.places.iter().map(|place| (place.part, place.log_offset)).collect()
}

impl HandOver {
    async fn begin(ground: &Ground, of: &'static str, cursors: &Cursors) -> Result<Self, String> {
        let journals = ground.siblings.clone().ok_or_else(|| {
            format!("the log of {of} no longer reaches back to this reader's place, and its journal cannot be asked")
        })?;
        let ends = ground.bus.ends(&Topic::events(of)).await.map_err(|error| error.to_string())?;
        let end =
            |place: &Place| (place.part, ends.get(place.part as usize).copied().unwrap_or(place.log_offset));
        let ends = cursors.places.iter().map(end).collect();
        let after = cursors.places.iter().map(|place| place.source_pos).min().unwrap_or_default();
        let reader = reader_name(ground.service, &cursors.consumer);
        Ok(Self { journals, bus: ground.bus.clone(), of, reader, ends, after, head: None })
    }

    /// Events that their partition's place has not seen; `true` with the last, which moves every place to the topic.
    async fn next(&mut self, cursors: &Cursors) -> Result<(Vec<Arrival>, bool), String> {
        let (page, head) =
            self.journals.read_all(self.of, self.after, BATCH).await.map_err(|error| error.to_string())?;
        let head = *self.head.get_or_insert(head);
        let mut arrivals: Vec<Arrival> = Vec::new();
        for event in page.into_iter().filter(|event| event.position <= head) {
            self.after = event.position;
            let part = partition_of(&event.partition_key);
            let Some(place) = cursors.place(part).filter(|place| place.source_pos < event.position) else {
                continue;
            };
            let to = Place { source_pos: event.position, ..place };
            let arrived = Arrived { to, event: Ok(event) };
            match arrivals.iter_mut().find(|arrival| arrival.to.part == part) {
                Some(arrival) => {
                    arrival.events.push(arrived);
                    arrival.to = to;
                }
                None => arrivals.push(Arrival { events: vec![arrived], to }),
            }
        }
        if !arrivals.is_empty() || self.after < head {
            return Ok((arrivals, false));
        }
        let last = self.ends.iter().map(|(part, end)| {
            let to = Place { part: *part, log_offset: *end, source_pos: head };
            Arrival { events: Vec::new(), to }
        });
        Ok((last.collect(), true))
    }

    async fn log(&self) -> Result<Box<dyn LogSource>, String> {
        let topic = Topic::events(self.of);
        self.bus.source(&self.reader, &topic, &self.ends).await.map_err(|error| error.to_string())
    }
}

fn arrival_of_page(page: Vec<Recorded>) -> Option<Arrival> {
    let place = |position| Place { part: 0, log_offset: 0, source_pos: position };
    let to = place(page.last()?.position);
    let events =
        page.into_iter().map(|event| Arrived { to: place(event.position), event: Ok(event) }).collect();
    Some(Arrival { events, to })
}

/// Positions ascend within a partition: what is at or below the cursor's was seen before, whoever sent it again.
fn arrival_of_batch(batch: Batch, cursors: &Cursors) -> Option<Arrival> {
    let start = cursors.place(batch.part)?;
    if batch.next_offset <= start.log_offset {
        return None;
    }
    let mut seen = start.source_pos;
    let of = cursors.source.strip_prefix("topic:").unwrap_or_default();
    let mut events = Vec::with_capacity(batch.records.len());
    let unreadable = |bytes| Err(Fault::Poison(DecodeError("it is no record of this bus".to_owned()), bytes));
    let mut stored: Vec<(i64, Result<Option<Recorded>, Fault>)> =
        batch.records.into_iter().map(|(offset, record)| (offset, event_of(record, of))).collect();
    stored.extend(batch.unreadable.into_iter().map(|(offset, bytes)| (offset, unreadable(bytes))));
    stored.sort_by_key(|(offset, _)| *offset);
    for (offset, event) in stored {
        if offset < start.log_offset {
            continue;
        }
        let place = |seen| Place { part: batch.part, log_offset: offset + 1, source_pos: seen };
        match event {
            Ok(Some(event)) if event.position > seen => {
                seen = event.position;
                events.push(Arrived { to: place(seen), event: Ok(event) });
            }
            Ok(Some(_)) => {}
            Ok(None) => {}
            Err(Fault::Watermark(head)) => seen = seen.max(head),
            Err(Fault::Poison(error, bytes)) => {
                events.push(Arrived { to: place(seen), event: Err((error, bytes)) })
            }
        }
    }
    Some(Arrival { events, to: Place { part: batch.part, log_offset: batch.next_offset, source_pos: seen } })
}

enum Fault {
    Watermark(Position),
    Poison(DecodeError, Bytes),
}

/// Somebody else's record is none of this topic: to believe its position would hide what stands behind it.
fn event_of(record: Record, of: &str) -> Result<Option<Recorded>, Fault> {
    let bytes = record.encode_to_vec();
    if record.source != of {
        let error = DecodeError(format!("it is a record of «{}» on the topic of {of}", record.source));
        return Err(Fault::Poison(error, bytes.into()));
    }
    match record.body {
        Some(Body::Event(event)) => {
            Recorded::from_proto(event).map(Some).map_err(|error| Fault::Poison(error, bytes.into()))
        }
        Some(Body::Watermark(head)) => Err(match Position::try_from(head) {
            Ok(head) => Fault::Watermark(head),
            Err(_) => Fault::Poison(DecodeError("a watermark above every position".to_owned()), bytes.into()),
        }),
        Some(Body::State(_)) | None => Ok(None),
    }
}
