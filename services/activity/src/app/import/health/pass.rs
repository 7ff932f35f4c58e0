//! Once through the document: what is met goes to whoever waits for it, a little at a time.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use formats::{
    Problem,
    apple::{self, Counts, Item, Record, Workout},
    archive,
};
use kernel::time;
use proto::activity::{Sample, Upsert, upsert};
use tokio::sync::mpsc::Sender;

use super::{
    days::{self, Days},
    hearts::{Beats, Hearts},
};
use crate::app::{
    import::opened::{Lies, Opened},
    receive_upload::sha256,
};

const SAMPLES_AT_ONCE: usize = 500;
/// Single measurements that are kept of an export; a hundred a day for thirty years.
const SAMPLES_MAX: u64 = 1_000_000;
/// More are no diary any more.
pub(super) const WORKOUTS_MAX: usize = 50_000;

/// Items after which it is looked whether anybody still waits.
const LOOK_EVERY: u64 = 4_096;

pub(super) enum Met {
    Workout(Box<MetWorkout>),
    Samples(Vec<Upsert>),
}

pub(super) struct MetWorkout {
    /// The same of the same workout in every export.
    pub(super) key: String,
    /// Where a reading of the document goes on to meet it.
    pub(super) from: u64,
    pub(super) workout: Workout,
    /// Its heart rate, for those who agreed to its keeping.
    pub(super) beats: Beats,
    /// Files of its route that are not there, or cannot be read.
    pub(super) lost: usize,
}

/// What the records come to.
#[derive(Default)]
pub(super) struct Ended {
    pub(super) days: Days,
    pub(super) counts: Counts,
    /// Records of kinds that are read and not kept, and those beyond a bound; heart rates are not among them.
    pub(super) unkept: u64,
    pub(super) heart_rates: u64,
    /// Keys of the workouts, and where the first of them is met.
    pub(super) workouts: Vec<String>,
    pub(super) first_workout: u64,
    /// Why it could not be read to its end.
    pub(super) problem: Option<Problem>,
}

/// How far it is; looked at from outside.
#[derive(Default)]
pub(super) struct Reached {
    done: AtomicU64,
}

impl Reached {
    pub(super) fn bytes(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }
}

pub(super) struct Pass {
    opened: Opened,
    lies: Lies,
    out: Sender<Met>,
    reached: Arc<Reached>,
}

impl Pass {
    pub(super) fn new(opened: &Opened, lies: &Lies, out: Sender<Met>) -> Self {
        Self { opened: opened.clone(), lies: lies.clone(), out, reached: Arc::default() }
    }

    pub(super) fn reached(&self) -> Arc<Reached> {
        self.reached.clone()
    }

    /// The first time: samples are met, days are summed up, and it is found out which workouts there are. `version`: of the
    /// records that it makes.
    ///
    /// # Errors
    /// It cannot be read at all. What cannot be read from some place on is no error: see [`Ended::problem`].
    pub(super) fn records(self, version: i64) -> Result<Ended, Problem> {
        let mut sorting =
            Sorting { out: &self.out, version, samples: Vec::new(), met: 0, ended: Ended::default() };
        let (counts, problem) = self.each(0, |item, at| match item {
            Item::Workout(workout) => {
                sorting.workout(&workout, at);
                true
            }
            Item::Record(record) => sorting.record(&record),
        })?;
        sorting.send();
        Ok(Ended { counts, problem, ..sorting.ended })
    }

    /// The heart rates within those workouts; they stand before them.
    ///
    /// # Errors
    /// As [`Pass::records`].
    pub(super) fn hearts(self, mut hearts: Hearts) -> Result<Hearts, Problem> {
        self.each(0, |item, _| {
            if let Item::Record(record) = item
                && record.kind == HEART_RATE
            {
                hearts.add(&record);
            }
            true
        })?;
        Ok(hearts)
    }

    /// The workouts, from that byte of the document on, until its end or until nobody waits any more. Gives the members that
    /// are parts of them.
    ///
    /// # Errors
    /// As [`Pass::records`].
    pub(super) fn workouts(self, from: u64, hearts: Option<Hearts>) -> Result<HashSet<String>, Problem> {
        let mut routes = HashSet::new();
        self.each(from, |item, at| {
            let Item::Workout(workout) = item else { return true };
            let met = Box::new(self.workout(*workout, at, hearts.as_ref(), &mut routes));
            self.out.blocking_send(Met::Workout(met)).is_ok()
        })?;
        Ok(routes)
    }

