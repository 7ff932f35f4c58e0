//! A health export is looked through: each workout, the days of each kind and year, and samples some hundreds at a time.

use std::{collections::HashSet, time::Duration};

use eventing::Error;
use formats::{Problem, archive::ReadAt};
use kernel::{AccountId, Code, Refusal, time};
use prost::Message;
use proto::activity::{Daily, DailyValue, HealthRecords, PlannedFile, Upsert};
use tokio::sync::mpsc;

use super::{
    SOURCE,
    days::{self, Year},
    pass::{Ended, Met, MetWorkout, Pass, Reached},
    workout,
};
use crate::{
    app::{
        App,
        import::{
            CHANGED, DUPLICATE, IGNORED, NEW, REFUSED,
            opened::{Lies, Opened},
            plan::{blob_of, refuse},
        },
        read_upload::refusal_of,
        standing::Standing,
    },
    domain::ImportId,
    store::{
        imports::{self, Progress},
        samples,
    },
    wire,
};

/// Met and not yet looked at.
const AHEAD_MAX: usize = 4;
const TOLD_EVERY: Duration = Duration::from_millis(500);
/// More are no diary any more.
const WORKOUTS_MAX: usize = 50_000;

/// What an export comes to, and the members that are parts of it.
pub(in crate::app::import) struct Planned {
    pub(in crate::app::import) files: Vec<PlannedFile>,
    pub(in crate::app::import) routes: HashSet<String>,
}

struct Planning<'a> {
    app: &'a App,
    import: ImportId,
    account: AccountId,
    standing: &'a Standing,
    document: &'a str,
    planned: Planned,
    seen: HashSet<String>,
    sample_files: usize,
}

impl App {
    /// A refusal of the export itself is the inner error.
    pub(in crate::app::import) async fn plan_health(
        &self,
        (import, account): (ImportId, AccountId),
        standing: &Standing,
        opened: &Opened,
        lies: &Lies,
    ) -> Result<Result<Planned, Refusal>, Refusal> {
        let version = time::micros(self.journal.now());
        let (out, mut incoming) = mpsc::channel(AHEAD_MAX);
        let pass = Pass::new(opened, lies, version, out);
        let (reached, total) = (pass.reached(), total_of(opened, lies));
        let passing = tokio::task::spawn_blocking(move || pass.run(0));
        let mut planning = Planning {
            app: self,
            import,
            account,
            standing,
            document: lies.name(),
            planned: Planned { files: Vec::new(), routes: HashSet::new() },
            seen: HashSet::new(),
            sample_files: 0,
        };
        let mut told = tokio::time::interval(TOLD_EVERY);
        loop {
            tokio::select! {
                met = incoming.recv() => match met {
                    Some(Met::Workout(met)) => planning.workout(*met).await?,
                    Some(Met::Samples(samples)) => planning.samples(samples).await?,
                    None => break,
                },
                _ = told.tick() => planning.tell(&reached, total).await?,
            }
        }
        match passing.await {
            Ok(Ok(ended)) => planning.end(ended, version).await.map(Ok),
            Ok(Err(problem)) => Ok(Err(refusal_of(&problem))),
            Err(panic) => {
                tracing::error!(%panic, "a health export could not be looked through");
                Ok(Err(refusal_of(&Problem::Unreadable("the export cannot be read".into()))))
            }
        }
    }
}

/// Bytes of what is read: of a member unpacked, else as they lie.
fn total_of(opened: &Opened, lies: &Lies) -> u64 {
    match lies {
        Lies::ByItself(_) => opened.file.size(),
        Lies::Member(member) => member.size,
    }
}

