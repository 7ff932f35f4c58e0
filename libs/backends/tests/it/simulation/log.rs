//! The log's double: it can be away, slow, keep a part of what it refuses, repeat itself and forget its beginning. What
//! was ever on it stays known to the judge.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

use async_trait::async_trait;
use eventing::bus::{Batch, Bus, BusError, LogSink, LogSource, PARTITIONS, Routed, Topic};
use proto::envelope::Record;
use tokio::sync::{oneshot, watch};

use super::{
    chance::Chance,
    process::Life,
    sabotage::Sabotage,
    schedule::Schedule,
    weather::{Fate, Weather},
};

/// How long a source waits for news.
const PATIENCE: Duration = Duration::from_millis(500);

pub(super) struct Log {
    topics: Mutex<BTreeMap<String, Vec<Part>>>,
    /// How often each exclusive sink was opened: what comes of earlier openings is refused on arrival.
    openings: Mutex<BTreeMap<String, u64>>,
    news: watch::Sender<u64>,
    chance: Chance,
    weather: Arc<Weather>,
    schedule: Schedule,
    sabotage: Sabotage,
}

#[derive(Clone, Default)]
struct Part {
    /// The first offset that is still kept.
    begin: usize,
    /// All there ever was.
    records: Vec<Record>,
}

impl Log {
    pub(super) fn new(
        chance: Chance,
        weather: Arc<Weather>,
        schedule: Schedule,
        sabotage: Sabotage,
    ) -> Arc<Self> {
        let (topics, openings, news) = (Mutex::default(), Mutex::default(), watch::Sender::new(0));
        Arc::new(Self { topics, openings, news, chance, weather, schedule, sabotage })
    }

    /// A process' way to it. What it sends arrives in the order in which it was sent.
    pub(super) fn link(self: &Arc<Self>, life: Arc<Life>) -> Arc<dyn Bus> {
        Arc::new(Link { log: self.clone(), life, last: Mutex::default() })
    }

    fn with<T>(&self, topic: &Topic, act: impl FnOnce(&mut Vec<Part>) -> T) -> T {
        let mut topics = self.topics.lock().expect("not poisoned");
        act(topics.entry(topic.name.clone()).or_insert_with(|| vec![Part::default(); PARTITIONS as usize]))
    }

    fn open(&self, name: &str) -> Opening {
        let mut openings = self.openings.lock().expect("not poisoned");
        let number = openings.entry(name.to_owned()).or_default();
        *number += 1;
        Opening { name: name.to_owned(), number: *number }
    }

    fn is_last(&self, opening: &Opening) -> bool {
        matches!(self.sabotage, Sabotage::LogKeepsEveryOwner)
            || self.openings.lock().expect("not poisoned").get(&opening.name) == Some(&opening.number)
    }

    fn append(&self, topic: &Topic, records: &[Routed]) {
        self.with(topic, |parts| {
            for routed in records {
                parts[routed.part as usize].records.push(routed.record.clone());
            }
        });
        self.news.send_modify(|news| *news += 1);
    }

    /// Forgets the beginning of some partitions.
    pub(super) fn forget(&self, topic: &Topic) {
        self.with(topic, |parts| {
            for part in parts.iter_mut().filter(|_| self.chance.happens(400)) {
                part.begin += self.chance.below(part.records.len() - part.begin + 1);
            }
        });
    }

    /// Everything that a topic ever had, each partition in its order.
    pub(super) fn all(&self, topic: &Topic) -> Vec<(u32, Record)> {
        self.with(topic, |parts| {
            let parts = (0_u32..).zip(parts.iter());
            parts
                .flat_map(|(number, part)| part.records.iter().map(move |one| (number, one.clone())))
                .collect()
        })
    }

    fn away(&self) -> Result<(), BusError> {
        if self.weather.log_away.load(Ordering::Relaxed) {
            Err(unavailable("the log is away"))
        } else {
            Ok(())
        }
    }
}

fn unavailable(why: &str) -> BusError {
    BusError::Unavailable(why.to_owned())
}

struct Link {
    log: Arc<Log>,
    life: Arc<Life>,
    /// Ends when what was sent last has arrived.
    last: Mutex<Option<oneshot::Receiver<()>>>,
}

impl Link {
    async fn asked<T>(&self, topic: &Topic, ask: impl Fn(&Part) -> T) -> Result<Vec<T>, BusError> {
        self.log.weather.way(&self.log.chance).await;
        self.log.away()?;
        let told = self.log.with(topic, |parts| parts.iter().map(ask).collect());
        self.log.weather.way(&self.log.chance).await;
        Ok(told)
    }
}

fn offset(index: usize) -> i64 {
    i64::try_from(index).expect("few")
}

#[async_trait]
impl LogSink for Link {
    async fn publish(&self, topic: &Topic, records: &[Routed]) -> Result<(), BusError> {
        self.send(topic, records, None).await
    }
}

/// A link whose opening counts as long as it is the last of its name.
struct Exclusive {
    link: Link,
    opening: Opening,
}

#[derive(Clone)]
struct Opening {
    name: String,
    number: u64,
}

#[async_trait]
impl LogSink for Exclusive {
    async fn publish(&self, topic: &Topic, records: &[Routed]) -> Result<(), BusError> {
        self.link.send(topic, records, Some(self.opening.clone())).await
    }
}

