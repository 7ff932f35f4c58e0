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
    hearts::Hearts,
    pass::{Ended, Met, MetWorkout, Pass, Reached, WORKOUTS_MAX},
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
/// Times that the document is gone through.
const PASSES: u64 = 3;

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
    opened: &'a Opened,
    lies: &'a Lies,
    version: i64,
    /// Times the document was gone through.
    passed: u64,
    workouts: Vec<PlannedFile>,
    records: Vec<PlannedFile>,
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
        let planning = Planning {
            app: self,
            import,
            account,
            standing,
            opened,
            lies,
            version: time::micros(self.journal.now()),
            passed: 0,
            workouts: Vec::new(),
            records: Vec::new(),
            seen: HashSet::new(),
            sample_files: 0,
        };
        planning.look_through().await
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
    /// Three times: for the records, of which days and samples are made before the next begins; for the heart rates within
    /// workouts, which stand before them; and for these.
    async fn look_through(mut self) -> Result<Result<Planned, Refusal>, Refusal> {
        let version = self.version;
        let ended = match self.pass(move |pass| pass.records(version)).await? {
            Ok(ended) => ended,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let Ended { workouts, first_workout, heart_rates, .. } = &ended;
        let (keys, from, mut unkept, wanted) = (
            workouts.clone(),
            *first_workout,
            *heart_rates,
            self.standing.health_consent && *heart_rates > 0,
        );
        self.end(ended).await?;
        let (mut hearts, mut routes) = (None, HashSet::new());
        if wanted && !keys.is_empty() {
            let empty = Hearts::of(keys.iter().map(String::as_str));
            match self.pass(move |pass| pass.hearts(empty)).await? {
                Ok(found) => {
                    unkept -= found.taken.min(unkept);
                    hearts = Some(found);
                }
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
        self.passed = PASSES - 1;
        if !keys.is_empty() {
            match self.pass(move |pass| pass.workouts(from, hearts)).await? {
                Ok(parts) => routes = parts,
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
        if unkept > 0 {
            let detail =
                format!("{unkept} heart rates outside of workouts, or without the consent to keep them");
            self.say("heart-rates", IGNORED, Code::FileNotActivity, detail);
        }
        let files = self.workouts.into_iter().chain(self.records).collect();
        Ok(Ok(Planned { files, routes }))
    }

    /// Once through, with what is met meanwhile.
    async fn pass<T: Send + 'static>(
        &mut self,
        go: impl FnOnce(Pass) -> Result<T, Problem> + Send + 'static,
    ) -> Result<Result<T, Refusal>, Refusal> {
        let (out, mut incoming) = mpsc::channel(AHEAD_MAX);
        let pass = Pass::new(self.opened, self.lies, out);
        let reached = pass.reached();
        let passing = tokio::task::spawn_blocking(move || go(pass));
        let mut told = tokio::time::interval(TOLD_EVERY);
        loop {
            tokio::select! {
                met = incoming.recv() => match met {
                    Some(Met::Workout(met)) => self.workout(*met).await?,
                    Some(Met::Samples(samples)) => self.samples(samples).await?,
                    None => break,
                },
                _ = told.tick() => self.tell(&reached).await?,
            }
        }
        self.passed += 1;
        match passing.await {
            Ok(Ok(found)) => Ok(Ok(found)),
            Ok(Err(problem)) => Ok(Err(refusal_of(&problem))),
            Err(panic) => {
                tracing::error!(%panic, "a health export could not be looked through");
                Ok(Err(refusal_of(&Problem::Unreadable("the export cannot be read".into()))))
            }
        }
    }

    fn file(&self, name: &str, plan: &str) -> PlannedFile {
        PlannedFile {
            name: format!("{}#{name}", self.lies.name()),
            plan: plan.to_owned(),
            ..PlannedFile::default()
        }
    }

    /// Of each pass a third.
    async fn tell(&self, reached: &Reached) -> Result<(), Refusal> {
        let bytes = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let total = total_of(self.opened, self.lies);
        let done = self.passed.saturating_mul(total).saturating_add(reached.bytes().min(total)) / PASSES;
        let progress = Progress { bytes_done: bytes(done), bytes_total: bytes(total) };
        let told = imports::put_progress(&self.app.db, self.import, self.account, progress).await;
        Ok(told.map_err(Error::from)?)
    }

    async fn workout(&mut self, met: MetWorkout) -> Result<(), Refusal> {
        if self.workouts.len() >= WORKOUTS_MAX {
            return Ok(());
        }
        let mut file = self.file(&format!("workout-{}", met.workout.activity.start), NEW);
        met.workout.source.clone_into(&mut file.title);
        met.workout.activity.sport.as_str().clone_into(&mut file.sport);
        let (key, from) = (met.key.clone(), met.from);
        let (account, standing, now) = (self.account, self.standing.clone(), self.app.journal.now());
        let prepared = tokio::task::spawn_blocking(move || workout::prepare(account, met, &standing, now));
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
        self.workouts.push(file);
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

    async fn year(&mut self, year: Year) -> Result<(), Refusal> {
        let date = |value: Option<&DailyValue>| value.map(|value| value.date.clone()).unwrap_or_default();
        let (first, last) = (date(year.values.first()), date(year.values.last()));
        let known = imports::days(&self.app.db, self.account, SOURCE, year.kind, (&first, &last));
        let known = known.await.map_err(Error::from)?;
        let mut records = HealthRecords::default();
        for value in year.values {
            match known.get(&value.date) {
                Some(day) if day.value == value.value && day.spans == value.spans => continue,
                Some(day) => records.before.push(days::upsert_of(said(day), self.version)),
                None => {}
            }
            records.upserts.push(days::upsert_of(value, self.version));
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
        self.records.push(file);
        Ok(())
    }

    /// Days are made of what the records came to, and the rest of it is said.
    async fn end(&mut self, ended: Ended) -> Result<(), Refusal> {
        let Ended { days, counts, unkept, problem, .. } = ended;
        let unkept = unkept + days.dropped + counts.skipped;
        for year in days.into_years() {
            self.year(year).await?;
        }
        if unkept > 0 {
            let detail = format!("{unkept} records of kinds that are not kept");
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
        Ok(())
    }

    /// Something that is not run, and why.
    fn say(&mut self, name: &str, plan: &str, code: Code, detail: String) {
        let mut file = self.file(name, plan);
        refuse(&mut file, plan, &Refusal::new(code, detail));
        self.records.push(file);
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
