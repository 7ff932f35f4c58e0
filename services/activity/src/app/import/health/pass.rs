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

use super::days::{self, Days};
use crate::app::{
    import::opened::{Lies, Opened},
    receive_upload::sha256,
};

const SAMPLES_AT_ONCE: usize = 500;
/// Single measurements that are kept of an export; a hundred a day for thirty years.
const SAMPLES_MAX: u64 = 1_000_000;

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
    /// Files of its route that are not there, or cannot be read.
    pub(super) lost: usize,
}

/// What is known at the end.
pub(super) struct Ended {
    pub(super) days: Days,
    pub(super) counts: Counts,
    /// Records of kinds that are read and not kept, and those beyond a bound.
    pub(super) unkept: u64,
    /// Members that are parts of workouts.
    pub(super) routes: HashSet<String>,
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
    version: i64,
    with_records: bool,
    out: Sender<Met>,
    reached: Arc<Reached>,
    samples: Vec<Upsert>,
    samples_met: u64,
    ended: Ended,
}

impl Pass {
    /// `version`: of the records that it makes.
    pub(super) fn new(opened: &Opened, lies: &Lies, version: i64, out: Sender<Met>) -> Self {
        let ended = Ended {
            days: Days::default(),
            counts: Counts::default(),
            unkept: 0,
            routes: HashSet::new(),
            problem: None,
        };
        Self {
            opened: opened.clone(),
            lies: lies.clone(),
            version,
            with_records: true,
            out,
            reached: Arc::default(),
            samples: Vec::new(),
            samples_met: 0,
            ended,
        }
    }

    pub(super) fn only_workouts(mut self) -> Self {
        self.with_records = false;
        self
    }

    pub(super) fn reached(&self) -> Arc<Reached> {
        self.reached.clone()
    }

    /// From that byte of the document on, until its end or until nobody waits any more.
    ///
    /// # Errors
    /// It cannot be read at all. What cannot be read from some place on is no error: see [`Ended::problem`].
    pub(super) fn run(mut self, from: u64) -> Result<Ended, Problem> {
        let file = self.opened.file.clone();
        let mut reader = self.lies.document(&file)?.read_from(from)?;
        let (mut at, mut items) = (from, 0_u64);
        while let Some(item) = reader.next() {
            items += 1;
            if items.is_multiple_of(LOOK_EVERY) && self.out.is_closed() {
                return Ok(self.ended);
            }
            match item {
                Ok(Item::Workout(workout)) => {
                    let met = Box::new(self.workout(*workout, at));
                    if self.out.blocking_send(Met::Workout(met)).is_err() {
                        return Ok(self.ended);
                    }
                }
                Ok(Item::Record(record)) if self.with_records => {
                    if !self.record(&record) {
                        return Ok(self.ended);
                    }
                }
                Ok(Item::Record(_)) => {}
                Err(problem) => self.ended.problem = Some(problem),
            }
            at = reader.offset();
            let done = if matches!(self.lies, Lies::ByItself(_)) { file.reached() } else { at };
            self.reached.done.store(done, Ordering::Relaxed);
        }
        self.ended.counts = reader.counts();
        self.send_samples();
        Ok(self.ended)
    }

    /// With its route; the files are read one at a time.
    fn workout(&mut self, mut workout: Workout, from: u64) -> MetWorkout {
        let key = key_of(&workout);
        let (mut routes, mut lost) = (Vec::new(), 0);
        for path in &workout.routes {
            let member = apple::named_in(&self.opened.members, path);
            let read = member.and_then(|member| {
                self.ended.routes.insert(member.name.clone());
                formats::read(&archive::unpack(&self.opened.file, member).ok()?).ok()
            });
            match read {
                Some(reading) => routes.extend(reading.activities),
                // Of a document by itself the files are elsewhere: that is no loss.
                None => lost += usize::from(matches!(self.lies, Lies::Member(_))),
            }
        }
        workout.follow(routes);
        MetWorkout { key, from, workout, lost }
    }

    /// Whether anybody still waits.
    fn record(&mut self, record: &Record) -> bool {
        if days::adds_up(record.kind) {
            self.ended.days.add(record);
            return true;
        }
        if record.kind == "heart_rate" || self.samples_met >= SAMPLES_MAX {
            self.ended.unkept += 1;
            return true;
        }
        self.samples_met += 1;
        self.samples.push(sample(record, self.version));
        self.samples.len() < SAMPLES_AT_ONCE || self.send_samples()
    }

    fn send_samples(&mut self) -> bool {
        let samples = std::mem::take(&mut self.samples);
        samples.is_empty() || self.out.blocking_send(Met::Samples(samples)).is_ok()
    }
}

fn key_of(workout: &Workout) -> String {
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
fn mark(source: &str) -> String {
    hex::encode(&sha256(source.as_bytes())[..4])
}