impl Planning<'_> {
    fn file(&self, name: &str, plan: &str) -> PlannedFile {
        PlannedFile {
            name: format!("{}#{name}", self.document),
            plan: plan.to_owned(),
            ..PlannedFile::default()
        }
    }

    async fn tell(&self, reached: &Reached, total: u64) -> Result<(), Refusal> {
        let bytes = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let progress = Progress { bytes_done: bytes(reached.bytes().min(total)), bytes_total: bytes(total) };
        let told = imports::put_progress(&self.app.db, self.import, self.account, progress).await;
        Ok(told.map_err(Error::from)?)
    }

    async fn workout(&mut self, met: MetWorkout) -> Result<(), Refusal> {
        let MetWorkout { key, from, workout, lost } = met;
        let mut file = self.file(&format!("workout-{}", workout.activity.start), NEW);
        workout.source.clone_into(&mut file.title);
        workout.activity.sport.as_str().clone_into(&mut file.sport);
        if self.planned.files.len() >= WORKOUTS_MAX {
            return Ok(());
        }
        let (account, standing, now) = (self.account, self.standing.clone(), self.app.journal.now());
        let wanted = key.clone();
        let prepared = tokio::task::spawn_blocking(move || {
            workout::prepare(account, &wanted, workout, lost, &standing, now)
        });
        match prepared.await.map_err(|panic| Refusal::new(Code::Internal, panic.to_string()))? {
            Err(refusal) => refuse(&mut file, REFUSED, &refusal),
            Ok(_) if !self.seen.insert(key.clone()) => {
                let again = Refusal::new(Code::FileNotActivity, "the export has it twice");
                refuse(&mut file, IGNORED, &again);
            }
            Ok(prepared) => {
                let plan = self.app.compare_workout(&prepared).await?;
                plan.clone_into(&mut file.plan);
                if plan != NEW {
                    file.activity_ids = vec![wire::bytes(prepared.id)];
                }
                (file.workout, file.offset) = (key, from);
            }
        }
        self.planned.files.push(file);
        Ok(())
    }

    /// Those that are known already are left out: they are not this import's to take back.
    async fn samples(&mut self, upserts: Vec<Upsert>) -> Result<(), Refusal> {
        let keys: Vec<&str> = upserts.iter().map(|upsert| upsert.key.as_str()).collect();
        let known = samples::find(&self.app.db, self.account, SOURCE, &keys).await.map_err(Error::from)?;
        let is_new = |upsert: &Upsert| known.get(&upsert.key).is_none_or(|(_, live)| !live);
        let new: Vec<_> = upserts.iter().filter(|upsert| is_new(upsert)).cloned().collect();
        self.sample_files += 1;
        let plan = if new.is_empty() { DUPLICATE } else { NEW };
        let name = format!("samples-{}", self.sample_files);
        self.records(&name, plan, HealthRecords { upserts: new, before: Vec::new() }).await
    }

    async fn year(&mut self, year: Year, version: i64) -> Result<(), Refusal> {
        let date = |value: Option<&DailyValue>| value.map(|value| value.date.clone()).unwrap_or_default();
        let (first, last) = (date(year.values.first()), date(year.values.last()));
        let known = imports::days(&self.app.db, self.account, SOURCE, year.kind, (&first, &last));
        let known = known.await.map_err(Error::from)?;
        let mut records = HealthRecords::default();
        for value in year.values {
            match known.get(&value.date) {
                Some(day) if day.value == value.value && day.spans == value.spans => continue,
                Some(day) => records.before.push(days::upsert_of(said(day), version)),
                None => {}
            }
            records.upserts.push(days::upsert_of(value, version));
        }
        let plan = match () {
            () if records.upserts.is_empty() => DUPLICATE,
            () if records.before.is_empty() => NEW,
            () => CHANGED,
        };
        self.records(&format!("{}-{}", year.kind, year.year), plan, records).await
    }

    async fn records(&mut self, name: &str, plan: &str, records: HealthRecords) -> Result<(), Refusal> {
        let mut file = self.file(name, plan);
        let (key, encoded) = blob_of(self.account, records.encode_to_vec());
        self.app.blobs.put(&key, encoded).await?;
        file.records_blob = key;
        self.planned.files.push(file);
        Ok(())
    }

    async fn end(mut self, ended: Ended, version: i64) -> Result<Planned, Refusal> {
        let Ended { days, counts, unkept, routes, problem } = ended;
        let unkept = unkept + days.dropped + counts.skipped;
        for year in days.into_years() {
            self.year(year, version).await?;
        }
        if unkept > 0 {
            let detail = format!("{unkept} records of kinds that are not kept, heart rate among them");
            self.say("other-records", IGNORED, Code::FileNotActivity, detail);
        }
        if counts.bad > 0 {
            let detail = format!("{} records and workouts without a time or value", counts.bad);
            self.say("unreadable-records", REFUSED, Code::FileUnreadable, detail);
        }
        if let Some(problem) = problem {
            let detail = format!("{}; what comes before was taken", problem.detail());
            self.say("rest", REFUSED, Code::FileUnreadable, detail);
        } else if counts.truncated {
            let detail = "the document is cut off; what comes before was taken".to_owned();
            self.say("rest", REFUSED, Code::FileUnreadable, detail);
        }
        self.planned.routes = routes;
        Ok(self.planned)
    }
}

impl Planning<'_> {
    /// Something that is not run, and why.
    fn say(&mut self, name: &str, plan: &str, code: Code, detail: String) {
        let mut file = self.file(name, plan);
        refuse(&mut file, plan, &Refusal::new(code, detail));
        self.planned.files.push(file);
    }
}

/// A day that is kept, as it could be said again.
fn said(day: &Daily) -> DailyValue {
    DailyValue {
        r#type: day.r#type.clone(),
        date: day.date.clone(),
        value: day.value,
        spans: day.spans.clone(),
        unit: String::new(),
        device: day.device.clone(),
    }
}