    /// Goes from item to item, each with where a reading goes on to meet it, as long as somebody waits.
    fn each(
        &self,
        from: u64,
        mut take: impl FnMut(Item, u64) -> bool,
    ) -> Result<(Counts, Option<Problem>), Problem> {
        let file = self.opened.file.from_its_beginning();
        let mut reader = self.lies.document(&file)?.read_from(from)?;
        let (mut at, mut items, mut problem) = (from, 0_u64, None);
        while let Some(item) = reader.next() {
            items += 1;
            let waits = match item {
                Ok(item) => take(item, at),
                Err(found) => {
                    problem = Some(found);
                    true
                }
            };
            if !waits || items.is_multiple_of(LOOK_EVERY) && self.out.is_closed() {
                break;
            }
            at = reader.offset();
            let done = if matches!(self.lies, Lies::ByItself(_)) { file.reached() } else { at };
            self.reached.done.store(done, Ordering::Relaxed);
        }
        Ok((reader.counts(), problem))
    }

    /// With its route; the files are read one at a time.
    fn workout(
        &self,
        mut workout: Workout,
        from: u64,
        hearts: Option<&Hearts>,
        parts: &mut HashSet<String>,
    ) -> MetWorkout {
        let key = key_of(&workout);
        let (mut routes, mut lost) = (Vec::new(), 0);
        for path in &workout.routes {
            let member = apple::named_in(&self.opened.members, path);
            let read = member.and_then(|member| {
                parts.insert(member.name.clone());
                formats::read(&archive::unpack(&self.opened.file, member).ok()?).ok()
            });
            match read {
                Some(reading) => routes.extend(reading.activities),
                // Of a document by itself the files are elsewhere: that is no loss.
                None => lost += usize::from(matches!(self.lies, Lies::Member(_))),
            }
        }
        workout.follow(routes);
        let beats = hearts.map(|hearts| hearts.beats(&key)).unwrap_or_default();
        MetWorkout { key, from, workout, beats, lost }
    }
}

const HEART_RATE: &str = "heart_rate";

/// Records on their way to days and samples.
struct Sorting<'a> {
    out: &'a Sender<Met>,
    version: i64,
    samples: Vec<Upsert>,
    met: u64,
    ended: Ended,
}

impl Sorting<'_> {
    fn workout(&mut self, workout: &Workout, at: u64) {
        let ended = &mut self.ended;
        if ended.workouts.is_empty() {
            ended.first_workout = at;
        }
        if ended.workouts.len() < WORKOUTS_MAX {
            ended.workouts.push(key_of(workout));
        }
    }

    /// Whether anybody still waits.
    fn record(&mut self, record: &Record) -> bool {
        if days::adds_up(record.kind) {
            self.ended.days.add(record);
            return true;
        }
        if record.kind == HEART_RATE {
            self.ended.heart_rates += 1;
            return true;
        }
        if self.met >= SAMPLES_MAX {
            self.ended.unkept += 1;
            return true;
        }
        self.met += 1;
        self.samples.push(sample(record, self.version));
        self.samples.len() < SAMPLES_AT_ONCE || self.send()
    }

    fn send(&mut self) -> bool {
        let samples = std::mem::take(&mut self.samples);
        samples.is_empty() || self.out.blocking_send(Met::Samples(samples)).is_ok()
    }
}

/// Start in microseconds, length in seconds, sport, and a mark of the source.
pub(super) fn key_of(workout: &Workout) -> String {
    let activity = &workout.activity;
    let length_s = activity.totals.elapsed_time_s.map_or(0.0, |total| total.value);
    let start_us = time::micros(activity.start);
    format!("workout:{start_us}:{length_s:.0}:{}:{}", activity.sport.as_str(), mark(&workout.source))
}

fn sample(record: &Record, version: i64) -> Upsert {
    let at_us = time::micros(record.start);
    let sample = Sample { r#type: record.kind.to_owned(), at_us, value: record.value, unit: String::new() };
    let key = format!("sample:{}:{at_us}:{}", record.kind, mark(&record.source));
    Upsert { key, version, record: Some(upsert::Record::Sample(sample)) }
}

/// A few letters for a device's name, which may be long, and somebody's.
pub(super) fn mark(source: &str) -> String {
    hex::encode(&sha256(source.as_bytes())[..4])
}