impl Link {
    async fn send(
        &self,
        topic: &Topic,
        records: &[Routed],
        opening: Option<Opening>,
    ) -> Result<(), BusError> {
        self.life.check().map_err(|_| unavailable("this process is gone"))?;
        let (answer, answered) = oneshot::channel();
        let (log, topic, records) = (self.log.clone(), topic.clone(), records.to_vec());
        let (arrived, arrives) = oneshot::channel();
        let before = self.last.lock().expect("not poisoned").replace(arrives);
        self.log.schedule.spawn(0, async move {
            if let Some(before) = before {
                let _ = before.await;
            }
            log.weather.way(&log.chance).await;
            let _ = answer.send(arrive(&log, &topic, &records, opening.as_ref()).await);
            drop(arrived);
        });
        let result = answered.await.map_err(|_| unavailable("lost in the end"))?;
        self.log.weather.way(&self.log.chance).await;
        result
    }
}

/// Partition by partition, as on brokers that know nothing of each other.
async fn arrive(
    log: &Log,
    topic: &Topic,
    records: &[Routed],
    opening: Option<&Opening>,
) -> Result<(), BusError> {
    log.away()?;
    let fate = log.weather.fate(&log.chance);
    if fate == Fate::Refused && matches!(log.sabotage, Sabotage::LogDropsWhatItTook) {
        return Ok(());
    }
    if fate == Fate::Refused {
        return Err(unavailable("never arrived"));
    }
    let mut by_part: BTreeMap<u32, Vec<Routed>> = BTreeMap::new();
    for routed in records {
        by_part.entry(routed.part).or_default().push(routed.clone());
    }
    if matches!(log.sabotage, Sabotage::LogMixes) {
        by_part.values_mut().for_each(|records| records.reverse());
    }
    for records in by_part.values() {
        if log.chance.happens(100) {
            tokio::time::sleep(log.chance.between_ms(1, 30)).await;
        }
        if opening.is_some_and(|opening| !log.is_last(opening)) {
            return Err(unavailable("opened again elsewhere"));
        }
        let kept = if fate == Fate::Undone { log.chance.below(records.len() + 1) } else { records.len() };
        log.append(topic, &records[..kept]);
        if fate == Fate::Doubled {
            log.append(topic, records);
        }
    }
    match fate {
        Fate::Undone => Err(unavailable("some of it was not taken")),
        Fate::Unheard => Err(unavailable("all was taken, and nobody heard of it")),
        _ => Ok(()),
    }
}

#[async_trait]
impl Bus for Link {
    async fn exclusive_sink(&self, name: &str) -> Result<Arc<dyn LogSink>, BusError> {
        self.life.check().map_err(|_| unavailable("this process is gone"))?;
        self.log.weather.way(&self.log.chance).await;
        self.log.away()?;
        let opening = self.log.open(name);
        self.log.weather.way(&self.log.chance).await;
        let link = Self { log: self.log.clone(), life: self.life.clone(), last: Mutex::default() };
        Ok(Arc::new(Exclusive { link, opening }))
    }

    async fn source(
        &self,
        _: &str,
        topic: &Topic,
        from: &[(u32, i64)],
    ) -> Result<Box<dyn LogSource>, BusError> {
        self.log.away()?;
        let (log, topic) = (self.log.clone(), topic.clone());
        let (life, news) = (self.life.clone(), self.log.news.subscribe());
        Ok(Box::new(Source { log, life, topic, places: from.to_vec(), news }))
    }

    async fn ends(&self, topic: &Topic) -> Result<Vec<i64>, BusError> {
        self.asked(topic, |part| offset(part.records.len())).await
    }

    async fn begins(&self, topic: &Topic) -> Result<Vec<i64>, BusError> {
        let silent = matches!(self.log.sabotage, Sabotage::LogForgetsSilently);
        self.asked(topic, |part| if silent { 0 } else { offset(part.begin) }).await
    }
}

struct Source {
    log: Arc<Log>,
    life: Arc<Life>,
    topic: Topic,
    places: Vec<(u32, i64)>,
    news: watch::Receiver<u64>,
}

#[async_trait]
impl LogSource for Source {
    async fn poll(&mut self, max: usize) -> Result<Vec<Batch>, BusError> {
        self.life.check().map_err(|_| unavailable("this process is gone"))?;
        self.news.mark_unchanged();
        self.log.weather.way(&self.log.chance).await;
        self.log.away()?;
        let batches = self.read(max)?;
        if batches.is_empty() {
            // Whether news came or time passed: the next look tells.
            let _ = tokio::time::timeout(PATIENCE, self.news.changed()).await;
        }
        Ok(batches)
    }
}

impl Source {
    fn read(&mut self, max: usize) -> Result<Vec<Batch>, BusError> {
        let Self { log, topic, places, .. } = self;
        log.with(topic, |parts| {
            let mut batches = Vec::new();
            for (part, at) in places.iter_mut() {
                let Part { begin, records } = &parts[*part as usize];
                if matches!(log.sabotage, Sabotage::LogForgetsSilently) {
                    *at = offset(*begin).max(*at);
                }
                let from = usize::try_from(*at).expect("an offset");
                if from < *begin || from > records.len() {
                    return Err(unavailable("this offset is not there"));
                }
                if from == records.len() {
                    continue;
                }
                let many = (1 + log.chance.below(records.len() - from)).min(max);
                let placed = (*at..).zip(&records[from..from + many]);
                let records = placed.map(|(at, one)| (at, one.clone())).collect();
                *at = offset(from + many);
                batches.push(Batch { part: *part, records, unreadable: Vec::new(), next_offset: *at });
            }
            Ok(batches)
        })
    }
}
